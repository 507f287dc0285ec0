/*
 * How a drain is spread over time: never slower than 500 a second, 1,000 within two seconds,
 * everything within the time that the drain has.
 */
#include "config.h"

#include <check.h>
#include <stdlib.h>

#include "worker/tracker/drain.h"

#define TEN_S 10000
#define TICK_MS 200

/* When the last one is closed, by a caller that looks every TICK_MS. */
static int64_t
finished_ms(uint32_t total, int64_t limit_ms)
{
	int64_t t = 0;

	while (drain_due(total, t, limit_ms) < total)
		t += TICK_MS;
	return t;
}

START_TEST(begins_at_once)
{
	ck_assert_uint_eq(drain_due(0, 0, TEN_S), 0);
	ck_assert_uint_eq(drain_due(1, 0, TEN_S), 1);
	ck_assert_uint_eq(drain_due(2, 0, TEN_S), 1);
	ck_assert_uint_eq(drain_due(20000, 0, TEN_S), 1);
	/* A clock that was set back is no reason to stand still for ever, or to hurry. */
	ck_assert_uint_eq(drain_due(20000, -5, TEN_S), 1);
}
END_TEST

START_TEST(fast_enough)
{
	uint32_t n;

	for (n = 1; n <= 1000; n++)
		ck_assert_int_le(finished_ms(n, TEN_S), 2000);
	for (n = 1; n <= 200000; n += 997)
		ck_assert_int_le(finished_ms(n, TEN_S), n * INT64_C(1000) / 500 + TICK_MS);
	/* With more time than needed the least rate holds all the same. */
	ck_assert_int_le(finished_ms(5000, 3600000), 10000);
}
END_TEST

START_TEST(spread)
{
	/* 20,000 with the default limit: never a large share of them in one second. */
	for (int64_t t = 0; t < TEN_S; t += TICK_MS)
		ck_assert_uint_le(
		    drain_due(20000, t + 1000, TEN_S) - drain_due(20000, t, TEN_S), 20000 / 7);
	/* Few are spread as well, at the least rate. */
	ck_assert_uint_le(drain_due(600, 500, TEN_S), 301);
	ck_assert_uint_ge(drain_due(600, 500, TEN_S), 250);
}
END_TEST

START_TEST(within_its_time)
{
	static const int64_t limits[] = {0, 1, 100, 1000, TEN_S, 3600000};
	static const uint32_t totals[] = {1, 10, 1000, 20000, 1000000, UINT32_MAX};

	for (size_t l = 0; l < sizeof(limits) / sizeof(*limits); l++)
		for (size_t n = 0; n < sizeof(totals) / sizeof(*totals); n++) {
			uint32_t before = 0, due;

			ck_assert_uint_eq(
			    drain_due(totals[n], limits[l] * 75 / 100, limits[l]), totals[n]);
			for (int64_t i = 0; i <= 100; i++) {
				due = drain_due(totals[n], limits[l] * i / 100, limits[l]);
				ck_assert_uint_ge(due, before);
				ck_assert_uint_le(due, totals[n]);
				before = due;
			}
		}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("drain");
	TCase *tc = tcase_create("pace");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, begins_at_once);
	tcase_add_test(tc, fast_enough);
	tcase_add_test(tc, spread);
	tcase_add_test(tc, within_its_time);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
