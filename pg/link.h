/*
 * One asynchronous connection to PostgreSQL on the worker's event loop, kept
 * alive: connects after the fork, comes back by itself at most every 2 s, runs
 * one job at a time. A worker has two: one stores batches (store.c), one does all
 * the rest (tasks.c) as a round of tasks. libpq is used here and by the jobs alone.
 *
 * A job is a struct pg_job: the owner fills the callbacks, db calls them:
 *
 *   start()    sends a query with PQsend... on the connection; false: libpq refused (treated as
 * lost) copy_in()  the server is ready for COPY data, or can take more: put some with PQputCopyData
 * / PQputCopyEnd; return PG_COPY_MORE to be called again when the socket has drained, PG_COPY_END
 * after PQputCopyEnd, PG_COPY_FAIL result()   each PGresult of the query; db frees it afterwards
 *   end()      the job is over; only then may another start, also from inside end()
 *
 * Exactly one end() follows each pg_link_run(), whatever happens.
 */
#ifndef PG_LINK_H
#define PG_LINK_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "shm/stats.h"

struct event_base;
struct pg_link;

enum pg_outcome {
	PG_OK,	  /* every result was good */
	PG_ERROR, /* a result was an error: error->sqlstate and text are set; the connection is good
		   */
	PG_LOST,  /* the connection broke: what was sent may or may not have been committed */
};

enum pg_copy { PG_COPY_MORE, PG_COPY_END, PG_COPY_FAIL };

struct pg_error {
	char sqlstate[6]; /* "" when the connection was lost */
	char text[256];	  /* primary message, for a log line; never holds the connection string */
};

struct pg_job {
	const char *name; /* for log lines */
	void *ctx;
	bool (*start)(void *ctx, PGconn *);
	enum pg_copy (*copy_in)(void *ctx, PGconn *); /* may be NULL */
	void (*result)(void *ctx, const PGresult *);  /* may be NULL */
	void (*end)(void *ctx, enum pg_outcome, const struct pg_error *);
};

struct pg_link_callbacks {
	void *ctx;
	/* Connected, set up, schema checked: jobs may run. Called again after each reconnect. */
	void (*up)(void *ctx);
	/* Not usable any more; `why` is for the operator. end() of a running job came before. */
	void (*down)(void *ctx, const char *why);
	/* A notification arrived (after LISTEN). May be NULL. */
	void (*notify)(void *ctx, const char *channel, const char *payload);
	/* Statements to prepare at connect: names of pg/sql/, ended by NULL. May be NULL. */
	const char *const *statements;
	/* The same as pairs of name and text, for those that are not files yet. */
	const char *const *prepare;
	/* One string of SQL run at connect after the preparation (LISTEN ...), or NULL. */
	const char *setup_sql;
	_Atomic uint64_t *connects; /* counts the attempts, or NULL */
	bool single_row; /* results of jobs arrive row by row (PQsetSingleRowMode), for large loads
			  */
};

/* `name` ("store", "tasks") goes into application_name and the log. Connects at once. */
struct pg_link *pg_link_new(
    struct event_base *, const char *url, const char *name, const struct pg_link_callbacks *);
void pg_link_free(struct pg_link *);

bool pg_link_is_up(const struct pg_link *);
bool pg_link_is_busy(const struct pg_link *);
/* Connections that the server takes from all ordinary roles together; 0 before it was first up. */
int pg_link_server_connections(const struct pg_link *);

/* Runs a job now. Only when up and not busy. The job must stay until its end(). */
void pg_link_run(struct pg_link *, const struct pg_job *);

/* SQLSTATE classes 22 and 23: refused for its content, not for the state of the environment. */
bool pg_error_is_content(const struct pg_error *);
/* 40001, 40P01: try again at once. */
bool pg_error_is_transient(const struct pg_error *);

#endif
