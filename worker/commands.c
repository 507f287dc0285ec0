#include "worker/commands.h"

#include <assert.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "proto/stream.h"
#include "worker/commands_sql.h"
#include "worker/device_query.h"
#include "worker/later.h"
#include "worker/pgarray.h"

#define CLAIMS 500     /* connections in one statement */
#define ENDS 500       /* attempts in one statement */
#define POLL_ROWS 2000 /* one page; also in poll_sql */
#define POLL_MS 2000   /* between two looks at the whole queue */
#define SWEEP_MS 300
#define SWEEP_FIRST_MS 2000 /* after a reconnect the owners of what is `sent` go first */
#define GRACE_MS 500	    /* to an owner that is alive */
#define COUNT_MS 5000
#define RETRY_MS 1500 /* after an error of one job the others have their turn */
#define LOCKED_MS 200 /* an end whose row somebody holds locked */

static const char *const statements[] = {"commands_claim", claim_sql, "commands_over", over_sql,
    "commands_sweep", sweep_sql, "commands_poll", poll_sql, "commands_count", count_sql,
    "commands_limit", limit_sql, NULL};

enum job_kind { JOB_NONE, JOB_OVER, JOB_CLAIM, JOB_SWEEP, JOB_POLL, JOB_COUNT, JOB_LIMIT };

struct end {
	int64_t id, delay_ms;
	uint64_t token;
	int32_t attempt;
	uint8_t how; /* enum command_end */
	bool locked; /* said the running statement */
};

/* A row of the claim's answer, kept until its COMMIT is sure. */
struct claim_row {
	uint64_t token;
	struct command_claim claim;
	char status[8];
	char *text;
	int64_t wait_ms;
};

struct commands {
	struct commands_config cfg;
	struct task task;
	struct tasks *tasks;
	bool up, draining;
	enum job_kind job;
	uint64_t failed, expired; /* by the running statement */
	bool limit_wanted;

	/* Connections to be asked for; and those of the running claim. */
	uint64_t *check;
	size_t nchecks, check_room;
	uint64_t asking[CLAIMS];
	struct claim_row rows[CLAIMS];
	size_t nasking, nrows;

	/* Ends of attempts to be written; the first `writing` of them are on their way. */
	struct end *ends;
	size_t nends, end_room, writing;
	int64_t next_over_ms;

	/* The look at the whole queue, a page at a time. */
	bool any_due; /* the last look found something pending, or a notification came since */
	bool looking, found;
	bool look_again; /* what came meanwhile asks for another look */
	int64_t look_began_ms;
	char cursor[IMEI_DIGITS + 1];
	int page_rows;
	int64_t next_poll_ms, next_sweep_ms, next_count_ms;
	bool leader;

	struct later later;
	struct event *later_ev;
	struct pgarray texts, longs[4], ints[2], bools;
};

static void
kick(struct commands *cm)
{
	if (cm->tasks != NULL)
		tasks_kick(cm->tasks);
}

/* Makes room for one more element of `size`. */
static bool
grow(void *array, size_t n, size_t *room, size_t size)
{
	void **p = array;
	size_t more = *room == 0 ? 64 : *room * 2;
	void *q;

	if (n < *room)
		return true;
	q = realloc(*p, more * size);
	if (q == NULL)
		return false;
	*p = q;
	*room = more;
	return true;
}

bool
commands_check(struct commands *cm, uint64_t token, bool surely)
{
	if (cm->draining || !cm->up || (!surely && !cm->any_due) ||
	    !grow(&cm->check, cm->nchecks, &cm->check_room, sizeof(*cm->check)))
		return false;
	cm->check[cm->nchecks++] = token;
	kick(cm);
	return true;
}

/* It will not be asked for after all. */
static void
forget(struct commands *cm, uint64_t token)
{
	struct command_asker unused;

	(void)cm->cfg.asker(cm->cfg.ctx, token, &unused);
}

/* ---- Times ---- */

static void
arm(struct commands *cm)
{
	int64_t next = later_next(&cm->later), wait;

	if (next == INT64_MAX)
		return;
	wait = next - clock_mono_ms();
	if (wait < 0)
		wait = 0;
	struct timeval tv = {.tv_sec = wait / 1000, .tv_usec = (wait % 1000) * 1000};
	if (evtimer_add(cm->later_ev, &tv) == -1)
		log_error("commands: no timer");
}

static void
later_cb(evutil_socket_t fd, short what, void *arg)
{
	struct commands *cm = arg;
	int64_t now = clock_mono_ms();
	uint64_t token;

	(void)fd, (void)what;
	while (later_take(&cm->later, now, &token))
		cm->cfg.woken(cm->cfg.ctx, token);
	arm(cm);
}

void
commands_wake(struct commands *cm, uint64_t token, int64_t at_ms)
{
	int64_t before = later_next(&cm->later);

	if (!later_add(&cm->later, token, at_ms))
		log_error("no memory for the timer of a command: its time-out comes late");
	else if (at_ms < before)
		arm(cm);
}

/* ---- Ends of attempts ---- */

static const char *
why(enum command_end how)
{
	static const char *const text[COMMAND_ENDS] = {
	    [COMMAND_UNANSWERED] = "no answer in time",
	    [COMMAND_DISCONNECTED] = "connection lost before the answer",
	    [COMMAND_UNSENDABLE] = "its text makes no valid frame",
	    [COMMAND_UNSTORABLE] = "its answer could not be stored, see tgctl raw",
	};

	return text[how];
}

void
commands_over(struct commands *cm, int64_t id, int32_t attempt, enum command_end how,
    int64_t delay_ms, uint64_t token)
{
	if (how == COMMAND_UNANSWERED)
		stats_add(&cm->cfg.stats->commands_unanswered, 1);
	else if (how == COMMAND_DISCONNECTED)
		stats_add(&cm->cfg.stats->commands_disconnected, 1);
	if (!grow(&cm->ends, cm->nends, &cm->end_room, sizeof(*cm->ends))) {
		log_error("no memory for the end of command %" PRId64
			  ": it is due again when its time is over",
		    id);
		return;
	}
	cm->ends[cm->nends++] = (struct end){.id = id,
	    .attempt = attempt,
	    .how = (uint8_t)how,
	    .delay_ms = how == COMMAND_UNANSWERED ? delay_ms : -1,
	    .token = token};
	kick(cm);
}

bool
commands_pending(const struct commands *cm)
{
	return cm->nends > 0;
}

static void
reset_arrays(struct commands *cm)
{
	pgarray_reset(&cm->texts);
	for (size_t i = 0; i < sizeof(cm->longs) / sizeof(cm->longs[0]); i++)
		pgarray_reset(&cm->longs[i]);
	for (size_t i = 0; i < sizeof(cm->ints) / sizeof(cm->ints[0]); i++)
		pgarray_reset(&cm->ints[i]);
	pgarray_reset(&cm->bools);
}

struct param {
	const char *value;
	int length, format;
};

static struct param
array_param(struct pgarray *a)
{
	struct param p = {.format = 1};

	p.value = pgarray_param(a, &p.length);
	return p;
}

static bool
send_prepared(PGconn *conn, const char *statement, const struct param *params, int n)
{
	const char *values[8];
	int lengths[8], formats[8];

	assert(n <= 8);
	for (int i = 0; i < n; i++) {
		if (params[i].value == NULL)
			return false;
		values[i] = params[i].value;
		lengths[i] = params[i].length;
		formats[i] = params[i].format;
	}
	return PQsendQueryPrepared(conn, statement, n, values, lengths, formats, 0) == 1;
}

static bool
start_over(struct commands *cm, PGconn *conn)
{
	char attempts[12];

	reset_arrays(cm);
	cm->writing = cm->nends < ENDS ? cm->nends : ENDS;
	for (size_t i = 0; i < cm->writing; i++) {
		const struct end *e = &cm->ends[i];
		const char *text = why(e->how);

		pgarray_int8(&cm->longs[0], e->id);
		pgarray_int4(&cm->ints[0], e->attempt);
		pgarray_text(&cm->texts, text, strlen(text));
		pgarray_int8(&cm->longs[1], e->delay_ms);
		pgarray_bool(
		    &cm->bools, e->how == COMMAND_UNSENDABLE || e->how == COMMAND_UNSTORABLE);
	}
	snprintf(attempts, sizeof(attempts), "%d", cm->cfg.max_attempts);
	const struct param params[] = {array_param(&cm->longs[0]), array_param(&cm->ints[0]),
	    array_param(&cm->texts), array_param(&cm->longs[1]), array_param(&cm->bools),
	    {.value = attempts}};
	return send_prepared(conn, "commands_over", params, 6);
}

/* Of the running statement; booked when it is committed. */
static void
count_status(struct commands *cm, const char *status, uint64_t n)
{
	if (strcmp(status, "failed") == 0)
		cm->failed += n;
	else if (strcmp(status, "expired") == 0)
		cm->expired += n;
}

static void
note_locked(struct commands *cm, int64_t id)
{
	for (size_t i = 0; i < cm->writing; i++)
		if (cm->ends[i].id == id)
			cm->ends[i].locked = true;
}

static void
take_over(struct commands *cm, const PGresult *res)
{
	for (int i = 0; i < PQntuples(res); i++) {
		const char *status = PQgetvalue(res, i, 1);

		count_status(cm, status, 1);
		if (strcmp(status, "locked") == 0)
			note_locked(cm, strtoll(PQgetvalue(res, i, 0), NULL, 10));
		else if (strcmp(status, "failed") == 0)
			log_write(LOG_INFO_,
			    &(struct log_fields){.imei = strtoull(PQgetvalue(res, i, 2), NULL, 10)},
			    "command %s has failed: see its error_message", PQgetvalue(res, i, 0));
	}
}

/* Takes the first n from the queue; those that are locked go to its end. */
static void
remove_ends(struct commands *cm, size_t n)
{
	struct end locked[ENDS];
	size_t nlocked = 0;

	for (size_t i = 0; i < n; i++)
		if (cm->ends[i].locked) {
			locked[nlocked] = cm->ends[i];
			locked[nlocked++].locked = false;
		}
	cm->nends -= n;
	memmove(cm->ends, cm->ends + n, cm->nends * sizeof(*cm->ends));
	for (size_t i = 0; i < nlocked; i++)
		cm->ends[cm->nends++] = locked[i];
	if (nlocked > 0)
		cm->next_over_ms = clock_mono_ms() + LOCKED_MS;
}

static void
end_over(struct commands *cm, enum db_outcome outcome, const struct db_error *error)
{
	size_t n = cm->writing;

	cm->writing = 0;
	/* Refused for its content would be refused for ever; what stays `sent` is swept up. */
	if (outcome == DB_LOST || (outcome == DB_ERROR && !db_error_is_content(error))) {
		for (size_t i = 0; i < n; i++)
			cm->ends[i].locked = false;
		if (outcome == DB_ERROR && !db_error_is_transient(error))
			cm->next_over_ms = clock_mono_ms() + RETRY_MS;
		return;
	}
	if (outcome == DB_ERROR)
		log_error("ends of %zu command attempts refused: %s: %s", n, error->sqlstate,
		    error->text);
	for (size_t i = 0; i < n; i++)
		if (cm->ends[i].token != 0 && !cm->ends[i].locked)
			cm->cfg.woken(cm->cfg.ctx, cm->ends[i].token);
	remove_ends(cm, n);
}

/* ---- Claims ---- */

static bool
start_claim(struct commands *cm, PGconn *conn)
{
	char attempts[12], timeout[12];

	reset_arrays(cm);
	cm->nasking = 0;
	while (cm->nchecks > 0 && cm->nasking < CLAIMS) {
		struct command_asker a;
		uint64_t token = cm->check[--cm->nchecks];

		if (!cm->cfg.asker(cm->cfg.ctx, token, &a))
			continue;
		cm->asking[cm->nasking++] = token;
		device_query_put_imei(&cm->texts, a.imei);
		pgarray_int8(&cm->longs[0], a.device_id);
		pgarray_int8(&cm->longs[1], a.session_id);
		pgarray_int4(&cm->ints[0], (int32_t)a.codecs);
		pgarray_int8(&cm->longs[2], a.late_id);
	}
	snprintf(attempts, sizeof(attempts), "%d", cm->cfg.max_attempts);
	snprintf(timeout, sizeof(timeout), "%d", cm->cfg.timeout_ms);
	const struct param params[] = {array_param(&cm->texts), array_param(&cm->longs[0]),
	    array_param(&cm->longs[1]), array_param(&cm->ints[0]), array_param(&cm->longs[2]),
	    {.value = attempts}, {.value = timeout}};
	return send_prepared(conn, "commands_claim", params, 7);
}

static void
take_claim(struct commands *cm, const PGresult *res)
{
	for (int i = 0; i < PQntuples(res) && cm->nrows < CLAIMS; i++) {
		unsigned long n = strtoul(PQgetvalue(res, i, 0), NULL, 10);
		struct claim_row *r = &cm->rows[cm->nrows];

		if (n < 1 || n > cm->nasking)
			continue;
		*r = (struct claim_row){.token = cm->asking[n - 1],
		    .claim = {.id = strtoll(PQgetvalue(res, i, 2), NULL, 10),
			.attempt = (int32_t)strtol(PQgetvalue(res, i, 3), NULL, 10),
			.codec = (uint8_t)strtoul(PQgetvalue(res, i, 4), NULL, 10)},
		    .wait_ms = strtoll(PQgetvalue(res, i, 6), NULL, 10)};
		snprintf(r->status, sizeof(r->status), "%s", PQgetvalue(res, i, 1));
		count_status(cm, r->status, 1);
		r->claim.len = (size_t)PQgetlength(res, i, 5);
		if (strcmp(r->status, "sent") == 0 &&
		    (r->text = strndup(PQgetvalue(res, i, 5), r->claim.len)) == NULL) {
			log_error("no memory for command %" PRId64
				  ": it is due again when its time "
				  "is over",
			    r->claim.id);
			continue;
		}
		r->claim.text = r->text;
		cm->nrows++;
	}
}

static void
act_on(struct commands *cm, struct claim_row *r, int64_t now)
{
	if (strcmp(r->status, "sent") == 0) {
		stats_add(&cm->cfg.stats->commands_sent, 1);
		r->claim.deadline_ms = now + cm->cfg.timeout_ms;
		if (!cm->cfg.claimed(cm->cfg.ctx, r->token, &r->claim))
			commands_over(
			    cm, r->claim.id, r->claim.attempt, COMMAND_DISCONNECTED, 0, 0);
	} else if (strcmp(r->status, "wait") == 0) {
		commands_wake(cm, r->token, now + r->wait_ms);
	} else if (strcmp(r->status, "blocked") == 0) {
		cm->cfg.blocked(cm->cfg.ctx, r->token);
	} else {
		log_info("command %" PRId64 " can't be sent: see its error_message", r->claim.id);
		cm->cfg.woken(cm->cfg.ctx, r->token);
	}
}

static void
end_claim(struct commands *cm, enum db_outcome outcome)
{
	int64_t now = clock_mono_ms();
	size_t n = cm->nrows;

	/* Whether a lost statement was committed nobody knows: then it is swept up. */
	for (size_t i = 0; i < n; i++) {
		struct claim_row *r = &cm->rows[i];

		if (outcome == DB_OK)
			act_on(cm, r, now);
		if (r->text != NULL)
			explicit_bzero(r->text, r->claim.len);
		free(r->text);
	}
	cm->nrows = cm->nasking = 0;
}

/* ---- The whole queue ---- */

static void
mark(struct commands *cm, const char *imei)
{
	uint64_t token = cm->cfg.want(cm->cfg.ctx, strtoull(imei, NULL, 10));

	if (token != 0 && !commands_check(cm, token, true))
		forget(cm, token);
}

static bool
start_poll(struct commands *cm, PGconn *conn)
{
	if (!cm->looking) {
		cm->looking = true;
		cm->found = cm->look_again = false;
		cm->look_began_ms = clock_mono_ms();
		cm->cursor[0] = '\0';
	}
	cm->page_rows = 0;
	const struct param cursor = {.value = cm->cursor};
	return send_prepared(conn, "commands_poll", &cursor, 1);
}

static void
take_poll(struct commands *cm, const PGresult *res)
{
	cm->page_rows = PQntuples(res);
	for (int i = 0; i < cm->page_rows; i++) {
		if (*PQgetvalue(res, i, 1) == 't')
			mark(cm, PQgetvalue(res, i, 0));
		cm->found |= *PQgetvalue(res, i, 2) == 't';
	}
	if (cm->page_rows > 0) {
		snprintf(
		    cm->cursor, sizeof(cm->cursor), "%s", PQgetvalue(res, cm->page_rows - 1, 0));
	}
}

static void
end_poll(struct commands *cm, enum db_outcome outcome)
{
	int64_t now = clock_mono_ms(), took = now - cm->look_began_ms;

	if (outcome == DB_OK && cm->page_rows == POLL_ROWS && !cm->look_again)
		return;
	cm->looking = false;
	/* A long queue of devices that are away must not keep the database busy. */
	cm->next_poll_ms = cm->look_again ? 0 : now + (took * 4 > POLL_MS ? took * 4 : POLL_MS);
	if (outcome == DB_OK)
		cm->any_due = cm->found;
}

static bool
start_sweep(struct commands *cm, PGconn *conn)
{
	char attempts[12], timeout[12], grace[12];

	snprintf(attempts, sizeof(attempts), "%d", cm->cfg.max_attempts);
	snprintf(timeout, sizeof(timeout), "%d", cm->cfg.timeout_ms);
	snprintf(grace, sizeof(grace), "%d", GRACE_MS);
	const struct param params[] = {{.value = attempts}, {.value = timeout}, {.value = grace}};
	return send_prepared(conn, "commands_sweep", params, 3);
}

static void
take_sweep(struct commands *cm, const PGresult *res)
{
	for (int i = 0; i < PQntuples(res); i++)
		count_status(cm, PQgetvalue(res, i, 0), strtoull(PQgetvalue(res, i, 1), NULL, 10));
}

static void
take_count(struct commands *cm, const PGresult *res)
{
	uint64_t pending = 0, sent = 0;

	for (int i = 0; i < PQntuples(res); i++) {
		uint64_t n = strtoull(PQgetvalue(res, i, 1), NULL, 10);

		if (strcmp(PQgetvalue(res, i, 0), "sent") == 0)
			sent = n;
		else
			pending = n;
	}
	stats_set(&cm->cfg.stats->commands_pending, pending);
	stats_set(&cm->cfg.stats->commands_in_flight, sent);
}

static bool
start_limit(struct commands *cm, PGconn *conn)
{
	char most[12];

	snprintf(most, sizeof(most), "%d", cm->cfg.max_length);
	const struct param param = {.value = most};
	return send_prepared(conn, "commands_limit", &param, 1);
}

/* ---- The task ---- */

static void
set_leader(struct commands *cm, bool lead)
{
	/* The gauges of the queue are the leader's alone, or they would be summed. */
	if (cm->leader && !lead) {
		stats_set(&cm->cfg.stats->commands_pending, 0);
		stats_set(&cm->cfg.stats->commands_in_flight, 0);
	}
	cm->leader = lead;
}

static void
look_at_leadership(struct commands *cm)
{
	set_leader(cm, !cm->draining && registry_try_lead(cm->cfg.registry));
}

static enum job_kind
choose(const struct commands *cm, int64_t now)
{
	if (!cm->up)
		return JOB_NONE;
	if (cm->nends > 0 && now >= cm->next_over_ms)
		return JOB_OVER;
	if (cm->draining)
		return JOB_NONE;
	if (cm->leader && now >= cm->next_sweep_ms)
		return JOB_SWEEP;
	if (cm->nchecks > 0)
		return JOB_CLAIM;
	if (cm->limit_wanted)
		return JOB_LIMIT;
	if (cm->looking || now >= cm->next_poll_ms)
		return JOB_POLL;
	return cm->leader && now >= cm->next_count_ms ? JOB_COUNT : JOB_NONE;
}

static bool
commands_due(void *ctx, int64_t now_mono_ms)
{
	struct commands *cm = ctx;

	if (cm->up)
		look_at_leadership(cm);
	return choose(cm, now_mono_ms) != JOB_NONE;
}

static bool
commands_start(void *ctx, PGconn *conn)
{
	struct commands *cm = ctx;
	int64_t now = clock_mono_ms();

	cm->job = choose(cm, now);
	switch (cm->job) {
	case JOB_OVER:
		return start_over(cm, conn);
	case JOB_CLAIM:
		return start_claim(cm, conn);
	case JOB_SWEEP:
		cm->next_sweep_ms = now + SWEEP_MS;
		return start_sweep(cm, conn);
	case JOB_COUNT:
		cm->next_count_ms = now + COUNT_MS;
		return PQsendQueryPrepared(conn, "commands_count", 0, NULL, NULL, NULL, 0) == 1;
	case JOB_LIMIT:
		cm->limit_wanted = false;
		return start_limit(cm, conn);
	case JOB_POLL:
	case JOB_NONE:
		break;
	}
	return start_poll(cm, conn);
}

static void
commands_result(void *ctx, const PGresult *res)
{
	struct commands *cm = ctx;

	if (cm->job == JOB_OVER)
		take_over(cm, res);
	else if (cm->job == JOB_CLAIM)
		take_claim(cm, res);
	else if (cm->job == JOB_SWEEP)
		take_sweep(cm, res);
	else if (cm->job == JOB_POLL)
		take_poll(cm, res);
	else if (cm->job == JOB_COUNT)
		take_count(cm, res);
}

static void
commands_end(void *ctx, enum db_outcome outcome, const struct db_error *error)
{
	struct commands *cm = ctx;
	enum job_kind job = cm->job;

	cm->job = JOB_NONE;
	if (outcome == DB_OK) {
		stats_add(&cm->cfg.stats->commands_failed, cm->failed);
		stats_add(&cm->cfg.stats->commands_expired, cm->expired);
	}
	cm->failed = cm->expired = 0;
	if (job == JOB_OVER)
		end_over(cm, outcome, error);
	else if (job == JOB_CLAIM)
		end_claim(cm, outcome);
	else if (job == JOB_POLL)
		end_poll(cm, outcome);
	else if (job == JOB_SWEEP && outcome == DB_ERROR)
		cm->next_sweep_ms = clock_mono_ms() + RETRY_MS;
}

static void
commands_up(void *ctx)
{
	struct commands *cm = ctx;

	/* What was notified while nobody listened is lost: look at all. */
	cm->up = cm->any_due = cm->limit_wanted = true;
	cm->looking = cm->look_again = false;
	cm->next_poll_ms = cm->next_over_ms = 0;
	cm->next_sweep_ms = clock_mono_ms() + SWEEP_FIRST_MS;
}

static void
commands_down(void *ctx)
{
	struct commands *cm = ctx;

	cm->up = false;
	set_leader(cm, false);
	/* They are found again by the look at all. */
	while (cm->nchecks > 0)
		forget(cm, cm->check[--cm->nchecks]);
}

static void
commands_notify(void *ctx, const char *channel, const char *payload)
{
	struct commands *cm = ctx;
	const char *p = payload;

	if (strcmp(channel, "telematics_commands") != 0)
		return;
	cm->any_due = cm->found = true;
	while (*p != '\0') {
		size_t n = strcspn(p, ",");

		if (n == 1 && *p == '*') {
			cm->look_again = true;
			if (!cm->looking)
				cm->next_poll_ms = 0;
		} else if (n == IMEI_DIGITS && strspn(p, "0123456789") >= IMEI_DIGITS) {
			mark(cm, p);
		}
		p += n + (p[n] == ',');
	}
}

void
commands_drain(struct commands *cm)
{
	cm->draining = true;
}

struct commands *
commands_new(const struct commands_config *cfg)
{
	struct commands *cm = calloc(1, sizeof(*cm));

	if (cm == NULL)
		return NULL;
	cm->cfg = *cfg;
	pgarray_init(&cm->texts, PG_TEXT);
	for (size_t i = 0; i < sizeof(cm->longs) / sizeof(cm->longs[0]); i++)
		pgarray_init(&cm->longs[i], PG_INT8);
	for (size_t i = 0; i < sizeof(cm->ints) / sizeof(cm->ints[0]); i++)
		pgarray_init(&cm->ints[i], PG_INT4);
	pgarray_init(&cm->bools, PG_BOOL);
	cm->later_ev = evtimer_new(cfg->base, later_cb, cm);
	if (cm->later_ev == NULL) {
		commands_free(cm);
		return NULL;
	}
	cm->task = (struct task){.job = {.name = "commands",
				     .ctx = cm,
				     .start = commands_start,
				     .result = commands_result,
				     .end = commands_end},
	    .due = commands_due,
	    .up = commands_up,
	    .down = commands_down,
	    .notify = commands_notify,
	    .prepare = statements};
	return cm;
}

void
commands_free(struct commands *cm)
{
	if (cm == NULL)
		return;
	if (cm->later_ev != NULL)
		event_free(cm->later_ev);
	for (size_t i = 0; i < cm->nrows; i++)
		free(cm->rows[i].text);
	later_free(&cm->later);
	pgarray_free(&cm->texts);
	for (size_t i = 0; i < sizeof(cm->longs) / sizeof(cm->longs[0]); i++)
		pgarray_free(&cm->longs[i]);
	for (size_t i = 0; i < sizeof(cm->ints) / sizeof(cm->ints[0]); i++)
		pgarray_free(&cm->ints[i]);
	pgarray_free(&cm->bools);
	free(cm->check);
	free(cm->ends);
	free(cm);
}

struct task *
commands_task(struct commands *cm)
{
	return &cm->task;
}

void
commands_attach(struct commands *cm, struct tasks *tasks)
{
	cm->tasks = tasks;
}
