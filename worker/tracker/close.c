#include "worker/tracker/close.h"

const struct close_row close_rows[CLOSE_COUNT] = {
#define X(reason, n, a, l, c, r, t) \
	[CLOSE_##reason] = {.name = #n, \
	    .answers = a, \
	    .level = l, \
	    .closed = COUNTED_AS(ended_##n), \
	    .counter = c, \
	    .refused = r, \
	    .text = t},
    CLOSE_REASONS(X)
#undef X
};

static void
count(struct stats *stats, size_t at)
{
	if (at != NOT_COUNTED)
		stats_add((_Atomic uint64_t *)(void *)((char *)stats + at), 1);
}

void
close_count(struct stats *stats, enum close_reason reason)
{
	count(stats, close_rows[reason].closed);
	count(stats, close_rows[reason].counter);
}
