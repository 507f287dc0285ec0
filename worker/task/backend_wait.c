#include "worker/task/backend_wait.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg/query.h"
#include "pg/result.h"

static const char *const statements[] = {"backend_wait", NULL};

struct backend_wait {
	struct job job;
	void *ctx;
	void (*said)(void *ctx, const char *what);
	struct pg_backend backend; /* pid 0: nothing is asked */
	char what[128];
};

static bool
is_due(void *ctx, int64_t now_mono_ms)
{
	const struct backend_wait *w = ctx;

	(void)now_mono_ms;
	return w->backend.pid != 0;
}

static bool
start(void *ctx, struct pg_conn *conn)
{
	struct backend_wait *w = ctx;
	struct pg_params params = {0};

	snprintf(w->what, sizeof(w->what), "nothing that the server knows of");
	pg_param_int(&params, w->backend.pid);
	pg_param_text(&params, w->backend.started);
	return pg_send(conn, "backend_wait", &params, PG_TEXT_ROWS);
}

static void
result(void *ctx, const struct pg_result *res)
{
	struct backend_wait *w = ctx;

	if (pg_rows(res) != 1)
		return;
	const char *event = pg_text(res, 0, 0), *holders = pg_text(res, 0, 1);

	if (*holders != '\0')
		snprintf(w->what, sizeof(w->what), "%.40s, held by backend %.40s", event, holders);
	else
		snprintf(w->what, sizeof(w->what), "%.60s%s", event,
		    strcmp(event, "IPC SyncRep") == 0 ? " (a synchronous standby)" : "");
}

static void
end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct backend_wait *w = ctx;

	(void)error; /* the round logs it */
	if (outcome == PG_LOST)
		return;
	w->backend.pid = 0;
	if (outcome == PG_OK)
		w->said(w->ctx, w->what);
}

struct backend_wait *
backend_wait_new(void *ctx, void (*said)(void *ctx, const char *what))
{
	struct backend_wait *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->ctx = ctx;
	w->said = said;
	w->job = (struct job){.turn = {.name = "backend wait",
				  .ctx = w,
				  .start = start,
				  .result = result,
				  .end = end},
	    .due = is_due,
	    .statements = statements};
	return w;
}

void
backend_wait_free(struct backend_wait *w)
{
	free(w);
}

struct job *
backend_wait_job(struct backend_wait *w)
{
	return &w->job;
}

void
backend_wait_ask(struct backend_wait *w, const struct pg_backend *backend)
{
	w->backend = *backend;
	jobs_kick(&w->job);
}
