#include "worker/task/live_impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"

#define MAX_FOLDS 262144
#define FIRST_ROOM 64
#define LOG_EVERY_MS 60000

/* ---- Folds by entry: a dense array and a map into it ---- */

struct fold *
live_find(struct live *l, uint32_t entry)
{
	uint32_t place = intmap_get(&l->places, entry);

	return place != INTMAP_NONE ? &l->folds[place] : NULL;
}

/* Gives the array `room` places, which is at least n. */
static bool
resize(struct live *l, size_t room)
{
	struct fold *folds = realloc(l->folds, room * sizeof(*folds));

	if (folds == NULL)
		return false;
	l->folds = folds;
	l->room = room;
	return true;
}

/* A map of the same, no larger than it must be. */
static void
shrink_map(struct live *l)
{
	struct intmap places = {0};

	for (size_t i = 0; i < l->n; i++)
		if (!intmap_put(&places, l->folds[i].entry, (uint32_t)i)) {
			intmap_free(&places);
			return;
		}
	intmap_free(&l->places);
	l->places = places;
}

/* After a storm most of the memory goes back. */
void
live_shrink(struct live *l)
{
	if (l->n == 0) {
		free(l->folds);
		l->folds = NULL;
		l->room = 0;
		intmap_free(&l->places);
	} else if (l->room > FIRST_ROOM * 16 && l->n < l->room / 8 && resize(l, l->room / 4)) {
		shrink_map(l);
	}
}

/* Takes folds[i] out; the last one moves into its place. */
struct fold
live_take(struct live *l, size_t i)
{
	struct fold f = l->folds[i];

	intmap_remove(&l->places, f.entry, (uint32_t)i);
	l->n--;
	if (i != l->n) {
		l->folds[i] = l->folds[l->n];
		/* It is in the map, so this needs no memory. */
		(void)!intmap_put(&l->places, l->folds[i].entry, (uint32_t)i);
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

void
live_mark_locked(struct live *l, struct fold *f, bool locked)
{
	if (f->locked == locked)
		return;
	f->locked = locked;
	if (locked)
		l->nlocked++;
	else
		l->nlocked--;
}

void
live_forget(struct live *l, struct fold *f)
{
	live_mark_locked(l, f, false);
	live_drop_detail(l, f);
	if (live_find(l, f->entry) == NULL)
		registry_clear_dirty(l->cfg.registry, f->entry, l->cfg.owner);
}

struct fold *
live_append(struct live *l, uint32_t entry)
{
	if (l->n == MAX_FOLDS ||
	    (l->n == l->room && !resize(l, l->room == 0 ? FIRST_ROOM : l->room * 2)) ||
	    !intmap_put(&l->places, entry, (uint32_t)l->n)) {
		live_note_full(l);
		return NULL;
	}
	struct fold *f = &l->folds[l->n++];
	*f = (struct fold){.entry = entry, .due_ms = INT64_MAX};
	return f;
}

void
live_count_end(struct fold *f, const char *reason, uint32_t ends)
{
	/* Static texts, one per reason. */
	f->ends = f->reason == reason ? f->ends + ends : ends;
	f->reason = reason;
}

static void
make_due(struct live *l, struct fold *f, int64_t at_ms)
{
	f->due_ms = at_ms;
	if (l->n > 1 && at_ms >= l->next_due_ms)
		return;
	l->next_due_ms = at_ms;
	jobs_kick(&l->job);
}

void
live_schedule(struct live *l, struct fold *f)
{
	int64_t at_ms = live_due_at(l, f);

	if (at_ms < f->due_ms)
		make_due(l, f, at_ms);
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

/* The older ones come before those that have ended since. */
static void
merge_ends(struct fold *newer, const struct fold *older)
{
	if (older->reason != NULL && (newer->reason == NULL || newer->reason == older->reason))
		live_count_end(newer, older->reason, older->ends);
}

/* Of records ahead of the clock and others only the others count. */
static void
merge_ahead(struct live *l, struct fold *newer, struct fold *older)
{
	bool has_newer = newer->fix != NULL || newer->io != NULL;
	bool has_older = older->fix != NULL || older->io != NULL;

	if (has_newer && has_older && newer->ahead != older->ahead)
		live_drop_detail(l, newer->ahead ? newer : older);
	if (has_older && (!has_newer || newer->ahead))
		newer->ahead = older->ahead;
}

/* Puts a fold back, under what has happened since. Its memory goes over or is freed. */
void
live_put_back(struct live *l, struct fold *older, int64_t due_ms)
{
	struct fold *f = live_find(l, older->entry);

	if (f == NULL) {
		f = live_append(l, older->entry);
		if (f == NULL) {
			live_mark_locked(l, older, false);
			live_drop_detail(l, older);
			return;
		}
		*f = *older;
		f->held = false;
		make_due(l, f, due_ms);
		return;
	}
	if (f->device_id != older->device_id) {
		live_mark_locked(l, older, false);
		live_drop_detail(l, older);
		return;
	}
	/* The mark goes over. */
	live_mark_locked(l, f, f->locked || older->locked);
	live_mark_locked(l, older, false);
	f->row |= older->row;
	f->ping |= older->ping;
	merge_ahead(l, f, older);
	if (older->seen_ms > f->seen_ms)
		f->seen_ms = older->seen_ms;
	merge_session(f, older);
	merge_ends(f, older);
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
	make_due(l, f, due_ms < f->due_ms ? due_ms : f->due_ms);
}
