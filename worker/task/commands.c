#include "worker/task/commands.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "worker/task/commands_impl.h"
#include "worker/task/imeis.h"

static const char *const statements[] = {"commands_claim", "commands_over", "commands_sweep",
    "commands_poll", "commands_count", "commands_limit", NULL};

/*
 * One more element of `size` has room in the array: it, or a larger one; NULL when memory is short.
 */
void *
commands_grow(void *array, size_t n, size_t *room, size_t size)
{
	size_t more = *room == 0 ? 64 : *room * 2;
	void *q;

	if (n < *room)
		return array;
	q = realloc(array, more * size);
	if (q != NULL)
		*room = more;
	return q;
}

bool
commands_check(struct commands *cm, uint64_t token, bool surely)
{
	uint64_t *check;

	if (cm->draining || !cm->up || (!surely && !cm->any_due))
		return false;
	check = commands_grow(cm->check, cm->nchecks, &cm->check_room, sizeof(*check));
	if (check == NULL)
		return false;
	cm->check = check;
	cm->check[cm->nchecks++] = token;
	jobs_kick(&cm->job);
	return true;
}

void
commands_forget(struct commands *cm, uint64_t token)
{
	struct command_asker unused;

	(void)cm->cfg.asker(cm->cfg.ctx, token, &unused);
}

/* ---- What the jobs share ---- */

void
commands_reset_arrays(struct commands *cm)
{
	pg_array_reset(&cm->texts);
	for (size_t i = 0; i < sizeof(cm->longs) / sizeof(cm->longs[0]); i++)
		pg_array_reset(&cm->longs[i]);
	for (size_t i = 0; i < sizeof(cm->ints) / sizeof(cm->ints[0]); i++)
		pg_array_reset(&cm->ints[i]);
	pg_array_reset(&cm->bools);
	pg_array_reset(&cm->unsent);
}

void
commands_count_status(struct commands *cm, const char *status, uint64_t n)
{
	if (strcmp(status, "failed") == 0)
		cm->failed += n;
	else if (strcmp(status, "expired") == 0)
		cm->expired += n;
}

/* ---- The job ---- */

static void
set_leader(struct commands *cm, bool lead)
{
	/* The gauges of the queue are the leader's alone, or they would be summed. */
	if (cm->leader && !lead) {
		stats_set(&cm->cfg.stats->commands_pending, 0);
		stats_set(&cm->cfg.stats->commands_in_flight, 0);
	}
	cm->leader = lead;
}

static void
look_at_leadership(struct commands *cm)
{
	set_leader(cm, !cm->draining && registry_try_lead(cm->cfg.registry));
}

static enum commands_turn
choose(const struct commands *cm, int64_t now)
{
	if (cm->nends > 0 && now >= cm->next_over_ms)
		return TURN_OVER;
	if (cm->draining)
		return TURN_NONE;
	if (cm->leader && now >= cm->next_sweep_ms)
		return TURN_SWEEP;
	if (cm->nchecks > 0)
		return TURN_CLAIM;
	if (cm->limit_wanted)
		return TURN_LIMIT;
	if (cm->looking || now >= cm->next_poll_ms)
		return TURN_POLL;
	return cm->leader && now >= cm->next_count_ms ? TURN_COUNT : TURN_NONE;
}

static bool
commands_due(void *ctx, int64_t now_mono_ms)
{
	struct commands *cm = ctx;

	look_at_leadership(cm);
	return choose(cm, now_mono_ms) != TURN_NONE;
}

static bool
commands_start(void *ctx, struct pg_conn *conn)
{
	struct commands *cm = ctx;
	int64_t now = clock_mono_ms();

	cm->turn = choose(cm, now);
	switch (cm->turn) {
	case TURN_OVER:
		return commands_start_over(cm, conn);
	case TURN_CLAIM:
		return commands_start_claim(cm, conn);
	case TURN_SWEEP:
		cm->next_sweep_ms = now + SWEEP_MS;
		return commands_start_sweep(cm, conn);
	case TURN_COUNT:
		cm->next_count_ms = now + COUNT_MS;
		return commands_start_count(conn);
	case TURN_LIMIT:
		cm->limit_wanted = false;
		return commands_start_limit(cm, conn);
	case TURN_POLL:
	case TURN_NONE:
		break;
	}
	return commands_start_poll(cm, conn);
}

static void
commands_result(void *ctx, const struct pg_result *res)
{
	struct commands *cm = ctx;

	if (cm->turn == TURN_OVER)
		commands_take_over(cm, res);
	else if (cm->turn == TURN_CLAIM)
		commands_take_claim(cm, res);
	else if (cm->turn == TURN_SWEEP)
		commands_take_sweep(cm, res);
	else if (cm->turn == TURN_POLL)
		commands_take_poll(cm, res);
	else if (cm->turn == TURN_COUNT)
		commands_take_count(cm, res);
}

static void
commands_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct commands *cm = ctx;
	enum commands_turn turn = cm->turn;

	cm->turn = TURN_NONE;
	if (outcome == PG_OK) {
		stats_add(&cm->cfg.stats->commands_failed, cm->failed);
		stats_add(&cm->cfg.stats->commands_expired, cm->expired);
	}
	cm->failed = cm->expired = 0;
	if (turn == TURN_OVER)
		commands_end_over(cm, outcome, error);
	else if (turn == TURN_CLAIM)
		commands_end_claim(cm, outcome);
	else if (turn == TURN_POLL)
		commands_end_poll(cm, outcome);
	else if (turn == TURN_SWEEP && outcome == PG_ERROR)
		cm->next_sweep_ms = clock_mono_ms() + RETRY_MS;
}

static void
commands_up(void *ctx)
{
	struct commands *cm = ctx;

	/* What was notified while nobody listened is lost: look at all. */
	cm->up = cm->any_due = cm->limit_wanted = true;
	cm->looking = cm->look_again = false;
	cm->next_poll_ms = cm->next_over_ms = 0;
	cm->next_sweep_ms = clock_mono_ms() + SWEEP_FIRST_MS;
}

static void
commands_down(void *ctx)
{
	struct commands *cm = ctx;

	cm->up = false;
	set_leader(cm, false);
	/* They are found again by the look at all. */
	while (cm->nchecks > 0)
		commands_forget(cm, cm->check[--cm->nchecks]);
}

static void
commands_notify(void *ctx, const char *payload)
{
	struct commands *cm = ctx;
	enum imeis_item item;
	uint64_t imei;

	cm->any_due = cm->found = true;
	while ((item = imeis_next(&payload, &imei)) != IMEIS_END) {
		if (item == IMEIS_ONE) {
			commands_mark(cm, imei);
			continue;
		}
		cm->look_again = true;
		if (!cm->looking)
			cm->next_poll_ms = 0;
	}
}

void
commands_drain(struct commands *cm)
{
	cm->draining = true;
}

struct commands *
commands_new(const struct commands_config *cfg)
{
	struct commands *cm = calloc(1, sizeof(*cm));

	if (cm == NULL)
		return NULL;
	cm->cfg = *cfg;
	pg_array_init(&cm->texts, PG_TEXT);
	for (size_t i = 0; i < sizeof(cm->longs) / sizeof(cm->longs[0]); i++)
		pg_array_init(&cm->longs[i], PG_INT8);
	for (size_t i = 0; i < sizeof(cm->ints) / sizeof(cm->ints[0]); i++)
		pg_array_init(&cm->ints[i], PG_INT4);
	pg_array_init(&cm->bools, PG_BOOL);
	pg_array_init(&cm->unsent, PG_BOOL);
	cm->job = (struct job){.turn = {.name = "commands",
				   .ctx = cm,
				   .start = commands_start,
				   .result = commands_result,
				   .end = commands_end},
	    .due = commands_due,
	    .up = commands_up,
	    .down = commands_down,
	    .channel = "telematics_commands",
	    .notify = commands_notify,
	    .statements = statements};
	return cm;
}

void
commands_free(struct commands *cm)
{
	if (cm == NULL)
		return;
	for (size_t i = 0; i < cm->nrows; i++)
		free(cm->rows[i].text);
	pg_array_free(&cm->texts);
	for (size_t i = 0; i < sizeof(cm->longs) / sizeof(cm->longs[0]); i++)
		pg_array_free(&cm->longs[i]);
	for (size_t i = 0; i < sizeof(cm->ints) / sizeof(cm->ints[0]); i++)
		pg_array_free(&cm->ints[i]);
	pg_array_free(&cm->bools);
	pg_array_free(&cm->unsent);
	free(cm->check);
	free(cm->ends);
	free(cm);
}

struct job *
commands_job(struct commands *cm)
{
	return &cm->job;
}
