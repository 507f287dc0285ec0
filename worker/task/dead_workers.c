#include "worker/task/dead_workers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "shm/area.h"
#include "worker/task/live_sql.h"
#include "pg/array.h"

#define CHUNK 250 /* devices a statement: each costs two looks into the history */
#define OWNERS (1 << SHM_OWNER_BITS)
#define LOG_EVERY_MS 60000

_Static_assert(SHM_OWNER_BITS == 11 && SHM_BLOCKS == 2, "the statements take session ids apart");

/*
 * What is in the history and newer than the live row, as the worker would have
 * written it; and the end of the session. The history is asked for nothing older than the
 * row, so few partitions are looked at. Without a session and anything newer nothing is written.
 */
#define HISTORY(columns, after, only) \
	"LEFT JOIN LATERAL (SELECT " columns " FROM device_positions h" \
	" WHERE h.device_id = w.device_id" only " AND h.recorded_at > greatest(" after \
	", timestamptz '2009-12-31 23:59:59.999999+00')" \
	" AND h.recorded_at <= now() + interval '24 hours'" \
	" ORDER BY h.recorded_at DESC LIMIT 1) "

static const char move_sql[] =
    "WITH w AS (SELECT x.device_id, x.session_id, c.recorded_at AS fix_at, c.last_record_at"
    " FROM unnest($1::bigint[], $2::bigint[]) AS x (device_id, session_id)"
    " LEFT JOIN device_online c ON c.device_id = x.device_id)"
    "INSERT INTO device_online AS o (" LIVE_SQL_COLUMNS ") "
    "SELECT w.device_id, f.*, r.recorded_at, r.io, w.session_id, false,"
    " to_timestamp((w.session_id >> 11) / 1000000.0),"
    " CASE WHEN w.session_id IS NOT NULL THEN now() END, r.received_at, NULL::inet,"
    " CASE WHEN w.session_id IS NOT NULL THEN $3::text END,"
    " ((w.session_id & 2047) >> 1)::integer, now() FROM w " HISTORY(LIVE_SQL_FIX, "w.fix_at",
	" AND h.valid") "f ON true " HISTORY("recorded_at, received_at, io", "w.last_record_at",
	"") "r ON true "
	    "WHERE w.session_id IS NOT NULL OR f.recorded_at IS NOT NULL OR r.recorded_at IS NOT "
	    "NULL "
	    "ORDER BY w.device_id" LIVE_SQL_ON_CONFLICT;

static const char ping_sql[] =
    "UPDATE devices d SET last_ping = l.seen FROM (SELECT f.id, o.last_seen_at AS seen"
    " FROM device_online o JOIN devices f ON f.id = o.device_id"
    " WHERE o.device_id = ANY ($1::bigint[])"
    " AND (f.last_ping IS NULL OR f.last_ping < o.last_seen_at)"
    " ORDER BY f.id FOR NO KEY UPDATE OF f SKIP LOCKED) l WHERE d.id = l.id";

/* By pages of the table: it has no index for this. The last row of a page comes always. */
#define SCAN(condition) \
	"WITH page AS MATERIALIZED (SELECT device_id, session_id," \
	" (online AND gateway = $2::text AND session_id < $3::bigint AND " condition ") IS TRUE" \
	" AS dead FROM device_online WHERE device_id > $1::bigint ORDER BY device_id LIMIT 20000)" \
	" SELECT device_id, session_id, dead FROM page" \
	" WHERE dead OR device_id = (SELECT max(device_id) FROM page)"

static const char scan_owner_sql[] = SCAN("(session_id & 2047) = $4::bigint");
static const char scan_beyond_sql[] = SCAN("worker >= $4::integer");

static const char *const statements[] = {"orphans_move", move_sql, "orphans_ping", ping_sql,
    "orphans_scan_owner", scan_owner_sql, "orphans_scan_beyond", scan_beyond_sql, NULL};

struct orphan {
	int64_t device_id;
	int64_t session_id; /* the dead one; 0: only the position may be behind */
};

enum job_kind { JOB_MOVE, JOB_PING, JOB_SCAN };

struct orphans {
	struct orphans_config cfg;
	char *gateway_id;
	struct task task;
	bool up;
	enum job_kind job;
	struct orphan *todo;
	size_t ntodo, room;
	struct orphan chunk[CHUNK]; /* being written, sorted by device */
	size_t nchunk;
	bool pings_left; /* of the chunk, which is written */
	size_t isolate;	 /* so many more go alone: one among them is refused */

	/* Owners whose rows are to be looked for in the table: sessions before the fence are dead.
	 */
	int64_t fence[OWNERS];
	uint32_t nfences;
	bool beyond;	     /* and those of slots that are no more */
	bool scanning;	     /* the scan of: */
	uint32_t scan_owner; /* OWNERS: of slots that are no more */
	int64_t scan_cursor;
	int scan_rows;

	struct pg_array ids, sessions;
	uint64_t moved; /* since the last line about it */
	struct log_gate refused_gate;
};

static bool
keep(struct orphans *o, int64_t device_id, int64_t session_id)
{
	if (o->ntodo == o->room) {
		size_t room = o->room == 0 ? 256 : o->room * 2;
		struct orphan *todo = realloc(o->todo, room * sizeof(*todo));

		if (todo == NULL)
			return false;
		o->todo = todo;
		o->room = room;
	}
	o->todo[o->ntodo++] = (struct orphan){.device_id = device_id, .session_id = session_id};
	return true;
}

void
orphans_add(struct orphans *o, uint32_t owner)
{
	struct registry *registry = o->cfg.registry;
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
		if (e.present && !keep(o, e.id, session))
			lost++;
	}
	if (lost > 0)
		log_error("no memory to look after %" PRIu64 " devices of a dead worker", lost);
	if (o->fence[owner] == 0)
		o->nfences++;
	o->fence[owner] = registry_new_session(registry, owner, clock_wall_us());
	if (o->scanning && o->scan_owner == owner)
		o->scan_cursor = INT64_MIN;
}

/* ---- Writing a chunk ---- */

static int
compare_orphans(const void *a, const void *b)
{
	const struct orphan *x = a, *y = b;

	if (x->device_id != y->device_id)
		return x->device_id < y->device_id ? -1 : 1;
	return x->session_id < y->session_id ? -1 : x->session_id > y->session_id;
}

/* A device that came twice is written once, for its newest session. */
static void
take_chunk(struct orphans *o)
{
	size_t limit = o->isolate > 0 ? 1 : CHUNK, take = o->ntodo < limit ? o->ntodo : limit,
	       n = 0;

	o->ntodo -= take;
	memcpy(o->chunk, &o->todo[o->ntodo], take * sizeof(o->chunk[0]));
	qsort(o->chunk, take, sizeof(o->chunk[0]), compare_orphans);
	for (size_t i = 0; i < take; i++) {
		if (n > 0 && o->chunk[n - 1].device_id == o->chunk[i].device_id)
			n--;
		o->chunk[n++] = o->chunk[i];
	}
	o->nchunk = n;
	if (o->ntodo == 0) {
		free(o->todo);
		o->todo = NULL;
		o->room = 0;
	}
}

static void
fill_arrays(struct orphans *o)
{
	pg_array_reset(&o->ids);
	pg_array_reset(&o->sessions);
	for (size_t i = 0; i < o->nchunk; i++) {
		pg_array_int8(&o->ids, o->chunk[i].device_id);
		if (o->chunk[i].session_id != 0)
			pg_array_int8(&o->sessions, o->chunk[i].session_id);
		else
			pg_array_null(&o->sessions);
	}
}

static bool
start_chunk(struct orphans *o, struct pg_conn *conn)
{
	const char *values[3];
	int lengths[3] = {0}, formats[3] = {1, 1, 0};

	if (o->nchunk == 0)
		take_chunk(o);
	fill_arrays(o);
	values[0] = pg_array_param(&o->ids, &lengths[0]);
	values[1] = pg_array_param(&o->sessions, &lengths[1]);
	values[2] = o->gateway_id;
	if (values[0] == NULL || values[1] == NULL)
		return false;
	if (o->job == JOB_PING)
		return PQsendQueryPrepared(conn, "orphans_ping", 1, values, lengths, formats, 0) ==
		       1;
	return PQsendQueryPrepared(conn, "orphans_move", 3, values, lengths, formats, 0) == 1;
}

static void
note_done(struct orphans *o)
{
	if (o->ntodo > 0 || o->nchunk > 0 || o->moved == 0)
		return;
	log_info("%" PRIu64 " live rows that a dead worker left were brought up to date", o->moved);
	o->moved = 0;
}

/* One device is at fault: each goes alone until it is found, and that one is left out. */
static void
refused(struct orphans *o, const struct pg_error *error)
{
	uint64_t suppressed;

	if (o->nchunk > 1) {
		o->isolate = o->nchunk;
		for (size_t i = 0; i < o->nchunk; i++)
			if (!keep(o, o->chunk[i].device_id, o->chunk[i].session_id))
				break;
	} else {
		if (log_gate_open(&o->refused_gate, clock_mono_ms(), LOG_EVERY_MS, &suppressed))
			log_error("live row of device %" PRId64 " refused: %s: %s (%" PRIu64
				  " more since the last line)",
			    o->chunk[0].device_id, error->sqlstate, error->text, suppressed);
		if (o->isolate > 0)
			o->isolate--;
	}
	o->nchunk = 0;
}

static void
end_move(struct orphans *o, enum pg_outcome outcome, const struct pg_error *error)
{
	if (outcome == PG_OK) {
		o->moved += o->nchunk;
		o->pings_left = true;
		if (o->isolate > 0)
			o->isolate--;
	} else if (outcome == PG_ERROR && pg_error_is_content(error)) {
		refused(o, error);
	}
	/* Else the chunk stays and is tried again. */
}

/* ---- Looking for rows that the directory doesn't know (it was made anew) ---- */

static bool
start_scan(struct orphans *o, struct pg_conn *conn)
{
	char cursor[24], fence[24], owner[12];
	const char *const values[] = {cursor, o->gateway_id, fence, owner};
	bool beyond;

	if (!o->scanning) {
		o->scanning = true;
		o->scan_cursor = INT64_MIN;
		o->scan_owner = 0;
		while (o->scan_owner < OWNERS && o->fence[o->scan_owner] == 0)
			o->scan_owner++;
	}
	beyond = o->scan_owner == OWNERS;
	o->scan_rows = 0;
	snprintf(cursor, sizeof(cursor), "%" PRId64, o->scan_cursor);
	snprintf(fence, sizeof(fence), "%" PRId64,
	    beyond ? o->cfg.born_session : o->fence[o->scan_owner]);
	snprintf(owner, sizeof(owner), "%u", beyond ? (unsigned)o->cfg.nworkers : o->scan_owner);
	return PQsendQueryPrepared(conn, beyond ? "orphans_scan_beyond" : "orphans_scan_owner", 4,
		   values, NULL, NULL, 0) == 1;
}

static void
take_scan(struct orphans *o, const struct pg_result *res)
{
	for (int i = 0; i < PQntuples(res); i++) {
		int64_t id = strtoll(PQgetvalue(res, i, 0), NULL, 10);
		int64_t session = strtoll(PQgetvalue(res, i, 1), NULL, 10);

		o->scan_rows++;
		if (id > o->scan_cursor)
			o->scan_cursor = id;
		if (PQgetvalue(res, i, 2)[0] == 't' && !keep(o, id, session))
			log_error("no memory to mark device %" PRId64 " offline", id);
	}
}

static void
end_scan(struct orphans *o, enum pg_outcome outcome)
{
	if (outcome != PG_OK || o->scan_rows > 0)
		return;
	o->scanning = false;
	if (o->scan_owner == OWNERS) {
		o->beyond = false;
	} else {
		o->fence[o->scan_owner] = 0;
		o->nfences--;
	}
}

/* ---- The task ---- */

static bool
orphans_due(void *ctx, int64_t now_mono_ms)
{
	const struct orphans *o = ctx;

	(void)now_mono_ms;
	return o->up && (o->ntodo > 0 || o->nchunk > 0 || o->nfences > 0 || o->beyond);
}

static bool
orphans_start(void *ctx, struct pg_conn *conn)
{
	struct orphans *o = ctx;

	if (o->nchunk > 0)
		o->job = o->pings_left ? JOB_PING : JOB_MOVE;
	else
		o->job = o->ntodo > 0 ? JOB_MOVE : JOB_SCAN;
	return o->job == JOB_SCAN ? start_scan(o, conn) : start_chunk(o, conn);
}

static void
orphans_result(void *ctx, const struct pg_result *res)
{
	struct orphans *o = ctx;

	if (o->job == JOB_SCAN)
		take_scan(o, res);
}

static void
orphans_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct orphans *o = ctx;

	if (o->job == JOB_SCAN) {
		end_scan(o, outcome);
	} else if (o->job == JOB_MOVE) {
		end_move(o, outcome, error);
	} else {
		/* last_ping is a courtesy here: the device's next record brings it. */
		o->pings_left = false;
		o->nchunk = 0;
	}
	note_done(o);
}

static void
orphans_up(void *ctx)
{
	struct orphans *o = ctx;

	o->up = true;
}

static void
orphans_down(void *ctx)
{
	struct orphans *o = ctx;

	o->up = false;
}

struct orphans *
orphans_new(const struct orphans_config *cfg)
{
	struct orphans *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return NULL;
	o->cfg = *cfg;
	o->beyond = cfg->worker == 0;
	pg_array_init(&o->ids, PG_INT8);
	pg_array_init(&o->sessions, PG_INT8);
	o->gateway_id = strdup(cfg->gateway_id);
	if (o->gateway_id == NULL) {
		orphans_free(o);
		return NULL;
	}
	o->task = (struct task){.job = {.name = "orphans",
				    .ctx = o,
				    .start = orphans_start,
				    .result = orphans_result,
				    .end = orphans_end},
	    .due = orphans_due,
	    .up = orphans_up,
	    .down = orphans_down,
	    .prepare = statements};
	return o;
}

void
orphans_free(struct orphans *o)
{
	if (o == NULL)
		return;
	pg_array_free(&o->ids);
	pg_array_free(&o->sessions);
	free(o->todo);
	free(o->gateway_id);
	free(o);
}

struct task *
orphans_task(struct orphans *o)
{
	return &o->task;
}
