#include "worker/store/gather.h"

#include <string.h>

#define WINDOW_US INT64_C(250000)
/* Fewer to come than so many aren't worth a wait. */
#define WORTH 4
/* A transaction of so many rows costs hardly less a row than a larger one (doc/write-path.md). */
#define ENOUGH_ROWS 128

void
gather_init(struct gather *g, int limit_ms)
{
	*g = (struct gather){.limit_us = INT64_C(1000) * limit_ms};
}

/* What was heard in a window that is over counts for the next one; in one before that, no more. */
static void
turn_window(struct gather *g, int64_t now_us)
{
	int64_t age = now_us - g->window_us;

	if (age >= 0 && age < WINDOW_US)
		return;
	g->expected = age >= 0 && age < 2 * WINDOW_US ? g->heard : 0;
	g->heard = 0;
	g->window_us = now_us;
	memset(g->seen, 0, sizeof(g->seen));
}

void
gather_heard(struct gather *g, uint32_t entry, int64_t now_us)
{
	uint32_t at = entry * 2654435761U >> 20;
	uint64_t bit = UINT64_C(1) << at % 64;

	turn_window(g, now_us);
	g->heard += (g->seen[at / 64] & bit) == 0;
	g->seen[at / 64] |= bit;
}

int64_t
gather_until(struct gather *g, uint32_t frames, uint32_t rows, int64_t first_us, int64_t now_us)
{
	turn_window(g, now_us);
	if (g->expected * g->limit_us < WORTH * WINDOW_US)
		return now_us;
	/* Where half of all wait already, the others are about to be answered: nobody is left to wait for. */
	if (rows >= ENOUGH_ROWS || frames >= g->expected / 2)
		return now_us;
	return first_us + g->limit_us;
}
