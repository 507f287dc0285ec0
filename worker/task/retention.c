#include "worker/task/retention.h"

#include <stdlib.h>

#include "common/clock.h"
#include "pg/query.h"
#include "pg/result.h"

#define EVERY_MS 3600000
#define FIRST_MS 30000 /* after a reconnect all else goes first */
#define BETWEEN_PAGES_MS 50
#define AFTER_ERROR_MS 60000

static const char *const statements[] = {
    "retention_commands", "retention_messages", "retention_sessions", NULL};

enum { COMMANDS, MESSAGES, SESSIONS, LEDGERS };

struct retention {
	struct job job;
	int days[LEDGERS];
	int64_t next_ms[LEDGERS];
	int64_t cursor[LEDGERS]; /* the id behind which the next page begins */
	int running;
	bool more; /* said the page that runs */
};

static int
due_ledger(const struct retention *r, int64_t now_mono_ms)
{
	for (int i = 0; i < LEDGERS; i++)
		if (r->days[i] > 0 && now_mono_ms >= r->next_ms[i])
			return i;
	return LEDGERS;
}

static bool
retention_due(void *ctx, int64_t now_mono_ms)
{
	return due_ledger(ctx, now_mono_ms) < LEDGERS;
}

static bool
retention_start(void *ctx, struct pg_conn *conn)
{
	struct retention *r = ctx;
	struct pg_params params = {0};

	r->running = due_ledger(r, clock_mono_ms());
	if (r->running == LEDGERS)
		r->running = COMMANDS;
	r->more = false;
	pg_param_int(&params, r->days[r->running]);
	pg_param_int(&params, r->cursor[r->running]);
	return pg_send(conn, statements[r->running], &params, PG_TEXT_ROWS);
}

static void
retention_result(void *ctx, const struct pg_result *res)
{
	struct retention *r = ctx;

	r->more = pg_rows(res) == 1;
	if (r->more)
		r->cursor[r->running] = pg_int(res, 0, 0);
}

static void
retention_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct retention *r = ctx;
	int64_t wait = r->more ? BETWEEN_PAGES_MS : EVERY_MS;

	(void)error; /* the round logs it */
	if (outcome != PG_OK)
		wait = AFTER_ERROR_MS;
	else if (!r->more)
		r->cursor[r->running] = 0;
	r->next_ms[r->running] = clock_mono_ms() + wait;
}

static void
retention_up(void *ctx)
{
	struct retention *r = ctx;

	for (int i = 0; i < LEDGERS; i++)
		r->next_ms[i] = clock_mono_ms() + FIRST_MS;
}

struct retention *
retention_new(int command_days, int message_days, int session_days)
{
	struct retention *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->days[COMMANDS] = command_days;
	r->days[MESSAGES] = message_days;
	r->days[SESSIONS] = session_days;
	r->job = (struct job){.turn = {.name = "retention",
				  .ctx = r,
				  .start = retention_start,
				  .result = retention_result,
				  .end = retention_end},
	    .due = retention_due,
	    .up = retention_up,
	    .statements = statements};
	return r;
}

void
retention_free(struct retention *r)
{
	free(r);
}

struct job *
retention_job(struct retention *r)
{
	return &r->job;
}
