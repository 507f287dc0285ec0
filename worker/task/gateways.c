#include "worker/task/gateways.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "pg/query.h"
#include "pg/result.h"

#define BEAT_MS 10000
/* A host's clock may be off by so much before it is worth a line; and then again that often. */
#define AHEAD_US 1000000
#define SAY_AGAIN_MS 3600000
#define ID_BYTES 255 /* CONF_STR less its NUL */

static const char *const statements[] = {"gateways_beat", "gateways_enter", "gateways_release",
    "gateways_silent", "gateways_sweep", "gateways_swept", NULL};

/* What a turn is for. */
enum turn { TURN_NONE, TURN_BEAT, TURN_ENTER, TURN_SILENT, TURN_SWEEP, TURN_SWEPT, TURN_RELEASE };

struct gateways {
	struct registry *registry;
	struct shm_header *shared;
	char *gateway_id;
	char *enter, *enter_beside; /* SQL: for the jobs' connection, and for others */
	struct job job;
	enum turn turn;
	int64_t next_beat_ms;
	int64_t asked_us; /* boot clock */
	bool leader;
	bool displaced; /* another instance has our id */
	bool draining, released;

	bool silent;		     /* there is a gateway whose trackers may have to go offline */
	char sweeping[ID_BYTES + 1]; /* the one whose trackers are looked for; "" for none */
	int64_t cursor;
	int64_t off, left; /* trackers that went offline, and rows that somebody holds locked */
	int64_t silent_s;
	bool swept;

	bool was_off; /* the clock, when it was last spoken of */
	struct log_gate off_gate;
};

/* ---- The clock ---- */

static void
look_at_clock(struct gateways *g)
{
	int64_t ahead, now = clock_mono_ms();
	uint64_t suppressed;
	bool off;

	if (!db_clock_ahead_us(&ahead))
		return;
	off = ahead > AHEAD_US || ahead < -AHEAD_US;
	if (off && !g->was_off)
		g->off_gate = (struct log_gate){0};
	if (off && log_gate_open(&g->off_gate, now, SAY_AGAIN_MS, &suppressed))
		log_warn(
		    "the clock of this host is %.1f s %s the database's, which is the one that "
		    "counts: see to NTP on both",
		    (double)(ahead < 0 ? -ahead : ahead) / 1e6, ahead < 0 ? "behind" : "ahead of");
	else if (!off && g->was_off)
		log_info("the clock of this host agrees with the database's again");
	g->was_off = off;
}

/* ---- Turns ---- */

static bool
start_beat(struct gateways *g, struct pg_conn *conn)
{
	struct pg_params params = {0};
	int64_t ahead;

	g->displaced = true; /* unless a row comes */
	pg_param_text(&params, g->gateway_id);
	pg_param_int(&params, g->shared->instance);
	if (db_clock_ahead_us(&ahead))
		pg_param_int(&params, ahead);
	else
		pg_param_text(&params, NULL);
	g->asked_us = clock_boot_us();
	return pg_send(conn, "gateways_beat", &params, PG_TEXT_ROWS);
}

static void
take_beat(struct gateways *g, const struct pg_result *res)
{
	uint32_t others;

	if (pg_rows(res) != 1)
		return;
	g->displaced = false;
	db_clock_measured(g->asked_us, pg_int(res, 0, 1), clock_boot_us());
	others = (uint32_t)pg_uint(res, 0, 2);
	atomic_store(&g->shared->gateways, others);
	g->silent = pg_bool(res, 0, 3);
	/* All workers write their sessions again. */
	if (pg_bool(res, 0, 0)) {
		log_warn("this gateway was silent for so long that others took it for dead: its "
			 "sessions are written again");
		atomic_fetch_add(&g->shared->announcements, 1);
	}
}

static bool
start_of_ours(struct gateways *g, struct pg_conn *conn, const char *statement)
{
	struct pg_params params = {0};

	pg_param_text(&params, g->gateway_id);
	if (g->turn == TURN_ENTER)
		pg_param_int(&params, g->shared->instance);
	return pg_send(conn, statement, &params, PG_TEXT_ROWS);
}

static void
take_silent(struct gateways *g, const struct pg_result *res)
{
	g->silent = pg_rows(res) == 1 && pg_length(res, 0, 0) <= ID_BYTES;
	if (!g->silent)
		return;
	memcpy(g->sweeping, pg_text(res, 0, 0), pg_length(res, 0, 0) + 1);
	g->silent_s = pg_int(res, 0, 1);
	g->cursor = INT64_MIN;
	g->off = g->left = 0;
	g->swept = false;
}

static bool
start_sweep(struct gateways *g, struct pg_conn *conn)
{
	struct pg_params params = {0};

	pg_param_int(&params, g->cursor);
	pg_param_text(&params, g->sweeping);
	return pg_send(conn, "gateways_sweep", &params, PG_TEXT_ROWS);
}

static void
take_sweep(struct gateways *g, const struct pg_result *res)
{
	if (pg_rows(res) != 1 || !pg_bool(res, 0, 0)) {
		g->sweeping[0] = '\0';
		return;
	}
	g->off += pg_int(res, 0, 2);
	g->left += pg_int(res, 0, 3);
	if (pg_is_null(res, 0, 1))
		g->swept = true;
	else
		g->cursor = pg_int(res, 0, 1);
}

static bool
start_swept(struct gateways *g, struct pg_conn *conn)
{
	struct pg_params params = {0};

	pg_param_text(&params, g->sweeping);
	return pg_send(conn, "gateways_swept", &params, PG_TEXT_ROWS);
}

/* The whole table was looked at. Rows that were locked are tried again when somebody takes it anew. */
static void
finish_sweep(struct gateways *g)
{
	if (g->off > 0)
		log_warn("gateway \"%s\" has been silent for %" PRId64 " s: %" PRId64
			 " trackers that it had are offline",
		    g->sweeping, g->silent_s, g->off);
	if (g->left > 0)
		g->sweeping[0] = '\0';
}

/* ---- The job ---- */

static enum turn
choose(const struct gateways *g, int64_t now)
{
	if (g->draining)
		return g->released ? TURN_NONE : TURN_RELEASE;
	if (!g->leader)
		return TURN_NONE;
	if (g->displaced)
		return TURN_ENTER;
	if (now >= g->next_beat_ms)
		return TURN_BEAT;
	if (g->sweeping[0] != '\0')
		return g->swept ? TURN_SWEPT : TURN_SWEEP;
	return g->silent ? TURN_SILENT : TURN_NONE;
}

static bool
gateways_due(void *ctx, int64_t now_mono_ms)
{
	struct gateways *g = ctx;

	g->leader = !g->draining && registry_try_lead(g->registry);
	return choose(g, now_mono_ms) != TURN_NONE;
}

static bool
gateways_start(void *ctx, struct pg_conn *conn)
{
	struct gateways *g = ctx;
	int64_t now = clock_mono_ms();

	g->turn = choose(g, now);
	switch (g->turn) {
	case TURN_RELEASE:
		return pg_send(conn, "gateways_release", NULL, PG_TEXT_ROWS);
	case TURN_ENTER:
		return start_of_ours(g, conn, "gateways_enter");
	case TURN_SILENT:
		return start_of_ours(g, conn, "gateways_silent");
	case TURN_SWEEP:
		return start_sweep(g, conn);
	case TURN_SWEPT:
		return start_swept(g, conn);
	case TURN_BEAT:
	case TURN_NONE:
		break;
	}
	g->turn = TURN_BEAT;
	g->next_beat_ms = now + BEAT_MS;
	return start_beat(g, conn);
}

static void
gateways_result(void *ctx, const struct pg_result *res)
{
	struct gateways *g = ctx;

	if (g->turn == TURN_BEAT)
		take_beat(g, res);
	else if (g->turn == TURN_SILENT)
		take_silent(g, res);
	else if (g->turn == TURN_SWEEP)
		take_sweep(g, res);
}

static void
gateways_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct gateways *g = ctx;
	enum turn turn = g->turn;

	(void)error;
	g->turn = TURN_NONE;
	if (outcome != PG_OK) {
		/* What a statement that failed did not say is not known. */
		if (turn == TURN_BEAT)
			g->displaced = false;
		if (turn == TURN_SILENT)
			g->silent = false;
		return;
	}
	if (turn == TURN_BEAT)
		look_at_clock(g);
	else if (turn == TURN_ENTER)
		g->displaced = false;
	else if (turn == TURN_SWEEP && g->swept)
		finish_sweep(g);
	else if (turn == TURN_SWEPT)
		g->sweeping[0] = '\0';
	else if (turn == TURN_RELEASE)
		g->released = true;
}

static void
gateways_up(void *ctx)
{
	struct gateways *g = ctx;

	g->next_beat_ms = 0;
	g->displaced = g->released = false;
}

void
gateways_drain(struct gateways *g)
{
	g->draining = true;
	jobs_kick(&g->job);
}

/* `worker`: the connection stands for its worker, which lives as long as that does. */
static char *
make_enter(const struct gateways *g, bool worker)
{
	static const char format[] = "SELECT telematics_gateway_enter("
				     "convert_from(decode('%s', 'hex'), 'UTF8'), %" PRId64 ", %s)";
	size_t n = strlen(g->gateway_id), room = sizeof(format) + 2 * n + 32;
	char *sql = malloc(room), *hex = malloc(2 * n + 1);

	if (sql != NULL && hex != NULL) {
		hex[0] = '\0';
		for (size_t i = 0; i < n; i++)
			snprintf(hex + 2 * i, 3, "%02x", (unsigned char)g->gateway_id[i]);
		snprintf(sql, room, format, hex, g->shared->instance, worker ? "true" : "false");
		free(hex);
		return sql;
	}
	free(sql);
	free(hex);
	return NULL;
}

const char *
gateways_enter_sql(const struct gateways *g)
{
	return g->enter_beside;
}

static bool
make_texts(struct gateways *g, const char *gateway_id)
{
	g->gateway_id = strdup(gateway_id);
	if (g->gateway_id == NULL)
		return false;
	g->enter = make_enter(g, true);
	g->enter_beside = make_enter(g, false);
	return g->enter != NULL && g->enter_beside != NULL;
}

struct gateways *
gateways_new(struct registry *registry, struct shm_header *shared, const char *gateway_id)
{
	struct gateways *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	g->registry = registry;
	g->shared = shared;
	if (!make_texts(g, gateway_id)) {
		gateways_free(g);
		return NULL;
	}
	g->job = (struct job){.turn = {.name = "gateways",
				  .ctx = g,
				  .start = gateways_start,
				  .result = gateways_result,
				  .end = gateways_end},
	    .due = gateways_due,
	    .up = gateways_up,
	    .setup_sql = g->enter,
	    .statements = statements};
	return g;
}

void
gateways_free(struct gateways *g)
{
	if (g == NULL)
		return;
	free(g->gateway_id);
	free(g->enter);
	free(g->enter_beside);
	free(g);
}

struct job *
gateways_job(struct gateways *g)
{
	return &g->job;
}
