/*
 * Somebody holds a lock that a statement wanted (doc/design.md, Storing): what it holds is found, and put aside. The
 * error names neither; so it is asked which days and which rows open transactions hold. Where that finds nothing
 * (the other one's rows are not committed) the span is halved.
 *
 * From the first time-out on, until nothing is aside, the session waits a tenth of a second for a lock instead of one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "common/clock.h"
#include "worker/store/store_impl.h"

#define SAY_MS 60000

static void
show_aside(struct store *s)
{
	const uint32_t *count = s->aside.count;

	stats_set(&s->stats->blocked_devices, count[ASIDE_DEVICE]);
	stats_set(&s->stats->blocked_days, count[ASIDE_DAY]);
	stats_set(&s->stats->blocked_steps, count[ASIDE_STEP]);
	stats_set(&s->stats->blocked_commands, count[ASIDE_COMMAND]);
	stats_set(&s->stats->blocked_raw_frames, count[ASIDE_RAW]);
}

/* DAY in days since 1970, UTC. */
static void
name_day(int64_t day, char *text, size_t room)
{
	const time_t start = (time_t)day * 86400;
	struct tm tm;

	if (gmtime_r(&start, &tm) == NULL ||
	    strftime(text, room, "the partition of %Y-%m-%d", &tm) == 0)
		snprintf(text, room, "the partition of day %" PRId64, day);
}

/* What it is, in words. */
static const char *
name_aside(const struct aside_entry *e, char *text, size_t room)
{
	switch ((enum aside_what)e->what) {
	case ASIDE_DEVICE:
		snprintf(text, room, "the history of device %" PRId64, e->key);
		break;
	case ASIDE_DAY:
		name_day(e->key, text, room);
		break;
	case ASIDE_STEP:
		snprintf(text, room, "%s",
		    e->key == STEP_RAW ? "device_ingest_raw"
				       : "device_messages or device_commands");
		break;
	case ASIDE_COMMAND:
		snprintf(text, room, "a command, to which an answer came,");
		break;
	default:
		snprintf(text, room, "a frame in device_ingest_raw");
		break;
	}
	return text;
}

/* A line a minute for each kind. */
static void
say_aside(struct store *s, const struct aside_entry *e)
{
	uint64_t suppressed;
	char what[64];

	if (log_gate_open(&s->aside_gate[e->what], clock_mono_ms(), SAY_MS, &suppressed))
		log_warn(
		    "%s is blocked (%s, SQLSTATE %s): what needs it is put aside and tried again, the "
		    "rest goes on (%" PRIu64 " more since the last line)",
		    name_aside(e, what, sizeof(what)), e->reason, e->sqlstate, suppressed);
}

bool
store_put_aside(struct store *s, enum aside_what what, int64_t key, const struct pg_error *error)
{
	const struct aside_entry *e =
	    aside_put(&s->aside, what, key, clock_mono_ms(), error->sqlstate, error->text);

	if (e == NULL)
		return false;
	if (e->pause_ms == ASIDE_FIRST_MS)
		say_aside(s, e);
	show_aside(s);
	return true;
}

void
store_aside_over(struct store *s)
{
	if (aside_is_empty(&s->aside))
		return;
	if (aside_clear_due(&s->aside, s->began_ms) > 0 && aside_is_empty(&s->aside))
		log_info("nothing is put aside any more");
	show_aside(s);
}

/* ---- How long the session waits for a lock ---- */

static bool
patience_start(void *ctx, struct pg_conn *conn)
{
	struct store *s = ctx;

	s->hasty = !aside_is_empty(&s->aside) || s->doubtful;
	return pg_send_text(conn, s->hasty ? "store_hasty" : "store_patient");
}

static void
patience_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct store *s = ctx;

	if (outcome != PG_OK)
		store_failed(s, outcome, error);
}

static const struct pg_job patience = {
    .name = "set the lock time-out", .start = patience_start, .end = patience_end};

bool
store_set_patience(struct store *s)
{
	if (s->hasty == (!aside_is_empty(&s->aside) || s->doubtful))
		return false;
	store_send(s, &patience);
	return true;
}

/* ---- Rows of device_positions ---- */

/* In the first column of `rows`: the days of the span's rows, each at least once. */
static bool
days_start(void *ctx, struct pg_conn *conn)
{
	struct store *s = ctx;
	struct pg_params params = {0};
	int64_t last = INT64_MIN;

	row_columns_start(s->rows);
	for (uint32_t i = s->spans.now.from; i < s->spans.now.to; i++) {
		int64_t day = store_day(store_listed_row(s, i));

		if (day != last && day > -100000 && day < 1000000)
			pg_array_int8(&s->rows[0], day);
		last = day;
	}
	pg_param_array(&params, &s->rows[0]);
	s->found = 0;
	s->all_locked = false;
	return pg_send(conn, "positions_blocked_days", &params, PG_BINARY_ROWS);
}

static void
days_result(void *ctx, const struct pg_result *res)
{
	struct store *s = ctx;

	for (int i = 0; i < pg_rows(res); i++) {
		if (pg_int8(res, i, 0) == INT64_MIN)
			s->all_locked = true;
		else if (!aside_waits(&s->aside, ASIDE_DAY, pg_int8(res, i, 0), clock_mono_ms()))
			s->found +=
			    store_put_aside(s, ASIDE_DAY, pg_int8(res, i, 0), &s->blocked_by);
	}
}

static bool
probe_start(void *ctx, struct pg_conn *conn)
{
	struct store *s = ctx;
	struct pg_params params = {0};

	row_columns_start(s->rows);
	for (uint32_t i = s->spans.now.from; i < s->spans.now.to; i++)
		row_append(s->storing->bytes + store_listed_row(s, i)->off, s->rows);
	for (int i = 0; i < 3; i++)
		pg_param_array(&params, &s->rows[i]);
	s->found = 0;
	return pg_send(conn, "positions_blocked", &params, PG_BINARY_ROWS);
}

static void
probe_result(void *ctx, const struct pg_result *res)
{
	struct store *s = ctx;

	for (int i = 0; i < pg_rows(res); i++)
		s->found += store_put_aside(s, ASIDE_DEVICE, pg_int8(res, i, 0), &s->blocked_by);
}

/* Not found: halves, each of which waits a tenth of a second; at last one row alone, whose device it is. */
static void
halve(struct store *s)
{
	if (s->step == STEP_COPY)
		s->step = STEP_INSERT;
	s->doubtful = true;
	if (!pg_isolate_refused(&s->spans))
		return;
	if (store_put_aside(
		s, ASIDE_DEVICE, store_listed_row(s, s->spans.now.from)->device_id, &s->blocked_by))
		store_leave_out_rest(s);
	else
		store_again(s, PG_ERROR, &s->blocked_by);
}

static void
probe_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct store *s = ctx;

	if (outcome == PG_LOST)
		store_again(s, outcome, error);
	else if (outcome == PG_ERROR && !pg_error_is_locked(error))
		store_again(s, outcome, error);
	else if (s->found > 0)
		store_leave_out_rest(s);
	else
		halve(s);
}

static const struct pg_job probe;

static void
days_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct store *s = ctx;

	if (outcome != PG_OK)
		store_again(s, outcome, error);
	else if (s->all_locked)
		store_again(s, PG_ERROR, &s->blocked_by);
	else if (s->found > 0)
		store_leave_out_rest(s);
	else
		store_send(s, &probe);
}

static const struct pg_job days = {.name = "ask which days are locked",
    .start = days_start,
    .result = days_result,
    .end = days_end};

static const struct pg_job probe = {.name = "ask which rows are locked",
    .start = probe_start,
    .result = probe_result,
    .end = probe_end};

bool
store_rows_blocked(struct store *s, enum pg_outcome outcome, const struct pg_error *error)
{
	if (outcome != PG_ERROR || !pg_error_is_locked(error))
		return false;
	s->blocked_by = *error;
	store_send(s, &days);
	return true;
}

/* ---- Messages and raw frames: their whole step ---- */

bool
store_step_blocked(struct store *s, enum pg_outcome outcome, const struct pg_error *error)
{
	if (outcome != PG_ERROR || !pg_error_is_locked(error) ||
	    !store_put_aside(s, ASIDE_STEP, s->step, error))
		return false;
	for (uint32_t i = s->spans.now.from; i < s->listed.n; i++)
		store_frame_aside(s, store_listed_frame(s, i));
	pg_isolate_start(&s->spans, 0);
	return true;
}

void
store_frame_aside(struct store *s, struct frame *f)
{
	/* Of records that are stored only the debug copy is missing. */
	if (f->kind == FRAME_RECORDS && !f->poisoned)
		return;
	for (uint32_t i = 0; f->kind == FRAME_RECORDS && i < f->nrows; i++) {
		struct row *r = &s->storing->rows[f->first_row + i];

		if (r->state == ROW_DUPLICATE)
			store_book(s, 0, 1, 0);
		if (r->state != ROW_REFUSED)
			r->state = ROW_STORED;
	}
	f->aside = true;
}
