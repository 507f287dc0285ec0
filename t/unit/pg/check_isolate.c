/* Isolating refused rows: each row is sent until it is stored or refused alone, and is either once. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "pg/isolate.h"

#define ROWS 1000

static bool bad[ROWS];
static int stored[ROWS], refused[ROWS];

/* Sends as a caller does, against a table that refuses the rows of `bad`. Returns the statements. */
static unsigned
run(uint32_t n, uint32_t most)
{
	struct pg_isolate it;
	unsigned statements = 0, wrong = 0;
	uint32_t last = 0;

	memset(stored, 0, sizeof(stored));
	memset(refused, 0, sizeof(refused));
	pg_isolate_start(&it, n);
	while (pg_isolate_next(&it, most)) {
		bool refuse = false;

		statements++;
		wrong += it.now.to - it.now.from > most || it.now.from >= it.now.to ||
			 last > it.now.from;
		last = it.now.from;
		for (uint32_t i = it.now.from; i < it.now.to; i++)
			refuse |= bad[i];
		if (!refuse)
			for (uint32_t i = it.now.from; i < it.now.to; i++)
				stored[i]++;
		else if (pg_isolate_refused(&it))
			refused[it.now.from]++;
	}
	ck_assert(pg_isolate_is_over(&it));
	for (uint32_t i = 0; i < n; i++)
		wrong += refused[i] != bad[i] || stored[i] != !bad[i];
	ck_assert_uint_eq(wrong, 0);
	return statements;
}

static void
nothing_is_bad(void)
{
	memset(bad, 0, sizeof(bad));
}

START_TEST(nothing_to_do)
{
	struct pg_isolate it;

	pg_isolate_start(&it, 0);
	ck_assert(pg_isolate_is_over(&it));
	ck_assert(!pg_isolate_next(&it, 10));
}
END_TEST

START_TEST(all_in_one_statement)
{
	ck_assert_uint_eq(run(ROWS, UINT32_MAX), 1);
	ck_assert_uint_eq(run(1, UINT32_MAX), 1);
}
END_TEST

START_TEST(statements_are_bounded)
{
	ck_assert_uint_eq(run(ROWS, 64), 16);
	ck_assert_uint_eq(run(128, 64), 2);
	ck_assert_uint_eq(run(5, 1), 5);
}
END_TEST

START_TEST(one_row_alone)
{
	bad[0] = true;
	ck_assert_uint_eq(run(1, UINT32_MAX), 1);
}
END_TEST

/* Wherever it stands, one bad row costs no more than two statements for each halving. */
START_TEST(one_of_many)
{
	for (uint32_t at = 0; at < ROWS; at++) {
		nothing_is_bad();
		bad[at] = true;
		ck_assert_uint_le(run(ROWS, UINT32_MAX), 1 + 2 * 10);
	}
}
END_TEST

START_TEST(several)
{
	nothing_is_bad();
	bad[0] = bad[1] = bad[500] = bad[ROWS - 1] = true;
	run(ROWS, UINT32_MAX);
	run(ROWS, 64);
	run(ROWS, 1);
	run(2, UINT32_MAX);
}
END_TEST

START_TEST(all_refused)
{
	memset(bad, 1, sizeof(bad));
	ck_assert_uint_eq(run(ROWS, UINT32_MAX), 2 * ROWS - 1);
	run(ROWS, 7);
}
END_TEST

/* A lost connection, or a full disk: the same span comes again, however often. */
START_TEST(the_same_again)
{
	struct pg_isolate it;

	pg_isolate_start(&it, 100);
	for (int i = 0; i < 200; i++) {
		ck_assert(pg_isolate_next(&it, 60));
		ck_assert_uint_eq(it.now.from, 0);
		ck_assert_uint_eq(it.now.to, 60);
		pg_isolate_again(&it);
		ck_assert(!pg_isolate_is_over(&it));
	}
	ck_assert(pg_isolate_next(&it, 60));
	ck_assert(!pg_isolate_refused(&it));
	ck_assert(pg_isolate_next(&it, 60));
	ck_assert_uint_eq(it.now.to, 30);
	pg_isolate_again(&it);
	ck_assert(pg_isolate_next(&it, 60));
	ck_assert_uint_eq(it.now.to, 30);
	ck_assert(pg_isolate_next(&it, 60));
	ck_assert_uint_eq(it.now.from, 30);
	ck_assert_uint_eq(it.now.to, 60);
	ck_assert(pg_isolate_next(&it, 60));
	ck_assert_uint_eq(it.now.from, 60);
	ck_assert_uint_eq(it.now.to, 100);
	ck_assert(!pg_isolate_next(&it, 60));
}
END_TEST

/* The most that can wait: down to the first row of 2^32 - 1, with a rest that was cut off. */
START_TEST(the_deepest)
{
	struct pg_isolate it;

	pg_isolate_start(&it, UINT32_MAX);
	do
		ck_assert(pg_isolate_next(&it, UINT32_MAX - 1));
	while (!pg_isolate_refused(&it));
	ck_assert_uint_eq(it.now.from, 0);
	ck_assert_uint_eq(it.now.to, 1);
	pg_isolate_again(&it);
	ck_assert_int_le(it.nleft, PG_ISOLATE_DEPTH);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("isolate");
	TCase *t = tcase_create("spans");

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, nothing_is_bad, NULL);
	tcase_add_test(t, nothing_to_do);
	tcase_add_test(t, all_in_one_statement);
	tcase_add_test(t, statements_are_bounded);
	tcase_add_test(t, one_row_alone);
	tcase_add_test(t, one_of_many);
	tcase_add_test(t, several);
	tcase_add_test(t, all_refused);
	tcase_add_test(t, the_same_again);
	tcase_add_test(t, the_deepest);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
