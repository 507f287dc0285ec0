#include "worker/task/rhythm.h"

#include <stdlib.h>

#include "common/clock.h"
#include "pg/query.h"
#include "pg/result.h"

/* A turn reads the newest records of 25 devices at most, which takes some 20 ms: two a second leave room for all else. */
#define BETWEEN_PAGES_MS 500
#define BETWEEN_ROUNDS_MS 30000
#define FIRST_MS 10000 /* after a reconnect all else goes first */
#define AFTER_ERROR_MS 60000

static const char *const statements[] = {"rhythm_step", NULL};

struct rhythm {
	struct job job;
	bool active;
	bool more;	 /* said the page that runs */
	int64_t next_ms; /* monotonic: not before */
	int64_t cursor;	 /* the id behind which the next page begins */
};

static bool
is_due(void *ctx, int64_t now_mono_ms)
{
	const struct rhythm *r = ctx;

	return r->active && now_mono_ms >= r->next_ms;
}

static bool
start(void *ctx, struct pg_conn *conn)
{
	struct rhythm *r = ctx;
	struct pg_params params = {0};

	r->more = false;
	pg_param_int(&params, r->cursor);
	return pg_send(conn, "rhythm_step", &params, PG_TEXT_ROWS);
}

static void
result(void *ctx, const struct pg_result *res)
{
	struct rhythm *r = ctx;

	r->more = pg_rows(res) == 1;
	if (r->more)
		r->cursor = pg_int(res, 0, 0);
}

static void
end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct rhythm *r = ctx;
	int64_t wait = r->more ? BETWEEN_PAGES_MS : BETWEEN_ROUNDS_MS;

	(void)error; /* the round logs it */
	if (outcome != PG_OK)
		wait = AFTER_ERROR_MS;
	else if (!r->more)
		r->cursor = 0;
	r->next_ms = clock_mono_ms() + wait;
}

static void
up(void *ctx)
{
	struct rhythm *r = ctx;

	r->next_ms = clock_mono_ms() + FIRST_MS;
}

struct rhythm *
rhythm_new(bool active)
{
	struct rhythm *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->active = active;
	r->job = (struct job){
	    .turn = {.name = "rhythm", .ctx = r, .start = start, .result = result, .end = end},
	    .due = is_due,
	    .up = up,
	    .statements = statements};
	return r;
}

void
rhythm_free(struct rhythm *r)
{
	free(r);
}

struct job *
rhythm_job(struct rhythm *r)
{
	return &r->job;
}
