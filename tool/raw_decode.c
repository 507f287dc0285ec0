#include "tool/raw_decode.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg/array.h"
#include "pg/error.h"
#include "pg/row.h"
#include "proto/avl.h"
#include "proto/message.h"
#include "proto/stream.h"
#include "tool/database.h"
#include "tool/hex_text.h"
#include "tool/input.h"
#include "tool/out.h"

struct raw {
	struct pg_session *db;
	const char *id;
	struct pg_result *row; /* of raw_read.sql */
	uint8_t *frame;
	size_t len;
	int records, stored, refused;
	char why[300]; /* why it stays undecoded */
};

/* The device's id, or NULL if it is not registered. */
static const char *
device_id(const struct raw *r)
{
	const char *id = pg_field(r->row, "device_id");

	return *id != '\0' ? id : NULL;
}

/*
 * Runs an INSERT behind a savepoint, so that one that is refused for its content does not take the others
 * with it, and counts what it stored. False: the database failed for another reason, which has been told.
 */
static bool
insert(struct raw *r, const char *what, const char *statement, const struct pg_params *params)
{
	struct pg_session_error error;
	struct pg_result *res;

	if (!database_script(r->db, what, "SAVEPOINT one"))
		return false;
	res = pg_session_query(r->db, statement, params, &error);
	if (res != NULL) {
		r->stored += (int)pg_rows_touched(res);
		pg_result_free(res);
		return true;
	}
	if (pg_error_kind(error.sqlstate) != PG_KIND_CONTENT) {
		database_explain(&error, what);
		return false;
	}
	snprintf(r->why, sizeof(r->why), "refused: %.280s", error.text);
	r->refused++;
	return database_script(r->db, what, "ROLLBACK TO SAVEPOINT one");
}

/* The id was read in this transaction: no table of devices that it would have to be checked against. */
#define ID_IS_OF_NOW 0

static bool
insert_row(struct raw *r, const uint8_t *row)
{
	struct pg_array columns[ROW_NCOLUMNS] = {0};
	struct pg_params params = {0};
	bool ok;

	row_columns_start(columns);
	row_append(row, columns);
	pg_param_arrays(&params, columns, ROW_NCOLUMNS);
	pg_param_int(&params, ID_IS_OF_NOW);
	ok = insert(r, "storing a position", "positions_insert", &params);
	for (int i = 0; i < ROW_NCOLUMNS; i++)
		pg_array_free(&columns[i]);
	return ok;
}

static bool
store_record(struct raw *r, const struct avl_record *record)
{
	int64_t device = strtoll(pg_field(r->row, "device_id"), NULL, 10);
	int64_t received_us = strtoll(pg_field(r->row, "received_us"), NULL, 10);
	uint8_t *row = malloc(row_bound(record));
	bool ok = false;

	if (row == NULL) {
		fprintf(stderr, "tgctl: out of memory\n");
	} else if (row_write(record, device, avl_record_hash(record), received_us, row) == 0) {
		snprintf(r->why, sizeof(r->why), "its time %" PRIu64 " is out of range",
		    record->timestamp_ms);
		r->refused++;
		ok = true;
	} else {
		ok = insert_row(r, row);
	}
	free(row);
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
	char *hex = malloc(2 * m->payload_len + 3), *text = NULL;
	struct pg_params params = {0};
	size_t text_len;
	bool ok;

	if (hex == NULL) {
		fprintf(stderr, "tgctl: out of memory\n");
		return false;
	}
	memcpy(hex, "\\x", 2);
	out_hex(m->payload, m->payload_len, hex + 2);
	if (message_is_text(m->payload, m->payload_len, &text_len))
		text = strndup((const char *)m->payload, text_len);
	pg_param_text(&params, r->id);
	pg_param_text(&params, device_id(r));
	pg_param_int(&params, m->codec);
	pg_param_int(&params, m->type);
	if (m->has_time)
		pg_param_int(&params, m->time_ms);
	else
		pg_param_text(&params, NULL);
	pg_param_text(&params, hex);
	pg_param_text(&params, text);
	pg_param_int(&params, seq);
	ok = insert(r, "storing a message", "raw_insert_message", &params);
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

/*
 * Stores what can be stored; r->why says what stands in the way of the rest. False: the database failed.
 */
static bool
store(struct raw *r, bool by_id)
{
	struct stream_item item = {0};
	bool codec_refused = strcmp(pg_field(r->row, "reason"), "codec") == 0 &&
			     *pg_field(r->row, "codec_allowed") == 'f';

	if (stream_next(r->frame, r->len, true, &item) != STREAM_FRAME || item.len != r->len)
		snprintf(r->why, sizeof(r->why), "not a whole frame");
	else if (!item.crc_ok)
		snprintf(r->why, sizeof(r->why), "its CRC is wrong: what it said is not known");
	else if (codec_refused && !by_id)
		snprintf(r->why, sizeof(r->why),
		    "device_models does not allow codec %d; name its id to store it anyway",
		    item.body[0]);
	else if (codec_is_message(item.body[0]))
		return store_messages(r, &item);
	else if (!codec_is_avl(item.body[0]))
		snprintf(r->why, sizeof(r->why), "unknown codec %d", item.body[0]);
	else if (device_id(r) == NULL)
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
	json_object_set_new(o, "imei", json_string(pg_field(r->row, "imei")));
	json_object_set_new(o, "reason", json_string(pg_field(r->row, "reason")));
	json_object_set_new(o, "records", json_integer(r->records));
	json_object_set_new(o, "stored", json_integer(r->stored));
	json_object_set_new(o, "duplicate", json_integer(r->records - r->stored - r->refused));
	json_object_set_new(o, "outcome", json_string(r->why[0] == '\0' ? "decoded" : r->why));
	return o;
}

static enum raw_outcome
decode_row(struct raw *r, bool by_id, json_t **result)
{
	struct pg_params params = {0};

	pg_param_text(&params, r->id);
	r->row = database_query(r->db, "reading the frame", "raw_read", &params);
	if (r->row == NULL)
		return RAW_ERROR;
	if (pg_rows(r->row) == 0) {
		fprintf(
		    stderr, "tgctl: there is no frame with id %s; see \"tgctl raw list\"\n", r->id);
		return RAW_ERROR;
	}
	r->frame = (uint8_t *)strdup(pg_field(r->row, "frame"));
	r->len = r->frame != NULL ? strlen((char *)r->frame) : 0;
	if (r->frame == NULL || !hex_bytes(r->frame, &r->len) || !store(r, by_id))
		return RAW_ERROR;
	if (r->why[0] == '\0' &&
	    !database_run(r->db, "marking the frame as decoded", "raw_set_decoded", &params))
		return RAW_ERROR;
	if (!database_script(r->db, "storing the frame", "COMMIT"))
		return RAW_ERROR;
	*result = result_json(r);
	return r->why[0] == '\0' ? RAW_DECODED : RAW_UNDECODED;
}

enum raw_outcome
raw_decode(struct pg_session *db, const char *id, bool by_id, json_t **result)
{
	struct raw r = {.db = db, .id = id};
	enum raw_outcome outcome = RAW_ERROR;

	*result = NULL;
	if (database_script(db, "starting a transaction", "BEGIN"))
		outcome = decode_row(&r, by_id, result);
	if (outcome == RAW_ERROR)
		pg_session_rollback(db);
	pg_result_free(r.row);
	free(r.frame);
	return outcome;
}
