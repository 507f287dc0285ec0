#include "worker/task/live.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "pg/result.h"
#include "proto/avl.h"
#include "worker/task/live_impl.h"

#define PING_RETRY_MS 1000
#define MAX_DETAIL_BYTES (64u << 20)
#define LOG_EVERY_MS 60000

/* ---- What happens ---- */

/* The fold of a device, made if need be. NULL: no room. */
static struct fold *
fold_of(struct live *l, uint32_t entry, int64_t device_id)
{
	struct fold *f = live_find(l, entry);

	/* Also if there is no room below: our successor then looks after it. */
	registry_set_dirty(l->cfg.registry, entry, l->cfg.owner);
	if (f == NULL) {
		f = live_append(l, entry);
		if (f == NULL)
			return NULL;
		f->device_id = device_id;
	} else if (f->device_id != device_id) {
		/* Deleted and made anew: nothing is left to write for the old one. */
		live_mark_locked(l, f, false);
		live_drop_detail(l, f);
		*f = (struct fold){.entry = entry, .device_id = device_id, .due_ms = f->due_ms};
	}
	return f;
}

void
live_connected(struct live *l, uint32_t entry, int64_t device_id, const struct live_session *s)
{
	struct fold *f = fold_of(l, entry, device_id);

	if (f == NULL || ((f->connected || f->goodbye) && f->session_id > s->session_id))
		return;
	f->row = true;
	f->connected = true;
	f->goodbye = false;
	f->session_id = s->session_id;
	f->connected_ms = s->connected_at;
	f->addr_len = (uint8_t)pg_array_inet_bytes(s->remote_addr, f->addr);
	if (s->connected_at > f->seen_ms)
		f->seen_ms = s->connected_at;
	live_schedule(l, f);
}

void
live_disconnected(struct live *l, uint32_t entry, int64_t device_id, int64_t session_id,
    int64_t wall_ms, const char *reason)
{
	struct fold *f = fold_of(l, entry, device_id);

	if (f == NULL)
		return;
	/* Also of one that a newer one has replaced. */
	f->row = true;
	live_count_end(f, reason, 1);
	live_schedule(l, f);
	if (((f->connected || f->goodbye) && f->session_id > session_id))
		return;
	if (f->session_id != session_id)
		f->connected = false;
	f->goodbye = true;
	f->session_id = session_id;
	f->disconnected_ms = wall_ms;
	live_schedule(l, f);
}

void
live_seen(struct live *l, uint32_t entry, int64_t device_id, int64_t seen_wall_ms)
{
	struct fold *f = fold_of(l, entry, device_id);

	if (f == NULL)
		return;
	f->row = f->ping = true;
	if (seen_wall_ms > f->seen_ms)
		f->seen_ms = seen_wall_ms;
	live_schedule(l, f);
}

/* Takes a copy of the bytes in place of `*p`, if the memory for that is granted. */
static bool
keep_copy(struct live *l, uint8_t **p, size_t old_len, const uint8_t *from, size_t len)
{
	size_t held = l->detail_bytes - (*p != NULL ? old_len : 0);
	uint8_t *copy = held + len <= MAX_DETAIL_BYTES ? realloc(*p, len) : NULL;

	if (copy == NULL) {
		live_note_full(l);
		return false;
	}
	memcpy(copy, from, len);
	*p = copy;
	l->detail_bytes = held + len;
	return true;
}

static void
keep_fix(struct live *l, struct fold *f, const uint8_t *row)
{
	uint8_t fix[LIVE_FIX_BYTES] = {0};
	int16_t generation;

	if (f->fix != NULL && row_i64(f->fix, ROW_RECORDED_AT) >= row_i64(row, ROW_RECORDED_AT))
		return;
	memcpy(fix, row, row_generation(row, &generation) ? LIVE_FIX_BYTES : ROW_GENERATION);
	(void)!keep_copy(l, &f->fix, LIVE_FIX_BYTES, fix, sizeof(fix));
}

static void
keep_record(struct live *l, struct fold *f, const uint8_t *row)
{
	int64_t at = row_i64(row, ROW_RECORDED_AT);
	size_t len;
	const uint8_t *io = row_io(row, &len);

	if ((f->io != NULL && f->record_us >= at) || len == 0 || len > UINT32_MAX)
		return;
	if (!keep_copy(l, &f->io, f->io_len, io, len))
		return;
	f->io_len = (uint32_t)len;
	f->record_us = at;
}

bool
live_look(struct live_device *d, const uint8_t *tuple, int64_t received_ms)
{
	int64_t recorded_ms = row_i64(tuple, ROW_RECORDED_AT) / 1000 + INT64_C(946684800000);

	if (recorded_ms < 0 || !avl_time_trusted((uint64_t)recorded_ms, received_ms)) {
		if (recorded_ms <= received_ms)
			return false;
		if (d->ahead == NULL)
			d->ahead = tuple;
		if (d->ahead_fix == NULL && row_valid(tuple))
			d->ahead_fix = tuple;
		return false;
	}
	if (d->trusted == NULL)
		d->trusted = tuple;
	if (d->fix == NULL && row_valid(tuple))
		d->fix = tuple;
	return d->fix != NULL;
}

void
live_stored(struct live *l, const struct live_device *d)
{
	bool ahead = d->trusted == NULL;
	const uint8_t *record = ahead ? d->ahead : d->trusted, *fix = ahead ? d->ahead_fix : d->fix;
	struct fold *f;

	live_seen(l, d->entry, d->device_id, d->seen_ms);
	if (record == NULL || (f = live_find(l, d->entry)) == NULL)
		return;
	if (f->ahead != ahead && (f->fix != NULL || f->io != NULL)) {
		/* One record with a right time, and the device is none that is ahead. */
		if (ahead)
			return;
		live_drop_detail(l, f);
	}
	f->ahead = ahead;
	keep_record(l, f, record);
	if (fix != NULL)
		keep_fix(l, f, fix);
}

/* ---- The job ---- */

/* Takes the next span that has something to send, in this phase or in those behind it. */
static void
next_span(struct live *l)
{
	while (l->phase != LIVE_DONE) {
		while (pg_isolate_next(&l->spans, LIVE_BATCH))
			for (uint32_t i = l->spans.now.from; i < l->spans.now.to; i++)
				if (live_sends(&l->batch[i], l->phase))
					return;
		l->phase++;
		pg_isolate_start(&l->spans, (uint32_t)l->nbatch);
	}
}

static bool
live_start(void *ctx, struct pg_conn *conn)
{
	return live_write_start(ctx, conn);
}

static int
compare_id(const void *key, const void *fold)
{
	const int64_t *id = key;
	const struct fold *f = fold;

	return *id < f->device_id ? -1 : *id > f->device_id;
}

static void
live_result(void *ctx, const struct pg_result *res)
{
	struct live *l = ctx;
	int64_t now = clock_mono_ms();

	for (int i = 0; i < pg_rows(res); i++) {
		int64_t id = pg_int(res, i, 0);
		struct fold *f = bsearch(&id, l->batch, l->nbatch, sizeof(*f), compare_id);

		if (f == NULL)
			continue;
		if (l->phase == LIVE_PINGS) {
			f->ping = false;
			registry_set_pinged_ms(l->cfg.registry, f->entry, now);
		} else {
			f->left_out = true;
		}
	}
}

/* The rows of the span are written: what they held is not needed any more. */
static void
span_written(struct live *l)
{
	uint64_t n = 0;

	/* Of the pings the answer says which were written. */
	if (l->phase == LIVE_PINGS)
		return;
	for (uint32_t i = l->spans.now.from; i < l->spans.now.to; i++) {
		struct fold *f = &l->batch[i];

		if (!live_sends(f, l->phase))
			continue;
		live_mark_locked(l, f, f->left_out);
		if (f->left_out)
			continue;
		n++;
		if (l->phase == LIVE_AHEAD) {
			f->ahead = false;
		} else {
			if (f->connected && !f->goodbye && l->cfg.written != NULL)
				l->cfg.written(l->cfg.ctx, f->entry, f->session_id);
			f->row = f->connected = f->goodbye = false;
			f->reason = NULL;
			f->ends = 0;
		}
		if (!f->ahead)
			live_drop_detail(l, f);
	}
	if (l->phase == LIVE_ROWS)
		stats_add(&l->cfg.stats->live_updates, n);
}

/* This row is the one that the database doesn't take: nothing of it is kept. */
static void
drop_refused(struct live *l, struct fold *f, const struct pg_error *error, int64_t now)
{
	uint64_t suppressed;

	if (log_gate_open(&l->refused_gate, now, LOG_EVERY_MS, &suppressed))
		log_write(LOG_ERROR_,
		    &(struct log_fields){.imei = registry_imei(l->cfg.registry, f->entry)},
		    "live row refused: %s: %s (%" PRIu64 " more since the last line)",
		    error->sqlstate, error->text, suppressed);
	f->row = f->ping = f->ahead = false;
}

static void
finish_batch(struct live *l, int64_t retry_ms)
{
	for (size_t i = 0; i < l->nbatch; i++) {
		struct fold *f = &l->batch[i];

		f->left_out = false;
		if (f->row || f->ping)
			live_put_back(l, f, f->row || !f->held ? retry_ms : live_due_at(l, f));
		else
			live_forget(l, f);
	}
	l->nbatch = 0;
	stats_set(&l->cfg.stats->blocked_live_rows, l->nlocked);
}

static bool
live_due(void *ctx, int64_t now_mono_ms)
{
	struct live *l = ctx;

	if (l->nbatch > 0)
		return true;
	if (!live_turn(l, now_mono_ms))
		return false;
	l->phase = LIVE_ROWS;
	pg_isolate_start(&l->spans, (uint32_t)l->nbatch);
	next_span(l);
	/* All that they have is a last_ping that another worker has written meanwhile: it waits again. */
	if (l->phase == LIVE_DONE)
		finish_batch(l, now_mono_ms + PING_RETRY_MS);
	live_shrink(l);
	return l->nbatch > 0;
}

/*
 * Somebody holds one of these rows locked, or one that is new to us: from now on such ones are left out. Which it is the
 * next statement tells; until then it may be any.
 */
static void
become_wary(struct live *l, int64_t now)
{
	uint64_t suppressed;

	if (log_gate_open(&l->locked_gate, now, LOG_EVERY_MS, &suppressed))
		log_warn(
		    "somebody holds rows of device_online locked: they are left out until they are free");
	l->job.handled = true;
	for (uint32_t i = l->spans.now.from; i < l->spans.now.to; i++)
		live_mark_locked(l, &l->batch[i], live_sends(&l->batch[i], LIVE_ROWS));
	finish_batch(l, now);
}

static void
live_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct live *l = ctx;
	int64_t now = clock_mono_ms();

	if (outcome == PG_OK) {
		span_written(l);
	} else if (outcome == PG_ERROR && pg_error_is_content(error)) {
		l->job.handled = true;
		if (pg_isolate_refused(&l->spans))
			drop_refused(l, &l->batch[l->spans.now.from], error, now);
	} else if (outcome == PG_ERROR && pg_error_is_locked(error) && l->phase == LIVE_ROWS &&
		   l->nlocked == 0) {
		become_wary(l, now);
		return;
	} else {
		finish_batch(l, now);
		return;
	}
	next_span(l);
	/* Rows locked by others are tried again in a second. */
	if (l->phase == LIVE_DONE)
		finish_batch(l, now + PING_RETRY_MS);
}

struct live *
live_new(const struct live_config *cfg)
{
	struct live *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->cfg = *cfg;
	live_pace_init(&l->pace, cfg->nworkers);
	live_write_init(l);
	l->gateway_id = strdup(cfg->gateway_id);
	l->batch = calloc(LIVE_BATCH, sizeof(*l->batch));
	if (l->gateway_id == NULL || l->batch == NULL) {
		live_free(l);
		return NULL;
	}
	l->job = (struct job){.turn = {.name = "live rows",
				  .ctx = l,
				  .start = live_start,
				  .result = live_result,
				  .end = live_end},
	    .due = live_due,
	    .statements = live_statements};
	return l;
}

void
live_free(struct live *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n; i++)
		live_drop_detail(l, &l->folds[i]);
	for (size_t i = 0; i < l->nbatch; i++)
		live_drop_detail(l, &l->batch[i]);
	live_write_free(l);
	free(l->folds);
	intmap_free(&l->places);
	free(l->batch);
	free(l->gateway_id);
	free(l);
}

struct job *
live_job(struct live *l)
{
	return &l->job;
}

bool
live_pending(const struct live *l)
{
	return l->n > 0 || l->nbatch > 0;
}
