/*
 * How many live rows a worker may write in a second (doc/design.md, Live row). Pure: no I/O, no clock.
 *
 * A live row costs PostgreSQL about as much as a stored record. So that live rows take no more than a quarter of
 * what PostgreSQL does for the worker, their number follows that of the records and transactions; but so many as cost
 * a hundredth of a processor in all are always written.
 */
#ifndef WORKER_TASK_LIVE_PACE_H
#define WORKER_TASK_LIVE_PACE_H

#include <stdint.h>

/* Counters that only grow. */
struct live_pace_counts {
	uint64_t records, batches;
};

struct live_pace {
	uint64_t least;	  /* rows a second that are always written */
	uint64_t allowed; /* rows a second */
	int64_t at_ms;	  /* when the counts were taken; 0: never */
	struct live_pace_counts counts;
	int64_t credit_ms; /* up to when rows have been granted; 0: never */
};

/* `workers` share what is always written. */
void live_pace_init(struct live_pace *, unsigned workers);

/* Takes note of what was stored up to now; looked at once in a second. */
void live_pace_note(struct live_pace *, const struct live_pace_counts *, int64_t now_ms);

/* How many rows may be written now, for the time since the last call; of a second at most. */
uint64_t live_pace_grant(struct live_pace *, int64_t now_ms) __attribute__((warn_unused_result));

#endif
