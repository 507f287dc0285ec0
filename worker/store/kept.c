/*
 * Frames that are put aside: left out of the batch that is being stored, kept in a third one, and tried again in
 * one that fills when what they wait for is due (doc/design.md, Storing).
 */
#include <stdlib.h>

#include "common/clock.h"
#include "proto/avl.h"
#include "worker/store/store_impl.h"

static bool
kept_is_ready(struct store *s)
{
	struct batch *kept = &s->batch[STORE_KEPT];

	return kept->frames != NULL || batch_init(kept, &s->cfg.limits);
}

/* Microseconds since 2000, as in a tuple, to days since 1970. */
int64_t
store_day(const struct row *r)
{
	const int64_t day_us = INT64_C(86400000000), to_2000 = 10957;
	int64_t day = r->recorded_at / day_us - (r->recorded_at % day_us < 0);

	return day + to_2000;
}

int64_t
store_raw_key(const struct batch *b, const struct frame *f)
{
	return (int64_t)(hash_bytes(batch_raw(b, f), f->raw_len) ^
			 f->from.imei * UINT64_C(0x9e3779b97f4a7c15));
}

static bool
day_waits(const struct store *s, const struct batch *b, const struct frame *f, int64_t now)
{
	if (s->aside.count[ASIDE_DAY] == 0)
		return false;
	for (uint32_t i = 0; i < f->nrows; i++)
		if (b->rows[f->first_row + i].state == ROW_WAITING &&
		    aside_waits(&s->aside, ASIDE_DAY, store_day(&b->rows[f->first_row + i]), now))
			return true;
	return false;
}

/* Something that the frame needs is put aside. */
static bool
frame_waits(const struct store *s, const struct batch *b, const struct frame *f, int64_t now)
{
	const struct aside *a = &s->aside;

	switch ((enum frame_kind)f->kind) {
	case FRAME_RECORDS:
		return aside_waits(a, ASIDE_DEVICE, f->from.device_id, now) ||
		       (f->poisoned && aside_waits(a, ASIDE_STEP, STEP_RAW, now)) ||
		       day_waits(s, b, f, now);
	case FRAME_MESSAGE:
		return aside_waits(a, ASIDE_STEP, STEP_MESSAGES, now) ||
		       aside_waits(a, ASIDE_COMMAND, f->from.received_wall_us, now);
	case FRAME_QUARANTINE:
	case FRAME_DEBUG:
		if (aside_waits(a, ASIDE_STEP, STEP_RAW, now))
			return true;
		return a->count[ASIDE_RAW] > 0 &&
		       aside_waits(a, ASIDE_RAW, store_raw_key(b, f), now);
	}
	return false;
}

/* Their rows are not to be stored now. */
static void
leave_out_rows(struct batch *b)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < b->norder; i++)
		if (!b->frames[b->rows[b->order[i]].frame].aside)
			b->order[n++] = b->order[i];
	b->norder = n;
}

void
store_leave_out(struct store *s)
{
	struct batch *b = s->storing;
	int64_t now = clock_mono_ms();
	bool any = false;

	if (aside_is_empty(&s->aside))
		return;
	for (uint32_t i = 0; i < b->nframes; i++)
		if (!b->frames[i].aside && !b->frames[i].done && !b->frames[i].forgotten &&
		    frame_waits(s, b, &b->frames[i], now)) {
			b->frames[i].aside = true;
			any = true;
		}
	if (any)
		leave_out_rows(b);
}

void
store_leave_out_rest(struct store *s)
{
	uint32_t n = 0;

	/* What stands before is stored, so its rows are booked. */
	for (uint32_t i = 0; i < s->spans.now.from; i++)
		if (store_listed_row(s, i)->state == ROW_WAITING)
			store_listed_row(s, i)->state = ROW_STORED;
	store_leave_out(s);
	for (uint32_t i = s->spans.now.from; i < s->listed.n; i++)
		if (!s->storing->frames[store_listed_row(s, i)->frame].aside)
			s->listed.at[n++] = s->listed.at[i];
	s->listed.n = n;
	n = 0;
	for (uint32_t i = 0; i < s->plain.n; i++)
		if (!s->storing->frames[s->storing->rows[s->plain.at[i]].frame].aside)
			s->plain.at[n++] = s->plain.at[i];
	s->plain.n = n;
	store_refusals_step(s);
	pg_isolate_start(&s->spans, s->listed.n);
}

static void
book_refused(struct store *s, const struct batch *b, const struct frame *f)
{
	uint64_t n = f->kind == FRAME_RECORDS ? 0 : f->count;

	for (uint32_t i = 0; f->kind == FRAME_RECORDS && i < f->nrows; i++)
		n += b->rows[f->first_row + i].state != ROW_STORED;
	stats_begin(s->stats);
	stats_add(&s->stats->refused, n);
	stats_sub(&s->stats->in_flight, n);
	stats_end(s->stats);
}

/*
 * One frame of the batch that ends goes to those that are kept. Records of a connection that has gone are
 * forgotten, as its tracker sends them again; so are they if there is no room, with the connection.
 */
static void
keep_frame(struct store *s, uint32_t frame)
{
	struct batch *b = s->storing, *kept = &s->batch[STORE_KEPT];
	struct frame *f = &b->frames[frame];
	uint32_t to = BATCH_NONE;

	if (f->kind != FRAME_RECORDS || f->from.conn != 0)
		to = kept_is_ready(s) ? batch_copy(kept, b, frame) : BATCH_NONE;
	if (to == BATCH_NONE) {
		if (f->kind == FRAME_MESSAGE)
			log_write(LOG_ERROR_, &(struct log_fields){.imei = f->from.imei},
			    "no room for a message that the database doesn't take for now: it is lost");
		book_refused(s, b, f);
		f->unstorable = true;
		return;
	}
	kept->frames[to].aside = false;
	kept->frames[to].careful = true;
	s->cfg.moved(s->cfg.ctx, store_which(s, b), frame, STORE_KEPT, to);
	f->from.conn = 0;
}

/*
 * One that is stored, but not answered: an earlier frame of its connection is put aside, and answers go in order. Its batch
 * is about to be used again, so it waits among those that are kept; if there is no room, its connection goes.
 */
static void
keep_unanswered(struct store *s, uint32_t frame)
{
	struct batch *b = s->storing;
	uint32_t to = kept_is_ready(s) ? batch_copy(&s->batch[STORE_KEPT], b, frame) : BATCH_NONE;

	if (to == BATCH_NONE) {
		b->frames[frame].unstorable = true;
		return;
	}
	s->cfg.moved(s->cfg.ctx, store_which(s, b), frame, STORE_KEPT, to);
	b->frames[frame].from.conn = 0;
	b->frames[frame].aside = true;
}

static bool
is_unanswered(const struct frame *f)
{
	return f->done && f->from.conn != 0;
}

void
store_keep(struct store *s)
{
	struct batch *b = s->storing;
	bool lost = false;

	for (uint32_t i = 0; i < b->nframes; i++) {
		if (b->frames[i].aside)
			keep_frame(s, i);
		else if (is_unanswered(&b->frames[i]))
			keep_unanswered(s, i);
		else
			continue;
		lost |= b->frames[i].unstorable;
	}
	if (lost)
		s->cfg.stored(s->cfg.ctx, b);
}

static void
kept_moved(void *ctx, uint32_t from, uint32_t to)
{
	struct store *s = ctx;

	s->cfg.moved(s->cfg.ctx, STORE_KEPT, from, STORE_KEPT, to);
}

void
store_close_up(struct store *s)
{
	struct batch *kept = &s->batch[STORE_KEPT];
	bool gone = false;

	for (uint32_t i = 0; i < kept->nframes; i++) {
		struct frame *f = &kept->frames[i];

		f->forgotten |= f->done && !is_unanswered(f);
		gone |= f->forgotten;
	}
	if (gone)
		batch_compact(kept, kept_moved, s);
}

void
store_take_back(struct store *s)
{
	struct batch *kept = &s->batch[STORE_KEPT], *b = &s->batch[s->filling];
	int64_t now = clock_mono_ms();

	for (uint32_t i = 0; i < kept->nframes; i++) {
		struct frame *f = &kept->frames[i];
		uint32_t to;

		if (!f->forgotten && !f->done && !frame_waits(s, kept, f, now) &&
		    (to = batch_copy(b, kept, i)) != BATCH_NONE) {
			s->cfg.moved(s->cfg.ctx, STORE_KEPT, i, s->filling, to);
			f->forgotten = true;
		}
	}
	store_close_up(s);
}

bool
store_forget(struct store *s, int which, uint32_t frame)
{
	struct batch *b = &s->batch[which];
	struct frame *f = &b->frames[frame];

	if (f->kind != FRAME_RECORDS || f->done || (which != STORE_KEPT && which != s->filling))
		return false;
	for (uint32_t i = 0; i < f->nrows; i++)
		if (b->rows[f->first_row + i].state == ROW_STORED)
			return false;
	f->forgotten = true;
	return true;
}
