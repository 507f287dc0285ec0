/*
 * The one way to send a statement on a link (pg/link.h), from a job's start(): a prepared one with
 * its parameters, a text without, or the data of a COPY.
 */
#ifndef PG_QUERY_H
#define PG_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "pg/params.h"

struct pg_conn; /* libpq's PGconn */

enum pg_format { PG_TEXT_ROWS, PG_BINARY_ROWS };

/*
 * Runs a prepared statement (a name of pg/sql/). `params` may be NULL for none. False, as start()
 * returns it: libpq refused, or memory was short for a parameter.
 */
bool pg_send(struct pg_conn *, const char *statement, const struct pg_params *, enum pg_format)
    __attribute__((warn_unused_result));

/* Runs the text of a statement of pg/sql/ that can't be prepared (COPY), or isn't worth it. */
bool pg_send_text(struct pg_conn *, const char *statement) __attribute__((warn_unused_result));
/* The same with a number in the place of its $1. */
bool pg_send_text_of(struct pg_conn *, const char *statement, int64_t value)
    __attribute__((warn_unused_result));

/* Data of a COPY, from a job's copy_in(); and its end. False: the connection is broken. */
bool pg_put(struct pg_conn *, const void *, size_t) __attribute__((warn_unused_result));
bool pg_put_end(struct pg_conn *) __attribute__((warn_unused_result));

#endif
