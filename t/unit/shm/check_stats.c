/*
 * Counters in shared memory (shm/stats.h): no reader sees a torn set, whatever the writer is
 * doing or has died of, and nothing is lost when a block is retired.
 */
#include "shm/stats.h"

#include <check.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define READS 20000

static struct stats *block, *retired;

static void
setup(void)
{
	block = mmap(
	    NULL, 2 * sizeof(*block), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(block, MAP_FAILED);
	retired = block + 1;
}

static void
teardown(void)
{
	munmap(block, 2 * sizeof(*block));
}

static uint64_t
decided(const struct stats *s)
{
	return stats_get(&s->stored) + stats_get(&s->duplicate) + stats_get(&s->quarantined) +
	       stats_get(&s->refused);
}

static void
identity(const struct stats *s)
{
	ck_assert_uint_eq(stats_get(&s->records), decided(s) + stats_get(&s->in_flight));
}

/* What a worker does: some records come in, some are decided. */
static void
work(struct stats *s, uint64_t n)
{
	stats_begin(s);
	stats_add(&s->records, n + 1);
	stats_add(&s->in_flight, n + 1);
	stats_end(s);
	stats_begin(s);
	stats_add(&s->stored, n);
	stats_add(&s->duplicate, 1);
	stats_sub(&s->in_flight, n + 1);
	stats_end(s);
}

START_TEST(histogram)
{
	stats_observe(&block->ack_us, stats_time_bounds_us, 0);
	stats_observe(&block->ack_us, stats_time_bounds_us, 100);
	stats_observe(&block->ack_us, stats_time_bounds_us, 101);
	stats_observe(&block->ack_us, stats_time_bounds_us, 10000000);
	stats_observe(&block->ack_us, stats_time_bounds_us, 10000001);
	ck_assert_uint_eq(stats_get(&block->ack_us.bucket[0]), 2);
	ck_assert_uint_eq(stats_get(&block->ack_us.bucket[1]), 1);
	ck_assert_uint_eq(stats_get(&block->ack_us.bucket[STATS_TIME_BUCKETS - 1]), 1);
	ck_assert_uint_eq(stats_get(&block->ack_us.bucket[STATS_TIME_BUCKETS]), 1);
	ck_assert_uint_eq(stats_get(&block->ack_us.sum), 20000202);
	for (int i = 1; i < STATS_TIME_BUCKETS; i++) {
		ck_assert_uint_gt(stats_time_bounds_us[i], stats_time_bounds_us[i - 1]);
		ck_assert_uint_gt(stats_size_bounds[i], stats_size_bounds[i - 1]);
	}
}
END_TEST

START_TEST(quiet_block)
{
	struct stats copy;

	work(block, 4);
	stats_add(&block->messages, 3);
	stats_set(&block->db_up, 1);
	ck_assert(stats_read(block, &copy));
	identity(&copy);
	ck_assert_uint_eq(stats_get(&copy.records), 5);
	ck_assert_uint_eq(stats_get(&copy.messages), 3);
	ck_assert_uint_eq(stats_get(&copy.db_up), 1);
}
END_TEST

START_TEST(sums)
{
	struct stats sum;

	memset(&sum, 0, sizeof(sum));
	stats_add(&block->acks, 2);
	stats_set(&block->conn_active, 7);
	stats_observe(&block->batch_records, stats_size_bounds, 5);
	stats_sum(&sum, block, true);
	stats_sum(&sum, block, false);
	ck_assert_uint_eq(stats_get(&sum.acks), 4);
	ck_assert_uint_eq(stats_get(&sum.conn_active), 7);
	ck_assert_uint_eq(stats_get(&sum.batch_records.bucket[2]), 2);
	ck_assert_uint_eq(stats_get(&sum.batch_records.sum), 10);
}
END_TEST

/* Every histogram with something of its own in every bucket, the one without a bound included. */
static void
fill_histograms(struct stats *s)
{
	uint64_t seed = 1;

#define X(f, m, b, h) \
	for (int i = 0; i <= STATS_TIME_BUCKETS; i++, seed++) \
		for (uint64_t n = 0; n < seed; n++) \
			stats_observe(&s->f, b, i < STATS_TIME_BUCKETS ? b[i] : b[i - 1] + seed);
	STATS_HISTOGRAMS(X)
#undef X
}

/* ... holds `times` what fill_histograms() put into it. */
static void
assert_histograms(const struct stats *s, uint64_t times)
{
	uint64_t seed = 1, sum;

#define X(f, m, b, h) \
	sum = 0; \
	for (int i = 0; i <= STATS_TIME_BUCKETS; i++, seed++) { \
		ck_assert_msg(stats_get(&s->f.bucket[i]) == times * seed, "%s, bucket %d", #f, i); \
		sum += seed * (i < STATS_TIME_BUCKETS ? b[i] : b[i - 1] + seed); \
	} \
	ck_assert_msg(stats_get(&s->f.sum) == times * sum, "the sum of %s", #f);
	STATS_HISTOGRAMS(X)
#undef X
}

START_TEST(histograms_are_read_and_summed_whole)
{
	struct stats copy, sum;

	memset(&sum, 0, sizeof(sum));
	/* What stood in a copy before is of no account. */
	memset(&copy, 0xff, sizeof(copy));
	fill_histograms(block);
	ck_assert(stats_read(block, &copy));
	assert_histograms(&copy, 1);
	stats_sum(&sum, &copy, true);
	assert_histograms(&sum, 1);
	stats_sum(&sum, &copy, false);
	assert_histograms(&sum, 2);
	assert_histograms(block, 1);
}
END_TEST

/* Of one worker after the other: the totals keep all, the next one begins with nothing. */
START_TEST(histograms_are_retired_whole)
{
	for (uint64_t worker = 1; worker <= 3; worker++) {
		fill_histograms(block);
		stats_retire(retired, block);
		assert_histograms(retired, worker);
		assert_histograms(block, 0);
	}
}
END_TEST

/* Looks at a writer that never rests: every copy is whole, and no counter goes back. */
START_TEST(busy_writer)
{
	pid_t pid = fork();
	uint64_t records = 0, outcomes = 0;
	struct stats copy;
	int whole = 0, wrong = 0;

	if (pid == 0) {
		for (uint64_t n = 0;; n++) {
			work(block, n % 50);
			/* Gone when its parent is. */
			if (n % 1024 == 0 && getppid() == 1)
				_exit(0);
		}
	}
	while (stats_get(&block->records) == 0)
		sched_yield();
	/* ck_assert would take most of the time of such a loop. */
	for (int i = 0; i < READS; i++) {
		whole += stats_read(block, &copy);
		wrong += stats_get(&copy.records) != decided(&copy) + stats_get(&copy.in_flight);
		wrong += stats_get(&copy.records) < records || decided(&copy) < outcomes;
		records = stats_get(&copy.records);
		outcomes = decided(&copy);
	}
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(wrong, 0);
	/* Patience nearly always pays; what was mended holds the identity all the same. */
	ck_assert_int_gt(whole, READS * 9 / 10);
	ck_assert_uint_gt(records, 0);
}
END_TEST

/* Killed or stopped at the worst place: the reader comes back, with the identity. */
START_TEST(dead_inside)
{
	struct stats copy;
	pid_t pid;

	work(block, 9);
	pid = fork();
	if (pid == 0) {
		stats_begin(block);
		stats_add(&block->records, 30);
		stats_add(&block->in_flight, 30);
		stats_add(&block->stored, 10);
		(void)raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert(!stats_read(block, &copy));
	identity(&copy);
	ck_assert_uint_eq(stats_get(&copy.records), 40);
	ck_assert_uint_eq(stats_get(&copy.in_flight), 20);

	stats_retire(retired, block);
	ck_assert_uint_eq(stats_get(&retired->records), 40);
	ck_assert_uint_eq(stats_get(&retired->refused), 20);
	identity(retired);
	/* The next occupant begins clean, and can be read. */
	ck_assert(stats_read(block, &copy));
	ck_assert_uint_eq(stats_get(&copy.records), 0);
	work(block, 1);
	ck_assert(stats_read(block, &copy));
	identity(&copy);
}
END_TEST

/* Outcomes booked before their records, as far as a reader can tell. */
START_TEST(torn_the_other_way)
{
	struct stats copy;

	stats_begin(block);
	stats_add(&block->stored, 10);
	ck_assert(!stats_read(block, &copy));
	identity(&copy);
	ck_assert_uint_eq(stats_get(&copy.in_flight), 0);
}
END_TEST

/*
 * Many generations of workers, killed at any instruction: the totals of the gateway never go back,
 * and the identity holds after each.
 */
START_TEST(generations)
{
	uint64_t before = 0;

	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			for (uint64_t n = 0; n < 1000000000; n++) {
				work(block, n % 7);
				stats_observe(&block->commit_us, stats_time_bounds_us, n);
			}
			_exit(1);
		}
		while (stats_get(&block->records) < 1000)
			sched_yield();
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
		stats_retire(retired, block);
		identity(retired);
		ck_assert_uint_eq(stats_get(&retired->in_flight), 0);
		ck_assert_uint_ge(stats_get(&retired->records), before + 1000);
		before = stats_get(&retired->records);
		ck_assert_uint_eq(stats_get(&block->records), 0);
		ck_assert_uint_eq(stats_get(&block->in_flight), 0);
		ck_assert_uint_eq(stats_get(&block->commit_us.sum), 0);
		ck_assert_uint_eq(stats_get(&block->seq) & 1, 0);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("stats");
	TCase *t = tcase_create("stats");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, histogram);
	tcase_add_test(t, quiet_block);
	tcase_add_test(t, sums);
	tcase_add_test(t, histograms_are_read_and_summed_whole);
	tcase_add_test(t, histograms_are_retired_whole);
	tcase_add_test(t, busy_writer);
	tcase_add_test(t, dead_inside);
	tcase_add_test(t, torn_the_other_way);
	tcase_add_test(t, generations);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
