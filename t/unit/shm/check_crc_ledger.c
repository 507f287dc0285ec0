/*
 * The count of repeated frames with a wrong CRC (shm/crc_ledger.h): per device and frame,
 * over processes, for 24 hours, in bounded memory.
 */
#include "shm/crc_ledger.h"

#include <check.h>
#include <signal.h>
#include <stdbool.h>
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

/* To the millisecond: what came a whole day ago counts no more. */
START_TEST(edge_of_a_day)
{
	ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, 7, NOW), 1);
	ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, 7, NOW + 24 * HOUR - 1), 2);
	ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, 8, NOW), 1);
	ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, 8, NOW + 24 * HOUR), 1);
}
END_TEST

/* The clock begins with the machine: at 0, and before a day has passed, arrivals count as at any time. */
START_TEST(first_day_of_the_clock)
{
	ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, 7, 0), 1);
	ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, 7, 0), 2);
	ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, 7, 1), 3);
	ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, 7, HOUR), 4);
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
	/* Of one frame the last eight are remembered. */
	for (uint32_t i = 1; i <= 10; i++)
		ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, 8, NOW + i), i < 8 ? i : 8);
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

/* ---- neighbours: frames that share a set, which only the ledger knows ---- */

#define NEIGHBOURS 8
#define CANDIDATES 100000 /* about twelve a set */

static void
begin_anew(void)
{
	teardown();
	setup();
}

/* Is frame 0 forgotten once `n` neighbours and the candidates 1 to `last` have come after it? */
static bool
forgotten(const uint64_t *neighbour, size_t n, uint64_t last)
{
	int64_t at = NOW;

	begin_anew();
	ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, 0, at++), 1);
	for (size_t i = 0; i < n; i++)
		ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, neighbour[i], at++), 1);
	for (uint64_t i = 1; i <= last; i++)
		if (crc_ledger_count(ledger, IMEI, i, at++) == 0)
			return false;
	return crc_ledger_count(ledger, IMEI, 0, at) == 1;
}

/* Frames of the set of frame 0, the last candidate first. Returns how many it takes to have that forgotten. */
static size_t
find_neighbours(uint64_t neighbour[2 * NEIGHBOURS])
{
	uint64_t last = CANDIDATES;
	size_t n = 0;

	ck_assert(forgotten(NULL, 0, last));
	while (n < 2 * NEIGHBOURS && !forgotten(neighbour, n, 0)) {
		uint64_t least = 1;

		/* The candidate that is one too many is a neighbour. */
		while (least < last) {
			uint64_t middle = least + (last - least) / 2;

			if (forgotten(neighbour, n, middle))
				last = middle;
			else
				least = middle + 1;
		}
		neighbour[n++] = last--;
	}
	return n;
}

/* Eight of a set have room, and it is the longest silent one that is forgotten for a ninth. */
START_TEST(eight_neighbours)
{
	uint64_t neighbour[2 * NEIGHBOURS];
	int64_t at = NOW;

	ck_assert_uint_eq(find_neighbours(neighbour), NEIGHBOURS);
	begin_anew();
	ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, 0, at++), 1);
	for (int i = 0; i < NEIGHBOURS - 1; i++)
		ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, neighbour[i], at++), 1);
	/* All are there; now neighbour[0] is silent for longest, though frame 0 came first. */
	ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, 0, at++), 2);
	ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, neighbour[NEIGHBOURS - 1], at++), 1);
	ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, 0, at++), 3);
	for (int i = 1; i < NEIGHBOURS; i++)
		ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, neighbour[i], at++), 2);
	ck_assert_uint_eq(crc_ledger_count(ledger, IMEI, neighbour[0], at++), 1);
}
END_TEST

/* Frames spread over all of the table: with half as many as there is room for, hardly one is forgotten. */
START_TEST(spread_over_the_table)
{
	const uint64_t n = 32768;
	int known = 0;

	for (uint64_t i = 1; i <= n; i++)
		known -= crc_ledger_count(ledger, IMEI + i % 100, i, NOW) != 1;
	ck_assert_int_eq(known, 0);
	for (uint64_t i = 1; i <= n; i++)
		known += crc_ledger_count(ledger, IMEI + i % 100, i, NOW + 1) == 2;
	ck_assert_int_gt(known, (int)n * 98 / 100);
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
	tcase_add_test(t, edge_of_a_day);
	tcase_add_test(t, first_day_of_the_clock);
	tcase_add_test(t, clock_set_back);
	tcase_add_test(t, many_repeats);
	tcase_add_test(t, full_table);
	tcase_add_test(t, eight_neighbours);
	tcase_add_test(t, spread_over_the_table);
	tcase_add_test(t, over_processes);
	tcase_add_test(t, killed_counters);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
