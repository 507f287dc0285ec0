#include "worker/task/rejected.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "pg/array.h"
#include "pg/query.h"
#include "pg/result.h"
#include "worker/task/imeis.h"

#define MAX_NOTES 2048 /* IMEIs held at a time */
#define WRITE_MS 500   /* refusals of this time go out together */
#define TRIM_MS 1000   /* the table's size is looked at this often while it is written to */
#define LOG_EVERY_MS 60000
#define LOCKED_MS 1000 /* rows that somebody holds locked are written as much later */

static const char *const statements[] = {"rejected_write", "rejected_trim", NULL};

struct note {
	uint64_t imei;
	const char *reason;
	int64_t first_ms, last_ms;
	int64_t attempts;
	bool locked; /* said the running statement: somebody holds its row */
	uint8_t addr_len;
	uint8_t addr[PG_ARRAY_INET];
};

enum { A_IMEI, A_REASON, A_FIRST, A_LAST, A_ATTEMPTS, A_ADDR, ARRAYS };

struct rejected {
	struct stats *stats;
	struct job job;
	struct note notes[MAX_NOTES];
	uint16_t order[MAX_NOTES]; /* by IMEI: so they are found, and so they are written */
	size_t n;
	struct note batch[MAX_NOTES]; /* being written, in this order */
	size_t nbatch;
	int64_t due_ms; /* of the notes; monotonic */
	int64_t next_trim_ms;
	bool trim_wanted, trimming;
	struct pg_array arrays[ARRAYS];
	struct log_gate full_gate;
};

/* Where in the order the IMEI stands, or would. */
static size_t
place_of(const struct rejected *r, uint64_t imei)
{
	size_t from = 0, to = r->n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (r->notes[r->order[middle]].imei < imei)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static void
drop(struct rejected *r, int64_t attempts)
{
	uint64_t suppressed;

	stats_add(&r->stats->rejected_dropped, (uint64_t)attempts);
	if (log_gate_open(&r->full_gate, clock_mono_ms(), LOG_EVERY_MS, &suppressed))
		log_warn("more refused IMEIs than rejected_devices can take: some are not written");
}

static void
insert(struct rejected *r, size_t at, const struct note *note)
{
	memmove(&r->order[at + 1], &r->order[at], (r->n - at) * sizeof(r->order[0]));
	r->order[at] = (uint16_t)r->n;
	r->notes[r->n++] = *note;
}

/* Adds to the IMEI's note; what is newer wins. */
static void
add(struct rejected *r, const struct note *from, int64_t due_ms)
{
	size_t at = place_of(r, from->imei);

	if (at == r->n || r->notes[r->order[at]].imei != from->imei) {
		if (r->n == MAX_NOTES) {
			drop(r, from->attempts);
			return;
		}
		if (r->n == 0 || due_ms < r->due_ms)
			r->due_ms = due_ms;
		insert(r, at, from);
		return;
	}
	struct note *note = &r->notes[r->order[at]];
	note->attempts += from->attempts;
	if (from->first_ms < note->first_ms)
		note->first_ms = from->first_ms;
	if (from->last_ms < note->last_ms)
		return;
	note->last_ms = from->last_ms;
	note->reason = from->reason;
	note->addr_len = from->addr_len;
	memcpy(note->addr, from->addr, sizeof(note->addr));
}

void
rejected_note(
    struct rejected *r, uint64_t imei, const char *reason, const char *remote_addr, int64_t wall_ms)
{
	struct note note = {
	    .imei = imei, .reason = reason, .first_ms = wall_ms, .last_ms = wall_ms, .attempts = 1};

	note.addr_len = (uint8_t)pg_array_inet_bytes(remote_addr, note.addr);
	add(r, &note, clock_mono_ms() + WRITE_MS);
}

static void
put_note(struct rejected *r, const struct note *note)
{
	imeis_append(&r->arrays[A_IMEI], note->imei);
	pg_array_text(&r->arrays[A_REASON], note->reason, strlen(note->reason));
	pg_array_time_ms(&r->arrays[A_FIRST], note->first_ms);
	pg_array_time_ms(&r->arrays[A_LAST], note->last_ms);
	pg_array_int8(&r->arrays[A_ATTEMPTS], note->attempts);
	if (note->addr_len > 0)
		pg_array_raw(&r->arrays[A_ADDR], note->addr, note->addr_len);
	else
		pg_array_null(&r->arrays[A_ADDR]);
}

static bool
rejected_due(void *ctx, int64_t now_mono_ms)
{
	const struct rejected *r = ctx;

	return (r->n > 0 && now_mono_ms >= r->due_ms) ||
	       (r->trim_wanted && now_mono_ms >= r->next_trim_ms);
}

static bool
start_write(struct rejected *r, struct pg_conn *conn)
{
	struct pg_params params = {0};

	for (size_t i = 0; i < r->n; i++)
		r->batch[i] = r->notes[r->order[i]];
	r->nbatch = r->n;
	r->n = 0;
	for (int i = 0; i < ARRAYS; i++)
		pg_array_reset(&r->arrays[i]);
	for (size_t i = 0; i < r->nbatch; i++)
		put_note(r, &r->batch[i]);
	pg_param_arrays(&params, r->arrays, ARRAYS);
	return pg_send(conn, "rejected_write", &params, PG_TEXT_ROWS);
}

static bool
rejected_start(void *ctx, struct pg_conn *conn)
{
	struct rejected *r = ctx;
	int64_t now = clock_mono_ms();

	r->trimming = r->trim_wanted && now >= r->next_trim_ms && (r->n == 0 || now < r->due_ms);
	return r->trimming ? pg_send(conn, "rejected_trim", NULL, PG_TEXT_ROWS)
			   : start_write(r, conn);
}

static void
rejected_result(void *ctx, const struct pg_result *res)
{
	struct rejected *r = ctx;

	/* A surplus is dealt with at once; then its size is looked at now and then. */
	if (r->trimming)
		r->trim_wanted = pg_rows_touched(res) > 0;
	for (int i = 0; !r->trimming && i < pg_rows(res); i++)
		for (size_t j = 0; j < r->nbatch; j++)
			if (r->batch[j].imei == (uint64_t)pg_int(res, i, 0))
				r->batch[j].locked = true;
}

static void
rejected_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct rejected *r = ctx;
	int64_t now = clock_mono_ms();

	(void)error;
	if (r->trimming) {
		r->trimming = false;
		r->next_trim_ms = outcome == PG_OK && r->trim_wanted ? now : now + TRIM_MS;
		return;
	}
	r->trim_wanted |= outcome == PG_OK;
	for (size_t i = 0; i < r->nbatch; i++) {
		bool locked = r->batch[i].locked;

		r->batch[i].locked = false;
		if (outcome != PG_OK)
			add(r, &r->batch[i], now);
		else if (locked)
			add(r, &r->batch[i], now + LOCKED_MS);
	}
	r->nbatch = 0;
}

struct rejected *
rejected_new(struct stats *stats)
{
	static const uint32_t oids[ARRAYS] = {[A_IMEI] = PG_TEXT,
	    [A_REASON] = PG_TEXT,
	    [A_FIRST] = PG_TIMESTAMPTZ,
	    [A_LAST] = PG_TIMESTAMPTZ,
	    [A_ATTEMPTS] = PG_INT8,
	    [A_ADDR] = PG_INET};
	struct rejected *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->stats = stats;
	for (int i = 0; i < ARRAYS; i++)
		pg_array_init(&r->arrays[i], oids[i]);
	r->job = (struct job){.turn = {.name = "rejected",
				  .ctx = r,
				  .start = rejected_start,
				  .result = rejected_result,
				  .end = rejected_end},
	    .due = rejected_due,
	    .statements = statements};
	return r;
}

void
rejected_free(struct rejected *r)
{
	if (r == NULL)
		return;
	for (int i = 0; i < ARRAYS; i++)
		pg_array_free(&r->arrays[i]);
	free(r);
}

struct job *
rejected_job(struct rejected *r)
{
	return &r->job;
}
