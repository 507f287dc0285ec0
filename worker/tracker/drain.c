#include "worker/tracker/drain.h"

#include "worker/tracker/trackers_impl.h"

uint32_t
drain_due(uint32_t total, int64_t elapsed_ms, int64_t limit_ms)
{
	int64_t within_ms = limit_ms * DRAIN_SHARE_PERCENT / 100;
	int64_t all = total, slow, fast;

	if (elapsed_ms < 0)
		elapsed_ms = 0;
	if (elapsed_ms >= within_ms)
		return total;
	/* Both products fit: elapsed_ms is below an hour of milliseconds (TELEM_DRAIN_TIMEOUT_MS).
	 */
	slow = elapsed_ms * DRAIN_PER_SECOND / 1000;
	fast = elapsed_ms * all / within_ms;
	if (fast > slow)
		slow = fast;
	return slow + 1 < all ? (uint32_t)(slow + 1) : total;
}

void
drain_begin(struct trackers *t, int64_t now_ms, int64_t limit_ms)
{
	t->drain = (struct drain){.active = true,
	    .began_ms = now_ms,
	    .limit_ms = limit_ms,
	    .total = t->conns.table.taken};
	drain_tick(t, now_ms);
}

void
drain_tick(struct trackers *t, int64_t now_ms)
{
	struct drain *d = &t->drain;
	uint32_t due;

	if (!d->active)
		return;
	due = drain_due(d->total, now_ms - d->began_ms, d->limit_ms);
	/* Some have closed by themselves: at the end it is the turn of all that are left. */
	if (due == d->total)
		due = UINT32_MAX;
	for (; d->next < t->conns.table.nseats && d->closed < due; d->next++) {
		struct conn *c = conn_at(&t->conns, d->next);

		if (c == NULL || state_is_closing(c->state))
			continue;
		conn_close(c, CLOSE_DRAIN);
		d->closed++;
	}
}
