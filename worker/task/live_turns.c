/* Live rows: whose turn it is. */
#include <stdlib.h>

#include "common/clock.h"
#include "worker/task/live_impl.h"

/*
 * A device is written at most once per second, and what it sent is there within a second: so turns
 * keep to the ticks of jobs.c (100 ms), a round every second tick, a device every fifth round. The
 * margins keep a late tick from costing a whole round.
 */
#define ROUND_MS 190
#define DEVICE_MS 950
/* Where many send, and live rows are held up for their cost, one waits no longer than this. */
#define LONGEST_MS 9800

/* A session that began or ended is seen at once: only what moved waits for others. */
static bool
is_urgent(const struct fold *f)
{
	return f->connected || f->goodbye;
}

/* devices.last_ping of a device that stays online follows at an interval. */
static int64_t
ping_at(const struct live *l, const struct fold *f)
{
	int64_t pinged = registry_pinged_ms(l->cfg.registry, f->entry);

	return pinged == 0 || f->goodbye ? 0 : pinged + INT64_C(1000) * l->cfg.last_ping_interval_s;
}

int64_t
live_due_at(const struct live *l, const struct fold *f)
{
	int64_t flushed = registry_flushed_ms(l->cfg.registry, f->entry);
	int64_t at = flushed == 0 ? 0 : flushed + DEVICE_MS, ping;

	if (f->row)
		return at;
	ping = ping_at(l, f);
	return ping > at ? ping : at;
}

static int
compare_folds(const void *a, const void *b)
{
	const struct fold *x = a, *y = b;

	return x->device_id < y->device_id ? -1 : x->device_id > y->device_id;
}

/* A deleted device gets no row any more; all that may be left to write is its goodbye. */
static bool
is_worth_writing(struct live *l, struct fold *f)
{
	struct device_entry e;

	registry_get(l->cfg.registry, f->entry, &e);
	f->gone = !e.present || e.id != f->device_id;
	if (!f->gone)
		return f->row || f->ping;
	f->ping = false;
	f->row = f->goodbye;
	return f->row;
}

/* True: it has to wait for others, as live rows have had their share. */
static bool
is_held_up(const struct live *l, const struct fold *f, int64_t now)
{
	if (!f->row || is_urgent(f) || l->granted > 0)
		return false;
	return registry_flushed_ms(l->cfg.registry, f->entry) + LONGEST_MS > now;
}

/* Into the batch; or there is nothing to write. */
static void
take(struct live *l, size_t i, int64_t now)
{
	struct fold f = live_take(l, i);

	if (!is_worth_writing(l, &f)) {
		live_forget(l, &f);
		return;
	}
	if (f.row && l->granted > 0)
		l->granted--;
	f.held = f.ping && ping_at(l, &f) > now;
	l->batch[l->nbatch++] = f;
}

/* Moves those that are due into the batch, going on behind those of the last time. */
static void
gather(struct live *l, int64_t now)
{
	size_t left = l->n, i = l->cursor < l->n ? l->cursor : l->n, held_up = 0, first_held = 0;
	int64_t earliest = INT64_MAX;
	/* While some are held up all have their turns one after the other: those at the end had theirs last. */
	const bool in_turn = l->held_up > 0;

	while (left > 0 && l->n > 0 && l->nbatch < LIVE_BATCH) {
		if (i == 0)
			i = l->n;
		i--;
		left--;
		if (l->folds[i].due_ms > now) {
			if (l->folds[i].due_ms < earliest)
				earliest = l->folds[i].due_ms;
			continue;
		}
		if (is_held_up(l, &l->folds[i], now)) {
			if (held_up++ == 0)
				first_held = i + 1;
			continue;
		}
		take(l, i, now);
		/* What moved into its place comes from behind: look at it too. */
		if (i < l->n && !in_turn) {
			i++;
			left++;
		}
	}
	/* Whoever was held up first has the next turn. */
	l->cursor = held_up > 0 && first_held <= l->n ? first_held : i;
	l->more = left > 0 && l->n > 0;
	l->held_up = held_up;
	l->next_due_ms = l->more ? now : held_up > 0 ? now + ROUND_MS : earliest;
	l->last_round_ms = now;
}

/* A device may stand under two entries, after its IMEI was changed: the second one waits. */
static void
sort_batch(struct live *l, int64_t now)
{
	size_t n = 0;

	qsort(l->batch, l->nbatch, sizeof(l->batch[0]), compare_folds);
	for (size_t i = 0; i < l->nbatch; i++) {
		struct fold *f = &l->batch[i];

		if (n > 0 && l->batch[n - 1].device_id == f->device_id) {
			live_put_back(l, f, now + DEVICE_MS);
			continue;
		}
		if (f->row)
			registry_set_flushed_ms(l->cfg.registry, f->entry, now);
		l->batch[n++] = *f;
	}
	l->nbatch = n;
}

/* What a device that sends all the time sees: a second, and the turns of those that are held up. */
static void
note_interval(struct live *l)
{
	uint64_t ms = DEVICE_MS + (l->pace.allowed > 0 ? l->held_up * 1000 / l->pace.allowed : 0);

	if (l->cfg.interval_ms != NULL)
		atomic_store_explicit(l->cfg.interval_ms,
		    (uint32_t)(ms < LONGEST_MS ? ms : LONGEST_MS), memory_order_relaxed);
}

bool
live_turn(struct live *l, int64_t now_ms)
{
	const struct stats *st = l->cfg.stats;
	const struct live_pace_counts counts = {
	    .records = stats_get(&st->stored) + stats_get(&st->duplicate),
	    .batches = stats_get(&st->batches_copy) + stats_get(&st->batches_insert)};

	live_pace_note(&l->pace, &counts, now_ms);
	if (l->n == 0 || now_ms < l->next_due_ms ||
	    (!l->more && now_ms < l->last_round_ms + ROUND_MS))
		return false;
	if (!l->more)
		l->granted = live_pace_grant(&l->pace, now_ms);
	gather(l, now_ms);
	sort_batch(l, now_ms);
	note_interval(l);
	return true;
}
