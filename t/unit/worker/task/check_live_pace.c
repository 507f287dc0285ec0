/*
 * How many live rows may be written, on a fake clock: always some; a quarter of the work where much is
 * stored; back to that when less is; a grant is for the time since the last, a second at most.
 */
#include <check.h>

#include <stdlib.h>

#include "worker/task/live_pace.h"

#define T0 INT64_C(50000)

static struct live_pace p;
static struct live_pace_counts counts;

/* So many seconds of a load pass. */
static int64_t
load(int64_t from, int seconds, uint64_t records, uint64_t batches)
{
	for (int i = 0; i < seconds; i++) {
		from += 1000;
		counts.records += records;
		counts.batches += batches;
		live_pace_note(&p, &counts, from);
		/* Within the second nobody looks. */
		live_pace_note(&p, &(struct live_pace_counts){0}, from + 999);
	}
	return from;
}

START_TEST(some_always)
{
	live_pace_init(&p, 2);
	ck_assert_uint_eq(p.allowed, 501);
	load(T0, 20, 0, 0);
	ck_assert_uint_eq(p.allowed, 501);
	load(T0 + 20000, 20, 1500, 66); /* 24.6 ms a second: 455 rows */
	ck_assert_uint_eq(p.allowed, 501);
	live_pace_init(&p, 8);
	ck_assert_uint_eq(p.allowed, 126);
	live_pace_init(&p, 0);
	ck_assert_uint_eq(p.allowed, 1001);
}
END_TEST

START_TEST(a_quarter_of_much)
{
	int64_t at;

	counts = (struct live_pace_counts){0};
	live_pace_init(&p, 8);
	at = load(T0, 30, 1500, 66);
	/* 18 us a row: a third of what records take is a quarter of all. */
	ck_assert_uint_ge(p.allowed, 450);
	ck_assert_uint_le(p.allowed, 456);
	at = load(at, 30, 60000, 100);
	ck_assert_uint_ge(p.allowed, 13400);
	ck_assert_uint_le(p.allowed, 13519);
	/* A minute's silence, all at once, and then slowly back. */
	load(at + 60000, 30, 0, 0);
	ck_assert_uint_le(p.allowed, 140);
}
END_TEST

START_TEST(grants)
{
	live_pace_init(&p, 1);
	ck_assert_uint_eq(live_pace_grant(&p, T0), 1001);
	ck_assert_uint_eq(live_pace_grant(&p, T0), 0);
	ck_assert_uint_eq(live_pace_grant(&p, T0 + 200), 200);
	ck_assert_uint_eq(live_pace_grant(&p, T0 + 9200), 1001);
	ck_assert_uint_eq(live_pace_grant(&p, T0 + 10201), 1001);
	/* The first one is for a second, however young the clock is. */
	live_pace_init(&p, 1);
	ck_assert_uint_eq(live_pace_grant(&p, 500), 1001);
}
END_TEST

START_TEST(looks)
{
	/* What was stored before the first look is nobody's rate; a clock may be young. */
	live_pace_init(&p, 8);
	live_pace_note(&p, &(struct live_pace_counts){.records = 1000000000}, T0);
	ck_assert_uint_eq(p.allowed, 126);
	live_pace_init(&p, 8);
	live_pace_note(&p, &(struct live_pace_counts){0}, 500);
	/* 720 ms of records in two seconds: a third of it, 6666 rows a second, a quarter of which at once. */
	live_pace_note(&p, &(struct live_pace_counts){.records = 60000}, 2500);
	ck_assert_uint_eq(p.allowed, (126 * 3 + 6666) / 4);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("live_pace");
	TCase *t = tcase_create("live_pace");
	SRunner *runner;
	int failed;

	tcase_add_test(t, some_always);
	tcase_add_test(t, a_quarter_of_much);
	tcase_add_test(t, grants);
	tcase_add_test(t, looks);
	suite_add_tcase(s, t);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
