/*
 * A blocking connection to PostgreSQL, for tgctl: one statement at a time, whose result is there when
 * the call returns. The worker's connections, which never block, are links (pg/link.h).
 *
 * Each session is set up alike: UTC, ISO dates, UTF-8, no notices below a warning. Errors are handed to
 * the caller, who prints them; no text in them holds the connection string or a row of a table.
 */
#ifndef PG_SESSION_H
#define PG_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "pg/params.h"
#include "pg/result.h"

struct pg_session;

struct pg_session_error {
	char sqlstate
	    [6];   /* "": not an error of the server's; pg_error_kind() (pg/error.h) judges it */
	bool lost; /* the connection failed, not the statement: pg_session_reopen() may help */
	char text[2048];	       /* one line, but for a connection that could not be made */
	char detail[2048], hint[1024]; /* "" for none */
};

/*
 * Is this a connection string that libpq can parse, with no part of a password where its own messages
 * would show it (an unescaped @ or / in a password moves the rest of it into the host)?
 */
bool pg_session_url_is_valid(const char *url) __attribute__((warn_unused_result));

/*
 * Connects, within 10 s an address. `notice`, with `ctx`, is called with each notice and warning of the
 * server as it comes; it may be NULL. NULL with *error filled in if there is no connection.
 */
struct pg_session *pg_session_open(const char *url,
    void (*notice)(void *ctx, bool is_warning, const char *text), void *ctx,
    struct pg_session_error *error) __attribute__((warn_unused_result));
void pg_session_close(struct pg_session *); /* NULL is allowed */

/* Connects again after the connection was lost. False: that does not work yet. */
bool pg_session_reopen(struct pg_session *) __attribute__((warn_unused_result));

/* As far as libpq has noticed. */
bool pg_session_is_connected(const struct pg_session *);

/* The server's version in the form of PQserverVersion(): 150004 is 15.4. */
int pg_session_server_version(const struct pg_session *);

/*
 * Runs a statement of pg/sql/ by its name. `params` may be NULL for none. The result is in text
 * (pg/result.h) and the caller's, who frees it; NULL with *error filled in if the statement failed.
 */
struct pg_result *pg_session_query(struct pg_session *, const char *statement,
    const struct pg_params *params, struct pg_session_error *error)
    __attribute__((warn_unused_result));

/* Runs the text of one or more statements without parameters (a migration, BEGIN, COMMIT). */
bool pg_session_script(struct pg_session *, const char *sql, struct pg_session_error *error)
    __attribute__((warn_unused_result));

/*
 * Runs a COPY ... TO STDOUT of pg/sql/. Each line goes to `line`, its newline included; where that returns false the
 * copy ends, and so does the function, with an error whose text is empty: who returned false knows why.
 */
bool pg_session_copy_out(struct pg_session *, const char *statement,
    bool (*line)(void *ctx, const char *bytes, size_t len), void *ctx,
    struct pg_session_error *error) __attribute__((warn_unused_result));

/*
 * Runs a COPY ... FROM STDIN of pg/sql/ with what `more` puts into `bytes`: it returns how many (0: there is no more,
 * -1: leave it, which ends in an error whose text is empty).
 */
bool pg_session_copy_in(struct pg_session *, const char *statement,
    ssize_t (*more)(void *ctx, char *bytes, size_t room), void *ctx, struct pg_session_error *error)
    __attribute__((warn_unused_result));

/* Ends a transaction without its changes. It has no error: nobody can do anything about it. */
void pg_session_rollback(struct pg_session *);

#endif
