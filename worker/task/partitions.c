#include "worker/task/partitions.h"

#include <event2/util.h>
#include <stdlib.h>

#include "common/clock.h"
#include "pg/query.h"
#include "pg/result.h"

#define EVERY_MS 60000
#define FIRST_WITHIN_MS 5000 /* spread, so that the workers of a start don't all ask at once */
#define BETWEEN_STEPS_MS 50
#define AFTER_ERROR_MS 5000

static const char *const statements[] = {"partitions_step", NULL};

struct partitions {
	struct job job;
	int retention_days, raw_retention_days;
	int64_t next_ms;
	bool more; /* said the step that runs */
};

static bool
partitions_due(void *ctx, int64_t now_mono_ms)
{
	const struct partitions *p = ctx;

	return now_mono_ms >= p->next_ms;
}

static bool
partitions_start(void *ctx, struct pg_conn *conn)
{
	struct partitions *p = ctx;
	struct pg_params params = {0};

	p->more = false;
	pg_param_int(&params, p->retention_days);
	pg_param_int(&params, p->raw_retention_days);
	return pg_send(conn, "partitions_step", &params, PG_TEXT_ROWS);
}

static void
partitions_result(void *ctx, const struct pg_result *res)
{
	struct partitions *p = ctx;

	p->more = pg_rows(res) == 1 && pg_bool(res, 0, 0);
}

static void
partitions_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct partitions *p = ctx;

	(void)error; /* the round logs it */
	if (outcome == PG_OK)
		p->next_ms = clock_mono_ms() + (p->more ? BETWEEN_STEPS_MS : EVERY_MS);
	else if (outcome == PG_ERROR)
		p->next_ms = clock_mono_ms() + AFTER_ERROR_MS;
}

static void
partitions_up(void *ctx)
{
	struct partitions *p = ctx;
	uint16_t spread;

	evutil_secure_rng_get_bytes(&spread, sizeof(spread));
	p->next_ms = clock_mono_ms() + spread % FIRST_WITHIN_MS;
}

struct partitions *
partitions_new(int retention_days, int raw_retention_days)
{
	struct partitions *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->retention_days = retention_days;
	p->raw_retention_days = raw_retention_days;
	p->job = (struct job){.turn = {.name = "partitions",
				  .ctx = p,
				  .start = partitions_start,
				  .result = partitions_result,
				  .end = partitions_end},
	    .due = partitions_due,
	    .up = partitions_up,
	    .statements = statements};
	return p;
}

void
partitions_free(struct partitions *p)
{
	free(p);
}

struct job *
partitions_job(struct partitions *p)
{
	return &p->job;
}
