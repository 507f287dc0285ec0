/* Messages of a batch into device_messages; answers to commands are booked to these. */
#include "common/clock.h"
#include "proto/avl.h"
#include "proto/message.h"
#include "proto/stream.h"
#include "worker/store/store_impl.h"

/* In the answer's third column, beside 0 and 1: see messages_insert.sql. */
#define ANSWER_LOCKED 2

enum {
	MSG_IMEI,
	MSG_DEVICE,
	MSG_CODEC,
	MSG_TYPE,
	MSG_TIME,
	MSG_PAYLOAD,
	MSG_TEXT,
	MSG_RECEIVED,
	MSG_HASH,
	MSG_SEQ,
	MSG_ADDR,
	MSG_COMMAND,
	MSG_ATTEMPT,
	MSG_EARLIER,
};

static void
messages_gather(struct store *s)
{
	const struct batch *b = s->storing;

	for (uint32_t i = 0; i < b->nframes; i++)
		if (b->frames[i].kind == FRAME_MESSAGE && !b->frames[i].aside)
			s->listed.at[s->listed.n++] = i;
}

static void
put_message(
    struct store *s, const struct frame *f, const struct message *m, int16_t seq, int64_t hash)
{
	struct pg_array *a = s->messages;
	size_t text_len;

	pg_array_imei(&a[MSG_IMEI], f->from.imei);
	if (f->from.device_id != 0)
		pg_array_int8(&a[MSG_DEVICE], f->from.device_id);
	else
		pg_array_null(&a[MSG_DEVICE]);
	pg_array_int2(&a[MSG_CODEC], m->codec);
	pg_array_int2(&a[MSG_TYPE], m->type);
	if (m->has_time)
		pg_array_time_ms(&a[MSG_TIME], m->time_ms);
	else
		pg_array_null(&a[MSG_TIME]);
	pg_array_raw(&a[MSG_PAYLOAD], m->payload, m->payload_len);
	if (message_is_text(m->payload, m->payload_len, &text_len))
		pg_array_text(&a[MSG_TEXT], (const char *)m->payload, text_len);
	else
		pg_array_null(&a[MSG_TEXT]);
	pg_array_time_us(&a[MSG_RECEIVED], f->from.received_wall_us);
	pg_array_int8(&a[MSG_HASH], hash);
	pg_array_int2(&a[MSG_SEQ], seq);
	pg_array_addr(&a[MSG_ADDR], f->from.family, f->from.addr);
	bool answer = f->command.conn != 0 && f->command.message == seq;

	pg_array_bool(&a[MSG_EARLIER], answer && f->command.id == 0);
	if (answer && f->command.id != 0) {
		pg_array_int8(&a[MSG_COMMAND], f->command.id);
		pg_array_int4(&a[MSG_ATTEMPT], f->command.attempt);
	} else {
		pg_array_null(&a[MSG_COMMAND]);
		pg_array_null(&a[MSG_ATTEMPT]);
	}
}

static void
put_messages(struct store *s, const struct frame *f)
{
	const uint8_t *raw = batch_raw(s->storing, f);
	int64_t hash = (int64_t)hash_bytes(raw, f->raw_len);
	struct message_walk walk;
	struct message m;

	/* The session has opened it before: that is why it is a frame of messages. */
	if (message_open(&walk, raw + 8, f->raw_len - FRAME_OVERHEAD) != MESSAGE_OK)
		return;
	for (int16_t seq = 0; message_next(&walk, &m) == MESSAGE_OK; seq++)
		put_message(s, f, &m, seq, hash);
}

static bool
messages_start(void *ctx, struct pg_conn *conn)
{
	static const uint32_t oids[MESSAGE_COLUMNS] = {PG_TEXT, PG_INT8, PG_INT2, PG_INT2,
	    PG_TIMESTAMPTZ, PG_BYTEA, PG_TEXT, PG_TIMESTAMPTZ, PG_INT8, PG_INT2, PG_INET, PG_INT8,
	    PG_INT4, PG_BOOL};
	struct store *s = ctx;
	struct pg_params params = {0};

	pg_array_start(s->messages, oids, MESSAGE_COLUMNS);
	for (uint32_t i = s->spans.now.from; i < s->spans.now.to; i++)
		put_messages(s, store_listed_frame(s, i));
	pg_param_arrays(&params, s->messages, MESSAGE_COLUMNS);
	s->started_us = clock_mono_us();
	return pg_send(conn, "messages_insert", &params, PG_BINARY_ROWS);
}

static void
messages_result(void *ctx, const struct pg_result *res)
{
	struct store *s = ctx;

	/* Rows come before their COMMIT is sure. */
	pg_result_free(s->answered);
	s->answered = pg_result_copy(res);
	if (s->answered == NULL)
		log_error("no memory to count %d answers to commands", pg_rows(res));
}

/* Somebody holds the row of its command. */
static void
put_answer_aside(struct store *s, int64_t received_us)
{
	static const struct pg_error locked = {
	    .sqlstate = "55P03", .text = "somebody holds the command's row"};

	for (uint32_t i = s->spans.now.from; i < s->spans.now.to; i++) {
		struct frame *f = store_listed_frame(s, i);

		if (f->from.received_wall_us != received_us || f->aside)
			continue;
		/* Without a room for it in the set it is tried again with the next batch. */
		(void)!store_put_aside(s, ASIDE_COMMAND, received_us, &locked);
		store_frame_aside(s, f);
	}
}

/* Counts the commands that the statement has ended, if it was committed. */
static void
book_answers(struct store *s, bool committed)
{
	int n = committed && s->answered != NULL ? pg_rows(s->answered) : 0;

	for (int i = 0; i < n; i++) {
		int64_t waited = pg_int8(s->answered, i, 1);
		int64_t what = pg_int8(s->answered, i, 2);
		bool acked = what != 0;

		if (what == ANSWER_LOCKED) {
			put_answer_aside(s, pg_int8(s->answered, i, 0));
			continue;
		}
		if (s->cfg.answered != NULL)
			s->cfg.answered(s->cfg.ctx, pg_int8(s->answered, i, 0));
		stats_add(acked ? &s->stats->commands_acked : &s->stats->commands_failed, 1);
		stats_observe(
		    &s->stats->command_us, stats_wait_bounds_us, waited > 0 ? (uint64_t)waited : 0);
	}
	pg_result_free(s->answered);
	s->answered = NULL;
}

/* The frame whose message the table doesn't take goes to quarantine, which comes next. */
static void
refuse_messages(struct store *s, const struct pg_error *error)
{
	struct frame *f = store_listed_frame(s, s->spans.now.from);

	log_write(LOG_WARN_, &(struct log_fields){.imei = f->from.imei},
	    "device_messages refuses a message: %s (SQLSTATE %s); its frame goes to quarantine",
	    error->text, error->sqlstate);
	f->kind = FRAME_QUARANTINE;
	f->reason = "content";
}

/* Nothing may be left to write: then what is there was written by a COMMIT of unknown outcome. */
static void
messages_stored(struct store *s)
{
	for (uint32_t i = s->spans.now.from; i < s->spans.now.to; i++)
		stats_add(&s->stats->messages, !store_listed_frame(s, i)->aside);
	store_succeeded(s, false, 0);
}

static void
messages_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct store *s = ctx;

	book_answers(s, outcome == PG_OK);
	if (outcome == PG_OK && s->unproven)
		store_prove(s, messages_stored);
	else if (outcome == PG_OK)
		messages_stored(s);
	else if (store_step_blocked(s, outcome, error))
		return;
	else if (store_gives_up(s, outcome, error, store_is_content(outcome, error)))
		refuse_messages(s, error);
}

static const struct pg_job statement = {.name = "insert messages",
    .start = messages_start,
    .result = messages_result,
    .end = messages_end};

const struct store_step store_messages = {
    .gather = messages_gather, .most = UINT32_MAX, .statement = &statement};
