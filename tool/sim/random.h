/*
 * Pseudo-random numbers of the simulator: splitmix64. One state of 8 bytes for each purpose and tracker, so
 * that what a tracker does never depends on the others or on the network. Not for secrets.
 */
#ifndef TOOL_SIM_RANDOM_H
#define TOOL_SIM_RANDOM_H

#include <stdint.h>

static inline uint64_t
sim_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* Uniform in [0, n); n > 0. */
static inline uint32_t
sim_random_below(uint64_t *state, uint32_t n)
{
	return (uint32_t)(((sim_random(state) >> 32) * n) >> 32);
}

/* Uniform in [low, high). */
static inline double
sim_random_between(uint64_t *state, double low, double high)
{
	return low + (high - low) * ((double)(sim_random(state) >> 11) * 0x1p-53);
}

/* True in `percent` of 100 cases. */
static inline int
sim_random_percent(uint64_t *state, double percent)
{
	return percent > 0 && sim_random_between(state, 0, 100) < percent;
}

#endif
