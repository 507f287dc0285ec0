#include "worker/task/jobs.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"

#define TICK_MS 100
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 1000
#define LOG_EVERY_MS 60000

/*
 * A lock that somebody else holds on devices must not stop live rows and the
 * rest: a task that waits for one gives up and takes its next turn.
 *
 * Each statement names the rows it wants, at most some thousands of a table that
 * may hold a million: a plan that reads all of it would be right for its size and wrong
 * for a worker that runs it several times a second. So plans are made anew each
 * time (a table that is empty at start may be large an hour later, and planning takes
 * a millisecond) and go by the indexes.
 */
static const char session_sql[] =
    "SET lock_timeout = '1s'; SET plan_cache_mode = 'force_custom_plan';"
    "SET enable_hashjoin = off; SET enable_mergejoin = off; SET random_page_cost = 1.1;";

/* A task's place in the round. */
struct place {
	struct tasks *tasks;
	struct task *task;
	struct pg_job job;     /* forwards to task->job, and goes on with the round at its end */
	int64_t not_before_ms; /* backing off after an error */
	int backoff_ms;	       /* 0: the last run was good */
	char sqlstate[6];      /* of the error that was logged last */
	struct log_gate log_gate;
};

struct tasks {
	struct pg_link *db;
	struct event *tick, *kick;
	struct place *places;
	int n;
	int next; /* who is asked first */
	bool running;
	const char **prepare;
	char *setup_sql;
};

static void run_next(struct tasks *);

static bool
forward_start(void *ctx, struct pg_conn *conn)
{
	struct place *p = ctx;

	return p->task->job.start(p->task->job.ctx, conn);
}

static enum pg_copy
forward_copy_in(void *ctx, struct pg_conn *conn)
{
	struct place *p = ctx;

	return p->task->job.copy_in(p->task->job.ctx, conn);
}

static void
forward_result(void *ctx, const struct pg_result *res)
{
	struct place *p = ctx;

	p->task->job.result(p->task->job.ctx, res);
}

/* What failed once fails again a moment later: the pause grows, and one line a minute tells. */
static void
note_failure(struct place *p, const struct pg_error *error, int64_t now)
{
	uint64_t suppressed;

	if (pg_error_is_transient(error)) {
		log_debug("task %s: %s: %s; trying again", p->task->job.name, error->sqlstate,
		    error->text);
		return;
	}
	p->backoff_ms = p->backoff_ms == 0 ? BACKOFF_FIRST_MS : p->backoff_ms * 2;
	if (p->backoff_ms > BACKOFF_MAX_MS)
		p->backoff_ms = BACKOFF_MAX_MS;
	p->not_before_ms = now + p->backoff_ms;
	if (strcmp(p->sqlstate, error->sqlstate) != 0) {
		snprintf(p->sqlstate, sizeof(p->sqlstate), "%s", error->sqlstate);
		p->log_gate = (struct log_gate){0};
	}
	if (log_gate_open(&p->log_gate, now, LOG_EVERY_MS, &suppressed))
		log_error(
		    "task %s: the database refuses it: %s: %s (%llu more since the last line)",
		    p->task->job.name, error->sqlstate, error->text,
		    (unsigned long long)suppressed);
}

static void
forward_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct place *p = ctx;

	p->tasks->running = false;
	p->task->job.end(p->task->job.ctx, outcome, error);
	if (outcome == PG_ERROR) {
		note_failure(p, error, clock_mono_ms());
	} else if (outcome == PG_OK) {
		p->backoff_ms = 0;
		p->not_before_ms = 0;
	}
	run_next(p->tasks);
}

/* Starts the first task that is due, from the one behind the last that ran. */
static void
run_next(struct tasks *t)
{
	if (t->running || !pg_link_is_up(t->db) || pg_link_is_busy(t->db))
		return;
	int64_t now = clock_mono_ms();
	for (int i = 0; i < t->n; i++) {
		struct place *p = &t->places[(t->next + i) % t->n];

		if (now < p->not_before_ms || !p->task->due(p->task->job.ctx, now))
			continue;
		t->next = (t->next + i + 1) % t->n;
		t->running = true;
		pg_link_run(t->db, &p->job);
		return;
	}
}

static void
tick_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	run_next(arg);
}

static void
up_cb(void *ctx)
{
	struct tasks *t = ctx;

	for (int i = 0; i < t->n; i++) {
		t->places[i].not_before_ms = 0;
		if (t->places[i].task->up != NULL)
			t->places[i].task->up(t->places[i].task->job.ctx);
	}
	tasks_kick(t);
}

static void
down_cb(void *ctx, const char *why)
{
	struct tasks *t = ctx;

	(void)why; /* db logged it */
	for (int i = 0; i < t->n; i++)
		if (t->places[i].task->down != NULL)
			t->places[i].task->down(t->places[i].task->job.ctx);
}

static void
notify_cb(void *ctx, const char *channel, const char *payload)
{
	struct tasks *t = ctx;

	for (int i = 0; i < t->n; i++)
		if (t->places[i].task->notify != NULL)
			t->places[i].task->notify(t->places[i].task->job.ctx, channel, payload);
	tasks_kick(t);
}

/* One list of the statements of all tasks. */
static bool
collect_statements(struct tasks *t)
{
	size_t n = 0, at = 0;

	for (int i = 0; i < t->n; i++)
		for (const char *const *s = t->places[i].task->prepare; s != NULL && *s != NULL;
		     s++)
			n++;
	t->prepare = calloc(n + 1, sizeof(*t->prepare));
	if (t->prepare == NULL)
		return false;
	for (int i = 0; i < t->n; i++)
		for (const char *const *s = t->places[i].task->prepare; s != NULL && *s != NULL;
		     s++)
			t->prepare[at++] = *s;
	return true;
}

static bool
make_setup_sql(struct tasks *t, const char *listen)
{
	size_t room = sizeof(session_sql) + (listen != NULL ? strlen(listen) : 0);

	t->setup_sql = malloc(room);
	if (t->setup_sql == NULL)
		return false;
	snprintf(t->setup_sql, room, "%s%s", session_sql, listen != NULL ? listen : "");
	return true;
}

static bool
make_places(struct tasks *t, struct task *const *tasks, int ntasks)
{
	t->places = calloc((size_t)ntasks + 1, sizeof(*t->places));
	if (t->places == NULL)
		return false;
	t->n = ntasks;
	for (int i = 0; i < ntasks; i++) {
		struct place *p = &t->places[i];
		const struct pg_job *job = &tasks[i]->job;

		p->tasks = t;
		p->task = tasks[i];
		p->job = (struct pg_job){.name = job->name,
		    .ctx = p,
		    .start = forward_start,
		    .copy_in = job->copy_in != NULL ? forward_copy_in : NULL,
		    .result = job->result != NULL ? forward_result : NULL,
		    .end = forward_end};
	}
	return true;
}

struct tasks *
tasks_new(struct event_base *base, const char *url, struct task *const *tasks, int ntasks,
    const char *listen, _Atomic uint64_t *connects)
{
	const struct timeval tick = {.tv_usec = TICK_MS * 1000};
	struct tasks *t = calloc(1, sizeof(*t));

	if (t == NULL || !make_places(t, tasks, ntasks) || !collect_statements(t) ||
	    !make_setup_sql(t, listen))
		goto fail;
	t->tick = event_new(base, -1, EV_PERSIST, tick_cb, t);
	t->kick = event_new(base, -1, 0, tick_cb, t);
	if (t->tick == NULL || t->kick == NULL || event_add(t->tick, &tick) == -1)
		goto fail;
	const struct pg_link_callbacks callbacks = {.ctx = t,
	    .up = up_cb,
	    .down = down_cb,
	    .notify = notify_cb,
	    .prepare = t->prepare,
	    .setup_sql = t->setup_sql,
	    .connects = connects};
	t->db = pg_link_new(base, url, "tasks", &callbacks);
	if (t->db != NULL)
		return t;
fail:
	tasks_free(t);
	return NULL;
}

void
tasks_free(struct tasks *t)
{
	if (t == NULL)
		return;
	pg_link_free(t->db);
	if (t->tick != NULL)
		event_free(t->tick);
	if (t->kick != NULL)
		event_free(t->kick);
	free(t->places);
	free(t->prepare);
	free(t->setup_sql);
	free(t);
}

/* Only marks the event: the caller may be deep inside a connection that a task's answer closes. */
void
tasks_kick(struct tasks *t)
{
	event_active(t->kick, EV_TIMEOUT, 0);
}

bool
tasks_is_up(const struct tasks *t)
{
	return pg_link_is_up(t->db);
}

bool
tasks_is_busy(const struct tasks *t, int64_t now_mono_ms)
{
	if (t->running)
		return true;
	for (int i = 0; i < t->n; i++) {
		const struct task *task = t->places[i].task;

		if (!task->background && task->due(task->job.ctx, now_mono_ms))
			return true;
	}
	return false;
}
