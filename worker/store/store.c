#include "worker/store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "worker/store/store_impl.h"

#define RETRY_MIN_MS 100
#define RETRY_MAX_MS 2000
#define SAY_AGAIN_MS 300000

static const char *const prepared[] = {"positions_insert", "messages_insert", "raw_insert", NULL};

static const struct store_step *const steps[STEPS] = {
    [STEP_INSERT] = &store_insert,
    [STEP_COPY] = &store_copy,
    [STEP_MESSAGES] = &store_messages,
    [STEP_RAW] = &store_raw,
};

static void go_on(struct store *);

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

/* The batch is stored as far as it can be: the next one may go. */
static void
batch_finished(struct store *s)
{
	struct batch *b = s->storing;

	book_twins(s);
	store_move_live_rows(s);
	s->cfg.finished(s->cfg.ctx, b);
	s->storing = NULL;
	s->state = STORE_IDLE;
	batch_reset(b);
	if (!batch_is_empty(&s->batch[s->filling]))
		start_soon(s);
}

static void
enter_step(struct store *s, enum store_step_id step)
{
	s->step = step;
	s->todo.n = 0;
	if (step < STEPS) {
		s->most = steps[step]->most;
		steps[step]->gather(s);
	}
	pg_isolate_start(&s->spans, s->todo.n);
}

static void
statement_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct store *s = ctx;

	s->state = STORE_READY;
	s->statement->end(s, outcome, error);
	go_on(s);
}

void
store_send(struct store *s, const struct pg_job *statement)
{
	struct pg_job job = *statement;

	job.ctx = s;
	job.end = statement_end;
	s->statement = statement;
	s->state = STORE_SENT;
	pg_link_run(s->link, &job);
}

/* Sends the next span, of this step or the next one that has something to do. */
static void
go_on(struct store *s)
{
	if (s->state != STORE_READY || !pg_link_is_up(s->link))
		return;
	while (s->step < STEPS) {
		const struct store_step *step = steps[s->step];

		if (pg_isolate_next(&s->spans, s->most)) {
			store_send(s, step->statement);
			return;
		}
		if (step->over != NULL)
			step->over(s);
		enter_step(s, s->step + 1);
	}
	batch_finished(s);
}

/* The batch that fills is stored from now on, and the other one fills. */
static void
begin(struct store *s)
{
	s->storing = &s->batch[s->filling];
	s->filling ^= 1;
	s->state = STORE_READY;
	batch_seal(s->storing);
	enter_step(s, STEP_INSERT);
	go_on(s);
	s->cfg.room(s->cfg.ctx);
}

static void
start_cb(evutil_socket_t fd, short what, void *arg)
{
	struct store *s = arg;

	(void)fd, (void)what;
	if (s->state == STORE_IDLE && pg_link_is_up(s->link) &&
	    !batch_is_empty(&s->batch[s->filling]))
		begin(s);
	else
		go_on(s);
}

bool
store_gives_up(struct store *s, enum pg_outcome outcome, const struct pg_error *error, bool refused)
{
	if (refused)
		return pg_isolate_refused(&s->spans);
	store_again(s, outcome, error);
	return false;
}

void
store_again(struct store *s, enum pg_outcome outcome, const struct pg_error *error)
{
	pg_isolate_again(&s->spans);
	store_failed(s, outcome, error);
}

/* Something is wrong with the database, not with the batch: it is told once per cause and five minutes. */
static void
environment_failed(struct store *s, const struct pg_error *error)
{
	uint64_t suppressed;

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
	if (log_gate_open(&s->failure_gate, clock_mono_ms(), SAY_AGAIN_MS, &suppressed))
		log_error("database refuses a batch: %s (SQLSTATE %s); nothing is acknowledged "
			  "until it is stored",
		    error->text, error->sqlstate);
	set_usable(s, false, s->failure);
	s->cfg.down(s->cfg.ctx);
}

void
store_failed(struct store *s, enum pg_outcome outcome, const struct pg_error *error)
{
	stats_add(&s->stats->batch_failures, 1);
	/* A lost connection the link reports, and comes back from by itself. */
	if (outcome == PG_LOST || pg_error_is_transient(error))
		return;
	environment_failed(s, error);
	struct timeval tv = {.tv_sec = s->retry_ms / 1000, .tv_usec = (s->retry_ms % 1000) * 1000};
	evtimer_add(s->retry_ev, &tv);
	s->state = STORE_PAUSED;
	s->retry_ms = s->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : s->retry_ms * 2;
}

static void
unpause(struct store *s)
{
	evtimer_del(s->retry_ev);
	if (s->state == STORE_PAUSED)
		s->state = STORE_READY;
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
	unpause(s);
	go_on(s);
}

static void
db_up(void *ctx)
{
	struct store *s = ctx;

	/* After a failure of the environment only a committed batch proves that it is over. */
	if (!s->failing || s->state == STORE_IDLE) {
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

	unpause(s);
	set_usable(s, false, why);
	s->cfg.down(s->cfg.ctx);
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
	    .statements = prepared,
	    .connects = &s->stats->db_connects,
	    .names = cfg->names};
	if (s->start_ev == NULL || s->retry_ev == NULL || !store_init_positions(s) ||
	    !batch_init(&s->batch[0], &cfg->limits) || !batch_init(&s->batch[1], &cfg->limits) ||
	    (s->link = pg_link_new(cfg->base, cfg->url, "store", &callbacks)) == NULL) {
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
	pg_link_free(s->link);
	for (int i = 0; i < ROW_NCOLUMNS; i++)
		pg_array_free(&s->rows[i]);
	for (int i = 0; i < MESSAGE_COLUMNS; i++)
		pg_array_free(&s->messages[i]);
	for (int i = 0; i < RAW_COLUMNS; i++)
		pg_array_free(&s->raw[i]);
	if (s->start_ev != NULL)
		event_free(s->start_ev);
	if (s->retry_ev != NULL)
		event_free(s->retry_ev);
	pg_result_free(s->answered);
	batch_free(&s->batch[0]);
	batch_free(&s->batch[1]);
	free(s->todo.at);
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
	if (s->state == STORE_IDLE && pg_link_is_up(s->link))
		start_soon(s);
}

bool
store_is_up(const struct store *s)
{
	return pg_link_is_up(s->link) && !s->failing;
}

int
store_server_connections(const struct store *s)
{
	return pg_link_server_connections(s->link);
}

bool
store_is_idle(const struct store *s)
{
	return s->state == STORE_IDLE && batch_is_empty(&s->batch[s->filling]);
}
