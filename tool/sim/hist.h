/* A histogram of durations with a relative error under 2 %, from 1 µs to hours. Pure. */
#ifndef TOOL_SIM_HIST_H
#define TOOL_SIM_HIST_H

#include <stdint.h>

#define SIM_HIST_SUB 64 /* buckets per power of two */
#define SIM_HIST_BUCKETS (SIM_HIST_SUB * 32)

struct sim_hist {
	uint64_t count, max_us, sum_us;
	uint64_t bucket[SIM_HIST_BUCKETS];
};

void sim_hist_add(struct sim_hist *, uint64_t us);
/* The value that `percent` of all do not exceed, in µs; 0 without values. */
uint64_t sim_hist_percentile(const struct sim_hist *, double percent);

#endif
