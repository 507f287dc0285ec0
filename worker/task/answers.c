#include "worker/task/answers.h"

#include <stdlib.h>

#include "pg/array.h"
#include "pg/query.h"

#define ANSWERS_MAX 1000 /* a statement; what is beyond is not told */

static const char *const statements[] = {"commands_tell", NULL};

struct answers {
	struct job job;
	struct pg_array ids; /* that wait */
	struct pg_array sent;
};

static bool
is_due(void *ctx, int64_t now_mono_ms)
{
	const struct answers *a = ctx;

	(void)now_mono_ms;
	return a->ids.n > 0;
}

static bool
start(void *ctx, struct pg_conn *conn)
{
	struct answers *a = ctx;
	struct pg_params params = {0};
	struct pg_array ids = a->ids;

	a->ids = a->sent;
	a->sent = ids;
	pg_array_reset(&a->ids);
	pg_param_array(&params, &a->sent);
	return pg_send(conn, "commands_tell", &params, PG_TEXT_ROWS);
}

static void
end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	/* Not tried again: the round logs it, and listeners look at the table now and then. */
	(void)ctx;
	(void)outcome;
	(void)error;
}

struct answers *
answers_new(void)
{
	struct answers *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	pg_array_init(&a->ids, PG_INT8);
	pg_array_init(&a->sent, PG_INT8);
	a->job = (struct job){.turn = {.name = "answers", .ctx = a, .start = start, .end = end},
	    .due = is_due,
	    .statements = statements};
	return a;
}

void
answers_free(struct answers *a)
{
	if (a == NULL)
		return;
	pg_array_free(&a->ids);
	pg_array_free(&a->sent);
	free(a);
}

struct job *
answers_job(struct answers *a)
{
	return &a->job;
}

void
answers_stored(struct answers *a, int64_t command_id)
{
	if (a->ids.n >= ANSWERS_MAX)
		return;
	pg_array_int8(&a->ids, command_id);
	jobs_kick(&a->job);
}
