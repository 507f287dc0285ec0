/*
 * The count of repeated frames with a wrong CRC (shm/crc_ledger.h): per device and frame,
 * over processes, for 24 hours, in bounded memory.
 */
#include "shm/crc_ledger.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOUR ((int64_t)3600 * 1000)
#define NOW (INT64_C(1700000000) * 1000)
#define IMEI UINT64_C(352093081452251)

static struct crc_ledger *ledger;

static void
setup(void)
{
	ledger = mmap(
	    NULL, crc_ledger_size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(ledger, MAP_FAILED);
	crc_ledger_init(ledger);
}

static void
teardown(void)
{
	munmap(ledger, crc_ledger_size());
}

START_TEST(counts_per_device_and_frame)
{
	ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, 7, NOW), 1);
	ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, 8, NOW), 1);
	ck_assert_uint_eq(crc_ledger_count(ledger, IMEI + 1, 7, NOW), 1);
	ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, 7, NOW + 1), 2);
	ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, 7, NOW + 2), 3);
	ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, 8, NOW + 2), 2);
	/* Even a hash of 0 is a hash. */
	ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, 0, NOW), 1);
	ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, 0, NOW), 2);
}
END_TEST

/* A window that moves, not one that starts again: three within any 24 hours are three. */
START_TEST(for_a_day)
{
	ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, 7, NOW), 1);
	ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, 7, NOW + 20 * HOUR), 2);
	ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, 7, NOW + 25 * HOUR), 2);
	ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, 7, NOW + 30 * HOUR), 3);
	ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, 7, NOW + 54 * HOUR), 1);
}
END_TEST

/* A clock that is set back must not make a frame wait for days. */
START_TEST(clock_set_back)
{
	ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, 7, NOW), 1);
	ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, 7, NOW - 100 * HOUR), 2);
	ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, 7, 0), 3);
}
END_TEST

START_TEST(many_repeats)
{
	uint32_t n = 0;

	for (int i = 0; i < 1000; i++) {
		uint32_t next = crc_ledger_count(ledger, IMEI, 7, NOW + i);

		ck_assert_uint_ge(next, n);
		n = next;
	}
	ck_assert_uint_ge(n, 3);
}
END_TEST

/* Far more frames than there is room for: the silent ones are forgotten, the busy one is not. */
START_TEST(full_table)
{
	int wrong = 0;

	/* ck_assert would take most of the time of such a loop. */
	for (uint64_t i = 0; i < 500000; i++) {
		int64_t now = NOW + (int64_t)i;

		wrong += crc_ledger_count(ledger, IMEI + 1 + i, i, now) != 1;
		if (i % 1000 == 0)
			wrong +=
			    crc_ledger_count(ledger, IMEI, 7, now) < (i < 2000 ? i / 1000 + 1 : 3);
	}
	ck_assert_int_eq(wrong, 0);
	ck_assert_uint_eq(crc_ledger_count(ledger, IMEI + 1, 0, NOW + 500000), 1);
}
END_TEST

START_TEST(over_processes)
{
	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0)
			_exit((int)crc_ledger_count(ledger, IMEI, 7, NOW));
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert(WIFEXITED(status));
		ck_assert_int_eq(WEXITSTATUS(status), i + 1);
	}
	ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, 7, NOW), 3);
}
END_TEST

/* Processes killed while they count, at any instruction: the others go on. */
START_TEST(killed_counters)
{
	for (int round = 0; round < 20; round++) {
		volatile uint64_t *progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		pid_t pid;
		int status;

		ck_assert_ptr_ne((const void *)progress, MAP_FAILED);
		pid = fork();
		if (pid == 0) {
			for (uint64_t i = 0; i < 100000000; i++) {
				if (crc_ledger_count(ledger, IMEI + i % 5, 7, NOW) == 0)
					_exit(2);
				*progress = i;
			}
			_exit(1);
		}
		while (*progress < 100)
			usleep(100);
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert(WIFSIGNALED(status));
		ck_assert_uint_ge(crc_ledger_count(ledger, IMEI, 7, NOW), 3);
		munmap((void *)(uintptr_t)progress, sizeof(*progress));
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("crc_ledger");
	TCase *t = tcase_create("crc_ledger");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, counts_per_device_and_frame);
	tcase_add_test(t, for_a_day);
	tcase_add_test(t, clock_set_back);
	tcase_add_test(t, many_repeats);
	tcase_add_test(t, full_table);
	tcase_add_test(t, over_processes);
	tcase_add_test(t, killed_counters);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
