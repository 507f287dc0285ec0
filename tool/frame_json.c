#include "tool/frame_json.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/avl.h"
#include "proto/io_json.h"
#include "proto/message.h"
#include "proto/stream.h"
#include "tool/io_names.h"
#include "tool/out.h"

static json_t *
time_json(uint64_t ms)
{
	char text[OUT_TIME];

	return out_time(ms, text) ? json_string(text) : json_null();
}

/* As a number where JSON readers keep every digit, else as decimal text. */
static json_t *
u64_json(uint64_t value)
{
	char text[24];

	if (value <= (UINT64_C(1) << 53))
		return json_integer((json_int_t)value);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return json_string(text);
}

static json_t *
hex_json(const uint8_t *p, size_t n)
{
	char *text = malloc(2 * n + 1);
	json_t *value;

	if (text == NULL)
		return json_null();
	out_hex(p, n, text);
	value = json_string(text);
	free(text);
	return value;
}

static json_t *
io_object(const struct avl_record *r)
{
	char *text = malloc(io_json_bound(r));
	json_t *io = NULL;

	if (text != NULL)
		io = json_loadb(text, io_json_write(r, text), 0, NULL);
	free(text);
	return io != NULL ? io : json_object();
}

static json_t *
record_json(const struct avl_record *r)
{
	json_t *o = json_object();
	char hash[24];

	/* The hash as text: a JSON number would lose digits in most readers. */
	snprintf(hash, sizeof(hash), "%lld", (long long)(int64_t)avl_record_hash(r));
	json_object_set_new(o, "timestamp", u64_json(r->timestamp_ms));
	json_object_set_new(o, "recorded_at", time_json(r->timestamp_ms));
	json_object_set_new(o, "priority", json_integer(r->priority));
	json_object_set_new(o, "latitude", json_real(r->latitude / 1e7));
	json_object_set_new(o, "longitude", json_real(r->longitude / 1e7));
	json_object_set_new(o, "altitude", json_integer(r->altitude));
	json_object_set_new(o, "heading", json_integer(r->angle));
	json_object_set_new(o, "satellites", json_integer(r->satellites));
	json_object_set_new(o, "speed", json_integer(r->speed));
	json_object_set_new(o, "valid", json_boolean(avl_position_valid(r)));
	json_object_set_new(o, "event_io_id", json_integer(r->event_id));
	json_object_set_new(
	    o, "generation_type", r->codec == CODEC_16 ? json_integer(r->generation) : json_null());
	json_object_set_new(o, "record_hash", json_string(hash));
	json_object_set_new(o, "io", io_object(r));
	return o;
}

struct names {
	const char *model;
};

/* `names` is NULL where none are asked for. */
static bool
avl_json(json_t *o, const uint8_t *body, size_t len, const struct names *names)
{
	struct avl_record *records = calloc(AVL_MAX_RECORDS, sizeof(*records));
	struct avl_frame frame;
	enum avl_result result;
	json_t *array;

	if (records == NULL)
		return false;
	result = avl_decode(body, len, &frame, records);
	json_object_set_new(o, "count", json_integer(frame.count1));
	if (result != AVL_OK) {
		json_object_set_new(
		    o, "error", json_string(result == AVL_BAD_COUNT ? "count" : "structure"));
		free(records);
		return false;
	}
	if (frame.bitrek)
		json_object_set_new(o, "bitrek", json_true());
	if (frame.total_mismatches > 0)
		json_object_set_new(o, "io_total_mismatches", json_integer(frame.total_mismatches));
	array = json_array();
	for (int i = 0; i < frame.nrecords; i++) {
		json_t *record = record_json(&records[i]);

		if (names != NULL) {
			json_object_set_new(
			    record, "family", io_names_family(&records[i], names->model));
			json_object_set_new(record, "names", io_names(&records[i], names->model));
		}
		json_array_append_new(array, record);
	}
	json_object_set_new(o, "records", array);
	free(records);
	return true;
}

static json_t *
one_message(const struct message *m)
{
	json_t *o = json_object();
	char imei[24];
	size_t text_len;

	json_object_set_new(o, "type", json_integer(m->type));
	if (m->has_time) {
		json_object_set_new(o, "timestamp", json_integer(m->time_ms));
		json_object_set_new(o, "message_time",
		    m->time_ms >= 0 ? time_json((uint64_t)m->time_ms) : json_null());
	}
	if (m->codec == CODEC_14 || m->codec == CODEC_15) {
		snprintf(imei, sizeof(imei), "%015llu", (unsigned long long)m->imei);
		json_object_set_new(o, "imei", json_string(imei));
	}
	json_object_set_new(o, "payload", hex_json(m->payload, m->payload_len));
	json_object_set_new(o, "text",
	    message_is_text(m->payload, m->payload_len, &text_len)
		? json_stringn((const char *)m->payload, text_len)
		: json_null());
	return o;
}

static bool
message_json(json_t *o, const uint8_t *body, size_t len)
{
	struct message_walk walk;
	struct message message;
	enum message_result result = message_open(&walk, body, len);
	json_t *array;

	if (result != MESSAGE_OK) {
		json_object_set_new(
		    o, "error", json_string(result == MESSAGE_BAD_COUNT ? "count" : "structure"));
		return false;
	}
	array = json_array();
	while (message_next(&walk, &message) == MESSAGE_OK)
		json_array_append_new(array, one_message(&message));
	json_object_set_new(o, "count", json_integer((json_int_t)json_array_size(array)));
	json_object_set_new(o, "messages", array);
	return true;
}

static bool
decode(json_t *o, const uint8_t *body, size_t len, const struct names *names)
{
	bool avl = len > 0 && codec_is_avl(body[0]);
	bool message = len > 0 && codec_is_message(body[0]);

	json_object_set_new(o, "kind", json_string(avl ? "avl" : message ? "message" : "unknown"));
	json_object_set_new(o, "codec", len > 0 ? json_integer(body[0]) : json_null());
	if (avl)
		return avl_json(o, body, len, names);
	if (message)
		return message_json(o, body, len);
	json_object_set_new(o, "error", json_string("unknown codec"));
	return false;
}

bool
frame_json(json_t *o, const uint8_t *body, size_t len)
{
	return decode(o, body, len, NULL);
}

bool
frame_json_named(json_t *o, const uint8_t *body, size_t len, const char *model)
{
	struct names names = {model};

	return decode(o, body, len, &names);
}
