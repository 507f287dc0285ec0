/*
 * One asynchronous connection to PostgreSQL on the worker's event loop, kept alive: it connects after
 * the fork, comes back by itself at least every 2 s, and runs one job at a time. A worker has two: one
 * stores batches (worker/store), one does all the rest in turns (worker/task).
 *
 * A job is a struct pg_job: its owner fills in the callbacks, and the link calls them in this order:
 *
 *   start()     sends one statement on the connection with pg/query.h. False: it could not be sent,
 *               which counts as a lost connection.
 *   copy_in()   only of a COPY: the server is ready for data, or can take more. Puts some with pg_put()
 *               and returns PG_COPY_MORE, to be called again when the socket has drained; or
 *               PG_COPY_END after pg_put_end(); or PG_COPY_FAIL, which counts as a lost connection.
 *   result()    each good result of the statement. It is freed when result() returns, and its COMMIT is
 *               not known yet.
 *   end()       the job is over. Only from here on may another one start, also from inside end().
 *
 * Exactly one end() follows each pg_link_run(), whatever happens, perhaps before it returns.
 *
 * A COMMIT whose wait for a synchronous standby was cancelled counts as a lost connection: what it wrote
 * may be on this server alone. The backend of a connection that was lost under a job is ended before the
 * next connection is up, if that is one to the same server.
 */
#ifndef PG_LINK_H
#define PG_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "pg/error.h"

struct event_base;
struct pg_conn; /* libpq's PGconn */
struct pg_link;
struct pg_result; /* libpq's PGresult: pg/result.h */

/* After so many seconds without progress of a job struct pg_link_callbacks' stalled() is called. */
#define PG_STALLED_S 10

/* The server's process behind a connection. */
struct pg_backend {
	int pid; /* 0: none yet */
	char started[40],
	    server[40]; /* when it, and its server, were started: as PostgreSQL writes it */
};

enum pg_outcome {
	PG_OK,	  /* every result was good */
	PG_ERROR, /* a result was an error, which end() is told; the connection is good */
	PG_LOST,  /* the connection broke: what was sent may have been committed, or not */
};

enum pg_copy { PG_COPY_MORE, PG_COPY_END, PG_COPY_FAIL };

struct pg_job {
	const char *name; /* for log lines */
	void *ctx;
	bool (*start)(void *ctx, struct pg_conn *);
	enum pg_copy (*copy_in)(void *ctx, struct pg_conn *); /* may be NULL */
	void (*result)(void *ctx, const struct pg_result *);  /* may be NULL */
	/* The error is NULL with PG_OK. */
	void (*end)(void *ctx, enum pg_outcome, const struct pg_error *);
};

/* Who looks up host names, as libpq would block the event loop for it (pg/hosts.h). */
struct pg_names {
	void *ctx;
	/* Asks; pg_link_named() follows, perhaps before this returns. */
	void (*ask)(void *ctx, struct pg_link *, const char *name);
	/* The link ends: nothing may be told to it any more. */
	void (*forget)(void *ctx, struct pg_link *);
};

struct pg_link_callbacks {
	void *ctx;
	/* Connected, set up, schema checked: jobs may run. Called again after each reconnect. */
	void (*up)(void *ctx);
	/* Not usable any more; `why` is for the operator. end() of a running job came before. */
	void (*down)(void *ctx, const char *why);
	/*
	 * The job that runs has made no progress for so many seconds, PG_STALLED_S or more; called every
	 * second. After 31 the connection is lost and another one is made, through the whole URL. May be
	 * NULL.
	 */
	void (*stalled)(void *ctx, const char *job, int seconds);
	/* A notification arrived (after LISTEN). May be NULL. */
	void (*notify)(void *ctx, const char *channel, const char *payload);
	/* Statements to prepare at connect: names of pg/sql/, ended by NULL. May be NULL. */
	const char *const *statements;
	/* One string of SQL to run at connect after the preparation (LISTEN ...), or NULL. */
	const char *setup_sql;
	const struct pg_names *names;	/* NULL: a URL with host names is refused */
	_Atomic uint64_t *connects;	/* counts how often it was up, or NULL */
	const char *synchronous_commit; /* what the session sets; NULL: "on" */
	bool says_durability; /* the log is told at connect what would lose acknowledged records */
	bool says_creators;   /* and who else may create functions in the schema of our tables */
	bool single_row;      /* results of jobs arrive row by row, for large loads */
};

/* `name` ("store", "tasks") goes into application_name and the log. Connects at once. */
struct pg_link *pg_link_new(struct event_base *, const char *url, const char *name,
    const struct pg_link_callbacks *) __attribute__((warn_unused_result));
void pg_link_free(struct pg_link *);

/* Addresses of a name, with blanks between; or "" and why there are none. */
void pg_link_named(struct pg_link *, const char *name, const char *addresses, const char *why);

bool pg_link_is_up(const struct pg_link *);
bool pg_link_is_busy(const struct pg_link *);
/* Connections that the server takes from all ordinary roles together; 0 before it was first up. */
int pg_link_server_connections(const struct pg_link *);

/* Of the connection that is up. */
const struct pg_backend *pg_link_backend(const struct pg_link *);
/* What runs is given up if it makes no progress for two seconds. Until it has ended. */
void pg_link_hurry(struct pg_link *);

/* Runs a job now. Only when up and not busy. What its ctx points to must stay until its end(). */
void pg_link_run(struct pg_link *, const struct pg_job *);

#endif
