/*
 * One row of device_positions as a tuple of binary COPY, made once when the
 * record arrives and used for everything after: COPY sends it as it is, the
 * ON CONFLICT insert and the live row pick fields out of it.
 *
 * Every field but the last two has a fixed width, so it stands at a fixed offset:
 * the columns are in the order of the enum, io last and generation_type before it.
 */
#ifndef PG_ROW_H
#define PG_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pg/array.h"
#include "proto/avl.h"

#define ROW_NCOLUMNS 16

/* Offsets of the values (behind their 4-byte lengths) in a tuple. */
enum row_offset {
	ROW_DEVICE_ID = 2 + 4,			 /* int8 */
	ROW_RECORDED_AT = ROW_DEVICE_ID + 8 + 4, /* timestamptz: us since 2000-01-01 */
	ROW_RECORD_HASH = ROW_RECORDED_AT + 8 + 4,
	ROW_RECEIVED_AT = ROW_RECORD_HASH + 8 + 4,
	ROW_LATITUDE = ROW_RECEIVED_AT + 8 + 4, /* float8 */
	ROW_LONGITUDE = ROW_LATITUDE + 8 + 4,
	ROW_ALTITUDE = ROW_LONGITUDE + 8 + 4,	/* int2 */
	ROW_HEADING = ROW_ALTITUDE + 2 + 4,	/* int4 */
	ROW_SATELLITES = ROW_HEADING + 4 + 4,	/* int2 */
	ROW_SPEED = ROW_SATELLITES + 2 + 4,	/* int4 */
	ROW_VALID = ROW_SPEED + 4 + 4,		/* bool */
	ROW_PRIORITY = ROW_VALID + 1 + 4,	/* int2 */
	ROW_EVENT_IO_ID = ROW_PRIORITY + 2 + 4, /* int4 */
	ROW_CODEC = ROW_EVENT_IO_ID + 4 + 4,	/* int2 */
	ROW_GENERATION = ROW_CODEC + 2 + 4, /* int2 or NULL: its length is at ROW_GENERATION - 4 */
};

/* Latest timestamp that timestamptz can hold, ms since 1970. */
#define ROW_MAX_TIMESTAMP_MS UINT64_C(9224318015999999)

/* Room that row_write() may need. */
size_t row_bound(const struct avl_record *);

/*
 * Writes the tuple; returns its length, or 0 if the timestamp is beyond what the
 * column can hold (ROW_MAX_TIMESTAMP_MS). `out` has room for row_bound() bytes.
 */
size_t row_write(const struct avl_record *, int64_t device_id, uint64_t hash,
    int64_t received_wall_us, uint8_t *out) __attribute__((warn_unused_result));

/* Puts another time of arrival into a tuple. */
void row_set_received(uint8_t *row, int64_t received_wall_us);

/* Fields back out of a tuple, in host order. The last one, io, ends it. */
int64_t row_i64(const uint8_t *row, enum row_offset);
bool row_valid(const uint8_t *row);
/* False: NULL. */
bool row_generation(const uint8_t *row, int16_t *value);
/* The io field: JSON text, which is what the type json is in binary. */
const uint8_t *row_io(const uint8_t *row, size_t *len);
/*
 * The parameters of positions_insert: a column each, to which tuples are appended; one more follows, see
 * there. Columns are {0} before the first start; a later one empties them and keeps their memory. The caller frees each with
 * pg_array_free().
 */
void row_columns_start(struct pg_array columns[ROW_NCOLUMNS]);
void row_append(const uint8_t *row, struct pg_array columns[ROW_NCOLUMNS]);

#endif
