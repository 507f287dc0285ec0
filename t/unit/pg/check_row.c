/*
 * Rows: the whole tuple of a known record against its bytes written out, what is read back
 * out of it, NULL and value of generation_type, the ends of what timestamptz holds.
 */
#include <check.h>

#include <stdlib.h>
#include <string.h>

#include "proto/io_json.h"
#include "proto/stream.h"
#include "proto/wire.h"
#include "pg/row.h"
#include "t/vectors/vectors.h"

#define RECEIVED_US INT64_C(1700000000123456)

/* A float8 of a tuple; and the tuple's length, which its last field ends. */
static double
read_f64(const uint8_t *p)
{
	uint64_t bits = wire_u64(p);
	double v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

static size_t
length_of(const uint8_t *row)
{
	size_t len;
	const uint8_t *io = row_io(row, &len);

	return (size_t)(io - row) + len;
}

static const uint8_t elements[] = {21, 3, 239, 1};

/* A record of codec 8 with two 1-byte elements. */
static struct avl_record
known(void)
{
	struct avl_record r = {
	    .timestamp_ms = UINT64_C(1560161086000),
	    .longitude = 252618832,
	    .latitude = -546992512,
	    .altitude = -12,
	    .angle = 359,
	    .speed = 65535,
	    .event_id = 65535,
	    .priority = 255,
	    .satellites = 255,
	    .codec = CODEC_8,
	    .count = {[AVL_1] = 2},
	};
	int i;

	for (i = 0; i < AVL_SECTIONS; i++)
		r.section[i] = elements;
	return r;
}

/* The tuple alone in memory, written to memory of exactly the bound; free() it. */
static uint8_t *
row_of(const struct avl_record *r, size_t *len)
{
	uint8_t *out = malloc(row_bound(r)), *copy;

	ck_assert_ptr_nonnull(out);
	*len = row_write(
	    r, INT64_C(0x0102030405060708), UINT64_C(0xfedcba9876543210), RECEIVED_US, out);
	ck_assert_uint_le(*len, row_bound(r));
	copy = vectors_exact(out, *len);
	free(out);
	return copy;
}

START_TEST(bytes)
{
	static const char expected[] =
	    "0010"
	    "00000008"
	    "0102030405060708" /* device_id */
	    "00000008"
	    "00022df4141aeb80" /* recorded_at: 2019-06-10 10:04:46 */
	    "00000008"
	    "fedcba9876543210" /* record_hash */
	    "00000008"
	    "0002ad22dce84240" /* received_at: 2023-11-14 22:13:20.123456 */
	    "00000008"
	    "c04b59811035d829" /* latitude -54.6992512 */
	    "00000008"
	    "4039430ac7035f30" /* longitude 25.2618832 */
	    "00000002"
	    "fff4" /* altitude */
	    "00000004"
	    "00000167" /* heading */
	    "00000002"
	    "00ff" /* satellites */
	    "00000004"
	    "0000ffff" /* speed */
	    "00000001"
	    "01" /* valid */
	    "00000002"
	    "00ff" /* priority */
	    "00000004"
	    "0000ffff" /* event_io_id */
	    "00000002"
	    "0008"     /* codec */
	    "ffffffff" /* generation_type */
	    "00000010"
	    "7b223231223a332c22323339223a317d"; /* io: 1, {"21":3,"239":1} */
	struct avl_record r = known();
	size_t len, n;
	uint8_t *row = row_of(&r, &len), *wanted = vectors_unhex(expected, &n);

	ck_assert_ptr_nonnull(wanted);
	ck_assert_uint_eq(len, n);
	ck_assert_mem_eq(row, wanted, n);
	free(row);
	free(wanted);
}
END_TEST

START_TEST(read_back)
{
	struct avl_record r = known();
	size_t len, io_len;
	uint8_t *row = row_of(&r, &len);
	const uint8_t *io;
	int16_t generation = 99;

	ck_assert_int_eq(row_i64(row, ROW_DEVICE_ID), INT64_C(0x0102030405060708));
	ck_assert_int_eq(
	    row_i64(row, ROW_RECORDED_AT), (INT64_C(1560161086000) - 946684800000) * 1000);
	ck_assert_int_eq(row_i64(row, ROW_RECORD_HASH), -INT64_C(0x0123456789abcdf0));
	ck_assert_int_eq(row_i64(row, ROW_RECEIVED_AT), RECEIVED_US - INT64_C(946684800000000));
	ck_assert(read_f64(row + ROW_LATITUDE) == -54.6992512);
	ck_assert(read_f64(row + ROW_LONGITUDE) == 25.2618832);
	ck_assert_int_eq(wire_i16(row + ROW_ALTITUDE), -12);
	ck_assert_int_eq(wire_i32(row + ROW_HEADING), 359);
	ck_assert_int_eq(wire_i16(row + ROW_SATELLITES), 255);
	ck_assert_int_eq(wire_i32(row + ROW_SPEED), 65535);
	ck_assert(row_valid(row));
	ck_assert_int_eq(wire_i16(row + ROW_PRIORITY), 255);
	ck_assert_int_eq(wire_i32(row + ROW_EVENT_IO_ID), 65535);
	ck_assert_int_eq(wire_i16(row + ROW_CODEC), 8);
	ck_assert(!row_generation(row, &generation));
	io = row_io(row, &io_len);
	ck_assert_uint_eq(io_len, 16);
	ck_assert_mem_eq(io, "{\"21\":3,\"239\":1}", 16);
	ck_assert_uint_eq(length_of(row), len);
	free(row);
}
END_TEST

START_TEST(codec_16_has_a_generation)
{
	static const uint8_t wide[] = {0, 21, 3, 0, 239, 1};
	struct avl_record r = known();
	size_t len, io_len;
	int16_t generation = 99;
	const uint8_t *io;
	uint8_t *row;

	r.codec = CODEC_16;
	r.generation = 255;
	r.section[AVL_1] = wide;
	row = row_of(&r, &len);
	ck_assert(row_generation(row, &generation));
	ck_assert_int_eq(generation, 255);
	ck_assert_int_eq(wire_i16(row + ROW_CODEC), 16);
	io = row_io(row, &io_len);
	ck_assert_mem_eq(io, "{\"21\":3,\"239\":1}", 16);
	ck_assert_uint_eq(length_of(row), len);
	free(row);

	r.codec = CODEC_8E;
	row = row_of(&r, &len);
	ck_assert(!row_generation(row, &generation));
	ck_assert_int_eq(wire_i16(row + ROW_CODEC), 142);
	ck_assert_uint_eq(length_of(row), len);
	free(row);
}
END_TEST

START_TEST(invalid_and_extreme)
{
	struct avl_record r = known();
	size_t len;
	uint8_t *row;

	r.satellites = 0;
	r.longitude = INT32_MIN;
	r.latitude = INT32_MAX;
	r.altitude = INT16_MIN;
	r.count[AVL_1] = 0;
	row = row_of(&r, &len);
	ck_assert(!row_valid(row));
	ck_assert(read_f64(row + ROW_LONGITUDE) == -214.7483648);
	ck_assert(read_f64(row + ROW_LATITUDE) == 214.7483647);
	ck_assert_int_eq(wire_i16(row + ROW_ALTITUDE), INT16_MIN);
	ck_assert_uint_eq(length_of(row), len);
	free(row);

	/* The double nearest to the decimal fraction, which a product with 1e-7 would miss. */
	r.latitude = 546992514;
	row = row_of(&r, &len);
	ck_assert(read_f64(row + ROW_LATITUDE) == 54.6992514);
	free(row);
}
END_TEST

/* From 1970 to the last millisecond of 294276; beyond that there is no row. */
START_TEST(timestamps)
{
	static const struct {
		uint64_t ms;
		int64_t us;
	} good[] = {
	    {0, -INT64_C(946684800000000)},
	    {UINT64_C(946684800000), 0},
	    {UINT64_C(946684799999), -1000},
	    {UINT64_C(4102444800000), INT64_C(3155760000000000)},
	    {ROW_MAX_TIMESTAMP_MS, INT64_C(9223371331199999000)},
	};
	static const uint64_t bad[] = {
	    ROW_MAX_TIMESTAMP_MS + 1, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX};
	struct avl_record r = known();
	size_t i, len;
	uint8_t *row;

	for (i = 0; i < sizeof(good) / sizeof(*good); i++) {
		r.timestamp_ms = good[i].ms;
		row = row_of(&r, &len);
		ck_assert_uint_gt(len, 0);
		ck_assert_int_eq(row_i64(row, ROW_RECORDED_AT), good[i].us);
		free(row);
	}
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		r.timestamp_ms = bad[i];
		row = row_of(&r, &len);
		ck_assert_uint_eq(len, 0);
		free(row);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("row");
	TCase *t = tcase_create("row");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_add_test(t, bytes);
	tcase_add_test(t, read_back);
	tcase_add_test(t, codec_16_has_a_generation);
	tcase_add_test(t, invalid_and_extreme);
	tcase_add_test(t, timestamps);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
