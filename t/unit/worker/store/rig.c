/* The store of the tests, and what adds to it: see rig.h. The database is rig_db.c. */
#include "t/unit/worker/store/rig.h"

#include <string.h>
#include <sys/socket.h>

#include "common/db_clock.h"
#include "common/log.h"
#include "proto/message.h"
#include "proto/stream.h"
#include "worker/task/live.h"

struct rig_live rig_live[1024];
unsigned rig_nlive, rig_nseen;

/* ---- the twin of the live row ---- */

bool
live_look(struct live_device *d, const uint8_t *tuple, int64_t received_ms)
{
	(void)received_ms;
	d->trusted = tuple;
	return true;
}

void
live_stored(struct live *live, const struct live_device *d)
{
	(void)live;
	ck_assert_uint_lt(rig_nlive, 1024);
	rig_live[rig_nlive++] = (struct rig_live){.device = d->device_id,
	    .seen_ms = d->seen_ms,
	    .newest = d->trusted != NULL ? row_i64(d->trusted, ROW_RECORDED_AT) : 0};
}

void
live_seen(struct live *live, uint32_t entry, int64_t device_id, int64_t seen_wall_ms)
{
	(void)live, (void)entry, (void)device_id, (void)seen_wall_ms;
	rig_nseen++;
}

/* ---- the store's user ---- */

static bool
raw_is_there(const struct rig *r, const struct frame *f)
{
	for (uint32_t i = 0; i < r->nraw; i++)
		if (r->raw[i].imei == f->from.imei)
			return true;
	return false;
}

static bool
row_is_there(const struct rig *r, const struct row *row)
{
	for (uint32_t i = 0; i < r->nrows; i++)
		if (r->rows[i].device == row->device_id && r->rows[i].time == row->recorded_at &&
		    r->rows[i].hash == row->hash)
			return true;
	return false;
}

/* What is done is committed. */
static void
check_done(struct rig *r, const struct batch *b, const struct frame *f)
{
	ck_assert(!f->unstorable || f->kind == FRAME_RECORDS);
	if (f->kind == FRAME_QUARANTINE || f->kind == FRAME_DEBUG)
		ck_assert(raw_is_there(r, f));
	if (f->kind != FRAME_RECORDS || f->forgotten)
		return;
	for (uint32_t i = 0; i < f->nrows; i++) {
		const struct row *row = &b->rows[f->first_row + i];

		ck_assert(row->state == ROW_REFUSED ? raw_is_there(r, f) : row_is_there(r, row));
	}
}

/* Answers what is done, but on the connection of which an earlier frame waits. */
static void
answer(struct rig *r, struct batch *b)
{
	for (uint32_t i = 0; i < b->nframes; i++) {
		struct frame *f = &b->frames[i];

		if (!f->done || f->from.conn == 0 || f->from.conn == r->waits)
			continue;
		check_done(r, b, f);
		r->answered++;
		f->answered = true;
		f->from.conn = 0;
	}
}

static void
stored(void *ctx, struct batch *b)
{
	struct rig *r = ctx;

	r->stored++;
	for (uint32_t i = 0; i < b->nframes; i++)
		if (b->frames[i].done)
			check_done(r, b, &b->frames[i]);
	answer(r, b);
	answer(r, store_batch(r->store, STORE_KEPT));
}

static void
finished(void *ctx, struct batch *b)
{
	struct rig *r = ctx;

	r->finished++;
	for (uint32_t i = 0; i < b->nframes; i++) {
		const struct frame *f = &b->frames[i];

		if (f->done)
			check_done(r, b, f);
		ck_assert(f->done || f->unstorable || f->forgotten || f->aside ||
			  f->kind == FRAME_MESSAGE);
		r->done += f->done;
		r->unstorable += f->unstorable;
	}
}

static void
room(void *ctx)
{
	((struct rig *)ctx)->room++;
	ck_assert(batch_is_empty(store_filling(((struct rig *)ctx)->store)));
}

static void
moved(void *ctx, int from_batch, uint32_t from, int to_batch, uint32_t to)
{
	struct rig *r = ctx;
	const struct frame *f = &store_batch(r->store, to_batch)->frames[to];

	(void)from_batch, (void)from;
	ck_assert(!f->answered);
	ck_assert(!f->done || f->from.conn == r->waits);
	r->moved++;
}

static void
up(void *ctx)
{
	((struct rig *)ctx)->up++;
}

static void
down(void *ctx)
{
	((struct rig *)ctx)->down++;
}

static void
stalled(void *ctx, const struct pg_backend *backend)
{
	((struct rig *)ctx)->stalled++;
	ck_assert_int_eq(backend->pid, 4711);
}

void
rig_open(struct rig *r, uint32_t records, bool raw_copies)
{
	memset(r, 0, sizeof(*r));
	r->refusal = "22003";
	ck_assert(log_open("test", "/dev/null", LOG_TEXT, LOG_DEBUG_));
	/* The link has measured it. */
	db_clock_measured(0, clock_wall_us() - clock_boot_us(), 0);
	ck_assert(shm_create(&r->shm, 1, RIG_DEVICES));
	r->worker = &r->shm.slots[0].block[0];
	r->stats = &r->worker->stats;
	for (int i = 1; i < RIG_DEVICES; i++) {
		const struct device_row row = {.imei = RIG_IMEI(i),
		    .id = i,
		    .present = true,
		    .enabled = true,
		    .codecs = CODEC_MAY_ALL};

		ck_assert_int_eq(registry_apply(r->shm.registry, &row,
				     registry_seq(r->shm.registry), &r->entry[i]),
		    REGISTRY_OK);
	}
	r->base = event_base_new();
	r->store = store_new(&(struct store_config){.base = r->base,
	    .url = "",
	    .registry = r->shm.registry,
	    .shm = r->worker,
	    .limits = {.records = records, .bytes = 64 * 1024 * 1024},
	    .raw_copies = raw_copies,
	    .ctx = r,
	    .stored = stored,
	    .finished = finished,
	    .room = room,
	    .moved = moved,
	    .up = up,
	    .down = down,
	    .stalled = stalled});
	ck_assert_ptr_nonnull(r->store);
	ck_assert(!store_is_up(r->store));
	scripted_up();
	ck_assert(store_is_up(r->store));
}

static uint64_t
count(const _Atomic uint64_t *counter)
{
	return atomic_load(counter);
}

void
rig_close(struct rig *r)
{
	ck_assert(store_is_idle(r->store));
	ck_assert_uint_eq(count(&r->stats->in_flight), 0);
	ck_assert_uint_eq(count(&r->stats->stored) + count(&r->stats->duplicate) +
			      count(&r->stats->quarantined) + count(&r->stats->refused),
	    r->booked_before);
	ck_assert_uint_eq(count(&r->stats->stored) + r->unknown, r->nrows);
	store_free(r->store);
	event_base_free(r->base);
	shm_destroy(&r->shm);
}

/* ---- frames ---- */

static struct frame *
book(struct rig *r, uint32_t frame)
{
	ck_assert_uint_ne(frame, BATCH_NONE);
	struct frame *f = &store_filling(r->store)->frames[frame];

	r->booked_before += f->count;
	stats_add(&r->stats->in_flight, f->count);
	store_kick(r->store);
	return f;
}

static struct frame_source
source(const struct rig *r, int device)
{
	static int64_t arrivals;
	struct frame_source from = {.conn = 1,
	    .imei = RIG_IMEI(device),
	    .device_id = device,
	    .entry = r->entry[device],
	    .received_wall_us = INT64_C(1700000000000000) + ++arrivals,
	    .family = device % 3 == 0	? AF_INET6
		      : device % 3 == 1 ? AF_INET
					: AF_UNSPEC};

	return from;
}

struct frame *
rig_records(struct rig *r, int device, uint64_t at, int n)
{
	struct frame_source from = source(r, device);
	struct avl_record records[AVL_MAX_RECORDS];
	uint8_t raw[] = {0, 0, 0, 0, (uint8_t)device, (uint8_t)at, (uint8_t)(at >> 8), (uint8_t)n};

	for (int i = 0; i < n; i++)
		records[i] = (struct avl_record){.timestamp_ms = RIG_MS + at + (uint64_t)i,
		    .codec = device % 2 == 0 ? CODEC_16 : CODEC_8};
	return book(r, batch_add_records(
			   store_filling(r->store), &from, raw, sizeof(raw), records, (uint16_t)n));
}

struct frame *
rig_careful(struct rig *r, int device, uint64_t at, int n)
{
	struct frame *f = rig_records(r, device, at, n);

	f->careful = true;
	return f;
}

struct frame *
rig_unreadable(struct rig *r, int device, int n)
{
	struct frame_source from = source(r, device);

	return book(r, batch_add_raw(store_filling(r->store), &from, FRAME_QUARANTINE, "structure",
			   (const uint8_t *)"unreadable", 10, (uint16_t)n));
}

struct frame *
rig_debug_copy(struct rig *r, int device)
{
	struct frame_source from = source(r, device);

	from.device_id = 0;
	return book(r, batch_add_raw(store_filling(r->store), &from, FRAME_DEBUG, "crc",
			   (const uint8_t *)"wrong crc", 9, 0));
}

struct frame *
rig_message(struct rig *r, int device, const char *text, int64_t command)
{
	struct frame_source from = source(r, device);
	uint8_t raw[256];
	size_t n =
	    message_write(CODEC_12, MESSAGE_RESPONSE, 0, text, strlen(text), raw, sizeof(raw));

	ck_assert_uint_gt(n, 0);
	struct frame *f =
	    book(r, batch_add_raw(store_filling(r->store), &from, FRAME_MESSAGE, NULL, raw, n, 0));
	f->command = (struct frame_command){.conn = 1, .id = command, .attempt = 2};
	return f;
}
