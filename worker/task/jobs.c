#include "worker/task/jobs.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "pg/sql.h"

#define TICK_MS 100
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 1000
/* A job that waited in vain for a lock held up all others for a second: they have the next three. */
#define AFTER_LOCK_MS 3000
#define LOG_EVERY_MS 60000

/* A job's place in the round. */
struct place {
	struct jobs *jobs;
	struct job *job;
	struct pg_job turn;    /* forwards to job->turn, and goes on with the round at its end */
	int64_t not_before_ms; /* backing off after an error */
	int backoff_ms;	       /* 0: the last run was good */
	char sqlstate[6];      /* of the error that was logged last */
	struct log_gate log_gate;
};

struct jobs {
	struct pg_link *link;
	struct event *tick, *kick;
	struct place *places;
	int n;
	int next; /* which is asked first */
	bool running;
	const char **statements; /* of all jobs, ended by NULL */
	char *setup_sql;
};

static void run_next(struct jobs *);

static bool
forward_start(void *ctx, struct pg_conn *conn)
{
	struct place *p = ctx;

	return p->job->turn.start(p->job->turn.ctx, conn);
}

static void
forward_result(void *ctx, const struct pg_result *res)
{
	struct place *p = ctx;

	if (p->job->turn.result != NULL)
		p->job->turn.result(p->job->turn.ctx, res);
}

/* What failed once fails again a moment later: the pause grows, and one line per minute says so. */
static void
note_failure(struct place *p, const struct pg_error *error, int64_t now)
{
	uint64_t suppressed;

	if (pg_error_is_transient(error)) {
		log_debug(
		    "job %s: %s: %s; trying again", p->turn.name, error->sqlstate, error->text);
		return;
	}
	p->backoff_ms = p->backoff_ms == 0 ? BACKOFF_FIRST_MS : p->backoff_ms * 2;
	if (p->backoff_ms > BACKOFF_MAX_MS)
		p->backoff_ms = BACKOFF_MAX_MS;
	p->not_before_ms = now + (pg_error_is_locked(error) ? AFTER_LOCK_MS : p->backoff_ms);
	if (strcmp(p->sqlstate, error->sqlstate) != 0) {
		snprintf(p->sqlstate, sizeof(p->sqlstate), "%s", error->sqlstate);
		p->log_gate = (struct log_gate){0};
	}
	if (log_gate_open(&p->log_gate, now, LOG_EVERY_MS, &suppressed))
		log_error("job %s: the database refuses it: %s: %s (%llu more since the last line)",
		    p->turn.name, error->sqlstate, error->text, (unsigned long long)suppressed);
}

static void
forward_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct place *p = ctx;

	p->jobs->running = false;
	p->job->handled = false;
	p->job->turn.end(p->job->turn.ctx, outcome, error);
	if (outcome == PG_ERROR && !p->job->handled) {
		note_failure(p, error, clock_mono_ms());
	} else if (outcome == PG_OK) {
		p->backoff_ms = 0;
		p->not_before_ms = 0;
	}
	run_next(p->jobs);
}

/* Starts the first job that is due, from the one behind the last that ran. */
static void
run_next(struct jobs *jobs)
{
	if (jobs->running || !pg_link_is_up(jobs->link) || pg_link_is_busy(jobs->link))
		return;
	int64_t now = clock_mono_ms();
	for (int i = 0; i < jobs->n; i++) {
		struct place *p = &jobs->places[(jobs->next + i) % jobs->n];

		if (now < p->not_before_ms || !p->job->due(p->job->turn.ctx, now))
			continue;
		jobs->next = (jobs->next + i + 1) % jobs->n;
		jobs->running = true;
		pg_link_run(jobs->link, &p->turn);
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
kick(struct jobs *jobs)
{
	event_active(jobs->kick, EV_TIMEOUT, 0);
}

/* Only marks the event: the caller may be deep inside a connection that a job's answer closes. */
void
jobs_kick(const struct job *job)
{
	if (job->jobs != NULL)
		kick(job->jobs);
}

static void
up_cb(void *ctx)
{
	struct jobs *jobs = ctx;

	jobs->next = 0;
	for (int i = 0; i < jobs->n; i++) {
		struct job *job = jobs->places[i].job;

		jobs->places[i].not_before_ms = 0;
		if (job->up != NULL)
			job->up(job->turn.ctx);
	}
	kick(jobs);
}

static void
down_cb(void *ctx, const char *why)
{
	struct jobs *jobs = ctx;

	(void)why; /* pg/link logs it */
	for (int i = 0; i < jobs->n; i++) {
		struct job *job = jobs->places[i].job;

		if (job->down != NULL)
			job->down(job->turn.ctx);
	}
}

static void
notify_cb(void *ctx, const char *channel, const char *payload)
{
	struct jobs *jobs = ctx;

	for (int i = 0; i < jobs->n; i++) {
		struct job *job = jobs->places[i].job;

		if (job->channel != NULL && strcmp(job->channel, channel) == 0)
			job->notify(job->turn.ctx, payload);
	}
	kick(jobs);
}

/*
 * Appends the names of all jobs' statements to `list`, if it is there; returns how many there are.
 */
static size_t
list_statements(const struct jobs *jobs, const char **list)
{
	size_t n = 0;

	for (int i = 0; i < jobs->n; i++) {
		const char *const *s = jobs->places[i].job->statements;

		for (; s != NULL && *s != NULL; s++, n++)
			if (list != NULL)
				list[n] = *s;
	}
	return n;
}

static bool
collect_statements(struct jobs *jobs)
{
	jobs->statements = calloc(list_statements(jobs, NULL) + 1, sizeof(*jobs->statements));
	if (jobs->statements == NULL)
		return false;
	(void)list_statements(jobs, jobs->statements);
	return true;
}

/* The settings of the session, a LISTEN for each job that has a channel, and what they want beside. */
static bool
make_setup_sql(struct jobs *jobs)
{
	static const char listen_format[] = "LISTEN %s;\n";
	const char *session = pg_sql("jobs_session");
	size_t room = strlen(session) + 1, n;

	for (int i = 0; i < jobs->n; i++) {
		if (jobs->places[i].job->channel != NULL)
			room += strlen(jobs->places[i].job->channel) + sizeof(listen_format);
		if (jobs->places[i].job->setup_sql != NULL)
			room += strlen(jobs->places[i].job->setup_sql) + 2;
	}
	jobs->setup_sql = malloc(room);
	if (jobs->setup_sql == NULL)
		return false;
	n = (size_t)snprintf(jobs->setup_sql, room, "%s", session);
	for (int i = 0; i < jobs->n; i++) {
		if (jobs->places[i].job->channel != NULL)
			n += (size_t)snprintf(jobs->setup_sql + n, room - n, listen_format,
			    jobs->places[i].job->channel);
		if (jobs->places[i].job->setup_sql != NULL)
			n += (size_t)snprintf(
			    jobs->setup_sql + n, room - n, "%s;\n", jobs->places[i].job->setup_sql);
	}
	return true;
}

static bool
make_places(struct jobs *jobs, struct job *const *list, int n)
{
	jobs->places = calloc((size_t)n + 1, sizeof(*jobs->places));
	if (jobs->places == NULL)
		return false;
	jobs->n = n;
	for (int i = 0; i < n; i++) {
		struct place *p = &jobs->places[i];

		list[i]->jobs = jobs;
		p->jobs = jobs;
		p->job = list[i];
		p->turn = (struct pg_job){.name = list[i]->turn.name,
		    .ctx = p,
		    .start = forward_start,
		    .result = forward_result,
		    .end = forward_end};
	}
	return true;
}

struct jobs *
jobs_new(struct event_base *base, const char *url, const struct pg_names *names,
    const char *synchronous_commit, struct job *const *list, int n, _Atomic uint64_t *connects)
{
	const struct timeval tick = {.tv_usec = TICK_MS * 1000};
	struct jobs *jobs = calloc(1, sizeof(*jobs));

	if (jobs == NULL || !make_places(jobs, list, n) || !collect_statements(jobs) ||
	    !make_setup_sql(jobs))
		goto fail;
	jobs->tick = event_new(base, -1, EV_PERSIST, tick_cb, jobs);
	jobs->kick = event_new(base, -1, 0, tick_cb, jobs);
	if (jobs->tick == NULL || jobs->kick == NULL || event_add(jobs->tick, &tick) == -1)
		goto fail;
	const struct pg_link_callbacks callbacks = {.ctx = jobs,
	    .up = up_cb,
	    .down = down_cb,
	    .notify = notify_cb,
	    .statements = jobs->statements,
	    .setup_sql = jobs->setup_sql,
	    .synchronous_commit = synchronous_commit,
	    .connects = connects,
	    .names = names};
	jobs->link = pg_link_new(base, url, "tasks", &callbacks);
	if (jobs->link != NULL)
		return jobs;
fail:
	jobs_free(jobs);
	return NULL;
}

void
jobs_free(struct jobs *jobs)
{
	if (jobs == NULL)
		return;
	pg_link_free(jobs->link);
	for (int i = 0; i < jobs->n; i++)
		jobs->places[i].job->jobs = NULL;
	if (jobs->tick != NULL)
		event_free(jobs->tick);
	if (jobs->kick != NULL)
		event_free(jobs->kick);
	free(jobs->places);
	free(jobs->statements);
	free(jobs->setup_sql);
	free(jobs);
}

bool
jobs_is_up(const struct jobs *jobs)
{
	return pg_link_is_up(jobs->link);
}

void
jobs_hurry(struct jobs *jobs)
{
	jobs->next = 0;
	if (pg_link_is_busy(jobs->link))
		pg_link_hurry(jobs->link);
	kick(jobs);
}
