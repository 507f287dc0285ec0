/*
 * How long a batch is gathered, on a fake clock: not at light load, nor for a few trackers however fast they
 * are; up to the limit for many; not once enough rows, or half of all trackers, wait.
 */
#include <check.h>

#include <stdbool.h>
#include <stdlib.h>

#include "worker/store/gather.h"

#define MS INT64_C(1000)
#define T0 (INT64_C(100000) * MS)

static struct gather g;

/* So many devices, the first of which is `first`, are heard evenly over a second that ends at `end`. */
static void
heard(uint32_t first, uint32_t devices, uint32_t frames, int64_t end)
{
	for (uint32_t i = 0; i < frames; i++)
		gather_heard(&g, first + i % devices, end - 1000 * MS + 1000 * MS / frames * i);
}

static bool
goes_at_once(uint32_t frames, uint32_t rows, int64_t now)
{
	return gather_until(&g, frames, rows, now, now) <= now;
}

START_TEST(light_load)
{
	gather_init(&g, 15);
	ck_assert(goes_at_once(1, 1, T0));
	/* 200 devices a second: three of them in 15 ms. */
	heard(1, 200, 200, T0);
	ck_assert(goes_at_once(1, 1, T0));
}
END_TEST

START_TEST(a_few_without_a_pause)
{
	gather_init(&g, 15);
	heard(1, 1, 5000, T0);
	ck_assert(goes_at_once(1, 1, T0));
	heard(1, 50, 50000, T0 + 2000 * MS);
	ck_assert(goes_at_once(1, 1, T0 + 2000 * MS));
}
END_TEST

START_TEST(many)
{
	gather_init(&g, 15);
	heard(1, 1500, 1500, T0);
	ck_assert_int_eq(gather_until(&g, 1, 1, T0, T0), T0 + 15 * MS);
	/* From the first frame on, not from the last. */
	ck_assert_int_eq(gather_until(&g, 9, 9, T0, T0 + 14 * MS), T0 + 15 * MS);
	ck_assert_int_eq(gather_until(&g, 20, 20, T0, T0 + 16 * MS), T0 + 15 * MS);
	ck_assert(goes_at_once(5, 128, T0 + 17 * MS));
	ck_assert(!goes_at_once(5, 127, T0 + 17 * MS));
	/* Nobody any more: after a window, and after several. */
	ck_assert(!goes_at_once(1, 1, T0 + 240 * MS));
	ck_assert(goes_at_once(1, 1, T0 + 600 * MS));
	heard(1, 1500, 1500, T0 + 3000 * MS);
	ck_assert(goes_at_once(1, 1, T0 + 9000 * MS));
}
END_TEST

START_TEST(half_of_all_wait)
{
	gather_init(&g, 15);
	/* 100 trackers without a pause: their next frames come when these are answered. */
	heard(1, 100, 20000, T0);
	ck_assert(!goes_at_once(49, 49, T0));
	ck_assert(goes_at_once(50, 50, T0));
}
END_TEST

START_TEST(never_and_a_clock_set_back)
{
	gather_init(&g, 0);
	heard(1, 1500, 1500, T0);
	ck_assert(goes_at_once(1, 1, T0));
	gather_init(&g, 15);
	heard(1, 1500, 1500, T0);
	ck_assert(goes_at_once(1, 1, T0 - 5000 * MS));
}
END_TEST

/* So many devices are heard at one moment. */
static void
heard_at_once(uint32_t devices, int64_t now)
{
	for (uint32_t i = 0; i < devices; i++)
		gather_heard(&g, i, now);
}

START_TEST(bounds)
{
	/* A hundred in a window, ten milliseconds: four, and that is worth it. */
	gather_init(&g, 10);
	heard_at_once(100, T0);
	ck_assert_int_eq(gather_until(&g, 1, 1, T0 + 250 * MS, T0 + 250 * MS), T0 + 260 * MS);
	gather_init(&g, 10);
	heard_at_once(99, T0);
	ck_assert(goes_at_once(1, 1, T0 + 250 * MS));
	/* What was heard counts to the end of the next window. */
	gather_init(&g, 10);
	heard_at_once(100, T0);
	ck_assert(!goes_at_once(1, 1, T0 + 500 * MS - 1));
	gather_init(&g, 10);
	heard_at_once(100, T0);
	ck_assert(goes_at_once(1, 1, T0 + 500 * MS));
}
END_TEST

START_TEST(each_device_once)
{
	gather_init(&g, 10);
	for (int i = 0; i < 3; i++)
		heard_at_once(3000, T0 + i);
	ck_assert(!goes_at_once(1, 1, T0 + 250 * MS));
	/* A few share a bit. */
	ck_assert_int_ge(g.expected, 2887);
	ck_assert_int_le(g.expected, 3000);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("gather");
	TCase *t = tcase_create("gather");
	SRunner *runner;
	int failed;

	tcase_add_test(t, light_load);
	tcase_add_test(t, a_few_without_a_pause);
	tcase_add_test(t, many);
	tcase_add_test(t, half_of_all_wait);
	tcase_add_test(t, never_and_a_clock_set_back);
	tcase_add_test(t, bounds);
	tcase_add_test(t, each_device_once);
	suite_add_tcase(s, t);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
