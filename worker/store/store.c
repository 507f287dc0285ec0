#include "worker/store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "worker/store/store_impl.h"
#include "worker/task/live.h"

#define RETRY_MIN_MS 100
#define RETRY_MAX_MS 2000

static const char *const statements[] = {"positions_insert", NULL};

static const char *const prepared[] = {
    "insert_raw",
    store_raw_sql,
    "insert_messages",
    store_messages_sql,
    NULL,
};

static void
start_soon(struct store *s)
{
	event_active(s->start_ev, EV_TIMEOUT, 1);
}

static void
set_usable(struct store *s, bool usable, const char *reason)
{
	stats_set(&s->stats->db_up, usable);
	shm_set_reason(s->cfg.shm, reason);
}

static void
recovered(struct store *s)
{
	if (!s->failing)
		return;
	log_info("database takes batches again, after %" PRId64 " s",
	    (clock_mono_ms() - s->failing_since_ms) / 1000);
	s->failing = false;
	s->failure[0] = '\0';
	s->failure_gate = (struct log_gate){0};
	s->retry_ms = RETRY_MIN_MS;
	set_usable(s, true, "");
	s->cfg.up(s->cfg.ctx);
}

/* Rows that stood in the batch twice: their twins are decided now. */
static void
book_twins(struct store *s)
{
	struct batch *b = s->storing;
	uint64_t n = 0;

	for (uint32_t i = 0; i < b->nrows; i++)
		n += b->rows[i].state == ROW_DUPLICATE;
	store_book(s, 0, n, 0);
}

/* What b->order[from..to), one device's rows in the order of their times, means for its live row. */
static void
move_live_row(struct store *s, const struct batch *b, uint32_t from, uint32_t to)
{
	const struct row *last = &b->rows[b->order[to - 1]];
	struct live_device d = {.entry = b->frames[last->frame].from.entry,
	    .device_id = last->device_id,
	    .seen_ms = b->frames[last->frame].from.received_wall_us / 1000};

	for (uint32_t i = to; i-- > from;) {
		const struct row *r = &b->rows[b->order[i]];

		if (r->state != ROW_REFUSED &&
		    live_look(
			&d, b->bytes + r->off, b->frames[r->frame].from.received_wall_us / 1000))
			break;
	}
	live_stored(s->cfg.live, &d);
}

/* The live rows follow: once a device, whatever the batch holds of it. */
static void
move_live_rows(struct store *s, const struct batch *b)
{
	for (uint32_t i = 0, end; i < b->norder; i = end) {
		for (end = i + 1; end < b->norder && b->rows[b->order[end]].device_id ==
							 b->rows[b->order[i]].device_id;)
			end++;
		move_live_row(s, b, i, end);
	}
	for (uint32_t i = 0; i < b->nframes; i++) {
		const struct frame *f = &b->frames[i];

		if (f->kind == FRAME_MESSAGE || f->kind == FRAME_QUARANTINE)
			live_seen(s->cfg.live, f->from.entry, f->from.device_id,
			    f->from.received_wall_us / 1000);
	}
}

/* The batch is stored as far as it can be: the next one may go. */
static void
batch_finished(struct store *s)
{
	struct batch *b = s->storing;

	book_twins(s);
	move_live_rows(s, b);
	s->cfg.finished(s->cfg.ctx, b);
	s->storing = NULL;
	batch_reset(b);
	if (!batch_is_empty(&s->batch[s->filling]))
		start_soon(s);
}

void
store_next(struct store *s)
{
	if (!pg_link_is_up(s->db) || pg_link_is_busy(s->db))
		return;
	for (;;) {
		switch (s->step) {
		case STEP_INSERT:
			if (s->nspans > 0) {
				store_run_insert(s);
				return;
			}
			break;
		case STEP_COPY:
			if (s->plain.n > 0) {
				store_run_copy(s);
				return;
			}
			break;
		case STEP_MESSAGES:
			if (store_has_messages(s)) {
				store_run_messages(s);
				return;
			}
			break;
		case STEP_RAW:
			if (store_has_raw(s)) {
				store_run_raw(s);
				return;
			}
			break;
		case STEP_DONE:
			batch_finished(s);
			return;
		}
		store_step_done(s);
	}
}

/* After INSERT and COPY every row is stored or refused: frames without a refused one may be
 * answered. */
static void
rows_done(struct store *s)
{
	struct batch *b = s->storing;

	for (uint32_t i = 0; i < b->nframes; i++)
		if (b->frames[i].kind == FRAME_RECORDS && !b->frames[i].poisoned)
			b->frames[i].done = true;
	s->cfg.stored(s->cfg.ctx, b);
}

/* Moves on to the next step, without running it. */
void
store_step_done(struct store *s)
{
	if (s->step == STEP_COPY)
		rows_done(s);
	s->step++;
	s->raw_from = s->raw_to = 0;
	s->raw_single = false;
}

static void
begin(struct store *s)
{
	struct batch *b = &s->batch[s->filling];

	s->storing = b;
	s->filling ^= 1;
	batch_seal(b);
	store_split(s);
	s->step = STEP_INSERT;
	s->raw_from = s->raw_to = 0;
	s->raw_single = false;
	store_next(s);
	s->cfg.room(s->cfg.ctx);
}

static void
start_cb(evutil_socket_t fd, short what, void *arg)
{
	struct store *s = arg;

	(void)fd, (void)what;
	if (!pg_link_is_up(s->db) || pg_link_is_busy(s->db))
		return;
	if (s->storing != NULL) {
		if (!evtimer_pending(s->retry_ev, NULL))
			store_next(s);
	} else if (!batch_is_empty(&s->batch[s->filling])) {
		begin(s);
	}
}

void
store_failed(struct store *s, enum pg_outcome outcome, const struct pg_error *error)
{
	uint64_t suppressed;

	stats_add(&s->stats->batch_failures, 1);
	if (outcome == PG_LOST)
		return; /* db.c says so, and tries again by itself */
	if (pg_error_is_transient(error)) {
		start_soon(s);
		return;
	}
	if (!s->failing) {
		s->failing = true;
		s->failing_since_ms = clock_mono_ms();
		s->retry_ms = RETRY_MIN_MS;
	}
	if (strncmp(s->failure, error->text, sizeof(s->failure) - 1) != 0) {
		s->failure_gate = (struct log_gate){0};
		snprintf(s->failure, sizeof(s->failure), "%.*s", (int)sizeof(s->failure) - 1,
		    error->text);
	}
	if (log_gate_open(&s->failure_gate, clock_mono_ms(), 300000, &suppressed))
		log_error("database refuses a batch: %s (SQLSTATE %s); nothing is acknowledged "
			  "until it is stored",
		    error->text, error->sqlstate);
	set_usable(s, false, s->failure);
	s->cfg.down(s->cfg.ctx);
	struct timeval tv = {.tv_sec = s->retry_ms / 1000, .tv_usec = (s->retry_ms % 1000) * 1000};
	evtimer_add(s->retry_ev, &tv);
	s->retry_ms = s->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : s->retry_ms * 2;
}

void
store_book(struct store *s, uint64_t stored, uint64_t duplicate, uint64_t quarantined)
{
	stats_begin(s->stats);
	stats_add(&s->stats->stored, stored);
	stats_add(&s->stats->duplicate, duplicate);
	stats_add(&s->stats->quarantined, quarantined);
	stats_sub(&s->stats->in_flight, stored + duplicate + quarantined);
	stats_end(s->stats);
}

void
store_succeeded(struct store *s, bool copy, uint32_t rows)
{
	recovered(s);
	stats_begin(s->stats);
	stats_add(copy ? &s->stats->batches_copy : &s->stats->batches_insert, 1);
	stats_observe(&s->stats->commit_us, stats_time_bounds_us,
	    (uint64_t)(clock_mono_us() - s->started_us));
	stats_observe(&s->stats->batch_records, stats_size_bounds, rows);
	stats_end(s->stats);
}

static void
retry_cb(evutil_socket_t fd, short what, void *arg)
{
	struct store *s = arg;

	(void)fd, (void)what;
	if (s->storing != NULL)
		store_next(s);
}

static void
db_up(void *ctx)
{
	struct store *s = ctx;

	/* After a failure of the environment only a committed batch proves that it is over. */
	if (!s->failing || s->storing == NULL) {
		s->failing = false;
		set_usable(s, true, "");
		s->cfg.up(s->cfg.ctx);
	}
	start_soon(s);
}

static void
db_down(void *ctx, const char *why)
{
	struct store *s = ctx;

	evtimer_del(s->retry_ev);
	set_usable(s, false, why);
	s->cfg.down(s->cfg.ctx);
}

static bool
init_memory(struct store *s)
{
	size_t n = (size_t)s->cfg.limits.records + AVL_MAX_RECORDS;
	static const uint32_t oids[ROW_NCOLUMNS] = {PG_INT8, PG_TIMESTAMPTZ, PG_INT8,
	    PG_TIMESTAMPTZ, PG_FLOAT8, PG_FLOAT8, PG_INT2, PG_INT4, PG_INT2, PG_INT4, PG_BOOL,
	    PG_INT2, PG_INT4, PG_INT2, PG_INT2, PG_JSONB};

	for (int i = 0; i < ROW_NCOLUMNS; i++)
		pg_array_init(&s->rows[i], oids[i]);
	s->careful.at = malloc(n * sizeof(uint32_t));
	s->plain.at = malloc(n * sizeof(uint32_t));
	return s->careful.at != NULL && s->plain.at != NULL &&
	       batch_init(&s->batch[0], &s->cfg.limits) && batch_init(&s->batch[1], &s->cfg.limits);
}

struct store *
store_new(const struct store_config *cfg)
{
	struct store *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->cfg = *cfg;
	s->stats = &cfg->shm->stats;
	s->start_ev = evtimer_new(cfg->base, start_cb, s);
	s->retry_ev = evtimer_new(cfg->base, retry_cb, s);
	const struct pg_link_callbacks callbacks = {.ctx = s,
	    .up = db_up,
	    .down = db_down,
	    .statements = statements,
	    .prepare = prepared,
	    .connects = &s->stats->db_connects};
	if (s->start_ev == NULL || s->retry_ev == NULL || !init_memory(s) ||
	    (s->db = pg_link_new(cfg->base, cfg->url, "store", &callbacks)) == NULL) {
		store_free(s);
		return NULL;
	}
	set_usable(s, false, "not connected yet");
	return s;
}

void
store_free(struct store *s)
{
	if (s == NULL)
		return;
	pg_link_free(s->db);
	for (int i = 0; i < ROW_NCOLUMNS; i++)
		pg_array_free(&s->rows[i]);
	for (size_t i = 0; i < sizeof(s->raw) / sizeof(s->raw[0]); i++)
		pg_array_free(&s->raw[i]);
	if (s->start_ev != NULL)
		event_free(s->start_ev);
	if (s->retry_ev != NULL)
		event_free(s->retry_ev);
	pg_result_free(s->answered);
	batch_free(&s->batch[0]);
	batch_free(&s->batch[1]);
	free(s->careful.at);
	free(s->plain.at);
	free(s->copy_buf);
	free(s);
}

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
	if (s->storing == NULL && pg_link_is_up(s->db))
		start_soon(s);
}

bool
store_is_up(const struct store *s)
{
	return pg_link_is_up(s->db) && !s->failing;
}

int
store_server_connections(const struct store *s)
{
	return pg_link_server_connections(s->db);
}

bool
store_is_idle(const struct store *s)
{
	return s->storing == NULL && batch_is_empty(&s->batch[s->filling]);
}
