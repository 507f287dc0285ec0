#include "worker/task/rejected.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "pg/array.h"

#define MAX_NOTES 2048 /* IMEIs held at a time */
#define NSLOTS 4096    /* a power of two, twice as many */
#define SLOT_BITS 12
#define WRITE_MS 500 /* refusals of this time go out together */
#define TRIM_MS 1000 /* the table's size is looked at this often while it is written to */
#define LOG_EVERY_MS 60000

static const char write_sql[] =
    "INSERT INTO rejected_devices AS r"
    " (imei, reason, first_seen_at, last_seen_at, attempts, last_remote_addr)"
    " SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[],"
    " $5::bigint[], $6::inet[])"
    " ON CONFLICT (imei) DO UPDATE SET reason = excluded.reason,"
    " first_seen_at = least(r.first_seen_at, excluded.first_seen_at),"
    " last_seen_at = greatest(r.last_seen_at, excluded.last_seen_at),"
    " attempts = r.attempts + excluded.attempts,"
    " last_remote_addr = coalesce(excluded.last_remote_addr, r.last_remote_addr)";

/*
 * At most 10000 rows stay: those seen once, and longest ago, go first. One
 * worker at a time, or each would delete the surplus; rows being written to are
 * left out, so that this waits for nobody.
 */
static const char trim_sql[] =
    "WITH surplus AS MATERIALIZED (SELECT least(5000, count(*) - 10000) AS n FROM "
    "rejected_devices),"
    " mine AS MATERIALIZED (SELECT CASE WHEN n > 0 AND pg_try_advisory_xact_lock(1952803941, 2)"
    " THEN n ELSE 0 END AS n FROM surplus)"
    " DELETE FROM rejected_devices WHERE imei = ANY (ARRAY(SELECT imei FROM rejected_devices"
    " ORDER BY attempts > 1, last_seen_at LIMIT (SELECT n FROM mine) FOR UPDATE SKIP LOCKED))";

static const char *const statements[] = {
    "rejected_write", write_sql, "rejected_trim", trim_sql, NULL};

struct note {
	uint64_t imei;
	const char *reason;
	int64_t first_ms, last_ms;
	int64_t attempts;
	uint8_t addr_len;
	uint8_t addr[PG_ARRAY_INET];
};

enum { A_IMEI, A_REASON, A_FIRST, A_LAST, A_ATTEMPTS, A_ADDR, ARRAYS };

struct rejected {
	struct stats *stats;
	struct task task;
	struct note notes[MAX_NOTES];
	uint16_t slots[NSLOTS]; /* index + 1 of an IMEI's note, 0 for free */
	size_t n;
	struct note batch[MAX_NOTES]; /* being written, sorted by IMEI */
	size_t nbatch;
	int64_t due_ms; /* of the notes; monotonic */
	int64_t next_trim_ms;
	bool trim_wanted, trimming;
	struct pg_array arrays[ARRAYS];
	struct log_gate full_gate;
};

/* The slot that holds the IMEI, or the free one where it belongs. */
static uint16_t *
find_slot(struct rejected *r, uint64_t imei)
{
	size_t s = (imei * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - SLOT_BITS);

	while (r->slots[s] != 0 && r->notes[r->slots[s] - 1].imei != imei)
		s = (s + 1) & (NSLOTS - 1);
	return &r->slots[s];
}

static void
drop(struct rejected *r, int64_t attempts)
{
	uint64_t suppressed;

	stats_add(&r->stats->rejected_dropped, (uint64_t)attempts);
	if (log_gate_open(&r->full_gate, clock_mono_ms(), LOG_EVERY_MS, &suppressed))
		log_warn("more refused IMEIs than rejected_devices can take: some are not written");
}

/* Adds to the IMEI's note; what is newer wins. */
static void
add(struct rejected *r, const struct note *from, int64_t due_ms)
{
	uint16_t *slot = find_slot(r, from->imei);

	if (*slot == 0) {
		if (r->n == MAX_NOTES) {
			drop(r, from->attempts);
			return;
		}
		if (r->n == 0 || due_ms < r->due_ms)
			r->due_ms = due_ms;
		r->notes[r->n++] = *from;
		*slot = (uint16_t)r->n;
		return;
	}
	struct note *note = &r->notes[*slot - 1];
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

static int
compare_notes(const void *a, const void *b)
{
	const struct note *x = a, *y = b;

	return x->imei < y->imei ? -1 : x->imei > y->imei;
}

static void
put_note(struct rejected *r, const struct note *note)
{
	char imei[24];
	int n = snprintf(imei, sizeof(imei), "%015" PRIu64, note->imei);

	pg_array_text(&r->arrays[A_IMEI], imei, (size_t)n);
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
	const char *values[ARRAYS];
	int lengths[ARRAYS], formats[ARRAYS];

	/* In the order of the key, as every worker does it: else two would deadlock. */
	memcpy(r->batch, r->notes, r->n * sizeof(r->batch[0]));
	r->nbatch = r->n;
	r->n = 0;
	memset(r->slots, 0, sizeof(r->slots));
	qsort(r->batch, r->nbatch, sizeof(r->batch[0]), compare_notes);
	for (int i = 0; i < ARRAYS; i++)
		pg_array_reset(&r->arrays[i]);
	for (size_t i = 0; i < r->nbatch; i++)
		put_note(r, &r->batch[i]);
	for (int i = 0; i < ARRAYS; i++) {
		values[i] = pg_array_param(&r->arrays[i], &lengths[i]);
		formats[i] = 1;
		if (values[i] == NULL)
			return false;
	}
	return PQsendQueryPrepared(conn, "rejected_write", ARRAYS, values, lengths, formats, 0) ==
	       1;
}

static bool
rejected_start(void *ctx, struct pg_conn *conn)
{
	struct rejected *r = ctx;
	int64_t now = clock_mono_ms();

	r->trimming = r->trim_wanted && now >= r->next_trim_ms && (r->n == 0 || now < r->due_ms);
	if (!r->trimming)
		return start_write(r, conn);
	return PQsendQueryPrepared(conn, "rejected_trim", 0, NULL, NULL, NULL, 0) == 1;
}

static void
rejected_result(void *ctx, const struct pg_result *res)
{
	struct rejected *r = ctx;

	/* A surplus is dealt with at once; then its size is looked at now and then. */
	if (!r->trimming)
		return;
	r->trim_wanted = strtol(PQcmdTuples((struct pg_result *)res), NULL, 10) > 0;
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
	if (outcome == PG_OK)
		r->trim_wanted = true;
	else
		for (size_t i = 0; i < r->nbatch; i++)
			add(r, &r->batch[i], now);
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
	r->task = (struct task){.job = {.name = "rejected",
				    .ctx = r,
				    .start = rejected_start,
				    .result = rejected_result,
				    .end = rejected_end},
	    .due = rejected_due,
	    .prepare = statements};
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

struct task *
rejected_task(struct rejected *r)
{
	return &r->task;
}
