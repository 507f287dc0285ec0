#include "worker/task/live_impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"

#define MAX_FOLDS 262144
#define FIRST_ROOM 64
#define LOG_EVERY_MS 60000

/* ---- Folds by entry: a dense array and an open-addressing index of it ---- */

static size_t
slot_of(const struct live *l, uint32_t entry)
{
	return (entry * UINT32_C(0x9e3779b1)) & (l->nslots - 1);
}

/* The slot that holds the entry, or the free one where it belongs. */
static size_t
find_slot(const struct live *l, uint32_t entry)
{
	size_t s = slot_of(l, entry);

	while (l->slots[s] != 0 && l->folds[l->slots[s] - 1].entry != entry)
		s = (s + 1) & (l->nslots - 1);
	return s;
}

struct fold *
live_find(struct live *l, uint32_t entry)
{
	if (l->n == 0)
		return NULL;
	size_t s = find_slot(l, entry);
	return l->slots[s] != 0 ? &l->folds[l->slots[s] - 1] : NULL;
}

/* Gives the arrays `room` places, which is at least n. */
static bool
resize(struct live *l, size_t room)
{
	size_t nslots = room * 2;
	uint32_t *slots = calloc(nslots, sizeof(*slots));
	struct fold *folds = slots == NULL ? NULL : realloc(l->folds, room * sizeof(*folds));

	if (folds == NULL) {
		free(slots);
		return false;
	}
	free(l->slots);
	l->folds = folds;
	l->room = room;
	l->slots = slots;
	l->nslots = nslots;
	for (size_t i = 0; i < l->n; i++)
		l->slots[find_slot(l, folds[i].entry)] = (uint32_t)i + 1;
	return true;
}

/* After a storm most of the memory goes back. */
void
live_shrink(struct live *l)
{
	if (l->n == 0) {
		free(l->folds);
		free(l->slots);
		l->folds = NULL;
		l->slots = NULL;
		l->room = l->nslots = 0;
	} else if (l->room > FIRST_ROOM * 16 && l->n < l->room / 8) {
		(void)!resize(l, l->room / 4);
	}
}

static void
free_slot(struct live *l, size_t hole)
{
	size_t mask = l->nslots - 1;

	l->slots[hole] = 0;
	for (size_t s = (hole + 1) & mask; l->slots[s] != 0; s = (s + 1) & mask) {
		size_t home = slot_of(l, l->folds[l->slots[s] - 1].entry);

		/* It may move into the hole unless its home lies behind that. */
		if (((s - home) & mask) < ((s - hole) & mask))
			continue;
		l->slots[hole] = l->slots[s];
		l->slots[s] = 0;
		hole = s;
	}
}

/* Takes folds[i] out; the last one moves into its place. */
struct fold
live_take(struct live *l, size_t i)
{
	struct fold f = l->folds[i];

	free_slot(l, find_slot(l, f.entry));
	l->n--;
	if (i != l->n) {
		l->slots[find_slot(l, l->folds[l->n].entry)] = (uint32_t)i + 1;
		l->folds[i] = l->folds[l->n];
	}
	return f;
}

void
live_note_full(struct live *l)
{
	uint64_t suppressed;

	if (log_gate_open(&l->full_gate, clock_mono_ms(), LOG_EVERY_MS, &suppressed))
		log_warn(
		    "too many live rows wait for the database: some changes are left out (%" PRIu64
		    " more since the last line)",
		    suppressed);
}

void
live_drop_detail(struct live *l, struct fold *f)
{
	if (f->fix != NULL)
		l->detail_bytes -= LIVE_FIX_BYTES;
	if (f->io != NULL)
		l->detail_bytes -= f->io_len;
	free(f->fix);
	free(f->io);
	f->fix = f->io = NULL;
	f->io_len = 0;
}

struct fold *
live_append(struct live *l, uint32_t entry)
{
	if (l->n == MAX_FOLDS ||
	    (l->n == l->room && !resize(l, l->room == 0 ? FIRST_ROOM : l->room * 2))) {
		live_note_full(l);
		return NULL;
	}
	struct fold *f = &l->folds[l->n++];
	*f = (struct fold){.entry = entry};
	l->slots[find_slot(l, entry)] = (uint32_t)l->n;
	return f;
}

void
live_make_due(struct live *l, struct fold *f, int64_t at_ms)
{
	f->due_ms = at_ms;
	if (l->n == 1 || at_ms < l->next_due_ms)
		l->next_due_ms = at_ms;
}

/* ---- Back into the folds: what could not be written ---- */

static void
merge_session(struct fold *newer, const struct fold *older)
{
	bool none = !newer->connected && !newer->goodbye;

	if (!older->connected && !older->goodbye)
		return;
	if (none || older->session_id > newer->session_id) {
		newer->goodbye = older->goodbye;
		newer->disconnected_ms = older->disconnected_ms;
	} else if (older->session_id < newer->session_id || !older->connected) {
		return;
	}
	newer->session_id = older->session_id;
	newer->connected = older->connected;
	newer->connected_ms = older->connected_ms;
	newer->addr_len = older->addr_len;
	memcpy(newer->addr, older->addr, sizeof(newer->addr));
}

/* Puts a fold back, under what has happened since. Its memory goes over or is freed. */
void
live_put_back(struct live *l, struct fold *older, int64_t due_ms)
{
	struct fold *f = live_find(l, older->entry);

	if (f == NULL) {
		f = live_append(l, older->entry);
		if (f == NULL) {
			live_drop_detail(l, older);
			return;
		}
		*f = *older;
		live_make_due(l, f, due_ms);
		return;
	}
	if (f->device_id != older->device_id) {
		live_drop_detail(l, older);
		return;
	}
	f->row |= older->row;
	f->ping |= older->ping;
	if (older->seen_ms > f->seen_ms)
		f->seen_ms = older->seen_ms;
	merge_session(f, older);
	if (f->fix == NULL) {
		f->fix = older->fix;
		older->fix = NULL;
	} else if (older->fix != NULL &&
		   row_i64(older->fix, ROW_RECORDED_AT) > row_i64(f->fix, ROW_RECORDED_AT)) {
		memcpy(f->fix, older->fix, LIVE_FIX_BYTES);
	}
	if (older->io != NULL && (f->io == NULL || older->record_us > f->record_us)) {
		if (f->io != NULL)
			l->detail_bytes -= f->io_len;
		free(f->io);
		f->io = older->io;
		f->io_len = older->io_len;
		f->record_us = older->record_us;
		older->io = NULL;
	}
	live_drop_detail(l, older);
	live_make_due(l, f, due_ms < f->due_ms ? due_ms : f->due_ms);
}
