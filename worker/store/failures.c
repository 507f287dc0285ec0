/* When a statement fails, or isn't answered: what is told to whom, and what is sent next. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "worker/store/store_impl.h"

#define RETRY_MIN_MS 100
#define RETRY_MAX_MS 2000
#define SAY_AGAIN_MS 300000
/* Of the 30 s that a statement may take (pg/sql/link_settings.sql). */
#define GROW_WITHIN_US INT64_C(5000000)
/* So long somebody may take to find out what a stalled backend waits for. */
#define ASKED_FOR_S 5

void
store_set_usable(struct store *s, bool usable, const char *reason)
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
	s->failing = s->stall_said = false;
	s->failure[0] = '\0';
	s->failure_gate = (struct log_gate){0};
	s->retry_ms = RETRY_MIN_MS;
	store_set_usable(s, true, "");
	s->cfg.up(s->cfg.ctx);
}

/* It took too long, or somebody cancelled it: half of it may go. */
static bool
halved(struct store *s, enum pg_outcome outcome, const struct pg_error *error)
{
	uint32_t n = s->spans.now.to - s->spans.now.from;

	if (outcome != PG_ERROR || !pg_error_is_cancelled(error) || n < 2)
		return false;
	s->fits = s->most = n / 2;
	log_info("a statement of %u rows was cancelled (%s): %u go now", n, error->text, s->most);
	return true;
}

/* What went well in a small part of the time may be larger again. */
static void
grow(struct store *s, uint32_t rows)
{
	if (s->fits == UINT32_MAX || rows < s->fits ||
	    clock_mono_us() - s->started_us > GROW_WITHIN_US)
		return;
	s->fits = s->fits > UINT32_MAX / 2 || s->fits * 2 > s->cfg.limits.records ? UINT32_MAX
										  : s->fits * 2;
	if (s->most < s->fits)
		s->most = s->fits < store_step_most(s->step) ? s->fits : store_step_most(s->step);
}

static void
begin_failing(struct store *s)
{
	if (s->failing)
		return;
	s->failing = true;
	s->failing_since_ms = clock_mono_ms();
	s->retry_ms = RETRY_MIN_MS;
}

/* Something is wrong with the database, not with the batch: it is told once per cause and five minutes. */
void
store_environment_failed(struct store *s, const struct pg_error *error)
{
	uint64_t suppressed;

	begin_failing(s);
	if (strncmp(s->failure, error->text, sizeof(s->failure) - 1) != 0) {
		s->failure_gate = (struct log_gate){0};
		snprintf(s->failure, sizeof(s->failure), "%.*s", (int)sizeof(s->failure) - 1,
		    error->text);
	}
	if (log_gate_open(&s->failure_gate, clock_mono_ms(), SAY_AGAIN_MS, &suppressed))
		log_error("database refuses a batch: %s (SQLSTATE %s); nothing is acknowledged "
			  "until it is stored",
		    error->text, error->sqlstate);
	store_set_usable(s, false, s->failure);
	s->cfg.down(s->cfg.ctx);
}

void
store_failed(struct store *s, enum pg_outcome outcome, const struct pg_error *error)
{
	stats_add(&s->stats->batch_failures, 1);
	/* Also of a transaction that was not the last one of its step: all are proved again. */
	s->unproven |= outcome == PG_LOST;
	/* A lost connection the link reports, and comes back from by itself. */
	if (outcome == PG_LOST || pg_error_is_transient(error) || halved(s, outcome, error))
		return;
	if (pg_error_is_devices(error)) {
		registry_ask_reload(s->cfg.registry);
		s->retry_ms = RETRY_MIN_MS;
	} else {
		store_environment_failed(s, error);
	}
	struct timeval tv = {.tv_sec = s->retry_ms / 1000, .tv_usec = (s->retry_ms % 1000) * 1000};
	evtimer_add(s->retry_ev, &tv);
	s->state = STORE_PAUSED;
	s->retry_ms = s->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : s->retry_ms * 2;
}

void
store_unpause(struct store *s)
{
	evtimer_del(s->retry_ev);
	if (s->state == STORE_PAUSED)
		s->state = STORE_READY;
}

void
store_succeeded(struct store *s, bool copy, uint32_t rows)
{
	recovered(s);
	store_refusals_success(s);
	if (rows > 0) {
		grow(s, rows);
		store_days_taken(s);
	}
	stats_begin(s->stats);
	stats_add(copy ? &s->stats->batches_copy : &s->stats->batches_insert, 1);
	stats_observe(&s->stats->commit_us, stats_time_bounds_us,
	    (uint64_t)(clock_mono_us() - s->started_us));
	stats_observe(&s->stats->batch_records, stats_size_bounds, rows);
	stats_end(s->stats);
}

/*
 * The connection stays, and doesn't answer: a server that is stopped, or a COMMIT that waits for a
 * standby. The link makes another one in the end; meanwhile the balancer is told.
 */
void
store_stalled(void *ctx, const char *job, int seconds)
{
	struct store *s = ctx;

	if (seconds == PG_STALLED_S) {
		begin_failing(s);
		snprintf(s->failure, sizeof(s->failure), "no answer to \"%s\" for %d s", job,
		    PG_STALLED_S);
		store_set_usable(s, false, s->failure);
		s->cfg.down(s->cfg.ctx);
		if (s->cfg.stalled != NULL && !s->stall_said)
			s->cfg.stalled(s->cfg.ctx, pg_link_backend(s->link));
	} else if (seconds == PG_STALLED_S + ASKED_FOR_S) {
		store_waits_for(s, NULL);
	}
}

void
store_waits_for(struct store *s, const char *what)
{
	size_t n = strlen(s->failure);

	if (!s->failing || s->stall_said)
		return;
	s->stall_said = true;
	if (what != NULL)
		snprintf(s->failure + n, sizeof(s->failure) - n, ": it waits for %s", what);
	log_error("database: %s; nothing is acknowledged until it is stored", s->failure);
	store_set_usable(s, false, s->failure);
}
