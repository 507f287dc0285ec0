/*
 * One asynchronous connection to PostgreSQL on the worker's event loop, kept
 * alive: connects after the fork, comes back by itself at most every 2 s, runs
 * one job at a time. A worker has two: one stores batches (store.c), one does all
 * the rest (tasks.c) as a round of tasks. libpq is used here and by the jobs alone.
 *
 * A job is a struct db_job: the owner fills the callbacks, db calls them:
 *
 *   start()    sends a query with PQsend... on the connection; false: libpq refused (treated as
 * lost) copy_in()  the server is ready for COPY data, or can take more: put some with PQputCopyData
 * / PQputCopyEnd; return DB_COPY_MORE to be called again when the socket has drained, DB_COPY_END
 * after PQputCopyEnd, DB_COPY_FAIL result()   each PGresult of the query; db frees it afterwards
 *   end()      the job is over; only then may another start, also from inside end()
 *
 * Exactly one end() follows each db_run(), whatever happens.
 */
#ifndef PG_CONN_H
#define PG_CONN_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "shm/stats.h"

struct event_base;
struct db;

enum db_outcome {
	DB_OK,	  /* every result was good */
	DB_ERROR, /* a result was an error: error->sqlstate and text are set; the connection is good
		   */
	DB_LOST,  /* the connection broke: what was sent may or may not have been committed */
};

enum db_copy { DB_COPY_MORE, DB_COPY_END, DB_COPY_FAIL };

struct db_error {
	char sqlstate[6]; /* "" when the connection was lost */
	char text[256];	  /* primary message, for a log line; never holds the connection string */
};

struct db_job {
	const char *name; /* for log lines */
	void *ctx;
	bool (*start)(void *ctx, PGconn *);
	enum db_copy (*copy_in)(void *ctx, PGconn *); /* may be NULL */
	void (*result)(void *ctx, const PGresult *);  /* may be NULL */
	void (*end)(void *ctx, enum db_outcome, const struct db_error *);
};

struct db_callbacks {
	void *ctx;
	/* Connected, set up, schema checked: jobs may run. Called again after each reconnect. */
	void (*up)(void *ctx);
	/* Not usable any more; `why` is for the operator. end() of a running job came before. */
	void (*down)(void *ctx, const char *why);
	/* A notification arrived (after LISTEN). May be NULL. */
	void (*notify)(void *ctx, const char *channel, const char *payload);
	/* Statements to prepare at connect: pairs of name and SQL, ended by NULL. May be NULL. */
	const char *const *prepare;
	/* One string of SQL run at connect after the preparation (LISTEN ...), or NULL. */
	const char *setup_sql;
	_Atomic uint64_t *connects; /* counts the attempts, or NULL */
	bool single_row; /* results of jobs arrive row by row (PQsetSingleRowMode), for large loads
			  */
};

/* `name` ("store", "tasks") goes into application_name and the log. Connects at once. */
struct db *db_new(
    struct event_base *, const char *url, const char *name, const struct db_callbacks *);
void db_free(struct db *);

bool db_is_up(const struct db *);
bool db_is_busy(const struct db *);
/* Connections that the server takes from all ordinary roles together; 0 before it was first up. */
int db_server_connections(const struct db *);

/* Runs a job now. Only when up and not busy. The job must stay until its end(). */
void db_run(struct db *, const struct db_job *);

/* SQLSTATE classes 22 and 23: refused for its content, not for the state of the environment. */
bool db_error_is_content(const struct db_error *);
/* 40001, 40P01: try again at once. */
bool db_error_is_transient(const struct db_error *);

#endif
