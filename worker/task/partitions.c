#include "worker/task/partitions.h"

#include <event2/event.h>
#include <event2/util.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "pg/link.h"
#include "pg/query.h"
#include "pg/result.h"
#include "pg/sql.h"

#define EVERY_MS 60000
#define FIRST_WITHIN_MS \
	5000 /* spread, so that gateways that start together don't all ask at once */
#define BETWEEN_STEPS_MS 20
#define AFTER_ERROR_MS 5000
#define LOG_EVERY_MS 60000

static const char *const statements[] = {"partitions_step", NULL};

struct partitions {
	struct partitions_config cfg;
	struct event *timer;
	struct pg_link *link; /* NULL between two rounds */
	bool over;	      /* the round: its connection goes when the timer fires */
	bool more;	      /* said the step that runs */
	struct log_gate error_gate;
};

static void
set_timer(struct partitions *p, int64_t ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};

	evtimer_add(p->timer, &tv);
}

/* The round ends: not from inside a callback of the connection, which goes. */
static void
end_round(struct partitions *p)
{
	p->over = true;
	set_timer(p, 0);
}

static bool
step_start(void *ctx, struct pg_conn *conn)
{
	struct partitions *p = ctx;
	struct pg_params params = {0};

	p->more = false;
	pg_param_int(&params, p->cfg.retention_days);
	pg_param_int(&params, p->cfg.raw_retention_days);
	return pg_send(conn, "partitions_step", &params, PG_TEXT_ROWS);
}

static void
step_result(void *ctx, const struct pg_result *res)
{
	struct partitions *p = ctx;

	p->more = pg_rows(res) == 1 && pg_bool(res, 0, 0);
}

static void
note_failure(struct partitions *p, const struct pg_error *error)
{
	uint64_t suppressed;

	if (!pg_error_is_transient(error) &&
	    log_gate_open(&p->error_gate, clock_mono_ms(), LOG_EVERY_MS, &suppressed))
		log_error(
		    "upkeep of the partitions: the database refuses it: %s: %s (%llu more since the "
		    "last line)",
		    error->sqlstate, error->text, (unsigned long long)suppressed);
}

static void
step_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct partitions *p = ctx;

	if (outcome == PG_ERROR)
		note_failure(p, error);
	/* A lost connection is told by down(). */
	if (outcome == PG_OK && p->more)
		set_timer(p, BETWEEN_STEPS_MS);
	else if (outcome != PG_LOST)
		end_round(p);
	p->more = outcome == PG_OK ? p->more : true;
}

static void
run_step(struct partitions *p)
{
	const struct pg_job step = {.name = "partitions",
	    .ctx = p,
	    .start = step_start,
	    .result = step_result,
	    .end = step_end};

	pg_link_run(p->link, &step);
}

static void
link_up(void *ctx)
{
	run_step(ctx);
}

/* The other connections report the database's state; and this one is made anew. */
static void
link_down(void *ctx, const char *why)
{
	struct partitions *p = ctx;

	(void)why;
	p->more = true;
	end_round(p);
}

static void
begin_round(struct partitions *p)
{
	const struct pg_link_callbacks callbacks = {.ctx = p,
	    .up = link_up,
	    .down = link_down,
	    .statements = statements,
	    .setup_sql = pg_sql("partitions_session"),
	    .names = p->cfg.names,
	    .connects = p->cfg.connects};

	/* One worker of the gateway is enough. */
	if (registry_leads(p->cfg.registry))
		p->link = pg_link_new(p->cfg.base, p->cfg.url, "upkeep", &callbacks);
	if (p->link == NULL)
		set_timer(p, AFTER_ERROR_MS);
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct partitions *p = arg;

	(void)fd, (void)what;
	if (p->link == NULL) {
		begin_round(p);
	} else if (!p->over) {
		if (pg_link_is_up(p->link) && !pg_link_is_busy(p->link))
			run_step(p);
	} else {
		pg_link_free(p->link);
		p->link = NULL;
		p->over = false;
		set_timer(p, p->more ? AFTER_ERROR_MS : EVERY_MS);
	}
}

struct partitions *
partitions_new(const struct partitions_config *cfg)
{
	struct partitions *p = calloc(1, sizeof(*p));
	uint16_t spread;

	if (p == NULL)
		return NULL;
	p->cfg = *cfg;
	p->timer = evtimer_new(cfg->base, timer_cb, p);
	if (p->timer == NULL) {
		partitions_free(p);
		return NULL;
	}
	evutil_secure_rng_get_bytes(&spread, sizeof(spread));
	set_timer(p, spread % FIRST_WITHIN_MS);
	return p;
}

void
partitions_free(struct partitions *p)
{
	if (p == NULL)
		return;
	pg_link_free(p->link);
	if (p->timer != NULL)
		event_free(p->timer);
	free(p);
}
