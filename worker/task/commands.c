#include "worker/task/commands.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "worker/task/commands_impl.h"
#include "worker/task/commands_sql.h"

static const char *const statements[] = {"commands_claim", claim_sql, "commands_over", over_sql,
    "commands_sweep", sweep_sql, "commands_poll", poll_sql, "commands_count", count_sql,
    "commands_limit", limit_sql, NULL};

void
commands_kick(struct commands *cm)
{
	if (cm->tasks != NULL)
		tasks_kick(cm->tasks);
}

/* One more element of `size` has room in the array: it, or a larger one; NULL when memory is short.
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
	commands_kick(cm);
	return true;
}

/* It will not be asked for after all. */
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
}

struct command_param
commands_array(struct pg_array *a)
{
	struct command_param p = {.format = 1};

	p.value = pg_array_param(a, &p.length);
	return p;
}

bool
commands_send(
    struct pg_conn *conn, const char *statement, const struct command_param *params, int n)
{
	const char *values[8];
	int lengths[8], formats[8];

	assert(n <= 8);
	for (int i = 0; i < n; i++) {
		if (params[i].value == NULL)
			return false;
		values[i] = params[i].value;
		lengths[i] = params[i].length;
		formats[i] = params[i].format;
	}
	return PQsendQueryPrepared(conn, statement, n, values, lengths, formats, 0) == 1;
}

/* Of the running statement; booked when it is committed. */
void
commands_count_status(struct commands *cm, const char *status, uint64_t n)
{
	if (strcmp(status, "failed") == 0)
		cm->failed += n;
	else if (strcmp(status, "expired") == 0)
		cm->expired += n;
}

/* ---- The task ---- */

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

static enum job_kind
choose(const struct commands *cm, int64_t now)
{
	if (!cm->up)
		return JOB_NONE;
	if (cm->nends > 0 && now >= cm->next_over_ms)
		return JOB_OVER;
	if (cm->draining)
		return JOB_NONE;
	if (cm->leader && now >= cm->next_sweep_ms)
		return JOB_SWEEP;
	if (cm->nchecks > 0)
		return JOB_CLAIM;
	if (cm->limit_wanted)
		return JOB_LIMIT;
	if (cm->looking || now >= cm->next_poll_ms)
		return JOB_POLL;
	return cm->leader && now >= cm->next_count_ms ? JOB_COUNT : JOB_NONE;
}

static bool
commands_due(void *ctx, int64_t now_mono_ms)
{
	struct commands *cm = ctx;

	if (cm->up)
		look_at_leadership(cm);
	return choose(cm, now_mono_ms) != JOB_NONE;
}

static bool
commands_start(void *ctx, struct pg_conn *conn)
{
	struct commands *cm = ctx;
	int64_t now = clock_mono_ms();

	cm->job = choose(cm, now);
	switch (cm->job) {
	case JOB_OVER:
		return commands_start_over(cm, conn);
	case JOB_CLAIM:
		return commands_start_claim(cm, conn);
	case JOB_SWEEP:
		cm->next_sweep_ms = now + SWEEP_MS;
		return commands_start_sweep(cm, conn);
	case JOB_COUNT:
		cm->next_count_ms = now + COUNT_MS;
		return PQsendQueryPrepared(conn, "commands_count", 0, NULL, NULL, NULL, 0) == 1;
	case JOB_LIMIT:
		cm->limit_wanted = false;
		return commands_start_limit(cm, conn);
	case JOB_POLL:
	case JOB_NONE:
		break;
	}
	return commands_start_poll(cm, conn);
}

static void
commands_result(void *ctx, const struct pg_result *res)
{
	struct commands *cm = ctx;

	if (cm->job == JOB_OVER)
		commands_take_over(cm, res);
	else if (cm->job == JOB_CLAIM)
		commands_take_claim(cm, res);
	else if (cm->job == JOB_SWEEP)
		commands_take_sweep(cm, res);
	else if (cm->job == JOB_POLL)
		commands_take_poll(cm, res);
	else if (cm->job == JOB_COUNT)
		commands_take_count(cm, res);
}

static void
commands_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct commands *cm = ctx;
	enum job_kind job = cm->job;

	cm->job = JOB_NONE;
	if (outcome == PG_OK) {
		stats_add(&cm->cfg.stats->commands_failed, cm->failed);
		stats_add(&cm->cfg.stats->commands_expired, cm->expired);
	}
	cm->failed = cm->expired = 0;
	if (job == JOB_OVER)
		commands_end_over(cm, outcome, error);
	else if (job == JOB_CLAIM)
		commands_end_claim(cm, outcome);
	else if (job == JOB_POLL)
		commands_end_poll(cm, outcome);
	else if (job == JOB_SWEEP && outcome == PG_ERROR)
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
commands_notify(void *ctx, const char *channel, const char *payload)
{
	struct commands *cm = ctx;
	const char *p = payload;

	if (strcmp(channel, "telematics_commands") != 0)
		return;
	cm->any_due = cm->found = true;
	while (*p != '\0') {
		size_t n = strcspn(p, ",");

		if (n == 1 && *p == '*') {
			cm->look_again = true;
			if (!cm->looking)
				cm->next_poll_ms = 0;
		} else if (n == IMEI_DIGITS && strspn(p, "0123456789") >= IMEI_DIGITS) {
			commands_mark(cm, p);
		}
		p += n + (p[n] == ',');
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
	cm->task = (struct task){.job = {.name = "commands",
				     .ctx = cm,
				     .start = commands_start,
				     .result = commands_result,
				     .end = commands_end},
	    .due = commands_due,
	    .up = commands_up,
	    .down = commands_down,
	    .notify = commands_notify,
	    .prepare = statements};
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
	free(cm->check);
	free(cm->ends);
	free(cm);
}

struct task *
commands_task(struct commands *cm)
{
	return &cm->task;
}

void
commands_attach(struct commands *cm, struct tasks *tasks)
{
	cm->tasks = tasks;
}
