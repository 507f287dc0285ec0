#include "worker/task/dead_workers.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/db_clock.h"
#include "common/log.h"
#include "pg/array.h"
#include "pg/isolate.h"
#include "pg/query.h"
#include "pg/result.h"
#include "shm/area.h"

#define CHUNK 250 /* devices a statement: each costs two looks into the history */
#define OWNERS (1 << SHM_OWNER_BITS)
#define LOG_EVERY_MS 60000
#define LOCKED_MS 1000 /* between two looks at rows that somebody holds locked */

_Static_assert(SHM_OWNER_BITS == 11 && SHM_BLOCKS == 2, "the statements take session ids apart");

static const char *const statements[] = {
    "dead_workers_move", "dead_workers_ping", "dead_workers_scan", NULL};

/* A live row that a dead worker left. */
struct left_row {
	int64_t device_id;
	int64_t session_id; /* the dead one; 0: only the position may be behind */
};

/* What a turn is for. */
enum turn { TURN_MOVE, TURN_PING, TURN_SCAN };

struct dead_workers {
	struct dead_workers_config cfg;
	char *gateway_id;
	struct job job;
	enum turn turn;
	struct left_row *left;
	size_t nleft, room;
	struct left_row chunk[CHUNK]; /* being written, sorted by device */
	size_t nchunk;
	struct left_row locked[CHUNK]; /* said the running statement: somebody holds their rows */
	size_t nlocked;
	int64_t not_before_ms;	 /* after such rows */
	struct pg_isolate spans; /* of the chunk: what is being written, and what is left */
	bool pings_left;	 /* of the chunk, which is written */

	/*
	 * Owners whose rows are to be looked for in the table: sessions before the fence are dead.
	 */
	int64_t fence[OWNERS];
	uint32_t nfences;
	bool beyond;	     /* and those of slots that are no more */
	bool scanning;	     /* the scan of: */
	uint32_t scan_owner; /* OWNERS: of slots that are no more */
	int64_t scan_cursor;
	int scan_rows;
	bool scan_again; /* its owner died once more: from the beginning */

	struct pg_array ids, sessions;
	uint64_t moved; /* since the last line about it */
	struct log_gate refused_gate;
};

static bool
keep(struct dead_workers *d, int64_t device_id, int64_t session_id)
{
	if (d->nleft == d->room) {
		size_t room = d->room == 0 ? 256 : d->room * 2;
		struct left_row *left = realloc(d->left, room * sizeof(*left));

		if (left == NULL)
			return false;
		d->left = left;
		d->room = room;
	}
	d->left[d->nleft++] = (struct left_row){.device_id = device_id, .session_id = session_id};
	return true;
}

void
dead_workers_add(struct dead_workers *d, uint32_t owner)
{
	struct registry *registry = d->cfg.registry;
	uint32_t cursor = 0, entry;
	int64_t session;
	uint64_t lost = 0;

	if (owner >= OWNERS)
		return;
	/* All at once: the owner number may be in use again a moment later. */
	while (
	    (entry = registry_next_of_dead(registry, owner, &cursor, &session)) != REGISTRY_NONE) {
		struct device_entry e;

		registry_get(registry, entry, &e);
		if (e.present && !keep(d, e.id, session))
			lost++;
	}
	if (lost > 0)
		log_error("no memory to look after %" PRIu64 " devices of a dead worker", lost);
	if (d->fence[owner] == 0)
		d->nfences++;
	d->fence[owner] = registry_new_session(registry, owner, db_clock_us());
	if (d->scanning && d->scan_owner == owner)
		d->scan_again = true;
	jobs_kick(&d->job);
}

/* ---- Writing a chunk ---- */

static int
compare_rows(const void *a, const void *b)
{
	const struct left_row *x = a, *y = b;

	if (x->device_id != y->device_id)
		return x->device_id < y->device_id ? -1 : 1;
	return x->session_id < y->session_id ? -1 : x->session_id > y->session_id;
}

/* A device that came twice is written once, for its newest session. */
static void
take_chunk(struct dead_workers *d)
{
	size_t take = d->nleft < CHUNK ? d->nleft : CHUNK, n = 0;

	d->nleft -= take;
	memcpy(d->chunk, &d->left[d->nleft], take * sizeof(d->chunk[0]));
	qsort(d->chunk, take, sizeof(d->chunk[0]), compare_rows);
	for (size_t i = 0; i < take; i++) {
		if (n > 0 && d->chunk[n - 1].device_id == d->chunk[i].device_id)
			n--;
		d->chunk[n++] = d->chunk[i];
	}
	d->nchunk = n;
	pg_isolate_start(&d->spans, (uint32_t)n);
	(void)!pg_isolate_next(&d->spans, CHUNK);
	if (d->nleft == 0) {
		free(d->left);
		d->left = NULL;
		d->room = 0;
	}
}

static bool
start_move(struct dead_workers *d, struct pg_conn *conn)
{
	struct pg_params params = {0};

	if (d->nchunk == 0)
		take_chunk(d);
	d->nlocked = 0;
	pg_array_reset(&d->ids);
	pg_array_reset(&d->sessions);
	for (uint32_t i = d->spans.now.from; i < d->spans.now.to; i++) {
		pg_array_int8(&d->ids, d->chunk[i].device_id);
		if (d->chunk[i].session_id != 0)
			pg_array_int8(
			    &d->sessions, registry_settled_session(d->chunk[i].session_id));
		else
			pg_array_null(&d->sessions);
	}
	pg_param_array(&params, &d->ids);
	pg_param_array(&params, &d->sessions);
	pg_param_text(&params, d->gateway_id);
	return pg_send(conn, "dead_workers_move", &params, PG_TEXT_ROWS);
}

static bool
start_ping(struct dead_workers *d, struct pg_conn *conn)
{
	struct pg_params params = {0};

	pg_array_reset(&d->ids);
	for (size_t i = 0; i < d->nchunk; i++)
		pg_array_int8(&d->ids, d->chunk[i].device_id);
	pg_param_array(&params, &d->ids);
	return pg_send(conn, "dead_workers_ping", &params, PG_TEXT_ROWS);
}

static void
note_done(struct dead_workers *d)
{
	if (d->nleft > 0 || d->nchunk > 0 || d->moved == 0)
		return;
	log_info("%" PRIu64 " live rows that a dead worker left were brought up to date", d->moved);
	d->moved = 0;
}

static void
log_refused(struct dead_workers *d, int64_t device_id, const struct pg_error *error)
{
	uint64_t suppressed;

	if (log_gate_open(&d->refused_gate, clock_mono_ms(), LOG_EVERY_MS, &suppressed))
		log_error("live row of device %" PRId64 " refused: %s: %s (%" PRIu64
			  " more since the last line)",
		    device_id, error->sqlstate, error->text, suppressed);
}

static void
take_locked(struct dead_workers *d, const struct pg_result *res)
{
	for (int row = 0; row < pg_rows(res); row++)
		for (uint32_t i = d->spans.now.from; i < d->spans.now.to; i++)
			if (d->chunk[i].device_id == pg_int(res, row, 0))
				d->locked[d->nlocked++] = d->chunk[i];
}

/* Those that are left out come again in a second. */
static void
keep_locked(struct dead_workers *d)
{
	for (size_t i = 0; i < d->nlocked; i++)
		if (!keep(d, d->locked[i].device_id, d->locked[i].session_id))
			log_error("no memory to look after device %" PRId64 " of a dead worker",
			    d->locked[i].device_id);
	if (d->nlocked > 0)
		d->not_before_ms = clock_mono_ms() + LOCKED_MS;
	d->nlocked = 0;
}

static void
end_move(struct dead_workers *d, enum pg_outcome outcome, const struct pg_error *error)
{
	if (outcome == PG_OK) {
		d->moved += d->spans.now.to - d->spans.now.from - d->nlocked;
		keep_locked(d);
	} else if (outcome == PG_ERROR && pg_error_is_content(error)) {
		d->job.handled = true;
		if (pg_isolate_refused(&d->spans))
			log_refused(d, d->chunk[d->spans.now.from].device_id, error);
	} else {
		pg_isolate_again(&d->spans);
	}
	d->pings_left = !pg_isolate_next(&d->spans, CHUNK);
}

/* ---- Looking for rows that the directory doesn't know (it was made anew) ---- */

static bool
start_scan(struct dead_workers *d, struct pg_conn *conn)
{
	struct pg_params params = {0};

	if (!d->scanning) {
		d->scanning = true;
		d->scan_cursor = INT64_MIN;
		d->scan_owner = 0;
		while (d->scan_owner < OWNERS && d->fence[d->scan_owner] == 0)
			d->scan_owner++;
	}
	d->scan_rows = 0;
	pg_param_int(&params, d->scan_cursor);
	pg_param_text(&params, d->gateway_id);
	if (d->scan_owner < OWNERS) {
		pg_param_int(&params, registry_settled_session(d->fence[d->scan_owner]));
		pg_param_int(&params, d->scan_owner);
		pg_param_text(&params, NULL);
	} else {
		pg_param_int(&params, registry_settled_session(d->cfg.born_session));
		pg_param_text(&params, NULL);
		pg_param_int(&params, d->cfg.nworkers);
	}
	return pg_send(conn, "dead_workers_scan", &params, PG_TEXT_ROWS);
}

static void
take_scan(struct dead_workers *d, const struct pg_result *res)
{
	for (int i = 0; i < pg_rows(res); i++) {
		int64_t id = pg_int(res, i, 0);

		d->scan_rows++;
		if (id > d->scan_cursor)
			d->scan_cursor = id;
		if (pg_bool(res, i, 2) && !keep(d, id, pg_int(res, i, 1)))
			log_error("no memory to mark device %" PRId64 " offline", id);
	}
}

static void
end_scan(struct dead_workers *d, enum pg_outcome outcome)
{
	if (d->scan_again) {
		d->scan_again = false;
		d->scan_cursor = INT64_MIN;
		return;
	}
	if (outcome != PG_OK || d->scan_rows > 0)
		return;
	d->scanning = false;
	if (d->scan_owner == OWNERS) {
		d->beyond = false;
	} else {
		d->fence[d->scan_owner] = 0;
		d->nfences--;
	}
}

/* ---- The job ---- */

static bool
dead_workers_due(void *ctx, int64_t now_mono_ms)
{
	const struct dead_workers *d = ctx;

	if (d->nchunk == 0 && now_mono_ms < d->not_before_ms)
		return false;
	return d->nleft > 0 || d->nchunk > 0 || d->nfences > 0 || d->beyond;
}

static bool
dead_workers_start(void *ctx, struct pg_conn *conn)
{
	struct dead_workers *d = ctx;

	if (d->nchunk > 0)
		d->turn = d->pings_left ? TURN_PING : TURN_MOVE;
	else
		d->turn = d->nleft > 0 ? TURN_MOVE : TURN_SCAN;
	if (d->turn == TURN_SCAN)
		return start_scan(d, conn);
	return d->turn == TURN_PING ? start_ping(d, conn) : start_move(d, conn);
}

static void
dead_workers_result(void *ctx, const struct pg_result *res)
{
	struct dead_workers *d = ctx;

	if (d->turn == TURN_SCAN)
		take_scan(d, res);
	else if (d->turn == TURN_MOVE)
		take_locked(d, res);
}

static void
dead_workers_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct dead_workers *d = ctx;

	if (d->turn == TURN_SCAN) {
		end_scan(d, outcome);
	} else if (d->turn == TURN_MOVE) {
		end_move(d, outcome, error);
	} else {
		/* last_ping is a courtesy here: the device's next record brings it. */
		d->pings_left = false;
		d->nchunk = 0;
	}
	note_done(d);
}

struct dead_workers *
dead_workers_new(const struct dead_workers_config *cfg)
{
	struct dead_workers *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->cfg = *cfg;
	d->beyond = cfg->worker == 0;
	pg_array_init(&d->ids, PG_INT8);
	pg_array_init(&d->sessions, PG_INT8);
	d->gateway_id = strdup(cfg->gateway_id);
	if (d->gateway_id == NULL) {
		dead_workers_free(d);
		return NULL;
	}
	d->job = (struct job){.turn = {.name = "dead workers",
				  .ctx = d,
				  .start = dead_workers_start,
				  .result = dead_workers_result,
				  .end = dead_workers_end},
	    .due = dead_workers_due,
	    .statements = statements};
	return d;
}

void
dead_workers_free(struct dead_workers *d)
{
	if (d == NULL)
		return;
	pg_array_free(&d->ids);
	pg_array_free(&d->sessions);
	free(d->left);
	free(d->gateway_id);
	free(d);
}

struct job *
dead_workers_job(struct dead_workers *d)
{
	return &d->job;
}
