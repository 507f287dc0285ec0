#include "t/unit/worker/store/memory.h"

#include <assert.h>
#include <stdlib.h>

struct store {
	struct memory_config cfg;
	struct batch batch[3]; /* the last one: STORE_KEPT */
	int filling;
	struct batch *storing;
	bool down;
	unsigned kicks;
};

struct store *
memory_new(const struct memory_config *cfg)
{
	struct store *s = calloc(1, sizeof(*s));

	if (s == NULL)
		abort();
	for (int i = 0; i < 3; i++)
		if (!batch_init(&s->batch[i], &cfg->limits))
			abort();
	s->cfg = *cfg;
	return s;
}

void
memory_free(struct store *s)
{
	for (int i = 0; i < 3; i++)
		batch_free(&s->batch[i]);
	free(s);
}

bool
store_forget(struct store *s, int which, uint32_t frame)
{
	struct frame *f = &s->batch[which].frames[frame];

	if (f->kind != FRAME_RECORDS || (which != STORE_KEPT && which != s->filling))
		return false;
	return f->forgotten = true;
}

/* ---- What a test says ---- */

void
memory_down(struct store *s)
{
	s->down = true;
	s->cfg.down(s->cfg.ctx);
}

void
memory_up(struct store *s)
{
	s->down = false;
}

void
memory_begin(struct store *s)
{
	assert(s->storing == NULL);
	s->storing = &s->batch[s->filling];
	s->filling ^= 1;
	batch_seal(s->storing);
	s->cfg.room(s->cfg.ctx);
}

void
memory_refuse(struct store *s, uint32_t frame)
{
	struct frame *f = &s->storing->frames[frame];

	f->poisoned = true;
	if (f->nrows > 0)
		s->storing->rows[f->first_row].state = ROW_REFUSED;
	/* As the store does with a message that is refused. */
	if (f->kind == FRAME_MESSAGE) {
		f->kind = FRAME_QUARANTINE;
		f->reason = "content";
	}
}

void
memory_refuse_wholly(struct store *s, uint32_t frame)
{
	s->storing->frames[frame].unstorable = true;
}

void
memory_leave_out(struct store *s, uint32_t frame)
{
	s->storing->frames[frame].forgotten = true;
	stats_begin(s->cfg.stats);
	stats_add(&s->cfg.stats->refused, s->storing->frames[frame].count);
	stats_sub(&s->cfg.stats->in_flight, s->storing->frames[frame].count);
	stats_end(s->cfg.stats);
}

void
memory_keep(struct store *s, uint32_t frame)
{
	s->storing->frames[frame].aside = true;
}

static void
kept_moved(void *ctx, uint32_t from, uint32_t to)
{
	struct store *s = ctx;

	s->cfg.moved(s->cfg.ctx, STORE_KEPT, from, STORE_KEPT, to);
}

void
memory_take_back(struct store *s, uint32_t frame)
{
	struct batch *kept = &s->batch[STORE_KEPT];
	uint32_t to = batch_copy(&s->batch[s->filling], kept, frame);

	assert(to != BATCH_NONE);
	s->cfg.moved(s->cfg.ctx, STORE_KEPT, frame, s->filling, to);
	kept->frames[frame].forgotten = true;
	batch_compact(kept, kept_moved, s);
}

void
memory_commit_rows(struct store *s)
{
	for (uint32_t i = 0; i < s->storing->nframes; i++) {
		struct frame *f = &s->storing->frames[i];

		if (f->kind == FRAME_RECORDS && !f->poisoned && !f->unstorable && !f->forgotten &&
		    !f->aside)
			f->done = true;
	}
	s->cfg.stored(s->cfg.ctx, s->storing);
}

static void
book(struct stats *stats, const struct frame *f)
{
	if (f->forgotten || f->aside || f->kind == FRAME_MESSAGE || f->kind == FRAME_DEBUG)
		return;
	stats_begin(stats);
	stats_add(f->unstorable				     ? &stats->refused
		  : f->kind == FRAME_RECORDS && !f->poisoned ? &stats->stored
							     : &stats->quarantined,
	    f->count);
	stats_sub(&stats->in_flight, f->count);
	stats_end(stats);
}

static void
keep(struct store *s, uint32_t frame)
{
	struct batch *kept = &s->batch[STORE_KEPT], *b = s->storing;
	uint32_t to = batch_copy(kept, b, frame);

	assert(to != BATCH_NONE);
	kept->frames[to].aside = false;
	s->cfg.moved(s->cfg.ctx, store_which(s, b), frame, STORE_KEPT, to);
	b->frames[frame].from.conn = 0;
}

void
memory_commit_rest(struct store *s)
{
	struct batch *b = s->storing;

	for (uint32_t i = 0; i < b->nframes; i++) {
		if (!b->frames[i].unstorable && !b->frames[i].forgotten && !b->frames[i].aside)
			b->frames[i].done = true;
		book(s->cfg.stats, &b->frames[i]);
	}
	s->cfg.stored(s->cfg.ctx, b);
	for (uint32_t i = 0; i < b->nframes; i++)
		if (b->frames[i].aside)
			keep(s, i);
	s->cfg.finished(s->cfg.ctx, b);
	s->storing = NULL;
	batch_reset(b);
}

void
memory_commit(struct store *s)
{
	if (s->storing == NULL) {
		if (batch_is_empty(&s->batch[s->filling]))
			return;
		memory_begin(s);
	}
	memory_commit_rows(s);
	memory_commit_rest(s);
}

struct batch *
memory_storing(struct store *s)
{
	return s->storing;
}

unsigned
memory_kicks(const struct store *s)
{
	return s->kicks;
}

/* ---- store.h ---- */

struct batch *
store_filling(struct store *s)
{
	return &s->batch[s->filling];
}

struct batch *
store_batch(struct store *s, int which)
{
	return &s->batch[which];
}

int
store_which(const struct store *s, const struct batch *b)
{
	return b == &s->batch[1];
}

void
store_kick(struct store *s)
{
	s->kicks++;
}

bool
store_is_up(const struct store *s)
{
	return !s->down;
}

bool
store_is_idle(const struct store *s)
{
	return s->storing == NULL && batch_is_empty(&s->batch[s->filling]);
}
