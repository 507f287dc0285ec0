#include "worker/store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/db_clock.h"
#include "worker/store/store_impl.h"

static const char *const prepared[] = {"positions_insert", "positions_blocked",
    "positions_blocked_days", "messages_insert", "raw_insert", NULL};

static const struct store_step *const steps[STEPS] = {
    [STEP_INSERT] = &store_insert,
    [STEP_COPY] = &store_copy,
    [STEP_MESSAGES] = &store_messages,
    [STEP_RAW] = &store_raw,
};

static void go_on(struct store *);

uint32_t
store_step_most(enum store_step_id step)
{
	return steps[step]->most;
}

static void
start_soon(struct store *s)
{
	s->gathering = false;
	event_active(s->start_ev, EV_TIMEOUT, 1);
}

/* The batch that fills goes when enough is in it, or when it has waited for that. */
static void
start_gathered(struct store *s)
{
	const struct batch *b = &s->batch[s->filling];
	int64_t now_us = clock_mono_us();
	int64_t wait_us = gather_until(&s->gather, b->nframes, b->nrows,
			      b->frames[0].from.received_mono_us, now_us) -
			  now_us;

	if (wait_us <= 0) {
		start_soon(s);
	} else if (!s->gathering) {
		struct timeval tv = {.tv_usec = wait_us % 1000000, .tv_sec = wait_us / 1000000};

		s->gathering = true;
		evtimer_add(s->start_ev, &tv);
	}
}

/* What is put aside is tried again when it is due, also if nothing else is to be stored. */
static void
wait_for_aside(struct store *s)
{
	int64_t ms = aside_next_ms(&s->aside) - clock_mono_ms();

	if (aside_is_empty(&s->aside))
		return;
	ms = ms < 1 ? 1 : ms;
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};
	evtimer_add(s->aside_ev, &tv);
}

/* Rows that stood in the batch twice: their twins are decided now. */
static void
book_twins(struct store *s)
{
	struct batch *b = s->storing;
	uint64_t n = 0;

	for (uint32_t i = 0; i < b->nrows; i++)
		n += b->rows[i].state == ROW_DUPLICATE && !b->frames[b->rows[i].frame].aside;
	store_book(s, 0, n, 0);
}

/* Entries of deleted devices are not used again while a frame of theirs may be in a batch. */
static void
note_batches(struct store *s)
{
	uint64_t was = s->since[0] != 0 && (s->since[1] == 0 || s->since[0] < s->since[1])
			   ? s->since[0]
			   : s->since[1];
	uint64_t oldest = 0;

	for (int i = 0; i < 2; i++) {
		if (batch_is_empty(&s->batch[i]))
			s->since[i] = 0;
		else if (s->since[i] == 0)
			s->since[i] = registry_seq(s->cfg.registry);
		if (s->since[i] != 0 && (oldest == 0 || s->since[i] < oldest))
			oldest = s->since[i];
	}
	if (oldest != was)
		registry_batches_since(s->cfg.registry, s->cfg.owner, oldest);
}

/* The batch is stored as far as it can be: the next one may go. */
static void
batch_finished(struct store *s)
{
	struct batch *b = s->storing;

	book_twins(s);
	store_move_live_rows(s);
	store_keep(s);
	store_close_up(s);
	store_aside_over(s);
	s->doubtful = false;
	s->cfg.finished(s->cfg.ctx, b);
	s->storing = NULL;
	s->state = STORE_IDLE;
	batch_reset(b);
	note_batches(s);
	if (!batch_is_empty(&s->batch[s->filling]))
		start_gathered(s);
	else
		wait_for_aside(s);
}

static void
enter_step(struct store *s, enum store_step_id step)
{
	s->step = step;
	s->listed.n = 0;
	if (step < STEPS) {
		s->most = steps[step]->most < s->fits ? steps[step]->most : s->fits;
		store_refusals_step(s);
		store_days_step(s);
		steps[step]->gather(s);
	}
	pg_isolate_start(&s->spans, s->listed.n);
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
	store_check_devices(s);
	while (s->step < STEPS) {
		const struct store_step *step = steps[s->step];

		if (store_set_patience(s))
			return;
		uint32_t most = store_days_most(s);

		if (pg_isolate_next(&s->spans, most < s->most ? most : s->most)) {
			store_send(s, step->statement);
			return;
		}
		if (step->over != NULL)
			step->over(s);
		enter_step(s, s->step + 1);
	}
	batch_finished(s);
}

/* What came before the database's clock was known gets its times. */
static void
settle_times(struct batch *b)
{
	if (b->frames[0].from.received_wall_us >= DB_CLOCK_FIRST_US)
		return;
	for (uint32_t i = 0; i < b->nframes; i++)
		b->frames[i].from.received_wall_us =
		    db_clock_settle_us(b->frames[i].from.received_wall_us);
	for (uint32_t i = 0; i < b->nrows; i++)
		if (b->rows[i].len > 0)
			row_set_received(b->bytes + b->rows[i].off,
			    b->frames[b->rows[i].frame].from.received_wall_us);
}

/* The batch that fills is stored from now on, and the other one fills. */
static void
begin(struct store *s)
{
	s->storing = &s->batch[s->filling];
	s->filling ^= 1;
	s->state = STORE_READY;
	evtimer_del(s->start_ev);
	s->began_ms = clock_mono_ms();
	settle_times(s->storing);
	batch_seal(s->storing);
	store_days_begin(s);
	store_leave_out(s);
	enter_step(s, STEP_INSERT);
	go_on(s);
	s->cfg.room(s->cfg.ctx);
}

static void
start_cb(evutil_socket_t fd, short what, void *arg)
{
	struct store *s = arg;

	(void)fd, (void)what;
	s->gathering = false;
	if (s->state != STORE_IDLE) {
		go_on(s);
		return;
	}
	if (!pg_link_is_up(s->link))
		return;
	if (!aside_is_empty(&s->aside) || !batch_is_empty(&s->batch[STORE_KEPT]))
		store_take_back(s);
	/* Nobody has looked at their devices since they were put aside. */
	s->version[s->filling] = UINT64_MAX;
	if (!batch_is_empty(&s->batch[s->filling])) {
		begin(s);
	} else {
		s->began_ms = clock_mono_ms();
		store_aside_over(s);
		wait_for_aside(s);
	}
}

/* Of the span's only item. */
static int64_t
device_of(const struct store *s)
{
	bool rows = s->step == STEP_INSERT || s->step == STEP_COPY;

	return rows ? store_listed_row(s, s->spans.now.from)->device_id
		    : store_listed_frame(s, s->spans.now.from)->from.device_id;
}

bool
store_gives_up(struct store *s, enum pg_outcome outcome, const struct pg_error *error, bool refused)
{
	if (!refused) {
		store_again(s, outcome, error);
		return false;
	}
	if (!pg_isolate_refused(&s->spans))
		return false;
	if (!store_refused_in_a_row(s, device_of(s), error))
		return true;
	if (s->step == STEP_INSERT)
		store_unrefuse_rows(s, s->spans.now);
	else
		s->spans.now.from = s->spans.now.to - 1;
	store_again(s, outcome, error);
	return false;
}

void
store_again(struct store *s, enum pg_outcome outcome, const struct pg_error *error)
{
	pg_isolate_again(&s->spans);
	store_failed(s, outcome, error);
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

static void
retry_cb(evutil_socket_t fd, short what, void *arg)
{
	struct store *s = arg;

	(void)fd, (void)what;
	store_unpause(s);
	go_on(s);
}

static void
db_up(void *ctx)
{
	struct store *s = ctx;

	s->hasty = false;
	/* After a failure of the environment only a committed batch proves that it is over. */
	if (!s->failing || s->state == STORE_IDLE) {
		s->failing = false;
		store_set_usable(s, true, "");
		s->cfg.up(s->cfg.ctx);
	}
	start_soon(s);
}

static bool
prove_start(void *ctx, struct pg_conn *conn)
{
	(void)ctx;
	return pg_send_text(conn, "positions_prove");
}

static void
prove_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct store *s = ctx;

	if (outcome != PG_OK) {
		store_again(s, outcome, error);
		return;
	}
	s->unproven = false;
	s->proved(s);
}

static const struct pg_job prove = {
    .name = "prove duplicates", .start = prove_start, .end = prove_end};

void
store_prove(struct store *s, void (*proved)(struct store *))
{
	s->proved = proved;
	store_send(s, &prove);
}

static void
db_down(void *ctx, const char *why)
{
	struct store *s = ctx;

	store_unpause(s);
	store_set_usable(s, false, why);
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
	s->fits = UINT32_MAX;
	gather_init(&s->gather, cfg->gather_ms);
	store_refusals_over(s);
	s->start_ev = evtimer_new(cfg->base, start_cb, s);
	s->retry_ev = evtimer_new(cfg->base, retry_cb, s);
	s->aside_ev = evtimer_new(cfg->base, start_cb, s);
	const struct pg_link_callbacks callbacks = {.ctx = s,
	    .up = db_up,
	    .down = db_down,
	    .stalled = store_stalled,
	    .statements = prepared,
	    .synchronous_commit = cfg->synchronous_commit,
	    .says_durability = true,
	    /* One worker of the gateway is enough. */
	    .says_creators = cfg->owner / SHM_BLOCKS == 0,
	    .setup_sql = cfg->setup_sql,
	    .connects = &s->stats->db_connects,
	    .names = cfg->names};
	if (s->start_ev == NULL || s->retry_ev == NULL || s->aside_ev == NULL ||
	    !store_init_positions(s) || !batch_init(&s->batch[0], &cfg->limits) ||
	    !batch_init(&s->batch[1], &cfg->limits) ||
	    (s->link = pg_link_new(cfg->base, cfg->url, "store", &callbacks)) == NULL) {
		store_free(s);
		return NULL;
	}
	store_set_usable(s, false, "not connected yet");
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
	if (s->aside_ev != NULL)
		event_free(s->aside_ev);
	pg_result_free(s->answered);
	pg_result_free(s->left_out);
	for (int i = 0; i <= STORE_KEPT; i++)
		batch_free(&s->batch[i]);
	free(s->listed.at);
	free(s->plain.at);
	free(s->copy_buf);
	free(s);
}

struct batch *
store_filling(struct store *s)
{
	if (batch_is_empty(&s->batch[s->filling]))
		s->version[s->filling] = registry_version(s->cfg.registry);
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
	return (int)(b - s->batch);
}

void
store_kick(struct store *s)
{
	const struct batch *b = &s->batch[s->filling];

	note_batches(s);
	if (batch_is_empty(b))
		return;
	gather_heard(&s->gather, b->frames[b->nframes - 1].from.entry, clock_mono_us());
	if (s->state == STORE_IDLE && pg_link_is_up(s->link))
		start_gathered(s);
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
	return s->state == STORE_IDLE && batch_is_empty(&s->batch[s->filling]) &&
	       batch_is_empty(&s->batch[STORE_KEPT]);
}
