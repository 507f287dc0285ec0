/* Raw frames of a batch into device_ingest_raw: quarantine and copies (doc/design.md, Raw frames). */
#include <string.h>

#include "common/clock.h"
#include "proto/avl.h"
#include "worker/store/store_impl.h"

/* Raw frames may be 64 KiB each. */
#define RAW_PER_STATEMENT 64

enum { RAW_IMEI, RAW_DEVICE, RAW_REASON, RAW_FRAME, RAW_HASH, RAW_RECEIVED, RAW_ADDR };

/* The raw row that a frame leaves: its reason, or NULL for none. */
static const char *
raw_reason(const struct store *s, const struct frame *f)
{
	if (f->aside)
		return NULL;
	if (f->kind == FRAME_QUARANTINE)
		return f->reason;
	if (f->kind == FRAME_DEBUG)
		return "raw";
	if (f->forgotten || f->kind != FRAME_RECORDS)
		return NULL;
	if (f->poisoned)
		return "content";
	return s->cfg.raw_copies ? "raw" : NULL;
}

static void
raw_gather(struct store *s)
{
	const struct batch *b = s->storing;

	for (uint32_t i = 0; i < b->nframes; i++)
		if (raw_reason(s, &b->frames[i]) != NULL)
			s->listed.at[s->listed.n++] = i;
}

static void
put_raw(struct store *s, const struct frame *f)
{
	const uint8_t *raw = batch_raw(s->storing, f);
	const char *reason = raw_reason(s, f);

	pg_array_imei(&s->raw[RAW_IMEI], f->from.imei);
	if (f->from.device_id != 0)
		pg_array_int8(&s->raw[RAW_DEVICE], f->from.device_id);
	else
		pg_array_null(&s->raw[RAW_DEVICE]);
	pg_array_text(&s->raw[RAW_REASON], reason, strlen(reason));
	pg_array_raw(&s->raw[RAW_FRAME], raw, f->raw_len);
	pg_array_int8(&s->raw[RAW_HASH], (int64_t)hash_bytes(raw, f->raw_len));
	pg_array_time_us(&s->raw[RAW_RECEIVED], f->from.received_wall_us);
	pg_array_addr(&s->raw[RAW_ADDR], f->from.family, f->from.addr);
}

static bool
raw_start(void *ctx, struct pg_conn *conn)
{
	static const uint32_t oids[RAW_COLUMNS] = {
	    PG_TEXT, PG_INT8, PG_TEXT, PG_BYTEA, PG_INT8, PG_TIMESTAMPTZ, PG_INET};
	struct store *s = ctx;
	struct pg_params params = {0};

	pg_array_start(s->raw, oids, RAW_COLUMNS);
	for (uint32_t i = s->spans.now.from; i < s->spans.now.to; i++)
		put_raw(s, store_listed_frame(s, i));
	pg_param_arrays(&params, s->raw, RAW_COLUMNS);
	s->started_us = clock_mono_us();
	return pg_send(conn, "raw_insert", &params, PG_BINARY_ROWS);
}

/* Records that the quarantine decides: all of an unreadable frame, the refused ones of another. */
static uint64_t
quarantined_records(const struct store *s, const struct frame *f)
{
	uint64_t n = 0;

	if (f->kind == FRAME_QUARANTINE)
		return f->count;
	if (f->kind == FRAME_RECORDS && f->poisoned)
		for (uint32_t i = 0; i < f->nrows; i++)
			n += s->storing->rows[f->first_row + i].state == ROW_REFUSED;
	return n;
}

static void
raw_result(void *ctx, const struct pg_result *res)
{
	struct store *s = ctx;

	/* Rows come before their COMMIT is sure. */
	pg_result_free(s->left_out);
	s->left_out = pg_rows(res) > 0 ? pg_result_copy(res) : NULL;
}

/* Somebody holds the row of the same frame, which came before. */
static void
put_frames_aside(struct store *s, int64_t hash, uint64_t imei)
{
	static const struct pg_error locked = {
	    .sqlstate = "55P03", .text = "somebody holds its row"};

	for (uint32_t i = s->spans.now.from; i < s->spans.now.to; i++) {
		struct frame *f = store_listed_frame(s, i);

		if (f->from.imei != imei ||
		    (int64_t)hash_bytes(batch_raw(s->storing, f), f->raw_len) != hash)
			continue;
		(void)!store_put_aside(s, ASIDE_RAW, store_raw_key(s->storing, f), &locked);
		store_frame_aside(s, f);
	}
}

static void
take_left_out(struct store *s, bool committed)
{
	for (int i = 0; committed && s->left_out != NULL && i < pg_rows(s->left_out); i++)
		put_frames_aside(
		    s, pg_int8(s->left_out, i, 0), (uint64_t)pg_int8(s->left_out, i, 1));
	pg_result_free(s->left_out);
	s->left_out = NULL;
}

static void
raw_stored(struct store *s)
{
	uint64_t records = 0, frames = 0;

	for (uint32_t i = s->spans.now.from; i < s->spans.now.to; i++) {
		struct frame *f = store_listed_frame(s, i);

		if (f->aside)
			continue;
		f->done = true;
		records += quarantined_records(s, f);
		frames += f->kind == FRAME_QUARANTINE || f->poisoned;
		/* The others had their line when they came (worker/tracker/frames.c). */
		if (f->kind == FRAME_RECORDS && f->poisoned)
			log_write(LOG_WARN_, &(struct log_fields){.imei = f->from.imei},
			    "bad frame (content, codec %02x, %u records): quarantined and acknowledged",
			    batch_raw(s->storing, f)[8], f->count);
	}
	stats_add(&s->stats->quarantined_frames, frames);
	store_book(s, 0, 0, records);
	store_succeeded(s, false, 0);
}

/* Nobody answers before the COMMIT is known to be durable. */
static void
raw_proved(struct store *s)
{
	raw_stored(s);
	s->cfg.stored(s->cfg.ctx, s->storing);
}

/*
 * Not even its raw bytes are taken. It must not hold up everybody else: no ACK, and its connection
 * goes.
 */
static void
refuse_raw(struct store *s, const struct pg_error *error)
{
	struct frame *f = store_listed_frame(s, s->spans.now.from);
	uint64_t records = quarantined_records(s, f);

	log_write(LOG_ERROR_, &(struct log_fields){.imei = f->from.imei},
	    "device_ingest_raw refuses a frame: %s (SQLSTATE %s); it is not acknowledged",
	    error->text, error->sqlstate);
	f->unstorable = true;
	stats_begin(s->stats);
	stats_add(&s->stats->refused, records);
	stats_sub(&s->stats->in_flight, records);
	stats_end(s->stats);
}

static void
raw_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct store *s = ctx;

	take_left_out(s, outcome == PG_OK);
	if (outcome == PG_OK && s->unproven)
		store_prove(s, raw_proved);
	else if (outcome == PG_OK)
		raw_proved(s);
	else if (store_step_blocked(s, outcome, error))
		return;
	else if (store_gives_up(s, outcome, error, store_is_content(outcome, error))) {
		refuse_raw(s, error);
		s->cfg.stored(s->cfg.ctx, s->storing);
	}
}

static const struct pg_job statement = {
    .name = "insert raw frames", .start = raw_start, .result = raw_result, .end = raw_end};

const struct store_step store_raw = {
    .gather = raw_gather, .most = RAW_PER_STATEMENT, .statement = &statement};
