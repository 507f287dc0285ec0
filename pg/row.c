/* Tuples of binary COPY into device_positions: see row.h. Pure. */
#include "pg/row.h"

#include <string.h>

#include "proto/io_json.h"
#include "proto/stream.h"
#include "proto/wire.h"

#define MS_2000 INT64_C(946684800000) /* PostgreSQL counts from here */
#define US_PER_MS 1000
#define NULL_LENGTH UINT32_MAX /* -1 */

#define FIXED (ROW_GENERATION - 4) /* what all tuples have in common in form */
#define LENGTH(bytes) 0, 0, 0, (bytes)
#define VALUE_8 0, 0, 0, 0, 0, 0, 0, 0
#define VALUE_4 0, 0, 0, 0
#define VALUE_2 0, 0

/* A tuple up to generation_type with all lengths in place, in the order of enum row_offset. */
static const uint8_t blank[FIXED] = {
    0, ROW_NCOLUMNS,	/* fields */
    LENGTH(8), VALUE_8, /* device_id */
    LENGTH(8), VALUE_8, /* recorded_at */
    LENGTH(8), VALUE_8, /* record_hash */
    LENGTH(8), VALUE_8, /* received_at */
    LENGTH(8), VALUE_8, /* latitude */
    LENGTH(8), VALUE_8, /* longitude */
    LENGTH(2), VALUE_2, /* altitude */
    LENGTH(4), VALUE_4, /* heading */
    LENGTH(2), VALUE_2, /* satellites */
    LENGTH(4), VALUE_4, /* speed */
    LENGTH(1), 0,	/* valid */
    LENGTH(2), VALUE_2, /* priority */
    LENGTH(4), VALUE_4, /* event_io_id */
    LENGTH(2), VALUE_2, /* codec */
};

_Static_assert(sizeof(double) == sizeof(uint64_t), "float8 is an IEEE double");

static void
put_f64(uint8_t *p, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	wire_put_u64(p, bits);
}

size_t
row_bound(const struct avl_record *record)
{
	/* generation_type with its length; io's length */
	return FIXED + 4 + 2 + 4 + io_json_bound(record);
}

void
row_set_received(uint8_t *row, int64_t received_wall_us)
{
	wire_put_u64(
	    row + ROW_RECEIVED_AT, (uint64_t)received_wall_us - (uint64_t)(MS_2000 * US_PER_MS));
}

size_t
row_write(const struct avl_record *record, int64_t device_id, uint64_t hash,
    int64_t received_wall_us, uint8_t *out)
{
	uint8_t *p = out + FIXED;
	size_t json;

	if (record->timestamp_ms > ROW_MAX_TIMESTAMP_MS)
		return 0;
	memcpy(out, blank, FIXED);
	wire_put_u64(out + ROW_DEVICE_ID, (uint64_t)device_id);
	wire_put_u64(out + ROW_RECORDED_AT,
	    (uint64_t)(((int64_t)record->timestamp_ms - MS_2000) * US_PER_MS));
	wire_put_u64(out + ROW_RECORD_HASH, hash);
	row_set_received(out, received_wall_us);
	put_f64(out + ROW_LATITUDE, record->latitude / 1e7);
	put_f64(out + ROW_LONGITUDE, record->longitude / 1e7);
	wire_put_u16(out + ROW_ALTITUDE, (uint16_t)record->altitude);
	wire_put_u32(out + ROW_HEADING, record->angle);
	wire_put_u16(out + ROW_SATELLITES, record->satellites);
	wire_put_u32(out + ROW_SPEED, record->speed);
	out[ROW_VALID] = avl_position_valid(record);
	wire_put_u16(out + ROW_PRIORITY, record->priority);
	wire_put_u32(out + ROW_EVENT_IO_ID, record->event_id);
	wire_put_u16(out + ROW_CODEC, record->codec);
	if (record->codec == CODEC_16) {
		wire_put_u32(p, 2);
		wire_put_u16(p + 4, record->generation);
		p += 4 + 2;
	} else {
		wire_put_u32(p, NULL_LENGTH);
		p += 4;
	}
	json = io_json_write(record, (char *)p + 4);
	wire_put_u32(p, (uint32_t)json);
	return (size_t)(p - out) + 4 + json;
}

int64_t
row_i64(const uint8_t *row, enum row_offset offset)
{
	return wire_i64(row + offset);
}

bool
row_valid(const uint8_t *row)
{
	return row[ROW_VALID] != 0;
}

bool
row_generation(const uint8_t *row, int16_t *value)
{
	if (wire_u32(row + FIXED) == NULL_LENGTH)
		return false;
	*value = wire_i16(row + ROW_GENERATION);
	return true;
}

const uint8_t *
row_io(const uint8_t *row, size_t *len)
{
	const uint8_t *p = row + FIXED + 4;

	if (wire_u32(row + FIXED) != NULL_LENGTH)
		p += 2;
	*len = wire_u32(p);
	return p + 4;
}

void
row_columns_start(struct pg_array columns[ROW_NCOLUMNS])
{
	static const uint32_t oids[ROW_NCOLUMNS] = {PG_INT8, PG_TIMESTAMPTZ, PG_INT8,
	    PG_TIMESTAMPTZ, PG_FLOAT8, PG_FLOAT8, PG_INT2, PG_INT4, PG_INT2, PG_INT4, PG_BOOL,
	    PG_INT2, PG_INT4, PG_INT2, PG_INT2, PG_JSON};

	pg_array_start(columns, oids, ROW_NCOLUMNS);
}

void
row_append(const uint8_t *row, struct pg_array columns[ROW_NCOLUMNS])
{
	static const struct {
		enum row_offset at;
		uint8_t len;
	} fixed[] = {
	    {ROW_DEVICE_ID, 8},
	    {ROW_RECORDED_AT, 8},
	    {ROW_RECORD_HASH, 8},
	    {ROW_RECEIVED_AT, 8},
	    {ROW_LATITUDE, 8},
	    {ROW_LONGITUDE, 8},
	    {ROW_ALTITUDE, 2},
	    {ROW_HEADING, 4},
	    {ROW_SATELLITES, 2},
	    {ROW_SPEED, 4},
	    {ROW_VALID, 1},
	    {ROW_PRIORITY, 2},
	    {ROW_EVENT_IO_ID, 4},
	    {ROW_CODEC, 2},
	};
	const int n = (int)(sizeof(fixed) / sizeof(fixed[0]));
	int16_t generation;
	size_t io_len;
	const uint8_t *io = row_io(row, &io_len);

	for (int i = 0; i < n; i++)
		pg_array_raw(&columns[i], row + fixed[i].at, fixed[i].len);
	if (row_generation(row, &generation))
		pg_array_int2(&columns[n], generation);
	else
		pg_array_null(&columns[n]);
	pg_array_raw(&columns[n + 1], io, io_len);
}
