#include "tool/sim/hist.h"

/* Exact up to 2 * SUB, then SUB buckets for each power of two. */
static unsigned
bucket_of(uint64_t us)
{
	unsigned shift, i;

	if (us < 2 * SIM_HIST_SUB)
		return (unsigned)us;
	shift = 63 - (unsigned)__builtin_clzll(us) - 6;
	i = shift * SIM_HIST_SUB + (unsigned)(us >> shift);
	return i < SIM_HIST_BUCKETS ? i : SIM_HIST_BUCKETS - 1;
}

/* The largest value that falls into bucket i. */
static uint64_t
top_of(unsigned i)
{
	unsigned shift;

	if (i < 2 * SIM_HIST_SUB)
		return i;
	shift = i / SIM_HIST_SUB - 1;
	return ((uint64_t)(i - shift * SIM_HIST_SUB + 1) << shift) - 1;
}

void
sim_hist_add(struct sim_hist *h, uint64_t us)
{
	h->bucket[bucket_of(us)]++;
	h->count++;
	h->sum_us += us;
	if (us > h->max_us)
		h->max_us = us;
}

uint64_t
sim_hist_percentile(const struct sim_hist *h, double percent)
{
	double wanted = (double)h->count * percent / 100;
	uint64_t seen = 0;

	for (unsigned i = 0; i < SIM_HIST_BUCKETS; i++) {
		seen += h->bucket[i];
		if (h->bucket[i] > 0 && (double)seen >= wanted)
			return top_of(i) < h->max_us ? top_of(i) : h->max_us;
	}
	return h->max_us;
}
