/*
 * What a statement answered, for those who sent it through pg/query.h. A result
 * belongs to the link or session it came from; it is good during the callback or until it is freed.
 *
 * Rows and columns count from 0. Asking for one that is not there is a bug of the caller, which the
 * tests find: libpq answers it with a warning and NULL.
 */
#ifndef PG_RESULT_H
#define PG_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pg_result; /* libpq's PGresult */

int pg_rows(const struct pg_result *);

/* Columns, their names, and the place of the one of that name (-1: there is none). */
int pg_columns(const struct pg_result *);
const char *pg_column_name(const struct pg_result *, int column);
int pg_column(const struct pg_result *, const char *name);

/* What a column's values are, for those who print them. */
enum pg_type {
	PG_TYPE_OTHER, /* text, as PostgreSQL writes it */
	PG_TYPE_BOOL,
	PG_TYPE_INTEGER, /* of 2, 4 or 8 bytes */
	PG_TYPE_FLOAT,
	PG_TYPE_JSON,
	PG_TYPE_TIME, /* timestamptz */
};
enum pg_type pg_column_type(const struct pg_result *, int column);

/* Rows that an INSERT, UPDATE or DELETE touched. */
uint64_t pg_rows_touched(const struct pg_result *);

bool pg_is_null(const struct pg_result *, int row, int column);
/* The field as it came, NUL-terminated; "" for NULL. */
const char *pg_text(const struct pg_result *, int row, int column);
/* Its bytes, without the NUL. */
size_t pg_length(const struct pg_result *, int row, int column);
/* A field of the first row by its column's name; "" for NULL, or if there is no row. */
const char *pg_field(const struct pg_result *, const char *name);

/* Of a result in text (PG_TEXT_ROWS). 0 or false for NULL. */
int64_t pg_int(const struct pg_result *, int row, int column);
uint64_t pg_uint(const struct pg_result *, int row, int column);
bool pg_bool(const struct pg_result *, int row, int column);

/* A bigint of a result in binary (PG_BINARY_ROWS). */
int64_t pg_int8(const struct pg_result *, int row, int column);

/* A copy of the rows that outlives the callback; NULL when memory is short. */
struct pg_result *pg_result_copy(const struct pg_result *) __attribute__((warn_unused_result));
void pg_result_free(struct pg_result *);

#endif
