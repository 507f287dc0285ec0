/*
 * What a batch holds beside positions: raw frames into device_ingest_raw
 * (quarantine and debug copies), messages into device_messages.
 */
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "proto/message.h"
#include "proto/stream.h"
#include "proto/wire.h"
#include "worker/store/store_impl.h"

/* Raw frames in one statement: they may be 64 KiB each. */
#define RAW_PER_STATEMENT 64

enum { RAW_IMEI, RAW_DEVICE, RAW_REASON, RAW_FRAME, RAW_HASH, RAW_RECEIVED, RAW_ADDR, RAW_NPARAMS };

/* The same frame again only counts up; the same one twice in a statement too. */
const char store_raw_sql[] =
    "INSERT INTO device_ingest_raw AS r"
    " (imei, device_id, reason, frame, frame_hash, received_at, last_seen_at, remote_addr, "
    "attempts)"
    " SELECT DISTINCT ON (imei, reason, frame_hash) imei, device_id, reason, frame, frame_hash,"
    " received_at, received_at, remote_addr, count(*) OVER (PARTITION BY imei, reason, frame_hash)"
    " FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bytea[], $5::bigint[], "
    "$6::timestamptz[],"
    " $7::inet[]) AS u (imei, device_id, reason, frame, frame_hash, received_at, remote_addr)"
    " ORDER BY imei, reason, frame_hash, received_at"
    " ON CONFLICT (imei, reason, frame_hash) DO UPDATE SET attempts = r.attempts + "
    "excluded.attempts,"
    " last_seen_at = greatest(r.last_seen_at, excluded.last_seen_at), remote_addr = "
    "excluded.remote_addr";

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
	MSG_NPARAMS
};

/*
 * An answer is booked to its command, if that is still in the same attempt; all else is kept as
 * unasked. A batch that is stored again finds the answers booked, and brings the same arrival
 * times: nothing is kept twice. Rows: ids of the commands that were answered now, and how long
 * after they were queued (microseconds).
 *
 * Everybody may hold a row of device_commands locked, for as long as he likes; nobody else's
 * records may wait for that. So such an answer goes to quarantine, after a second. (The time-out is
 * this statement's alone, and set before it waits for a row.)
 */
const char store_messages_sql[] =
    "WITH m AS MATERIALIZED (SELECT * FROM unnest($1::text[], $2::bigint[], $3::smallint[],"
    " $4::smallint[], $5::timestamptz[], $6::bytea[], $7::text[], $8::timestamptz[], $9::bigint[],"
    " $10::smallint[], $11::inet[], $12::bigint[], $13::integer[]) AS u (imei, device_id, codec, "
    "type,"
    " message_time, payload, text, received_at, frame_hash, seq, remote_addr, command_id, "
    "attempt) WHERE set_config('lock_timeout', '1s', true) <> ''),"
    " answered AS (UPDATE device_commands c SET status = 'acked',"
    " responded_at = greatest(m.received_at, c.sent_at), response_text = m.text,"
    " codec12_response_hex = encode(m.payload, 'hex'), next_retry_at = NULL,"
    " error_message = CASE WHEN m.type = 17 THEN 'nACK: the device says that its IMEI is another' "
    "END"
    " FROM m WHERE c.id = m.command_id AND c.attempt_count = m.attempt AND c.status = 'sent'"
    " RETURNING c.id, CASE WHEN isfinite(c.created_at) AND isfinite(c.responded_at)"
    " THEN c.responded_at - c.created_at ELSE interval '0' END AS waited),"
    " booked AS (SELECT c.id FROM device_commands c JOIN m ON c.id = m.command_id"
    " WHERE c.status = 'acked' AND c.attempt_count = m.attempt"
    " AND c.codec12_response_hex = encode(m.payload, 'hex')"
    " UNION ALL SELECT id FROM answered),"
    " kept AS (INSERT INTO device_messages (imei, device_id, codec, type, message_time, payload, "
    "text,"
    " received_at, frame_hash, seq, remote_addr)"
    " SELECT imei, device_id, codec, type, message_time, payload, text, received_at, frame_hash, "
    "seq,"
    " remote_addr FROM m WHERE command_id IS NULL OR command_id NOT IN (SELECT id FROM booked)"
    " ON CONFLICT DO NOTHING)"
    " SELECT id, (extract(epoch FROM waited) * 1000000)::bigint FROM answered";

static void
put_imei(struct pg_array *a, uint64_t imei)
{
	char text[IMEI_DIGITS];

	for (int i = IMEI_DIGITS - 1; i >= 0; i--, imei /= 10)
		text[i] = (char)('0' + imei % 10);
	pg_array_text(a, text, sizeof(text));
}

/* inet in binary: family (2 or 3), bits, is_cidr, length, address (PostgreSQL, network.c). */
static void
put_addr(struct pg_array *a, const struct frame_source *from)
{
	uint8_t n = from->family == AF_INET6 ? 16 : 4;
	uint8_t inet[20] = {from->family == AF_INET6 ? 3 : 2, (uint8_t)(n * 8), 0, n};

	if (from->family != AF_INET && from->family != AF_INET6) {
		pg_array_null(a);
		return;
	}
	memcpy(inet + 4, from->addr, n);
	pg_array_raw(a, inet, (size_t)n + 4);
}

static void
put_time_us(struct pg_array *a, int64_t wall_us)
{
	/* timestamptz counts microseconds since 2000-01-01. */
	uint64_t v = (uint64_t)(wall_us - INT64_C(946684800000000));
	uint8_t be[8];

	for (int i = 0; i < 8; i++)
		be[i] = (uint8_t)(v >> (56 - 8 * i));
	pg_array_raw(a, be, sizeof(be));
}

/* The raw row that a frame leaves: its reason, or NULL for none. */
static const char *
raw_reason(const struct store *s, const struct frame *f)
{
	if (f->kind == FRAME_QUARANTINE || f->kind == FRAME_DEBUG)
		return f->reason;
	if (f->forgotten || f->kind != FRAME_RECORDS)
		return NULL;
	if (f->poisoned)
		return "content";
	return s->cfg.raw_copies ? "raw" : NULL;
}

static bool
wants_raw(const struct store *s, const struct frame *f)
{
	return !f->unstorable && raw_reason(s, f) != NULL;
}

bool
store_has_raw(const struct store *s)
{
	for (uint32_t i = s->raw_to; i < s->storing->nframes; i++)
		if (wants_raw(s, &s->storing->frames[i]))
			return true;
	return false;
}

static void
init_arrays(struct store *s, const uint32_t *oids, int n)
{
	for (int i = 0; i < n; i++) {
		if (s->raw[i].oid != oids[i]) {
			pg_array_free(&s->raw[i]);
			pg_array_init(&s->raw[i], oids[i]);
		}
		pg_array_reset(&s->raw[i]);
	}
}

static bool
send_arrays(struct store *s, struct pg_conn *conn, const char *statement, int n)
{
	const char *values[MSG_NPARAMS];
	int lengths[MSG_NPARAMS], formats[MSG_NPARAMS];

	for (int i = 0; i < n; i++) {
		if (!pg_array_ok(&s->raw[i]))
			return false;
		values[i] = pg_array_param(&s->raw[i], &lengths[i]);
		formats[i] = 1;
	}
	s->started_us = clock_mono_us();
	return PQsendQueryPrepared(conn, statement, n, values, lengths, formats, 1) == 1;
}

static void
put_raw(struct store *s, const struct frame *f)
{
	const uint8_t *raw = batch_raw(s->storing, f);
	const char *reason = raw_reason(s, f);

	put_imei(&s->raw[RAW_IMEI], f->from.imei);
	if (f->from.device_id != 0)
		pg_array_int8(&s->raw[RAW_DEVICE], f->from.device_id);
	else
		pg_array_null(&s->raw[RAW_DEVICE]);
	pg_array_text(&s->raw[RAW_REASON], reason, strlen(reason));
	pg_array_raw(&s->raw[RAW_FRAME], raw, f->raw_len);
	pg_array_int8(&s->raw[RAW_HASH], (int64_t)hash_bytes(raw, f->raw_len));
	put_time_us(&s->raw[RAW_RECEIVED], f->from.received_wall_us);
	put_addr(&s->raw[RAW_ADDR], &f->from);
}

static bool
raw_start(void *ctx, struct pg_conn *conn)
{
	static const uint32_t oids[RAW_NPARAMS] = {
	    PG_TEXT, PG_INT8, PG_TEXT, PG_BYTEA, PG_INT8, PG_TIMESTAMPTZ, PG_INET};
	struct store *s = ctx;
	uint32_t limit = s->raw_single ? 1 : RAW_PER_STATEMENT, n = 0;

	init_arrays(s, oids, RAW_NPARAMS);
	for (s->raw_to = s->raw_from; s->raw_to < s->storing->nframes && n < limit; s->raw_to++)
		if (wants_raw(s, &s->storing->frames[s->raw_to])) {
			put_raw(s, &s->storing->frames[s->raw_to]);
			n++;
		}
	return send_arrays(s, conn, "insert_raw", RAW_NPARAMS);
}

/* Records of a frame that the quarantine decides: all of an unreadable one, the refused ones of
 * another. */
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
raw_stored(struct store *s)
{
	uint64_t records = 0, frames = 0;

	for (uint32_t i = s->raw_from; i < s->raw_to; i++) {
		struct frame *f = &s->storing->frames[i];

		if (!wants_raw(s, f))
			continue;
		f->done = true;
		records += quarantined_records(s, f);
		frames += f->kind == FRAME_QUARANTINE || f->poisoned;
	}
	stats_add(&s->stats->quarantined_frames, frames);
	store_book(s, 0, 0, records);
}

/* Not even its raw bytes are taken. It must not hold up everybody else: no ACK, and its connection
 * goes. */
static void
refuse_raw(struct store *s, const struct pg_error *error)
{
	for (uint32_t i = s->raw_from; i < s->raw_to; i++) {
		struct frame *f = &s->storing->frames[i];

		if (!wants_raw(s, f))
			continue;
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
}

static void
raw_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct store *s = ctx;

	if (outcome == PG_OK) {
		raw_stored(s);
		store_succeeded(s, false, 0);
	} else if (outcome == PG_ERROR && pg_error_is_content(error) && !s->raw_single) {
		s->raw_single = true;
		s->raw_to = s->raw_from;
	} else if (outcome == PG_ERROR && pg_error_is_content(error)) {
		refuse_raw(s, error);
	} else {
		s->raw_to = s->raw_from;
		store_failed(s, outcome, error);
		return;
	}
	s->raw_from = s->raw_to;
	s->cfg.stored(s->cfg.ctx, s->storing);
	store_next(s);
}

void
store_run_raw(struct store *s)
{
	const struct pg_job job = {
	    .name = "insert raw frames", .ctx = s, .start = raw_start, .end = raw_end};

	pg_link_run(s->db, &job);
}

bool
store_has_messages(const struct store *s)
{
	for (uint32_t i = s->raw_to; i < s->storing->nframes; i++)
		if (s->storing->frames[i].kind == FRAME_MESSAGE)
			return true;
	return false;
}

static void
put_message(
    struct store *s, const struct frame *f, const struct message *m, int16_t seq, int64_t hash)
{
	struct pg_array *a = s->raw;

	put_imei(&a[MSG_IMEI], f->from.imei);
	pg_array_int8(&a[MSG_DEVICE], f->from.device_id);
	pg_array_int2(&a[MSG_CODEC], m->codec);
	pg_array_int2(&a[MSG_TYPE], m->type);
	if (m->has_time)
		pg_array_time_ms(&a[MSG_TIME], m->time_ms);
	else
		pg_array_null(&a[MSG_TIME]);
	pg_array_raw(&a[MSG_PAYLOAD], m->payload, m->payload_len);
	if (message_is_text(m->payload, m->payload_len))
		pg_array_text(&a[MSG_TEXT], (const char *)m->payload, m->payload_len);
	else
		pg_array_null(&a[MSG_TEXT]);
	put_time_us(&a[MSG_RECEIVED], f->from.received_wall_us);
	pg_array_int8(&a[MSG_HASH], hash);
	pg_array_int2(&a[MSG_SEQ], seq);
	put_addr(&a[MSG_ADDR], &f->from);
	if (f->command.id != 0 && f->command.message == seq) {
		pg_array_int8(&a[MSG_COMMAND], f->command.id);
		pg_array_int4(&a[MSG_ATTEMPT], f->command.attempt);
	} else {
		pg_array_null(&a[MSG_COMMAND]);
		pg_array_null(&a[MSG_ATTEMPT]);
	}
}

static bool
messages_start(void *ctx, struct pg_conn *conn)
{
	static const uint32_t oids[MSG_NPARAMS] = {PG_TEXT, PG_INT8, PG_INT2, PG_INT2,
	    PG_TIMESTAMPTZ, PG_BYTEA, PG_TEXT, PG_TIMESTAMPTZ, PG_INT8, PG_INT2, PG_INET, PG_INT8,
	    PG_INT4};
	struct store *s = ctx;

	uint32_t limit = s->raw_single ? 1 : s->storing->nframes, n = 0;

	init_arrays(s, oids, MSG_NPARAMS);
	for (s->raw_to = s->raw_from; s->raw_to < s->storing->nframes && n < limit; s->raw_to++) {
		const struct frame *f = &s->storing->frames[s->raw_to];
		struct message_walk walk;
		struct message m;

		if (f->kind != FRAME_MESSAGE)
			continue;
		n++;
		const uint8_t *raw = batch_raw(s->storing, f);
		int64_t hash = (int64_t)hash_bytes(raw, f->raw_len);
		if (message_open(&walk, raw + 8, f->raw_len - FRAME_OVERHEAD) != MESSAGE_OK)
			continue;
		for (int16_t seq = 0; message_next(&walk, &m) == MESSAGE_OK; seq++)
			put_message(s, f, &m, seq, hash);
	}
	return send_arrays(s, conn, "insert_messages", MSG_NPARAMS);
}

/* The frame whose message the table doesn't take goes to quarantine, which comes next. */
static void
refuse_messages(struct store *s, const struct pg_error *error)
{
	for (uint32_t i = s->raw_from; i < s->raw_to; i++) {
		struct frame *f = &s->storing->frames[i];

		if (f->kind != FRAME_MESSAGE)
			continue;
		log_write(LOG_WARN_, &(struct log_fields){.imei = f->from.imei},
		    "device_messages refuses a message: %s (SQLSTATE %s); its frame goes to "
		    "quarantine",
		    error->text, error->sqlstate);
		f->kind = FRAME_QUARANTINE;
		f->reason = "content";
	}
}

static void
messages_result(void *ctx, const struct pg_result *res)
{
	struct store *s = ctx;

	/* Rows come before their COMMIT is sure. */
	PQclear(s->answered);
	s->answered = PQcopyResult(res, PG_COPYRES_ATTRS | PG_COPYRES_TUPLES);
	if (s->answered == NULL)
		log_error("no memory to count %d answers to commands", PQntuples(res));
}

/* Counts the commands that the statement has answered, if it was committed. */
static void
book_answers(struct store *s, bool committed)
{
	for (int i = 0; committed && i < PQntuples(s->answered); i++) {
		int64_t waited = (int64_t)wire_u64((const uint8_t *)PQgetvalue(s->answered, i, 1));

		stats_add(&s->stats->commands_acked, 1);
		stats_observe(
		    &s->stats->command_us, stats_wait_bounds_us, waited > 0 ? (uint64_t)waited : 0);
	}
	PQclear(s->answered);
	s->answered = NULL;
}

static void
messages_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct store *s = ctx;
	bool refused = outcome == PG_ERROR &&
		       (pg_error_is_content(error) || strcmp(error->sqlstate, "55P03") == 0);
	uint64_t n = 0;

	book_answers(s, outcome == PG_OK);
	if (outcome == PG_OK) {
		for (uint32_t i = s->raw_from; i < s->raw_to; i++)
			n += s->storing->frames[i].kind == FRAME_MESSAGE;
		stats_add(&s->stats->messages, n);
		store_succeeded(s, false, 0);
	} else if (refused && s->raw_single) {
		refuse_messages(s, error);
	} else {
		s->raw_single |= refused;
		s->raw_to = s->raw_from;
		if (!refused) {
			store_failed(s, outcome, error);
			return;
		}
	}
	s->raw_from = s->raw_to;
	store_next(s);
}

void
store_run_messages(struct store *s)
{
	const struct pg_job job = {.name = "insert messages",
	    .ctx = s,
	    .start = messages_start,
	    .result = messages_result,
	    .end = messages_end};

	pg_link_run(s->db, &job);
}
