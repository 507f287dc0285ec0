#include "worker/task/session_ends.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/db_clock.h"
#include "common/log.h"
#include "pg/array.h"
#include "pg/query.h"
#include "shm/registry.h"

#define BATCH 2000	 /* rows a statement */
#define QUEUE_MAX 200000 /* that wait: 13 MB */
#define FIRST_ROOM 64
#define RETRY_MS 1000
#define LOG_EVERY_MS 60000

enum {
	ENDS_DEVICE,
	ENDS_SESSION,
	ENDS_STARTED,
	ENDS_ENDED,
	ENDS_RECORDS,
	ENDS_ADDR,
	ENDS_REASON,
	ENDS_COLUMNS
};

static const char *const statements[] = {"sessions_ended", NULL};

struct session_ends {
	struct job job;
	char *gateway_id;
	/* In the order in which they ended; the first `sent` are in the running statement. */
	struct session_end *queue;
	size_t n, room, sent;
	int64_t next_ms; /* monotonic: not before */
	struct pg_array columns[ENDS_COLUMNS];
	struct log_gate full_gate;
};

static bool
make_room(struct session_ends *e)
{
	size_t room = e->room == 0 ? FIRST_ROOM : e->room * 2;
	struct session_end *queue;

	if (e->n < e->room)
		return true;
	queue = e->n < QUEUE_MAX ? realloc(e->queue, room * sizeof(*queue)) : NULL;
	if (queue == NULL)
		return false;
	e->queue = queue;
	e->room = room;
	return true;
}

void
session_ends_add(struct session_ends *e, const struct session_end *end)
{
	uint64_t suppressed;

	if (!make_room(e)) {
		if (log_gate_open(&e->full_gate, clock_mono_ms(), LOG_EVERY_MS, &suppressed))
			log_warn(
			    "too many ended sessions wait for the database: some will be missing in "
			    "device_sessions (%" PRIu64 " more since the last line)",
			    suppressed);
		return;
	}
	e->queue[e->n++] = *end;
	/* One alone can wait for the next tick, as others may follow. */
	if (e->n >= BATCH)
		jobs_kick(&e->job);
}

bool
session_ends_pending(const struct session_ends *e)
{
	return e->n > 0;
}

static bool
is_due(void *ctx, int64_t now_mono_ms)
{
	const struct session_ends *e = ctx;

	return e->n > 0 && now_mono_ms >= e->next_ms;
}

static void
put(struct session_ends *e, const struct session_end *end)
{
	int64_t session = registry_settled_session(end->session_id);

	pg_array_int8(&e->columns[ENDS_DEVICE], end->device_id);
	pg_array_int8(&e->columns[ENDS_SESSION], session);
	pg_array_time_us(&e->columns[ENDS_STARTED], registry_session_time(session));
	pg_array_time_ms(&e->columns[ENDS_ENDED], db_clock_settle_ms(end->ended_ms));
	pg_array_int8(&e->columns[ENDS_RECORDS], end->records);
	pg_array_addr(&e->columns[ENDS_ADDR], end->family, end->addr);
	pg_array_text(&e->columns[ENDS_REASON], end->reason, strlen(end->reason));
}

static bool
start(void *ctx, struct pg_conn *conn)
{
	static const uint32_t oids[ENDS_COLUMNS] = {
	    PG_INT8, PG_INT8, PG_TIMESTAMPTZ, PG_TIMESTAMPTZ, PG_INT8, PG_INET, PG_TEXT};
	struct session_ends *e = ctx;
	struct pg_params params = {0};

	pg_array_start(e->columns, oids, ENDS_COLUMNS);
	e->sent = e->n < BATCH ? e->n : BATCH;
	for (size_t i = 0; i < e->sent; i++)
		put(e, &e->queue[i]);
	pg_param_arrays(&params, e->columns, ENDS_COLUMNS);
	pg_param_text(&params, e->gateway_id);
	return pg_send(conn, "sessions_ended", &params, PG_TEXT_ROWS);
}

/* The first ones are written, or never will be. After a storm the memory goes back. */
static void
forget_sent(struct session_ends *e)
{
	e->n -= e->sent;
	memmove(e->queue, e->queue + e->sent, e->n * sizeof(*e->queue));
	if (e->n == 0) {
		free(e->queue);
		e->queue = NULL;
		e->room = 0;
	}
}

static void
end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct session_ends *e = ctx;

	/* What the table doesn't take for its content it won't take later: the round logs it. */
	if (outcome == PG_OK || (outcome == PG_ERROR && pg_error_is_content(error)))
		forget_sent(e);
	else
		e->next_ms = clock_mono_ms() + RETRY_MS;
	e->sent = 0;
}

struct session_ends *
session_ends_new(const char *gateway_id)
{
	struct session_ends *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	e->gateway_id = strdup(gateway_id);
	if (e->gateway_id == NULL) {
		free(e);
		return NULL;
	}
	e->job =
	    (struct job){.turn = {.name = "session ends", .ctx = e, .start = start, .end = end},
		.due = is_due,
		.statements = statements};
	return e;
}

void
session_ends_free(struct session_ends *e)
{
	if (e == NULL)
		return;
	for (int i = 0; i < ENDS_COLUMNS; i++)
		pg_array_free(&e->columns[i]);
	free(e->queue);
	free(e->gateway_id);
	free(e);
}

struct job *
session_ends_job(struct session_ends *e)
{
	return &e->job;
}
