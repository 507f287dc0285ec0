/*
 * The one way to send a statement on a link (pg/link.h), from a job's start(): a prepared one with
 * its parameters, a text without, or the data of a COPY.
 *
 * Parameters are collected in a struct pg_params on the caller's stack, in the order of $1, $2 ...
 * A failure (an array that found no memory) is sticky: pg_send() then sends nothing and says false.
 */
#ifndef PG_QUERY_H
#define PG_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pg/array.h"

struct pg_conn; /* libpq's PGconn */

#define PG_PARAMS 32
#define PG_NUMBER 21 /* room of an int64_t in decimal, with its NUL */

struct pg_params {
	int n;
	bool failed;
	const char *value[PG_PARAMS];
	int length[PG_PARAMS], format[PG_PARAMS];
	char number[PG_PARAMS][PG_NUMBER];
};

/* {0} is empty. What is handed in must live until pg_send(). */
void pg_param_array(struct pg_params *, struct pg_array *);
void pg_param_arrays(struct pg_params *, struct pg_array *, int n);
void pg_param_text(struct pg_params *, const char *); /* NULL: SQL's NULL */
void pg_param_int(struct pg_params *, int64_t);

enum pg_format { PG_TEXT_ROWS, PG_BINARY_ROWS };

/*
 * Runs a prepared statement (a name of pg/sql/). `params` may be NULL for none. False, as start()
 * returns it: libpq refused, or memory was short for a parameter.
 */
bool pg_send(struct pg_conn *, const char *statement, const struct pg_params *, enum pg_format)
    __attribute__((warn_unused_result));

/* Runs the text of a statement of pg/sql/ that can't be prepared (COPY), or isn't worth it. */
bool pg_send_text(struct pg_conn *, const char *statement) __attribute__((warn_unused_result));

/* Data of a COPY, from a job's copy_in(); and its end. False: the connection is broken. */
bool pg_put(struct pg_conn *, const void *, size_t) __attribute__((warn_unused_result));
bool pg_put_end(struct pg_conn *) __attribute__((warn_unused_result));

#endif
