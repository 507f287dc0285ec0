#include "shm/stats.h"

#include <assert.h>
#include <stddef.h>
#include <time.h>

/*
 * A reader looks this often at once, then this often with a pause between: 20 ms and more in all.
 */
#define READ_SPINS 64
#define READ_NAPS 200
#define READ_NAP_NS 50000

static_assert(STATS_TIME_BUCKETS == STATS_SIZE_BUCKETS, "one histogram type for both");
static_assert(sizeof(_Atomic uint64_t) == sizeof(uint64_t), "lock-free 64-bit atomics");

const uint64_t stats_time_bounds_us[STATS_TIME_BUCKETS] = {100, 200, 500, 1000, 2000, 5000, 10000,
    20000, 50000, 100000, 200000, 500000, 1000000, 2000000, 5000000, 10000000};

const uint64_t stats_wait_bounds_us[STATS_TIME_BUCKETS] = {100000, 200000, 500000, 1000000, 2000000,
    5000000, 10000000, 30000000, 60000000, 120000000, 300000000, 600000000, 1800000000, 3600000000,
    21600000000, 86400000000};

const uint64_t stats_size_bounds[STATS_SIZE_BUCKETS] = {
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000};

void
stats_observe(struct stats_histogram *h, const uint64_t *bounds, uint64_t value)
{
	size_t i = 0;

	while (i < STATS_TIME_BUCKETS && value > bounds[i])
		i++;
	stats_add(&h->bucket[i], 1);
	stats_add(&h->sum, value);
}

static void
copy_histogram(struct stats_histogram *to, const struct stats_histogram *from)
{
	for (size_t i = 0; i <= STATS_TIME_BUCKETS; i++)
		stats_set(&to->bucket[i], stats_get(&from->bucket[i]));
	stats_set(&to->sum, stats_get(&from->sum));
}

static void
add_histogram(struct stats_histogram *to, const struct stats_histogram *from)
{
	for (size_t i = 0; i <= STATS_TIME_BUCKETS; i++)
		stats_add(&to->bucket[i], stats_get(&from->bucket[i]));
	stats_add(&to->sum, stats_get(&from->sum));
}

static void
clear_histogram(struct stats_histogram *h)
{
	for (size_t i = 0; i <= STATS_TIME_BUCKETS; i++)
		stats_set(&h->bucket[i], 0);
	stats_set(&h->sum, 0);
}

/* Everything but the change counter. */
static void
copy_values(struct stats *to, const struct stats *from)
{
#define X(f, m, l, h) stats_set(&to->f, stats_get(&from->f));
	STATS_COUNTERS(X)
	STATS_GAUGES(X)
#undef X
#define X(f, m, b, h) copy_histogram(&to->f, &from->f);
	STATS_HISTOGRAMS(X)
#undef X
}

/* One try: true if no group of changes was under way from beginning to end. */
static bool
try_read(const struct stats *s, struct stats *copy)
{
	uint64_t before, after;

	before = atomic_load_explicit((_Atomic uint64_t *)&s->seq, memory_order_acquire);
	copy_values(copy, s);
	atomic_thread_fence(memory_order_acquire);
	after = stats_get(&s->seq);
	stats_set(&copy->seq, before);
	return before == after && (before & 1) == 0;
}

static uint64_t
outcomes(const struct stats *s)
{
	return stats_get(&s->stored) + stats_get(&s->duplicate) + stats_get(&s->quarantined) +
	       stats_get(&s->refused);
}

/* Makes the identity of doc/design.md, Metrics, hold in a torn copy. */
static void
mend(struct stats *copy)
{
	uint64_t decided = outcomes(copy);

	/*
	 * A record is received before it is decided. If the copy says otherwise, it took the
	 * records first and the outcomes later; more records than it says are there by now.
	 */
	if (stats_get(&copy->records) < decided)
		stats_set(&copy->records, decided);
	stats_set(&copy->in_flight, stats_get(&copy->records) - decided);
}

bool
stats_read(const struct stats *s, struct stats *copy)
{
	const struct timespec nap = {.tv_sec = 0, .tv_nsec = READ_NAP_NS};

	for (int i = 0; i < READ_SPINS + READ_NAPS; i++) {
		if (i >= READ_SPINS)
			(void)nanosleep(&nap, NULL);
		if (try_read(s, copy))
			return true;
	}
	mend(copy);
	return false;
}

void
stats_sum(struct stats *to, const struct stats *from, bool gauges)
{
#define X(f, m, l, h) stats_add(&to->f, stats_get(&from->f));
	STATS_COUNTERS(X)
	if (gauges) {
		STATS_GAUGES(X)
	}
#undef X
#define X(f, m, b, h) add_histogram(&to->f, &from->f);
	STATS_HISTOGRAMS(X)
#undef X
}

/* Leaves the change counter grown and even, so that no reader takes the old set for the new. */
static void
clear_block(struct stats *s)
{
	stats_set(&s->seq, stats_get(&s->seq) | 1);
	atomic_thread_fence(memory_order_release);
#define X(f, m, l, h) stats_set(&s->f, 0);
	STATS_COUNTERS(X)
	STATS_GAUGES(X)
#undef X
#define X(f, m, b, h) clear_histogram(&s->f);
	STATS_HISTOGRAMS(X)
#undef X
	stats_end(s);
}

void
stats_retire(struct stats *retired, struct stats *block)
{
	struct stats last;

	/*
	 * The writer is dead, so one copy will do; but it may have died inside a group, where
	 * in_flight can't be trusted: what has no outcome was in flight.
	 */
	copy_values(&last, block);
	mend(&last);
	stats_add(&last.refused, stats_get(&last.in_flight));

	stats_begin(retired);
	stats_sum(retired, &last, false);
	stats_end(retired);
	clear_block(block);
}
