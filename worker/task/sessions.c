#include "worker/task/sessions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg/array.h"
#include "pg/query.h"
#include "pg/result.h"

#define PAGE 1000	    /* sessions a statement */
#define LOOKED_AT 20000	    /* entries of the registry in one go */
#define QUEUE_MAX 100000    /* more at once: all are asked for */
#define CHANNEL_ID_BYTES 20 /* as in telematics_session_moved() */

static const char *const statements[] = {"sessions_check", NULL};

struct opened {
	uint32_t entry;
	int64_t session;
};

struct sessions {
	struct registry *registry;
	const struct shm_header *shared;
	char *gateway_id;
	char channel[sizeof("telematics_gateway_") + 2 * CHANNEL_ID_BYTES];
	struct job job;

	struct opened *queue; /* written lately */
	size_t n, room;
	bool all;	   /* all of them are asked for: */
	uint32_t at;	   /* from this entry on */
	bool walking;	   /* the page is of these */
	uint32_t gateways; /* that lived when it was last looked */

	struct opened page[PAGE];
	size_t npage;
	struct pg_array ids, sessions;
};

static bool
is_alone(const struct sessions *s)
{
	return atomic_load_explicit(&s->shared->gateways, memory_order_relaxed) == 1;
}

static void
ask_all(struct sessions *s)
{
	s->all = true;
	s->at = 0;
	s->n = 0;
}

static void
enqueue(struct sessions *s, uint32_t entry, int64_t session_id)
{
	if (s->n == s->room) {
		size_t room = s->room == 0 ? 64 : s->room * 2;
		struct opened *queue =
		    room <= QUEUE_MAX ? realloc(s->queue, room * sizeof(*queue)) : NULL;

		if (queue == NULL) {
			ask_all(s);
			return;
		}
		s->queue = queue;
		s->room = room;
	}
	s->queue[s->n++] = (struct opened){.entry = entry, .session = session_id};
}

void
sessions_written(void *ctx, uint32_t entry, int64_t session_id)
{
	struct sessions *s = ctx;

	if (is_alone(s))
		return;
	enqueue(s, entry, session_id);
	jobs_kick(&s->job);
}

/* "IMEI SESSION": this one was ours. */
static void
sessions_notify(void *ctx, const char *payload)
{
	struct sessions *s = ctx;
	char *end;
	uint64_t imei = strtoull(payload, &end, 10);
	uint32_t entry = *end == ' ' ? registry_find(s->registry, imei) : REGISTRY_NONE;

	if (entry != REGISTRY_NONE)
		registry_session_lost(s->registry, entry, strtoll(end + 1, NULL, 10));
}

/* ---- The job ---- */

static void
add_to_page(struct sessions *s, uint32_t entry, int64_t session)
{
	struct device_entry e;

	registry_get(s->registry, entry, &e);
	if (session == 0 || !e.present)
		return;
	session = registry_settled_session(session);
	pg_array_int8(&s->ids, e.id);
	pg_array_int8(&s->sessions, session);
	s->page[s->npage++] = (struct opened){.entry = entry, .session = session};
}

static void
gather(struct sessions *s)
{
	uint32_t count = registry_count(s->registry), end = s->at + LOOKED_AT;

	s->npage = 0;
	pg_array_reset(&s->ids);
	pg_array_reset(&s->sessions);
	s->walking = s->all;
	if (!s->all) {
		while (s->n > 0 && s->npage < PAGE) {
			s->n--;
			add_to_page(s, s->queue[s->n].entry, s->queue[s->n].session);
		}
		return;
	}
	for (; s->at < count && s->at < end && s->npage < PAGE; s->at++) {
		uint32_t entry = registry_entry_at(s->registry, s->at);

		add_to_page(s, entry, registry_session(s->registry, entry));
	}
	s->all = s->at < count;
}

static bool
sessions_due(void *ctx, int64_t now_mono_ms)
{
	struct sessions *s = ctx;
	uint32_t gateways = atomic_load_explicit(&s->shared->gateways, memory_order_relaxed);

	(void)now_mono_ms;
	if (is_alone(s)) {
		s->n = 0;
		s->all = false;
	} else if (s->gateways == 1) {
		s->all = true;
		s->at = 0;
	}
	s->gateways = gateways;
	/* The directory is the whole gateway's: its leader looks after that. */
	if (s->all && !registry_try_lead(s->registry))
		s->all = false;
	return s->all || s->n > 0;
}

static bool
sessions_start(void *ctx, struct pg_conn *conn)
{
	struct sessions *s = ctx;
	struct pg_params params = {0};

	gather(s);
	pg_param_array(&params, &s->ids);
	pg_param_array(&params, &s->sessions);
	pg_param_text(&params, s->gateway_id);
	return pg_send(conn, "sessions_check", &params, PG_TEXT_ROWS);
}

static void
sessions_result(void *ctx, const struct pg_result *res)
{
	struct sessions *s = ctx;

	for (int i = 0; i < pg_rows(res); i++) {
		uint64_t n = pg_uint(res, i, 0);

		if (n >= 1 && n <= s->npage)
			registry_session_lost(
			    s->registry, s->page[n - 1].entry, s->page[n - 1].session);
	}
}

static void
sessions_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct sessions *s = ctx;

	(void)error;
	if (outcome == PG_OK)
		return;
	if (s->walking)
		ask_all(s);
	else
		for (size_t i = 0; i < s->npage; i++)
			enqueue(s, s->page[i].entry, s->page[i].session);
}

static void
sessions_up(void *ctx)
{
	/* What was notified while nobody listened is lost. */
	ask_all(ctx);
}

struct sessions *
sessions_new(struct registry *registry, const struct shm_header *shared, const char *gateway_id)
{
	struct sessions *s = calloc(1, sizeof(*s));
	size_t n;

	if (s == NULL)
		return NULL;
	s->registry = registry;
	s->shared = shared;
	s->gateway_id = strdup(gateway_id);
	if (s->gateway_id == NULL) {
		sessions_free(s);
		return NULL;
	}
	n = (size_t)snprintf(s->channel, sizeof(s->channel), "telematics_gateway_");
	for (size_t i = 0; i < CHANNEL_ID_BYTES && gateway_id[i] != '\0'; i++)
		n += (size_t)snprintf(
		    s->channel + n, sizeof(s->channel) - n, "%02x", (unsigned char)gateway_id[i]);
	pg_array_init(&s->ids, PG_INT8);
	pg_array_init(&s->sessions, PG_INT8);
	s->job = (struct job){.turn = {.name = "sessions",
				  .ctx = s,
				  .start = sessions_start,
				  .result = sessions_result,
				  .end = sessions_end},
	    .due = sessions_due,
	    .up = sessions_up,
	    .channel = s->channel,
	    .notify = sessions_notify,
	    .statements = statements};
	return s;
}

void
sessions_free(struct sessions *s)
{
	if (s == NULL)
		return;
	pg_array_free(&s->ids);
	pg_array_free(&s->sessions);
	free(s->queue);
	free(s->gateway_id);
	free(s);
}

struct job *
sessions_job(struct sessions *s)
{
	return &s->job;
}
