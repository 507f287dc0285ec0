/*
 * What commands print: results of queries as an aligned table or as JSON, times, hex. Texts come from
 * outside and must not drive the terminal: in tables they are cleaned (tool/out_text.h), JSON is in ASCII.
 */
#ifndef TOOL_OUT_H
#define TOOL_OUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pg/result.h"

/* Prints all rows: as a table under column names, or with `json` as one array of objects. */
void out_rows(const struct pg_result *, bool json);

/*
 * What is to be said below a list, on standard error: that it is empty (`none`, not with `json`), or that the limit cut
 * it (0: there was none): `which` are its rows, "latest" or "first".
 */
void out_list_notes(
    const struct pg_result *, bool json, long long limit, const char *none, const char *which);

/* Prints one row: a line per column ("name  value"), or with `json` as one object. */
void out_row(const struct pg_result *, int row, bool json);

/*
 * A row as an object of the caller's: numbers, booleans, JSON and NULL as such, times in ISO 8601, all else
 * as text.
 */
json_t *out_row_json(const struct pg_result *, int row) __attribute__((warn_unused_result));

/* The rows as an array of such objects, without the column `hidden` (NULL: with all). */
json_t *out_rows_json(const struct pg_result *, const char *hidden)
    __attribute__((warn_unused_result));

/* Prints a value on a line of its own and drops the caller's reference. */
void out_json(json_t *);

/* A scalar in words for a table ("-" for null), cut to `room` and cleaned. */
void out_scalar(const json_t *, char *out, size_t room);

/*
 * Prints an array of objects and drops the caller's reference: as an aligned table, whose columns are the
 * keys of the first (nothing for no objects), or with `json` as it is.
 */
void out_array(json_t *array, bool json);

/*
 * The table alone; the array stays the caller's. Columns that don't fit the screen stand on further lines of
 * their row, set in; times are without T and Z.
 */
void out_table(const json_t *array);

/* "2026-03-01T12:00:00.123Z"; false if the time (ms since 1970) is beyond PostgreSQL's timestamptz. */
#define OUT_TIME_LAST_MS UINT64_C(9224318015999999)
#define OUT_TIME 40
bool out_time(uint64_t ms, char out[OUT_TIME]) __attribute__((warn_unused_result));

/* Lower-case hex with a NUL: room for 2n + 1 bytes. */
void out_hex(const uint8_t *p, size_t n, char *out);

#endif
