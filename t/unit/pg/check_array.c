/*
 * Binary arrays: the exact bytes of a few, growth, NULLs, addresses, and what is
 * refused. A real server reads them back in the tests of worker/task.
 */
#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "pg/array.h"

/* It can be sent. */
static bool
is_well(struct pg_array *a)
{
	int len;

	return pg_array_param(a, &len) != NULL;
}

static void
assert_bytes(struct pg_array *a, const uint8_t *expected, int n)
{
	int len;
	const char *p = pg_array_param(a, &len);

	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(len, n);
	ck_assert_mem_eq(p, expected, (size_t)n);
}

START_TEST(empty_array_has_no_dimension)
{
	static const uint8_t bytes[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20};
	struct pg_array a;

	pg_array_init(&a, PG_INT8);
	assert_bytes(&a, bytes, sizeof(bytes));
	pg_array_int8(&a, 1);
	pg_array_reset(&a);
	assert_bytes(&a, bytes, sizeof(bytes));
	pg_array_free(&a);
}
END_TEST

START_TEST(elements_stand_behind_their_lengths)
{
	static const uint8_t bytes[] = {0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 21, 0, 0, 0, 2, 0, 0, 0, 1,
	    0, 0, 0, 2, 0x12, 0x34, 0, 0, 0, 2, 0xff, 0xfe};
	struct pg_array a;

	pg_array_init(&a, PG_INT2);
	pg_array_int2(&a, 0x1234);
	pg_array_int2(&a, -2);
	assert_bytes(&a, bytes, sizeof(bytes));
	/* Asking again changes nothing, and it can still grow. */
	assert_bytes(&a, bytes, sizeof(bytes));
	pg_array_int2(&a, 1);
	ck_assert_uint_eq(a.n, 3);
	pg_array_free(&a);
}
END_TEST

START_TEST(nulls_are_flagged_until_reset)
{
	static const uint8_t with[] = {0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 16, 0, 0, 0, 2, 0, 0, 0, 1,
	    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 1};
	static const uint8_t without[] = {
	    0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0};
	struct pg_array a;

	pg_array_init(&a, PG_BOOL);
	pg_array_null(&a);
	pg_array_bool(&a, true);
	assert_bytes(&a, with, sizeof(with));
	pg_array_reset(&a);
	pg_array_bool(&a, false);
	assert_bytes(&a, without, sizeof(without));
	pg_array_free(&a);
}
END_TEST

START_TEST(json_gets_the_version_of_jsonb)
{
	static const uint8_t expected[] = {0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x0e, 0xda, 0, 0, 0, 1, 0,
	    0, 0, 1, 0, 0, 0, 3, 1, '{', '}'};
	struct pg_array a;

	pg_array_init(&a, PG_JSONB);
	pg_array_jsonb(&a, "{}", 2);
	assert_bytes(&a, expected, sizeof(expected));
	pg_array_jsonb(&a, "{}", INT_MAX);
	ck_assert(!is_well(&a));
	pg_array_free(&a);
}
END_TEST

START_TEST(values_take_their_types_form)
{
	static const uint8_t time[] = {0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 3, 0xe8};
	static const uint8_t before[] = {
	    0, 0, 0, 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfc, 0x18};
	static const uint8_t one[] = {0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1};
	static const struct {
		const uint8_t *bytes;
		size_t n;
	} cases[] = {{time, 12}, {before, 12}, {one, 12}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pg_array a;
		int len;

		pg_array_init(&a, PG_INT8);
		if (i == 0)
			pg_array_time_ms(&a, INT64_C(946684800001));
		else if (i == 1)
			pg_array_time_ms(&a, INT64_C(946684799999));
		else
			pg_array_int8(&a, 1);
		const char *p = pg_array_param(&a, &len);
		ck_assert_int_eq(len, 20 + (int)cases[i].n);
		ck_assert_mem_eq(p + 20, cases[i].bytes, cases[i].n);
		pg_array_free(&a);
	}
}
END_TEST

START_TEST(a_time_out_of_range_is_an_error)
{
	struct pg_array a;
	int len;

	pg_array_init(&a, PG_TIMESTAMPTZ);
	pg_array_time_ms(&a, INT64_MAX / 2);
	ck_assert(!is_well(&a));
	/* It sticks: nothing is sent that lacks an element. */
	pg_array_time_ms(&a, 0);
	ck_assert_ptr_null(pg_array_param(&a, &len));
	pg_array_reset(&a);
	ck_assert(is_well(&a));
	pg_array_free(&a);
}
END_TEST

START_TEST(addresses)
{
	static const uint8_t v4[] = {2, 32, 0, 4, 192, 0, 2, 1};
	static const uint8_t v6[] = {
	    3, 128, 0, 16, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
	uint8_t out[PG_ARRAY_INET];

	ck_assert_uint_eq(pg_array_inet_bytes("192.0.2.1", out), sizeof(v4));
	ck_assert_mem_eq(out, v4, sizeof(v4));
	ck_assert_uint_eq(pg_array_inet_bytes("fe80::1", out), sizeof(v6));
	ck_assert_mem_eq(out, v6, sizeof(v6));
	ck_assert_uint_eq(pg_array_inet_bytes("fe80::1%eth0", out), sizeof(v6));
	ck_assert_uint_eq(pg_array_inet_bytes("", out), 0);
	ck_assert_uint_eq(pg_array_inet_bytes(NULL, out), 0);
	ck_assert_uint_eq(pg_array_inet_bytes("localhost", out), 0);
	ck_assert_uint_eq(pg_array_inet_bytes("192.0.2.1:5027", out), 0);
	ck_assert_uint_eq(
	    pg_array_inet_bytes("1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc", out),
	    0);
}
END_TEST

/* What a batch has of them: families and bytes, numbers and microseconds. */
START_TEST(elements_of_a_batch)
{
	static const uint32_t oids[] = {PG_INET, PG_TEXT, PG_TIMESTAMPTZ};
	static const uint8_t addr[16] = {192, 0, 2, 1};
	static const uint8_t v4[] = {0, 0, 0, 8, 2, 32, 0, 4, 192, 0, 2, 1};
	static const uint8_t v6[] = {0, 0, 0, 20, 3, 128, 0, 16, 192, 0, 2, 1};
	static const uint8_t none[] = {0xff, 0xff, 0xff, 0xff};
	static const uint8_t time[] = {0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 7};
	struct pg_array a[3] = {0};

	for (int round = 0; round < 2; round++) {
		pg_array_start(a, oids, 3);
		pg_array_addr(&a[0], AF_INET, addr);
		pg_array_addr(&a[0], AF_INET6, addr);
		pg_array_addr(&a[0], AF_UNSPEC, addr);
		ck_assert_mem_eq(a[0].p + 20, v4, sizeof(v4));
		ck_assert_mem_eq(a[0].p + 32, v6, sizeof(v6));
		ck_assert_mem_eq(a[0].p + 56, none, sizeof(none));
		pg_array_imei(&a[1], UINT64_C(1234567890));
		ck_assert_mem_eq(a[1].p + 24, "000001234567890", 15);
		pg_array_time_us(&a[2], INT64_C(946684800000007));
		ck_assert_mem_eq(a[2].p + 20, time, sizeof(time));
		pg_array_time_us(&a[2], INT64_MIN);
		ck_assert(!is_well(&a[2]));
		/* One that has failed stays so. */
		pg_array_imei(&a[2], 1);
		pg_array_null(&a[2]);
		ck_assert_uint_eq(a[2].n, 1);
	}
	for (int i = 0; i < 3; i++)
		pg_array_free(&a[i]);
}
END_TEST

START_TEST(grows_and_is_used_again)
{
	struct pg_array a;
	char text[100];

	memset(text, 'x', sizeof(text));
	pg_array_init(&a, PG_TEXT);
	for (int round = 0; round < 3; round++) {
		pg_array_reset(&a);
		for (int i = 0; i < 10000; i++)
			pg_array_text(&a, text, (size_t)(i % 100));
		ck_assert(is_well(&a));
		ck_assert_uint_eq(a.n, 10000);
		ck_assert_uint_eq(a.len, 20 + 10000 * 4 + 100 * 4950);
	}
	pg_array_free(&a);
	pg_array_text(&a, "y", 1); /* freed and used again */
	ck_assert_uint_eq(a.n, 1);
	pg_array_free(&a);
}
END_TEST

/* Elements of whatever size: there is room for what it holds, it grows seldom, and all stays as it was written. */
START_TEST(room_is_there_before_it_is_needed)
{
	static const size_t sizes[] = {0, 1, 231, 232, 233, 500, 70000, 4096, 3};
	static uint8_t bytes[70000 + 400];
	const size_t n = 400, kinds = sizeof(sizes) / sizeof(sizes[0]);
	unsigned grown = 0;
	struct pg_array a;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + i / 256);
	pg_array_init(&a, PG_BYTEA);
	for (size_t i = 0; i < n; i++) {
		size_t before = a.room;

		pg_array_raw(&a, bytes + i, sizes[i % kinds]);
		ck_assert_uint_le(a.len, a.room);
		grown += a.room != before;
	}
	ck_assert(is_well(&a));
	ck_assert_uint_le(grown, 16);
	ck_assert_uint_le(a.room, 2 * a.len);
	for (size_t i = 0, at = 20; i < n; at += 4 + sizes[i++ % kinds])
		ck_assert_msg(
		    memcmp(a.p + at + 4, bytes + i, sizes[i % kinds]) == 0, "element %zu", i);
	pg_array_free(&a);
}
END_TEST

START_TEST(more_than_a_parameter_can_hold_is_an_error)
{
	struct pg_array a;
	uint8_t byte = 0;

	pg_array_init(&a, PG_BYTEA);
	pg_array_raw(&a, &byte, (size_t)INT_MAX); /* refused before a byte is read */
	ck_assert(!is_well(&a));
	pg_array_reset(&a);
	/* With what is in it already it is one byte too many. */
	pg_array_raw(&a, &byte, (size_t)INT_MAX - 20 - 4 + 1);
	ck_assert(!is_well(&a));
	pg_array_reset(&a);
	pg_array_raw(&a, "", SIZE_MAX);
	ck_assert(!is_well(&a));
	pg_array_free(&a);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("pgarray");
	TCase *t = tcase_create("pgarray");
	SRunner *r;
	int failed;

	tcase_add_test(t, empty_array_has_no_dimension);
	tcase_add_test(t, elements_stand_behind_their_lengths);
	tcase_add_test(t, nulls_are_flagged_until_reset);
	tcase_add_test(t, json_gets_the_version_of_jsonb);
	tcase_add_test(t, values_take_their_types_form);
	tcase_add_test(t, a_time_out_of_range_is_an_error);
	tcase_add_test(t, addresses);
	tcase_add_test(t, elements_of_a_batch);
	tcase_add_test(t, grows_and_is_used_again);
	tcase_add_test(t, room_is_there_before_it_is_needed);
	tcase_add_test(t, more_than_a_parameter_can_hold_is_an_error);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
