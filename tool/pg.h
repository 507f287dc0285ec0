/*
 * What the commands need of libpq: a connection set up the one way, and
 * errors in words. Messages go to stderr and never hold the connection string.
 */
#ifndef TOOL_PG_H
#define TOOL_PG_H

#include <libpq-fe.h>
#include <stdbool.h>

/*
 * Connects: UTC, ISO dates, UTF-8. NULL after saying why not, with *status TOOL_USAGE for a
 * malformed URL, else TOOL_FAILED. The caller PQfinish()es.
 */
PGconn *pg_open(const char *url, int *status) __attribute__((warn_unused_result));

struct options;

/* Loads the configuration (options_conf) and connects; else NULL with *status set. */
PGconn *pg_open_conf(const struct options *, int *status) __attribute__((warn_unused_result));

/* Connects again, silently, after the connection was lost; false if that does not work yet. */
bool pg_reopen(PGconn *) __attribute__((warn_unused_result));

/*
 * Runs one statement with text parameters (NULL is SQL's NULL). Returns the
 * result, or NULL after saying that `what` failed and why. The caller PQclear()s.
 */
PGresult *pg_query(PGconn *, const char *what, const char *sql, int nparams,
    const char *const *params) __attribute__((warn_unused_result));

/* The same, for statements whose result is of no interest. */
bool pg_run(PGconn *, const char *what, const char *sql, int nparams, const char *const *params)
    __attribute__((warn_unused_result));

/* Runs a script of several statements (no parameters). */
bool pg_script(PGconn *, const char *what, const char *sql) __attribute__((warn_unused_result));

/*
 * Says "`what`: message, detail, hint" of a failed result; without a detail that holds a whole
 * row, in which there can be a password.
 */
void pg_explain(PGconn *, const PGresult *, const char *what);

/* A field of the first row by its name; "" for NULL. The row and the column must be there. */
const char *pg_field(const PGresult *, const char *name);

/* The first field of the first row, or `fallback` if there is no row or it is NULL. */
const char *pg_value(const PGresult *, const char *fallback);

#endif
