/*
 * The database as the commands use it: a session (pg/session.h) by the configuration, statements of
 * pg/sql/ by name, and their errors printed on stderr, with a hint where one is known. No message holds
 * the connection string.
 */
#ifndef TOOL_DATABASE_H
#define TOOL_DATABASE_H

#include <stdbool.h>

#include "pg/session.h"

struct options;

/*
 * Connects. NULL after saying why not, with *status TOOL_USAGE for a malformed URL, else TOOL_FAILED. The
 * caller ends it with pg_session_close().
 */
struct pg_session *database_open(const char *url, int *status) __attribute__((warn_unused_result));

/* Loads the configuration (options_conf) and connects; else NULL with *status set. */
struct pg_session *database_open_configured(const struct options *, int *status)
    __attribute__((warn_unused_result));

/*
 * Runs a statement of pg/sql/. `params` may be NULL for none. Returns the result, which the caller frees
 * with pg_result_free(), or NULL after saying that `what` failed and why.
 */
struct pg_result *database_query(struct pg_session *, const char *what, const char *statement,
    const struct pg_params *params) __attribute__((warn_unused_result));

/* The same, for statements whose result is of no interest. */
bool database_run(struct pg_session *, const char *what, const char *statement,
    const struct pg_params *params) __attribute__((warn_unused_result));

/* Runs the text of a script (pg_session_script), or says that `what` failed and why. */
bool database_script(struct pg_session *, const char *what, const char *sql)
    __attribute__((warn_unused_result));

/* Says "`what`: message", detail and hint, each on a line. */
void database_explain(const struct pg_session_error *, const char *what);

#endif
