#include "worker/task/partitions.h"

#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"

#define EVERY_MS 60000
#define FIRST_WITHIN_MS 5000 /* spread, so that the workers of a start don't all ask at once */
#define BETWEEN_STEPS_MS 50
#define AFTER_ERROR_MS 5000

static const char step_sql[] = "SELECT telematics_upkeep($1::integer, $2::integer)";

static const char *const statements[] = {"upkeep_step", step_sql, NULL};

struct upkeep {
	struct task task;
	char retention[12], raw_retention[12];
	int64_t next_ms;
	bool up, more;
};

static bool
upkeep_due(void *ctx, int64_t now_mono_ms)
{
	const struct upkeep *u = ctx;

	return u->up && now_mono_ms >= u->next_ms;
}

static bool
upkeep_start(void *ctx, struct pg_conn *conn)
{
	struct upkeep *u = ctx;
	const char *const values[] = {u->retention, u->raw_retention};

	u->more = false;
	return PQsendQueryPrepared(conn, "upkeep_step", 2, values, NULL, NULL, 0) == 1;
}

static void
upkeep_result(void *ctx, const struct pg_result *res)
{
	struct upkeep *u = ctx;

	if (PQntuples(res) == 1)
		u->more = PQgetvalue(res, 0, 0)[0] == 't';
}

static void
upkeep_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct upkeep *u = ctx;

	(void)error; /* tasks.c logs it */
	if (outcome == PG_OK)
		u->next_ms = clock_mono_ms() + (u->more ? BETWEEN_STEPS_MS : EVERY_MS);
	else if (outcome == PG_ERROR)
		u->next_ms = clock_mono_ms() + AFTER_ERROR_MS;
}

static void
upkeep_up(void *ctx)
{
	struct upkeep *u = ctx;
	uint16_t spread;

	evutil_secure_rng_get_bytes(&spread, sizeof(spread));
	u->up = true;
	u->next_ms = clock_mono_ms() + spread % FIRST_WITHIN_MS;
}

static void
upkeep_down(void *ctx)
{
	struct upkeep *u = ctx;

	u->up = false;
}

struct upkeep *
upkeep_new(int retention_days, int raw_retention_days)
{
	struct upkeep *u = calloc(1, sizeof(*u));

	if (u == NULL)
		return NULL;
	snprintf(u->retention, sizeof(u->retention), "%d", retention_days);
	snprintf(u->raw_retention, sizeof(u->raw_retention), "%d", raw_retention_days);
	u->task = (struct task){.job = {.name = "upkeep",
				    .ctx = u,
				    .start = upkeep_start,
				    .result = upkeep_result,
				    .end = upkeep_end},
	    .due = upkeep_due,
	    .up = upkeep_up,
	    .down = upkeep_down,
	    .prepare = statements,
	    .background = true};
	return u;
}

void
upkeep_free(struct upkeep *u)
{
	free(u);
}

struct task *
upkeep_task(struct upkeep *u)
{
	return &u->task;
}
