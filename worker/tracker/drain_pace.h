/*
 * The pace of a drain: connections are closed one after the other, so that a fleet doesn't come
 * back in one second. At least PACE_PER_SECOND, which closes 1,000 within two seconds; faster if
 * there are so many that all would not be closed within PACE_SHARE of the drain's time: the rest
 * is for the last answers.
 *
 * Pure: no clock, no connections.
 */
#ifndef WORKER_TRACKER_DRAIN_PACE_H
#define WORKER_TRACKER_DRAIN_PACE_H

#include <stdint.h>

#define PACE_PER_SECOND 600
#define PACE_SHARE_PERCENT 75

/*
 * How many of `total` connections are to be closed `elapsed_ms` after the drain began, one that
 * may last `limit_ms`. From 1 (at once) to `total`; it never falls as time goes on.
 */
uint32_t pace_due(uint32_t total, int64_t elapsed_ms, int64_t limit_ms);

#endif
