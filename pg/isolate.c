/* Finds the rows that are refused: see isolate.h. Pure. */
#include "pg/isolate.h"

#include <assert.h>

static void
push(struct pg_isolate *it, uint32_t from, uint32_t to)
{
	assert(it->nleft < PG_ISOLATE_DEPTH);
	it->left[it->nleft++] = (struct pg_span){from, to};
}

void
pg_isolate_start(struct pg_isolate *it, uint32_t n)
{
	it->nleft = 0;
	it->now = (struct pg_span){0, 0};
	if (n > 0)
		push(it, 0, n);
}

bool
pg_isolate_next(struct pg_isolate *it, uint32_t most)
{
	if (it->nleft == 0)
		return false;
	it->now = it->left[--it->nleft];
	if (it->now.to - it->now.from > most) {
		push(it, it->now.from + most, it->now.to);
		it->now.to = it->now.from + most;
	}
	return true;
}

bool
pg_isolate_refused(struct pg_isolate *it)
{
	uint32_t n = it->now.to - it->now.from, middle = it->now.from + n / 2;

	if (n <= 1)
		return true;
	push(it, middle, it->now.to);
	push(it, it->now.from, middle);
	return false;
}

void
pg_isolate_again(struct pg_isolate *it)
{
	push(it, it->now.from, it->now.to);
}
