/*
 * What an error of PostgreSQL means for us: the one place that looks at SQLSTATEs. Pure.
 */
#ifndef PG_ERROR_H
#define PG_ERROR_H

#include <stdbool.h>

struct pg_error {
	char sqlstate[6];    /* "" when the connection was lost */
	char constraint[64]; /* that was violated; "": none that has a name */
	char text[256]; /* primary message, for a log line; never holds the connection string */
};

enum pg_error_kind {
	PG_KIND_ENVIRONMENT, /* disk full, read-only, no permission, cancelled: later it may work */
	PG_KIND_CONTENT,   /* a value is refused, whenever it is sent; but see pg_error_is_own() */
	PG_KIND_CANCELLED, /* statement_timeout, or somebody cancelled it: less may go */
	PG_KIND_TRANSIENT, /* deadlock, serialization failure: at once it may work */
	PG_KIND_DEVICES,   /* telematics_same_devices(): ids of devices were given anew */
	PG_KIND_LOCKED,	   /* lock_timeout: somebody else holds a row or table */
	PG_KIND_STALE,	   /* of this connection: on a new one it may work */
	PG_KIND_RIGHTS,	   /* the role lacks a right: only its owner can mend that */
	PG_KIND_SCHEMA,	   /* a table, column or function is missing: it wants "tgctl migrate" */
};

/* Of a five-character SQLSTATE; "" (no error of the server) is the environment's. */
enum pg_error_kind pg_error_kind(const char *sqlstate) __attribute__((pure));

/*
 * Of a refused record: is it its own fault? Data exceptions are (class 22), and of class 23 those
 * constraints alone that our migrations name as such, by PG_OWN_CONSTRAINT at their beginning. Rows that
 * find no partition, the CHECK of upkeep, and CHECKs or triggers of somebody else are the environment's.
 */
#define PG_OWN_CONSTRAINT "telematics_record_"
bool pg_error_is_own(const struct pg_error *) __attribute__((pure));
/* A key that is there already. */
bool pg_error_is_duplicate(const struct pg_error *) __attribute__((pure));
bool pg_error_is_cancelled(const struct pg_error *) __attribute__((pure));
/* For tables that are derived, or bounded: whoever isolates such a row loses no record. */
bool pg_error_is_content(const struct pg_error *) __attribute__((pure));
bool pg_error_is_transient(const struct pg_error *) __attribute__((pure));
bool pg_error_is_devices(const struct pg_error *) __attribute__((pure));
bool pg_error_is_locked(const struct pg_error *) __attribute__((pure));
/* Of a statement that creates or drops something: somebody else has done it, so it is there, or gone. */
bool pg_error_is_done_already(const char *sqlstate) __attribute__((pure));

/* Fills it: the first line of `message` as far as there is room; NULLs are "". */
void pg_error_set(struct pg_error *, const char *sqlstate, const char *message);
void pg_error_set_constraint(struct pg_error *, const char *name);

#endif
