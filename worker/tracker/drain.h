/*
 * A drain closes connections one after the other, so that a fleet doesn't come back in one second. At
 * least DRAIN_PER_SECOND, which closes 1,000 within two seconds; faster if there are so many that
 * all would not be closed within DRAIN_SHARE_PERCENT of the drain's time: the rest is for the last
 * answers. Those whose turn hasn't come are served.
 */
#ifndef WORKER_TRACKER_DRAIN_H
#define WORKER_TRACKER_DRAIN_H

#include <stdint.h>

#define DRAIN_PER_SECOND 600
#define DRAIN_SHARE_PERCENT 75

struct trackers;

/*
 * How many of `total` connections are to be closed `elapsed_ms` after the drain began, one that
 * may last `limit_ms`. From 1 (at once) to `total`; it never falls as time goes on. Pure.
 */
uint32_t drain_due(uint32_t total, int64_t elapsed_ms, int64_t limit_ms);

void drain_begin(struct trackers *, int64_t now_ms, int64_t limit_ms);
/* Closes those whose turn has come, if it has begun. */
void drain_tick(struct trackers *, int64_t now_ms);

#endif
