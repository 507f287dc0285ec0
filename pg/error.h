/*
 * What an error of PostgreSQL means for us: the one place that looks at SQLSTATEs. Pure.
 */
#ifndef PG_ERROR_H
#define PG_ERROR_H

#include <stdbool.h>

struct pg_error {
	char sqlstate[6]; /* "" when the connection was lost */
	char text[256];	  /* primary message, for a log line; never holds the connection string */
};

enum pg_error_kind {
	PG_KIND_ENVIRONMENT, /* disk full, read-only, no permission, cancelled: later it may work */
	PG_KIND_CONTENT,     /* a value is refused, whenever it is sent */
	PG_KIND_TRANSIENT,   /* deadlock, serialization failure: at once it may work */
	PG_KIND_LOCKED,	     /* lock_timeout: somebody else holds a row or table */
	PG_KIND_STALE,	     /* of this connection: on a new one it may work */
	PG_KIND_RIGHTS,	     /* the role lacks a right: only its owner can mend that */
	PG_KIND_SCHEMA,	     /* a table, column or function is missing: it wants "tgctl migrate" */
};

/* Of a five-character SQLSTATE; "" (no error of the server) is the environment's. */
enum pg_error_kind pg_error_kind(const char *sqlstate) __attribute__((pure));

bool pg_error_is_content(const struct pg_error *) __attribute__((pure));
bool pg_error_is_transient(const struct pg_error *) __attribute__((pure));
bool pg_error_is_locked(const struct pg_error *) __attribute__((pure));

/* Fills it: the first line of `message` as far as there is room; NULLs are "". */
void pg_error_set(struct pg_error *, const char *sqlstate, const char *message);

#endif
