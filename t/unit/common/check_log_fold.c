/*
 * What keeps repeats from filling the log (common/log_fold.h), on a clock of the test's.
 */
#include "common/log_fold.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fold fold;
static struct fold_report due;

static bool
admit(enum log_level level, uint64_t imei, const char *peer, const char *text, int64_t now)
{
	return fold_admit(
	    &fold, level, &(struct log_fields){.imei = imei, .peer = peer}, text, now);
}

static int
admitted(int n, enum log_level level, const char *text, int64_t now)
{
	int written = 0;

	for (int i = 0; i < n; i++)
		written += fold_admit(&fold, level, NULL, text, now);
	return written;
}

START_TEST(repeats_are_folded)
{
	memset(&fold, 0, sizeof(fold));
	ck_assert(!fold_due(&fold, 0, true, &due));
	ck_assert_int_eq(admitted(7, LOG_ERROR_, "disk 1 full", 1000), FOLD_BURST);
	/* Numbers don't make it another line, whatever their length; anything else does. */
	ck_assert(!fold_admit(&fold, LOG_ERROR_, NULL, "disk 2345 full", 1000));
	ck_assert(fold_admit(&fold, LOG_ERROR_, NULL, "disk full", 1000));
	ck_assert(fold_admit(&fold, LOG_WARN_, NULL, "disk 1 full", 1000));
	ck_assert(admit(LOG_ERROR_, 7, NULL, "disk 1 full", 1000));
	ck_assert(admit(LOG_ERROR_, 7, "[2001:db8::1]:99", "disk 1 full", 1000));
	/* Not before its window is over. */
	ck_assert(!fold_due(&fold, 60999, false, &due));
	ck_assert(!fold_admit(&fold, LOG_ERROR_, NULL, "disk 3 full", 60999));
	ck_assert(fold_due(&fold, 61000, false, &due));
	ck_assert_int_eq(due.level, LOG_ERROR_);
	ck_assert_uint_eq(due.repeated, 4);
	ck_assert_str_eq(due.text, "disk 3 full");
	ck_assert_str_eq(due.peer, "");
	ck_assert_uint_eq(due.imei, 0);
	ck_assert(!due.left_out);
	ck_assert(!fold_due(&fold, 61000, true, &due));
	/* And a new window begins. */
	ck_assert_int_eq(admitted(7, LOG_ERROR_, "disk 1 full", 61000), FOLD_BURST);
	ck_assert(fold_due(&fold, 61000, true, &due));
	ck_assert_uint_eq(due.repeated, 2);
}
END_TEST

/* One tracker that comes back for ever: the port differs, the IMEI and the address don't. */
START_TEST(one_tracker_is_folded)
{
	char peer[64];
	int written = 0;

	memset(&fold, 0, sizeof(fold));
	for (int i = 0; i < 20; i++) {
		(void)snprintf(peer, sizeof(peer), "192.0.2.1:%d", 40000 + i);
		written += admit(LOG_INFO_, 352093081452251, peer, "refused", i);
	}
	ck_assert_int_eq(written, FOLD_BURST);
	ck_assert(admit(LOG_INFO_, 352093081452251, "192.0.2.2:40000", "refused", 20));
	ck_assert(admit(LOG_INFO_, 352093081452252, "192.0.2.1:40000", "refused", 20));
	ck_assert(admit(LOG_INFO_, 352093081452251, "?", "refused", 20));
	for (int i = 0; i < FOLD_BURST + 1; i++)
		(void)admit(LOG_WARN_, 352093081452253, NULL, "bad frame", 30000);
	ck_assert(fold_due(&fold, 60000, false, &due));
	ck_assert_uint_eq(due.repeated, 20 - FOLD_BURST);
	ck_assert_uint_eq(due.imei, 352093081452251);
	ck_assert_str_eq(due.peer, "192.0.2.1:40019");
	ck_assert_int_eq(due.level, LOG_INFO_);
	ck_assert(!fold_due(&fold, 89999, false, &due));
	ck_assert(fold_due(&fold, 90000, false, &due));
	ck_assert_uint_eq(due.imei, 352093081452253);
	ck_assert_str_eq(due.peer, "");
}
END_TEST

START_TEST(news_is_not_folded)
{
	const struct log_fields nobody = {0};

	memset(&fold, 0, sizeof(fold));
	for (int i = 0; i < 1000; i++) {
		ck_assert(fold_admit(&fold, LOG_INFO_, NULL, "ready", 0));
		ck_assert(fold_admit(&fold, LOG_INFO_, &nobody, "ready", 0));
		ck_assert(admit(LOG_DEBUG_, 1, "x:1", "detail", 0));
	}
	ck_assert(!fold_due(&fold, 0, true, &due));
}
END_TEST

/* Many trackers: a number of lines at once, then so many a second; errors of our own go on. */
START_TEST(trackers_have_a_budget)
{
	int written = 0;

	memset(&fold, 0, sizeof(fold));
	for (uint64_t imei = 1; imei <= 1000; imei++)
		written += admit(LOG_WARN_, imei, NULL, "bad frame", 5000);
	ck_assert_int_eq(written, FOLD_LINES);
	ck_assert(fold_admit(&fold, LOG_ERROR_, NULL, "database away", 5000));
	for (uint64_t imei = 1; imei <= 1000; imei++)
		written += admit(LOG_WARN_, imei, NULL, "bad frame", 6000);
	ck_assert_int_eq(written, FOLD_LINES + FOLD_LINES_PER_SECOND);
	ck_assert(!fold_due(&fold, 64999, false, &due));
	ck_assert(fold_due(&fold, 65000, false, &due));
	ck_assert(due.left_out);
	ck_assert_uint_eq(due.repeated, 2000 - (uint64_t)written);
	ck_assert(!fold_due(&fold, 65000, true, &due));
	/* After a long time there is room again, but no more than at the start. */
	written = 0;
	for (uint64_t imei = 1; imei <= 1000; imei++)
		written += admit(LOG_WARN_, imei, NULL, "bad frame", 10000000);
	ck_assert_int_eq(written, FOLD_LINES);
	ck_assert(fold_due(&fold, 10000000, true, &due));
	ck_assert_uint_eq(due.repeated, 1000 - FOLD_LINES);
}
END_TEST

/* More different lines than are followed: those with something to report stay, the oldest go. */
START_TEST(more_lines_than_places)
{
	char text[32];
	int reports = 0;

	memset(&fold, 0, sizeof(fold));
	ck_assert_int_eq(admitted(10, LOG_ERROR_, "first", 0), FOLD_BURST);
	for (int i = 0; i < 40; i++) {
		memset(text, 'a', sizeof(text));
		text[i % 30 + 1] = '\0';
		ck_assert_int_eq(admitted(1, LOG_ERROR_, text, i + 1), 1);
	}
	ck_assert_int_eq(admitted(1, LOG_ERROR_, "first", 50), 0);
	/* Every place has something to report: a new line is written without being followed. */
	for (int i = 0; i < FOLD_OTHERS + 5; i++) {
		memset(text, 'b', sizeof(text));
		text[i + 1] = '\0';
		(void)admitted(10, LOG_ERROR_, text, 100);
	}
	ck_assert_int_eq(admitted(100, LOG_ERROR_, "last", 100), 100);
	/* A place whose window is over is not the same line's any more. */
	ck_assert_int_eq(admitted(100, LOG_ERROR_, "first", 70000), 100);
	while (fold_due(&fold, 200, true, &due))
		reports++;
	ck_assert_int_eq(reports, FOLD_OTHERS);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("log_fold");
	TCase *t = tcase_create("log_fold");
	SRunner *r;
	int failed;

	tcase_add_test(t, repeats_are_folded);
	tcase_add_test(t, one_tracker_is_folded);
	tcase_add_test(t, news_is_not_folded);
	tcase_add_test(t, trackers_have_a_budget);
	tcase_add_test(t, more_lines_than_places);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
