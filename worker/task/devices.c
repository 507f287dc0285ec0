#include "worker/task/devices.h"

#include <event2/util.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "pg/query.h"
#include "worker/task/device_query.h"
#include "worker/task/imei_lookup.h"
#include "worker/task/imeis.h"

/*
 * Changes come by notification; a full load is the fall-back. It is as rare as it is dear, so that no more than a
 * second of a minute goes into it; and not rarer than once an hour.
 */
#define RELOAD_MS 60000
#define RELOAD_SHARE 60
#define RELOAD_MAX_MS 3600000
/* Loads because the registry is full, which somebody has to mend: more often. */
#define FULL_EVERY_MS 5000
#define FULL_SHARE 10
#define LOAD_ROWS 5000	 /* one turn of a full load; also in devices_load.sql */
#define MAX_CHANGED 4096 /* more changes at once are a bulk change: load all */

static const char *const statements[] = {"devices_ask", "devices_insert", "devices_load", NULL};

/* What a turn is for. */
enum turn { TURN_NONE, TURN_CHANGED, TURN_LOOKUP, TURN_LOAD };

struct devices {
	struct devices_config cfg;
	struct job job;
	bool up, leader;
	bool tried; /* the first attempt to connect has ended, one way or the other */
	enum turn turn;
	struct pg_array imeis;
	struct imei_lookup *lookup;
	uint64_t asked_at; /* registry_seq() before the running question */
	bool full_wanted;  /* a load, as a device found no room */
	int64_t load_ended_ms;

	/* Leader: the full load. */
	bool load_wanted, loading, load_turn;
	struct registry_load load;
	int64_t load_cursor, load_started_ms, next_load_ms;
	int64_t page_started_us, load_us; /* the database's part of it */
	int page_rows;
	int64_t load_table; /* that its first page is of; 0: not known */
	bool load_mixed;    /* a later page is of another */
	uint64_t load_rows, load_odd;
	uint64_t odd_logged; /* how many rows without a usable IMEI the log knows of */
	struct log_gate full_gate;

	/* Leader: IMEIs that a notification named; and those of them being asked for, sorted. */
	uint64_t changed[MAX_CHANGED];
	size_t nchanged;
	uint64_t checking[DEVICE_QUERY_IMEIS];
	bool found[DEVICE_QUERY_IMEIS];
	size_t nchecking;
};

static int
compare_imei(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* ---- Changes that a notification named (leader) ---- */

static void
add_changed(struct devices *d, uint64_t imei)
{
	if (d->nchanged < MAX_CHANGED)
		d->changed[d->nchanged++] = imei;
	else
		d->load_wanted = true;
}

static bool
start_changed(struct devices *d, struct pg_conn *conn)
{
	size_t take = d->nchanged < DEVICE_QUERY_IMEIS ? d->nchanged : DEVICE_QUERY_IMEIS, n = 0;

	d->nchanged -= take;
	memcpy(d->checking, &d->changed[d->nchanged], take * sizeof(d->checking[0]));
	qsort(d->checking, take, sizeof(d->checking[0]), compare_imei);
	pg_array_reset(&d->imeis);
	for (size_t i = 0; i < take; i++) {
		if (n > 0 && d->checking[i] == d->checking[n - 1])
			continue;
		d->checking[n] = d->checking[i];
		d->found[n++] = false;
		imeis_append(&d->imeis, d->checking[i]);
	}
	d->nchecking = n;
	return device_query_send(conn, "devices_ask", &d->imeis);
}

static void
apply_changed(struct devices *d, const struct device_row *row)
{
	switch (registry_apply(d->cfg.registry, row, d->asked_at, NULL)) {
	case REGISTRY_STALE:
		add_changed(d, row->imei);
		break;
	case REGISTRY_FULL:
		device_query_note_full(d->cfg.stats, &d->full_gate);
		break;
	case REGISTRY_OK:
	case REGISTRY_UNCHANGED:
		break;
	}
}

static void
take_changed(struct devices *d, const struct pg_result *res)
{
	struct device_row row;

	for (int i = 0; i < pg_rows(res); i++) {
		if (!device_query_row(res, i, &row))
			continue;
		const uint64_t *at = bsearch(
		    &row.imei, d->checking, d->nchecking, sizeof(d->checking[0]), compare_imei);
		if (at != NULL)
			d->found[at - d->checking] = true;
		apply_changed(d, &row);
	}
}

static void
end_changed(struct devices *d, enum pg_outcome outcome)
{
	for (size_t i = 0; i < d->nchecking; i++) {
		if (outcome != PG_OK) {
			add_changed(d, d->checking[i]);
			continue;
		}
		if (d->found[i])
			continue;
		const struct device_row gone = {.imei = d->checking[i]};
		apply_changed(d, &gone);
	}
	d->nchecking = 0;
}

/* ---- The full load (leader), a page a turn ---- */

static bool
start_page(struct devices *d, struct pg_conn *conn)
{
	struct pg_params params = {0};

	if (!d->loading) {
		d->loading = true;
		d->load_wanted = false;
		d->load_cursor = INT64_MIN;
		d->load_rows = d->load_odd = 0;
		d->load_table = 0;
		d->load_mixed = false;
		d->load_started_ms = clock_mono_ms();
		d->load_us = 0;
		registry_load_begin(d->cfg.registry, &d->load);
	}
	d->page_rows = 0;
	d->page_started_us = clock_mono_us();
	pg_param_int(&params, d->load_cursor);
	return pg_send(conn, "devices_load", &params, PG_TEXT_ROWS);
}

/* Such a row is found at each load, so it is named once. No tracker ever says blanks. */
static void
note_odd(struct devices *d, const struct pg_result *res, int i)
{
	d->load_odd++;
	if (d->load_odd <= d->odd_logged || pg_is_null(res, i, 4))
		return;
	log_warn("devices: the row with id %" PRId64
		 " has blanks around its imei %s, so no tracker can be it: tgctl device set %s "
		 "--imei %s cuts them off",
	    pg_int(res, i, 1), pg_text(res, i, 4), pg_text(res, i, 4), pg_text(res, i, 4));
}

static void
take_page(struct devices *d, const struct pg_result *res)
{
	int table_column = pg_column(res, "known_table");

	for (int i = 0; i < pg_rows(res); i++) {
		struct device_row row;
		int64_t id = pg_int(res, i, 1), table = pg_int(res, i, table_column);

		d->load_mixed |= d->load_table != 0 && table != d->load_table;
		d->load_table = table;
		d->page_rows++;
		if (id > d->load_cursor)
			d->load_cursor = id;
		if (!device_query_row(res, i, &row)) {
			note_odd(d, res, i);
			continue;
		}
		d->load_rows++;
		/* REGISTRY_STALE: a change that came meanwhile is newer than this page may be. */
		if (registry_load_row(d->cfg.registry, &d->load, &row) == REGISTRY_FULL)
			device_query_note_full(d->cfg.stats, &d->full_gate);
	}
}

int64_t
devices_reload_ms(int64_t load_us, uint16_t jitter)
{
	int64_t ms = load_us / 1000 * RELOAD_SHARE;

	if (ms > RELOAD_MAX_MS)
		ms = RELOAD_MAX_MS;
	if (ms < RELOAD_MS)
		ms = RELOAD_MS;
	/* Gateways that start together don't load together. */
	return ms - ms / 10 + ms / 5 * jitter / UINT16_MAX;
}

static void
finish_load(struct devices *d, bool complete)
{
	int64_t now = clock_mono_ms();
	bool first = !registry_loaded(d->cfg.registry);
	uint16_t jitter;

	d->loading = false;
	d->load_ended_ms = now;
	registry_load_end(d->cfg.registry, &d->load, complete);
	if (complete && d->load_table != 0)
		registry_set_table(d->cfg.registry, d->load_table);
	if (!complete) {
		d->load_wanted = true;
		return;
	}
	evutil_secure_rng_get_bytes(&jitter, sizeof(jitter));
	d->next_load_ms = now + devices_reload_ms(d->load_us, jitter);
	stats_add(&d->cfg.stats->registry_reloads, 1);
	if (first)
		log_info("%" PRIu64 " devices loaded in %" PRId64 " ms", d->load_rows,
		    now - d->load_started_ms);
	if (d->load_odd > 0 && d->load_odd != d->odd_logged)
		log_warn("%" PRIu64 " rows of devices have an imei that is not 15 digits: ignored",
		    d->load_odd);
	d->odd_logged = d->load_odd;
}

/* ---- The job ---- */

static void
look_at_leadership(struct devices *d, int64_t now)
{
	bool lead = registry_try_lead(d->cfg.registry);

	if (lead && !d->leader) {
		log_debug("keeps the registry of devices from now on");
		d->load_wanted = true;
	}
	d->leader = lead;
	if (!lead)
		return;
	d->full_wanted |= registry_take_full_request(d->cfg.registry);
	if (d->full_wanted && !d->loading && now - d->load_ended_ms >= FULL_EVERY_MS &&
	    now - d->load_ended_ms >= d->load_us / 1000 * FULL_SHARE) {
		d->full_wanted = false;
		d->load_wanted = true;
	}
	if (registry_take_reload_request(d->cfg.registry) ||
	    (!d->loading && now >= d->next_load_ms))
		d->load_wanted = true;
}

static enum turn
choose(const struct devices *d)
{
	bool load = d->leader && (d->loading || d->load_wanted);

	if (d->leader && d->nchanged > 0)
		return TURN_CHANGED;
	if (load && d->load_turn)
		return TURN_LOAD;
	if (imei_lookup_due(d->lookup))
		return TURN_LOOKUP;
	return load ? TURN_LOAD : TURN_NONE;
}

static bool
devices_due(void *ctx, int64_t now_mono_ms)
{
	struct devices *d = ctx;

	look_at_leadership(d, now_mono_ms);
	return choose(d) != TURN_NONE;
}

static bool
devices_start(void *ctx, struct pg_conn *conn)
{
	struct devices *d = ctx;

	d->turn = choose(d);
	d->load_turn = d->turn != TURN_LOAD; /* lookups and a load take turns */
	d->asked_at = registry_seq(d->cfg.registry);
	if (d->turn == TURN_CHANGED)
		return start_changed(d, conn);
	if (d->turn == TURN_LOOKUP)
		return imei_lookup_start(d->lookup, conn, d->asked_at);
	return start_page(d, conn);
}

static void
devices_result(void *ctx, const struct pg_result *res)
{
	struct devices *d = ctx;

	if (d->turn == TURN_CHANGED)
		take_changed(d, res);
	else if (d->turn == TURN_LOOKUP)
		imei_lookup_result(d->lookup, res);
	else
		take_page(d, res);
}

static void
devices_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct devices *d = ctx;
	enum turn turn = d->turn;

	d->turn = TURN_NONE;
	if (turn == TURN_LOAD)
		d->load_us += clock_mono_us() - d->page_started_us;
	if (turn == TURN_CHANGED)
		end_changed(d, outcome);
	else if (turn == TURN_LOOKUP)
		d->job.handled = imei_lookup_end(d->lookup, outcome, error);
	else if (outcome != PG_OK || d->page_rows < LOAD_ROWS)
		finish_load(d, outcome == PG_OK && !d->load_mixed);
}

static void
devices_up(void *ctx)
{
	struct devices *d = ctx;

	/* What was notified while nobody listened is lost. */
	d->up = d->tried = true;
	d->load_wanted = true;
}

static void
devices_down(void *ctx)
{
	struct devices *d = ctx;

	d->up = false;
	d->tried = true;
	if (d->loading)
		finish_load(d, false);
	if (d->leader)
		registry_stop_leading(d->cfg.registry);
	d->leader = false;
	d->nchanged = 0;
	imei_lookup_down(d->lookup);
}

static void
devices_notify(void *ctx, const char *payload)
{
	struct devices *d = ctx;
	enum imeis_item item;
	uint64_t imei;

	/* The next leader loads all, so only the leader needs to remember. */
	if (!d->leader)
		return;
	while ((item = imeis_next(&payload, &imei)) != IMEIS_END) {
		if (item == IMEIS_ALL)
			d->load_wanted = true;
		else
			add_changed(d, imei);
	}
}

struct devices *
devices_new(const struct devices_config *cfg)
{
	struct devices *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->cfg = *cfg;
	pg_array_init(&d->imeis, PG_TEXT);
	d->lookup = imei_lookup_new(cfg);
	if (d->lookup == NULL) {
		devices_free(d);
		return NULL;
	}
	d->job = (struct job){.turn = {.name = "devices",
				  .ctx = d,
				  .start = devices_start,
				  .result = devices_result,
				  .end = devices_end},
	    .due = devices_due,
	    .up = devices_up,
	    .down = devices_down,
	    .channel = "telematics_devices",
	    .notify = devices_notify,
	    .statements = statements};
	return d;
}

void
devices_free(struct devices *d)
{
	if (d == NULL)
		return;
	if (d->loading)
		registry_load_end(d->cfg.registry, &d->load, false);
	if (d->leader)
		registry_stop_leading(d->cfg.registry);
	imei_lookup_free(d->lookup);
	pg_array_free(&d->imeis);
	free(d);
}

struct job *
devices_job(struct devices *d)
{
	return &d->job;
}

bool
devices_lookup(
    struct devices *d, uint64_t imei, uint64_t token, int64_t now_mono_ms, enum lookup_answer *now)
{
	*now = LOOKUP_UNAVAILABLE;
	/* A worker that has just begun is about to know: its first callers wait for that. */
	return (d->up || !d->tried) && imei_lookup_add(d->lookup, imei, token, now_mono_ms, now);
}
