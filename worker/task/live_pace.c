#include "worker/task/live_pace.h"

/* Microseconds of PostgreSQL's: for a live row; a transaction; a record in one (doc/write-path.md). */
#define LIVE_ROW_US 18
#define BATCH_US 100
#define RECORD_US 12
/* A live row may take one part of so many that are spent on records: a quarter of all. */
#define PARTS 3
/* Of all workers: at LIVE_ROW_US each about a hundredth of a processor's second. */
#define LEAST_ROWS 1000

#define LOOK_MS 1000
#define SMOOTH 4 /* looks over which a change of the rate is spread */

void
live_pace_init(struct live_pace *p, unsigned workers)
{
	*p = (struct live_pace){.least = LEAST_ROWS / (workers > 0 ? workers : 1) + 1};
	p->allowed = p->least;
}

void
live_pace_note(struct live_pace *p, const struct live_pace_counts *counts, int64_t now_ms)
{
	int64_t elapsed = now_ms - p->at_ms;

	if (p->at_ms != 0 && elapsed < LOOK_MS)
		return;
	if (p->at_ms != 0) {
		uint64_t us = (counts->records - p->counts.records) * RECORD_US +
			      (counts->batches - p->counts.batches) * BATCH_US;
		uint64_t rows = us / PARTS / LIVE_ROW_US * 1000 / (uint64_t)elapsed;

		if (rows < p->least)
			rows = p->least;
		p->allowed = (p->allowed * (SMOOTH - 1) + rows) / SMOOTH;
	}
	p->at_ms = now_ms;
	p->counts = *counts;
}

uint64_t
live_pace_grant(struct live_pace *p, int64_t now_ms)
{
	int64_t elapsed = now_ms - p->credit_ms;

	if (p->credit_ms == 0 || elapsed > 1000)
		elapsed = 1000;
	p->credit_ms = now_ms;
	return p->allowed * (uint64_t)elapsed / 1000;
}
