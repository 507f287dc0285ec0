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
/* Rows that an INSERT, UPDATE or DELETE touched. */
uint64_t pg_rows_touched(const struct pg_result *);

bool pg_is_null(const struct pg_result *, int row, int column);
/* The field as it came, NUL-terminated; "" for NULL. */
const char *pg_text(const struct pg_result *, int row, int column);
/* Its bytes, without the NUL. */
size_t pg_length(const struct pg_result *, int row, int column);

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
