#include "worker/task/rejected.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/db_clock.h"
#include "common/log.h"
#include "pg/array.h"
#include "pg/query.h"
#include "pg/result.h"
#include "worker/task/imeis.h"

#define MAX_NOTES 2048 /* rows held at a time, per ledger */
#define WRITE_MS 500   /* refusals of this time go out together */
#define TRIM_MS 1000   /* a table's size is looked at this often while it is written to */
#define LOG_EVERY_MS 60000
#define LOCKED_MS 1000 /* rows that somebody holds locked are written as much later */

static const char *const statements[] = {
    "rejected_write", "rejected_trim", "unidentified_write", "unidentified_trim", NULL};

/* The key: of an IMEI it alone; of a stranger its address and what it was. */
struct note {
	uint64_t imei; /* 0: a stranger */
	const char *reason;
	int64_t first_ms, last_ms;
	int64_t attempts;
	bool locked;		  /* said the running statement: somebody holds its row */
	uint8_t family, addr[16]; /* family 0: unknown */
	uint8_t nbytes, bytes[REJECTED_BYTES];
};

enum { A_KEY, A_REASON, A_FIRST, A_LAST, A_ATTEMPTS, A_LAST_COLUMN, ARRAYS };

/* What becomes of notes of one kind. */
struct kind {
	const char *table, *write, *trim;
	uint32_t key_type, last_type;
	void (*put_key)(struct pg_array *, const struct note *);
	void (*put_last)(struct pg_array *, const struct note *);
};

struct ledger {
	const struct kind *kind;
	struct note notes[MAX_NOTES];
	uint16_t order[MAX_NOTES]; /* by key: so they are found, and so they are written */
	size_t n;
	struct note batch[MAX_NOTES]; /* being written, in this order */
	size_t nbatch;
	int64_t due_ms; /* of the notes; monotonic */
	int64_t next_trim_ms;
	bool trim_wanted;
	struct pg_array arrays[ARRAYS];
	struct log_gate full_gate;
};

enum { IMEIS, STRANGERS_, LEDGERS };

struct rejected {
	struct stats *stats;
	struct job job;
	struct ledger ledger[LEDGERS];
	struct ledger *turn; /* whose turn it is */
	bool trimming;
};

/* ---- What stands in a row ---- */

static void
put_imei(struct pg_array *a, const struct note *note)
{
	imeis_append(a, note->imei);
}

static void
put_addr(struct pg_array *a, const struct note *note)
{
	if (note->family != 0)
		pg_array_addr(a, note->family, note->addr);
	else
		pg_array_null(a);
}

static void
put_bytes(struct pg_array *a, const struct note *note)
{
	if (note->nbytes > 0)
		pg_array_raw(a, note->bytes, note->nbytes);
	else
		pg_array_null(a);
}

static const struct kind kinds[LEDGERS] = {
    [IMEIS] = {.table = "rejected_devices",
	.write = "rejected_write",
	.trim = "rejected_trim",
	.key_type = PG_TEXT,
	.last_type = PG_INET,
	.put_key = put_imei,
	.put_last = put_addr},
    [STRANGERS_] = {.table = "unidentified_connections",
	.write = "unidentified_write",
	.trim = "unidentified_trim",
	.key_type = PG_INET,
	.last_type = PG_BYTEA,
	.put_key = put_addr,
	.put_last = put_bytes},
};

/* ---- Notes ---- */

/* IPv4 before IPv6, then by value, as inet is ordered. */
static int
compare(const struct note *a, const struct note *b)
{
	int order;

	if (a->imei != b->imei)
		return a->imei < b->imei ? -1 : 1;
	if (a->imei != 0)
		return 0;
	if (a->family != b->family)
		return a->family == AF_INET || b->family == 0 ? -1 : 1;
	order = memcmp(a->addr, b->addr, sizeof(a->addr));
	return order != 0 ? order : strcmp(a->reason, b->reason);
}

/* Where in the order the note's key stands, or would. */
static size_t
place_of(const struct ledger *l, const struct note *note)
{
	size_t from = 0, to = l->n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (compare(&l->notes[l->order[middle]], note) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static void
drop(struct rejected *r, struct ledger *l, int64_t attempts)
{
	uint64_t suppressed;

	stats_add(&r->stats->rejected_dropped, (uint64_t)attempts);
	if (log_gate_open(&l->full_gate, clock_mono_ms(), LOG_EVERY_MS, &suppressed))
		log_warn("more refusals than %s can take: some are not written", l->kind->table);
}

static void
insert(struct ledger *l, size_t at, const struct note *note)
{
	memmove(&l->order[at + 1], &l->order[at], (l->n - at) * sizeof(l->order[0]));
	l->order[at] = (uint16_t)l->n;
	l->notes[l->n++] = *note;
}

/* Adds to the note of the same key; what is newer wins. */
static void
add(struct rejected *r, struct ledger *l, const struct note *from, int64_t due_ms)
{
	size_t at = place_of(l, from);

	if (at == l->n || compare(&l->notes[l->order[at]], from) != 0) {
		if (l->n == MAX_NOTES) {
			drop(r, l, from->attempts);
			return;
		}
		if (l->n == 0 || due_ms < l->due_ms)
			l->due_ms = due_ms;
		insert(l, at, from);
		return;
	}
	struct note *note = &l->notes[l->order[at]], before = *note;
	if (from->last_ms >= before.last_ms)
		*note = *from;
	note->attempts = before.attempts + from->attempts;
	note->first_ms = from->first_ms < before.first_ms ? from->first_ms : before.first_ms;
}

/* Nothing for a text that is not an address. */
static void
set_addr(struct note *note, const char *text)
{
	uint8_t inet[PG_ARRAY_INET];
	size_t n = pg_array_inet_bytes(text, inet);

	if (n == 0)
		return;
	/* Four bytes about the address, then it. */
	note->family = n == 8 ? AF_INET : AF_INET6;
	memcpy(note->addr, inet + 4, n - 4);
}

void
rejected_note(
    struct rejected *r, uint64_t imei, const char *reason, const char *remote_addr, int64_t wall_ms)
{
	struct note note = {
	    .imei = imei, .reason = reason, .first_ms = wall_ms, .last_ms = wall_ms, .attempts = 1};

	set_addr(&note, remote_addr);
	add(r, &r->ledger[IMEIS], &note, clock_mono_ms() + WRITE_MS);
}

void
rejected_note_stranger(struct rejected *r, const char *what, int family, const uint8_t *addr,
    const uint8_t *p, size_t n, int64_t wall_ms)
{
	struct note note = {.reason = what,
	    .first_ms = wall_ms,
	    .last_ms = wall_ms,
	    .attempts = 1,
	    .family = (uint8_t)family,
	    .nbytes = (uint8_t)n};

	if (family != AF_INET && family != AF_INET6)
		return;
	assert(n <= sizeof(note.bytes));
	memcpy(note.addr, addr, family == AF_INET ? 4 : 16);
	if (n > 0)
		memcpy(note.bytes, p, n);
	add(r, &r->ledger[STRANGERS_], &note, clock_mono_ms() + WRITE_MS);
}

/* ---- The job ---- */

static void
put_note(struct ledger *l, const struct note *note)
{
	l->kind->put_key(&l->arrays[A_KEY], note);
	pg_array_text(&l->arrays[A_REASON], note->reason, strlen(note->reason));
	pg_array_time_ms(&l->arrays[A_FIRST], db_clock_settle_ms(note->first_ms));
	pg_array_time_ms(&l->arrays[A_LAST], db_clock_settle_ms(note->last_ms));
	pg_array_int8(&l->arrays[A_ATTEMPTS], note->attempts);
	l->kind->put_last(&l->arrays[A_LAST_COLUMN], note);
}

static bool
writes(const struct ledger *l, int64_t now_mono_ms)
{
	return l->n > 0 && now_mono_ms >= l->due_ms;
}

static bool
trims(const struct ledger *l, int64_t now_mono_ms)
{
	return l->trim_wanted && now_mono_ms >= l->next_trim_ms;
}

static bool
rejected_due(void *ctx, int64_t now_mono_ms)
{
	const struct rejected *r = ctx;

	for (int i = 0; i < LEDGERS; i++)
		if (writes(&r->ledger[i], now_mono_ms) || trims(&r->ledger[i], now_mono_ms))
			return true;
	return false;
}

static bool
start_write(struct ledger *l, struct pg_conn *conn)
{
	struct pg_params params = {0};

	for (size_t i = 0; i < l->n; i++)
		l->batch[i] = l->notes[l->order[i]];
	l->nbatch = l->n;
	l->n = 0;
	for (int i = 0; i < ARRAYS; i++)
		pg_array_reset(&l->arrays[i]);
	for (size_t i = 0; i < l->nbatch; i++)
		put_note(l, &l->batch[i]);
	pg_param_arrays(&params, l->arrays, ARRAYS);
	return pg_send(conn, l->kind->write, &params, PG_TEXT_ROWS);
}

static bool
rejected_start(void *ctx, struct pg_conn *conn)
{
	struct rejected *r = ctx;
	int64_t now = clock_mono_ms();

	/* What is to be written goes first. */
	r->trimming = false;
	for (int i = 0; i < LEDGERS; i++)
		if (writes(&r->ledger[i], now)) {
			r->turn = &r->ledger[i];
			return start_write(r->turn, conn);
		}
	r->trimming = true;
	r->turn = &r->ledger[trims(&r->ledger[IMEIS], now) ? IMEIS : STRANGERS_];
	return pg_send(conn, r->turn->kind->trim, NULL, PG_TEXT_ROWS);
}

static void
rejected_result(void *ctx, const struct pg_result *res)
{
	struct rejected *r = ctx;

	/* A surplus is dealt with at once; then its size is looked at now and then. */
	if (r->trimming)
		r->turn->trim_wanted = pg_rows_touched(res) > 0;
	/* Places in the statement's arrays, from 1 on. */
	for (int i = 0; !r->trimming && i < pg_rows(res); i++) {
		int64_t place = pg_int(res, i, 0);

		if (place >= 1 && (size_t)place <= r->turn->nbatch)
			r->turn->batch[place - 1].locked = true;
	}
}

static void
rejected_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct rejected *r = ctx;
	struct ledger *l = r->turn;
	int64_t now = clock_mono_ms();

	(void)error;
	if (r->trimming) {
		r->trimming = false;
		l->next_trim_ms = outcome == PG_OK && l->trim_wanted ? now : now + TRIM_MS;
		return;
	}
	l->trim_wanted |= outcome == PG_OK;
	for (size_t i = 0; i < l->nbatch; i++) {
		bool locked = l->batch[i].locked;

		l->batch[i].locked = false;
		if (outcome != PG_OK)
			add(r, l, &l->batch[i], now);
		else if (locked)
			add(r, l, &l->batch[i], now + LOCKED_MS);
	}
	l->nbatch = 0;
}

static void
ledger_init(struct ledger *l, const struct kind *kind)
{
	const uint32_t oids[ARRAYS] = {[A_KEY] = kind->key_type,
	    [A_REASON] = PG_TEXT,
	    [A_FIRST] = PG_TIMESTAMPTZ,
	    [A_LAST] = PG_TIMESTAMPTZ,
	    [A_ATTEMPTS] = PG_INT8,
	    [A_LAST_COLUMN] = kind->last_type};

	l->kind = kind;
	for (int i = 0; i < ARRAYS; i++)
		pg_array_init(&l->arrays[i], oids[i]);
}

struct rejected *
rejected_new(struct stats *stats)
{
	struct rejected *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->stats = stats;
	for (int i = 0; i < LEDGERS; i++)
		ledger_init(&r->ledger[i], &kinds[i]);
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
	for (int i = 0; i < LEDGERS; i++)
		for (int a = 0; a < ARRAYS; a++)
			pg_array_free(&r->ledger[i].arrays[a]);
	free(r);
}

struct job *
rejected_job(struct rejected *r)
{
	return &r->job;
}
