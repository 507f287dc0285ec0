/* What the database doesn't take for now, and when it is tried again. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "worker/store/aside.h"

static struct aside a;

static void
empty(void)
{
	a = (struct aside){0};
}

START_TEST(nothing_waits_at_first)
{
	ck_assert(aside_is_empty(&a));
	ck_assert(!aside_waits(&a, ASIDE_DEVICE, 1, 0));
	ck_assert_ptr_null(aside_find(&a, ASIDE_DAY, 1));
	ck_assert_uint_eq(aside_clear_due(&a, INT64_MAX), 0);
	ck_assert_int_eq(aside_next_ms(&a), INT64_MAX);
}
END_TEST

START_TEST(pauses_double_up_to_a_limit)
{
	static const int32_t pauses[] = {1000, 2000, 4000, 8000, 16000, 30000, 30000};
	int64_t now = 5000;

	for (size_t i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++) {
		const struct aside_entry *e =
		    aside_put(&a, ASIDE_DAY, 20000, now, "58030", i == 0 ? "first" : "later");

		ck_assert_ptr_nonnull(e);
		ck_assert_int_eq(e->pause_ms, pauses[i]);
		ck_assert_int_eq(e->due_ms, now + pauses[i]);
		ck_assert_int_eq(e->since_ms, 5000);
		ck_assert_str_eq(e->sqlstate, "58030");
		ck_assert_str_eq(e->reason, i == 0 ? "first" : "later");
		ck_assert(aside_waits(&a, ASIDE_DAY, 20000, e->due_ms - 1));
		ck_assert(!aside_waits(&a, ASIDE_DAY, 20000, e->due_ms));
		now = e->due_ms;
	}
	ck_assert_uint_eq(a.count[ASIDE_DAY], 1);
	ck_assert_uint_eq(aside_clear_due(&a, now - 1), 0);
	ck_assert_uint_eq(aside_clear_due(&a, now), 1);
	ck_assert(aside_is_empty(&a));
	ck_assert_uint_eq(a.count[ASIDE_DAY], 0);
	/* It begins anew. */
	ck_assert_int_eq(aside_put(&a, ASIDE_DAY, 20000, now, "", "")->pause_ms, ASIDE_FIRST_MS);
}
END_TEST

/* The same number means another thing as a device, a day or a step. */
START_TEST(kinds_are_apart)
{
	ck_assert_ptr_nonnull(aside_put(&a, ASIDE_STEP, 2, 300, "55P03", "a step"));
	ck_assert_ptr_nonnull(aside_put(&a, ASIDE_DEVICE, 2, 100, "55P03", "a device"));
	ck_assert(!aside_waits(&a, ASIDE_DAY, 2, 0));
	ck_assert_ptr_nonnull(aside_put(&a, ASIDE_DAY, 2, 200, "58030", "a day"));
	ck_assert_str_eq(aside_find(&a, ASIDE_DEVICE, 2)->reason, "a device");
	ck_assert_str_eq(aside_find(&a, ASIDE_DAY, 2)->reason, "a day");
	ck_assert_str_eq(aside_find(&a, ASIDE_STEP, 2)->reason, "a step");
	ck_assert_int_eq(aside_next_ms(&a), 1100);
	/* What is due goes, the others stay. */
	ck_assert_uint_eq(aside_clear_due(&a, 1100), 1);
	ck_assert_ptr_null(aside_find(&a, ASIDE_DEVICE, 2));
	ck_assert_uint_eq(a.count[ASIDE_DEVICE], 0);
	ck_assert_int_eq(aside_next_ms(&a), 1200);
	ck_assert_uint_eq(a.n, 2);
	ck_assert_str_eq(aside_find(&a, ASIDE_STEP, 2)->reason, "a step");
}
END_TEST

/* As many as there is room for, whatever their order; one more is refused and changes nothing. */
START_TEST(it_is_bounded)
{
	for (int64_t i = 0; i < ASIDE_MOST; i++)
		ck_assert_ptr_nonnull(
		    aside_put(&a, ASIDE_DEVICE, i * 7919 % ASIDE_MOST - 100, i, "55P03", "locked"));
	ck_assert_ptr_null(aside_put(&a, ASIDE_DEVICE, 1000, 0, "55P03", "locked"));
	ck_assert_ptr_null(aside_find(&a, ASIDE_DEVICE, 1000));
	ck_assert_uint_eq(a.count[ASIDE_DEVICE], ASIDE_MOST);
	for (uint32_t i = 1; i < a.n; i++)
		ck_assert_int_lt(a.entries[i - 1].key, a.entries[i].key);
	/* One that is there still may be put again. */
	ck_assert_int_eq(aside_put(&a, ASIDE_DEVICE, 5, 0, "", "")->pause_ms, 2 * ASIDE_FIRST_MS);
	ck_assert_uint_eq(aside_clear_due(&a, INT64_MAX), ASIDE_MOST);
	ck_assert(aside_is_empty(&a));
}
END_TEST

START_TEST(long_reasons_are_cut)
{
	char text[ASIDE_REASON * 2];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ck_assert_uint_eq(
	    strlen(aside_put(&a, ASIDE_STEP, 0, 0, "XX001", text)->reason), ASIDE_REASON - 1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("aside");
	TCase *t = tcase_create("aside");
	SRunner *r = srunner_create(s);

	tcase_add_checked_fixture(t, empty, NULL);
	tcase_add_test(t, nothing_waits_at_first);
	tcase_add_test(t, pauses_double_up_to_a_limit);
	tcase_add_test(t, kinds_are_apart);
	tcase_add_test(t, it_is_bounded);
	tcase_add_test(t, long_reasons_are_cut);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
