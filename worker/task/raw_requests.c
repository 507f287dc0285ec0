#include "worker/task/raw_requests.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "pg/query.h"
#include "pg/result.h"
#include "pg/row.h"
#include "proto/avl.h"
#include "proto/message.h"
#include "proto/stream.h"

#define LOOK_EVERY_MS 60000 /* for a notification that was missed */
#define AFTER_ERROR_MS 5000

static const char *const statements[] = {"raw_requests_drop", "raw_requests_next",
    "positions_insert", "raw_requests_message", "raw_requests_book", NULL};

/* What the next turn does: one statement. */
enum step { DROP, NEXT, POSITIONS, MESSAGES, BOOK };

enum { MSG_CODEC, MSG_TYPE, MSG_TIME, MSG_PAYLOAD, MSG_TEXT, MSG_SEQ, MSG_COLUMNS };

struct raw_requests {
	struct job job;
	bool active;
	enum step step;
	bool asked;	 /* somebody has since the last look began */
	int64_t next_ms; /* monotonic: the next turn is not before */

	/* The frame in hand. */
	int64_t id, device_id /* 0: not registered */, received_us;
	uint8_t *frame; /* NULL: none */
	size_t len;
	unsigned found, stored, refused; /* records or messages */
	bool decoded;
	char result[200]; /* what is booked */

	struct pg_array positions[ROW_NCOLUMNS], messages[MSG_COLUMNS];
};

/* ---- Decoding ---- */

static enum step
give_up(struct raw_requests *r, const char *why)
{
	snprintf(r->result, sizeof(r->result), "%s", why);
	return BOOK;
}

/* False: memory is short. One whose time no column can hold is left out. */
static bool
put_record(struct raw_requests *r, const struct avl_record *record)
{
	uint8_t *row = malloc(row_bound(record));

	if (row == NULL)
		return false;
	if (row_write(record, r->device_id, avl_record_hash(record), r->received_us, row) != 0)
		row_append(row, r->positions);
	else
		r->refused++;
	free(row);
	return true;
}

static enum step
decode_avl(struct raw_requests *r, const struct stream_item *item)
{
	struct avl_record *records = calloc(AVL_MAX_RECORDS, sizeof(*records));
	struct avl_frame frame;
	enum step next = POSITIONS;

	if (records == NULL)
		return give_up(r, "the gateway has no memory for it");
	row_columns_start(r->positions);
	switch (avl_decode(item->body, item->body_len, &frame, records)) {
	case AVL_OK:
		r->found = (unsigned)frame.nrecords;
		for (int i = 0; next == POSITIONS && i < frame.nrecords; i++)
			if (!put_record(r, &records[i]))
				next = give_up(r, "the gateway has no memory for it");
		break;
	case AVL_BAD_COUNT:
		next = give_up(r, "the two counts differ");
		break;
	default:
		next = give_up(r, "the records don't fill the frame");
	}
	free(records);
	return next;
}

static enum step
decode_messages(struct raw_requests *r, const struct stream_item *item)
{
	static const uint32_t oids[MSG_COLUMNS] = {
	    PG_INT2, PG_INT2, PG_TIMESTAMPTZ, PG_BYTEA, PG_TEXT, PG_INT2};
	struct pg_array *a = r->messages;
	struct message_walk walk;
	struct message m;
	size_t text_len;

	if (message_open(&walk, item->body, item->body_len) != MESSAGE_OK)
		return give_up(r, "malformed message");
	pg_array_start(a, oids, MSG_COLUMNS);
	for (; message_next(&walk, &m) == MESSAGE_OK; r->found++) {
		pg_array_int2(&a[MSG_CODEC], m.codec);
		pg_array_int2(&a[MSG_TYPE], m.type);
		if (m.has_time)
			pg_array_time_ms(&a[MSG_TIME], m.time_ms);
		else
			pg_array_null(&a[MSG_TIME]);
		pg_array_raw(&a[MSG_PAYLOAD], m.payload, m.payload_len);
		if (message_is_text(m.payload, m.payload_len, &text_len))
			pg_array_text(&a[MSG_TEXT], (const char *)m.payload, text_len);
		else
			pg_array_null(&a[MSG_TEXT]);
		pg_array_int2(&a[MSG_SEQ], (int16_t)r->found);
	}
	return MESSAGES;
}

/* What is to be done with the frame in hand: somebody asked for this one, so its model may use the codec. */
static enum step
decode(struct raw_requests *r)
{
	struct stream_item item = {0};

	if (stream_next(r->frame, r->len, true, &item) != STREAM_FRAME || item.len != r->len)
		return give_up(r, "not a whole frame");
	if (!item.crc_ok)
		return give_up(r, "its CRC is wrong: what it said is not known");
	if (codec_is_message(item.body[0]))
		return decode_messages(r, &item);
	if (!codec_is_avl(item.body[0]))
		return give_up(r, "its codec is not known");
	if (r->device_id == 0)
		return give_up(r, "the device is not registered");
	return decode_avl(r, &item);
}

/* ---- The job ---- */

static bool
is_due(void *ctx, int64_t now_mono_ms)
{
	const struct raw_requests *r = ctx;

	return r->active && now_mono_ms >= r->next_ms;
}

static bool
start(void *ctx, struct pg_conn *conn)
{
	struct raw_requests *r = ctx;
	struct pg_params params = {0};

	switch (r->step) {
	case DROP:
		r->asked = false;
		return pg_send(conn, "raw_requests_drop", NULL, PG_BINARY_ROWS);
	case NEXT:
		pg_param_int(&params, r->id);
		return pg_send(conn, "raw_requests_next", &params, PG_BINARY_ROWS);
	case POSITIONS:
		pg_param_arrays(&params, r->positions, ROW_NCOLUMNS);
		/* The ids were asked for a moment ago. */
		pg_param_int(&params, 0);
		return pg_send(conn, "positions_insert", &params, PG_BINARY_ROWS);
	case MESSAGES:
		pg_param_int(&params, r->id);
		if (r->device_id != 0)
			pg_param_int(&params, r->device_id);
		else
			pg_param_text(&params, NULL);
		pg_param_arrays(&params, r->messages, MSG_COLUMNS);
		return pg_send(conn, "raw_requests_message", &params, PG_BINARY_ROWS);
	case BOOK:
		break;
	}
	pg_param_int(&params, r->id);
	pg_param_text(&params, r->result);
	pg_param_text(&params, r->decoded ? "true" : "false");
	return pg_send(conn, "raw_requests_book", &params, PG_BINARY_ROWS);
}

static void
forget_frame(struct raw_requests *r)
{
	free(r->frame);
	r->frame = NULL;
	r->len = 0;
	r->found = r->stored = r->refused = 0;
	r->decoded = false;
}

static void
take_frame(struct raw_requests *r, const struct pg_result *res)
{
	size_t len = pg_length(res, 0, 3);

	forget_frame(r);
	r->id = pg_int8(res, 0, 0);
	r->device_id = pg_is_null(res, 0, 1) ? 0 : pg_int8(res, 0, 1);
	r->received_us = pg_int8(res, 0, 2);
	r->frame = malloc(len + 1);
	if (r->frame == NULL)
		return;
	memcpy(r->frame, pg_text(res, 0, 3), len);
	r->len = len;
}

static void
result(void *ctx, const struct pg_result *res)
{
	struct raw_requests *r = ctx;

	if (r->step == NEXT && pg_rows(res) == 1)
		take_frame(r, res);
	else if (r->step == POSITIONS || r->step == MESSAGES)
		r->stored = (unsigned)pg_rows(res);
}

static void
say_stored(struct raw_requests *r)
{
	r->decoded = r->refused == 0;
	if (r->decoded)
		snprintf(r->result, sizeof(r->result), "decoded: %u stored, %u were there already",
		    r->stored, r->found - r->stored);
	else
		snprintf(r->result, sizeof(r->result),
		    "%u stored, %u were there already, %u refused: their time is out of range",
		    r->stored, r->found - r->stored - r->refused, r->refused);
}

/* All that was asked for is done: the next look is for what was not heard of. */
static void
rest(struct raw_requests *r, int64_t ms)
{
	forget_frame(r);
	r->id = 0;
	r->step = DROP;
	r->next_ms = r->asked ? 0 : clock_mono_ms() + ms;
}

static void
end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct raw_requests *r = ctx;
	bool storing = r->step == POSITIONS || r->step == MESSAGES;

	if (outcome == PG_ERROR && storing && pg_error_is_content(error)) {
		r->job.handled = true;
		snprintf(r->result, sizeof(r->result), "refused: %.180s", error->text);
		r->step = BOOK;
	} else if (outcome != PG_OK) {
		r->asked = false;
		rest(r, AFTER_ERROR_MS);
	} else if (r->step == NEXT) {
		if (r->frame == NULL)
			rest(r, LOOK_EVERY_MS);
		else
			r->step = decode(r);
	} else if (storing) {
		say_stored(r);
		r->step = BOOK;
	} else if (r->step == BOOK) {
		log_info("quarantined frame %" PRId64 ", as asked: %s", r->id, r->result);
		forget_frame(r);
		r->step = NEXT;
	} else {
		r->step = NEXT;
	}
}

static void
look(void *ctx)
{
	struct raw_requests *r = ctx;

	r->asked = true;
	r->next_ms = 0;
}

static void
notify(void *ctx, const char *payload)
{
	(void)payload;
	look(ctx);
}

struct raw_requests *
raw_requests_new(bool active)
{
	struct raw_requests *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->active = active;
	r->job = (struct job){.turn = {.name = "raw requests",
				  .ctx = r,
				  .start = start,
				  .result = result,
				  .end = end},
	    .due = is_due,
	    .up = look,
	    .channel = "telematics_raw",
	    .notify = notify,
	    .statements = statements};
	return r;
}

void
raw_requests_free(struct raw_requests *r)
{
	if (r == NULL)
		return;
	for (int i = 0; i < ROW_NCOLUMNS; i++)
		pg_array_free(&r->positions[i]);
	for (int i = 0; i < MSG_COLUMNS; i++)
		pg_array_free(&r->messages[i]);
	free(r->frame);
	free(r);
}

struct job *
raw_requests_job(struct raw_requests *r)
{
	return &r->job;
}
