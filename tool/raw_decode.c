#include "tool/raw_decode.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/avl.h"
#include "proto/message.h"
#include "proto/stream.h"
#include "tool/input.h"
#include "tool/out.h"
#include "tool/pg.h"
#include "pg/row.h"

struct raw {
	PGconn *conn;
	const char *id;
	PGresult *row; /* columns below */
	uint8_t *frame;
	size_t len;
	int records, stored, refused;
	char why[300]; /* why it stays undecoded */
};

enum { COL_IMEI, COL_DEVICE, COL_REASON, COL_FRAME, COL_RECEIVED_US, COL_ALLOWED, COL_DECODED };

static const char select_sql[] =
    "SELECT r.imei, coalesce(r.device_id, d.id), r.reason, encode(r.frame, 'hex'), "
    "(extract(epoch FROM r.received_at) * 1000000)::bigint, coalesce((SELECT CASE "
    "CASE WHEN length(r.frame) > 8 THEN get_byte(r.frame, 8) END WHEN 8 THEN m.codec_8 "
    "WHEN 142 THEN m.codec_8e WHEN 16 THEN m.codec_16 WHEN 12 THEN m.codec_12 WHEN 13 THEN "
    "m.codec_13 WHEN 14 THEN m.codec_14 WHEN 15 THEN m.codec_15 END FROM device_models m "
    "WHERE m.device_model = d.device_model), true), r.decoded_at IS NOT NULL "
    "FROM device_ingest_raw r LEFT JOIN devices d ON d.imei = r.imei WHERE r.id = $1::bigint "
    "FOR UPDATE OF r";

static const char position_sql[] =
    "INSERT INTO device_positions (" ROW_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, "
    "$10, $11, $12, $13, $14, $15, $16) ON CONFLICT DO NOTHING";

static const char message_sql[] =
    "INSERT INTO device_messages (imei, device_id, codec, type, message_time, payload, text, "
    "received_at, remote_addr, frame_hash, seq) SELECT imei, $2::bigint, $3::smallint, "
    "$4::smallint, timestamptz 'epoch' + $5::bigint * interval '1 millisecond', $6::bytea, $7, "
    "received_at, remote_addr, frame_hash, $8::smallint FROM device_ingest_raw "
    "WHERE id = $1::bigint ON CONFLICT DO NOTHING";

/* Refused for its content (SQLSTATE classes 22 and 23), so that others may still be stored. */
static bool
is_content(const PGresult *res)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

	return state != NULL && (strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0);
}

/*
 * Books the result of one INSERT done behind a savepoint, and frees it. False:
 * the database failed for another reason, which is told.
 */
static bool
book(struct raw *r, PGresult *res, const char *what)
{
	const char *text;

	if (PQresultStatus(res) == PGRES_COMMAND_OK) {
		r->stored += atoi(PQcmdTuples(res));
		PQclear(res);
		return true;
	}
	if (!is_content(res)) {
		pg_explain(r->conn, res, what);
		PQclear(res);
		return false;
	}
	text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	snprintf(r->why, sizeof(r->why), "refused: %s", text != NULL ? text : "?");
	r->refused++;
	PQclear(res);
	return pg_script(r->conn, what, "ROLLBACK TO SAVEPOINT one");
}

/* The tuple's fields are the statement's parameters as they stand there: length and bytes. */
static PGresult *
insert_tuple(PGconn *conn, const uint8_t *tuple)
{
	const char *values[ROW_NCOLUMNS];
	int lengths[ROW_NCOLUMNS], formats[ROW_NCOLUMNS];
	const uint8_t *p = tuple + 2;

	for (int i = 0; i < ROW_NCOLUMNS; i++) {
		int32_t len = (int32_t)((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
					(uint32_t)p[2] << 8 | p[3]);

		p += 4;
		values[i] = len < 0 ? NULL : (const char *)p;
		lengths[i] = len < 0 ? 0 : len;
		formats[i] = 1;
		p += lengths[i];
	}
	return PQexecParams(conn, position_sql, ROW_NCOLUMNS, NULL, values, lengths, formats, 0);
}

static bool
store_record(struct raw *r, const struct avl_record *record)
{
	uint8_t *tuple = malloc(row_bound(record));
	int64_t device = strtoll(PQgetvalue(r->row, 0, COL_DEVICE), NULL, 10);
	int64_t received_us = strtoll(PQgetvalue(r->row, 0, COL_RECEIVED_US), NULL, 10);
	bool ok = false;

	if (tuple == NULL) {
		fprintf(stderr, "tgctl: out of memory\n");
	} else if (row_write(record, device, avl_record_hash(record), received_us, tuple) == 0) {
		snprintf(r->why, sizeof(r->why), "its time %" PRIu64 " fits no column",
		    record->timestamp_ms);
		r->refused++;
		ok = true;
	} else {
		ok = pg_script(r->conn, "storing a position", "SAVEPOINT one") &&
		     book(r, insert_tuple(r->conn, tuple), "storing a position");
	}
	free(tuple);
	return ok;
}

static bool
store_avl(struct raw *r, const struct stream_item *item)
{
	struct avl_record *records = calloc(AVL_MAX_RECORDS, sizeof(*records));
	struct avl_frame frame;
	bool ok = true;

	if (records == NULL) {
		fprintf(stderr, "tgctl: out of memory\n");
		return false;
	}
	switch (avl_decode(item->body, item->body_len, &frame, records)) {
	case AVL_OK:
		r->records = frame.nrecords;
		for (int i = 0; ok && i < frame.nrecords; i++)
			ok = store_record(r, &records[i]);
		break;
	case AVL_BAD_COUNT:
		snprintf(r->why, sizeof(r->why), "the two counts differ");
		break;
	default:
		snprintf(r->why, sizeof(r->why), "the records don't fill the frame");
	}
	free(records);
	return ok;
}

static bool
store_message(struct raw *r, const struct message *m, int seq)
{
	char codec[8], type[8], time[24], number[8], *hex = malloc(2 * m->payload_len + 3);
	char *text = NULL;
	bool ok;

	if (hex == NULL) {
		fprintf(stderr, "tgctl: out of memory\n");
		return false;
	}
	memcpy(hex, "\\x", 2);
	out_hex(m->payload, m->payload_len, hex + 2);
	if (message_is_text(m->payload, m->payload_len))
		text = strndup((const char *)m->payload, m->payload_len);
	snprintf(codec, sizeof(codec), "%d", m->codec);
	snprintf(type, sizeof(type), "%d", m->type);
	snprintf(time, sizeof(time), "%" PRId64, m->time_ms);
	snprintf(number, sizeof(number), "%d", seq);
	const char *params[] = {r->id,
	    PQgetisnull(r->row, 0, COL_DEVICE) ? NULL : PQgetvalue(r->row, 0, COL_DEVICE), codec,
	    type, m->has_time ? time : NULL, hex, text, number};
	ok = pg_script(r->conn, "storing a message", "SAVEPOINT one") &&
	     book(r, PQexecParams(r->conn, message_sql, 8, NULL, params, NULL, NULL, 0),
		 "storing a message");
	free(text);
	free(hex);
	return ok;
}

static bool
store_messages(struct raw *r, const struct stream_item *item)
{
	struct message_walk walk;
	struct message message;

	if (message_open(&walk, item->body, item->body_len) != MESSAGE_OK) {
		snprintf(r->why, sizeof(r->why), "malformed message");
		return true;
	}
	while (message_next(&walk, &message) == MESSAGE_OK)
		if (!store_message(r, &message, r->records++))
			return false;
	return true;
}

/* Stores what can be stored; r->why says what stands in the way of the rest. False: the database
 * failed. */
static bool
store(struct raw *r, bool by_id)
{
	struct stream_item item = {0};
	bool codec_refused = strcmp(PQgetvalue(r->row, 0, COL_REASON), "codec") == 0 &&
			     *PQgetvalue(r->row, 0, COL_ALLOWED) == 'f';

	if (stream_next(r->frame, r->len, true, &item) != STREAM_FRAME || item.len != r->len)
		snprintf(r->why, sizeof(r->why), "no whole frame");
	else if (!item.crc_ok)
		snprintf(r->why, sizeof(r->why), "wrong CRC: nobody knows what it was");
	else if (codec_refused && !by_id)
		snprintf(r->why, sizeof(r->why),
		    "device_models does not allow codec %d; name its id to store it anyway",
		    item.body[0]);
	else if (codec_is_message(item.body[0]))
		return store_messages(r, &item);
	else if (!codec_is_avl(item.body[0]))
		snprintf(r->why, sizeof(r->why), "unknown codec %d", item.body[0]);
	else if (PQgetisnull(r->row, 0, COL_DEVICE))
		snprintf(r->why, sizeof(r->why), "the device is not registered");
	else
		return store_avl(r, &item);
	return true;
}

static json_t *
result_json(const struct raw *r)
{
	json_t *o = json_object();

	json_object_set_new(o, "id", json_integer(strtoll(r->id, NULL, 10)));
	json_object_set_new(o, "imei", json_string(PQgetvalue(r->row, 0, COL_IMEI)));
	json_object_set_new(o, "reason", json_string(PQgetvalue(r->row, 0, COL_REASON)));
	json_object_set_new(o, "records", json_integer(r->records));
	json_object_set_new(o, "stored", json_integer(r->stored));
	json_object_set_new(o, "duplicate", json_integer(r->records - r->stored - r->refused));
	json_object_set_new(o, "outcome", json_string(r->why[0] == '\0' ? "decoded" : r->why));
	return o;
}

static enum raw_outcome
decode_row(struct raw *r, bool by_id, json_t **result)
{
	const char *params[] = {r->id};

	r->row = pg_query(r->conn, "reading the frame", select_sql, 1, params);
	if (r->row == NULL)
		return RAW_ERROR;
	if (PQntuples(r->row) == 0) {
		fprintf(
		    stderr, "tgctl: there is no frame with id %s; see \"tgctl raw list\"\n", r->id);
		return RAW_ERROR;
	}
	r->frame = (uint8_t *)strdup(PQgetvalue(r->row, 0, COL_FRAME));
	r->len = r->frame != NULL ? strlen((char *)r->frame) : 0;
	if (r->frame == NULL || !input_unhex(r->frame, &r->len) || !store(r, by_id))
		return RAW_ERROR;
	if (r->why[0] == '\0' &&
	    !pg_run(r->conn, "marking the frame as decoded",
		"UPDATE device_ingest_raw SET decoded_at = now() WHERE id = $1::bigint", 1, params))
		return RAW_ERROR;
	if (!pg_script(r->conn, "storing the frame", "COMMIT"))
		return RAW_ERROR;
	*result = result_json(r);
	return r->why[0] == '\0' ? RAW_DECODED : RAW_UNDECODED;
}

enum raw_outcome
raw_decode(PGconn *conn, const char *id, bool by_id, json_t **result)
{
	struct raw r = {.conn = conn, .id = id};
	enum raw_outcome outcome = RAW_ERROR;

	*result = NULL;
	if (pg_script(conn, "starting a transaction", "BEGIN"))
		outcome = decode_row(&r, by_id, result);
	if (outcome == RAW_ERROR)
		PQclear(PQexec(conn, "ROLLBACK"));
	PQclear(r.row);
	free(r.frame);
	return outcome;
}
