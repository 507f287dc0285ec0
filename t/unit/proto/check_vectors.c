/*
 * Every documented vector: decoded, each field compared with what the vector says. Those
 * of TCP are also split at every byte, cut off at every byte, read with neighbours, and
 * corrupted at every byte. All input lies in memory of exactly its size, so that a
 * sanitizer sees any read beyond it.
 */
#include "t/unit/proto/check_proto.h"

#include <stdlib.h>
#include <string.h>

#include "proto/avl.h"
#include "proto/message.h"
#include "proto/stream.h"
#include "t/vectors/vectors.h"

#define UDP_HEADER 23 /* up to the body */

static struct vectors vectors;

static void
setup(void)
{
	ck_assert(vectors_load(&vectors, VECTORS_DIR "/documented.json"));
	ck_assert_uint_ge(vectors.n, 29);
}

static void
teardown(void)
{
	vectors_free(&vectors);
}

/* A field of the vector; the test fails if it isn't there. */
static json_int_t
field(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	ck_assert_msg(json_is_integer(value), "no number %s", name);
	return json_integer_value(value);
}

static const char *
text(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	ck_assert_msg(json_is_string(value), "no text %s", name);
	return json_string_value(value);
}

static bool
is_frame(const struct vector *v)
{
	return v->tcp && strcmp(v->codec, "imei") != 0 && strcmp(v->codec, "ping") != 0;
}

static uint8_t
codec_byte(const char *name)
{
	static const struct {
		const char *name;
		uint8_t byte;
	} codecs[] = {{"8", 0x08}, {"8E", 0x8e}, {"16", 0x10}, {"12", 12}, {"13", 13}, {"14", 14},
	    {"15", 15}};
	size_t i;

	for (i = 0; i < sizeof(codecs) / sizeof(*codecs); i++) {
		if (strcmp(codecs[i].name, name) == 0)
			return codecs[i].byte;
	}
	ck_abort_msg("codec %s", name);
	return 0;
}

static void
compare_bytes(const uint8_t *p, size_t n, const char *hex)
{
	size_t len;
	uint8_t *expected = vectors_unhex(hex, &len);

	ck_assert_ptr_nonnull(expected);
	ck_assert_uint_eq(n, len);
	if (n > 0)
		ck_assert_mem_eq(p, expected, n);
	free(expected);
}

static void
compare_elements(const struct avl_record *r, const json_t *expected)
{
	struct avl_io_walk walk;
	struct avl_io io;
	size_t i = 0;

	avl_io_start(&walk, r);
	while (avl_io_next(&walk, &io)) {
		const json_t *e = json_array_get(expected, i++);

		ck_assert_int_eq(io.id, json_integer_value(json_array_get(e, 0)));
		ck_assert_int_eq(io.len, json_integer_value(json_array_get(e, 1)));
		compare_bytes(io.value, io.len, json_string_value(json_array_get(e, 2)));
	}
	ck_assert_uint_eq(i, json_array_size(expected));
	ck_assert_uint_eq(i, r->io_count);
}

static void
compare_record(const struct avl_record *r, const json_t *expected, uint8_t codec)
{
	ck_assert_int_eq(r->timestamp_ms, field(expected, "ts"));
	ck_assert_int_eq(r->priority, field(expected, "priority"));
	ck_assert_int_eq(r->longitude, field(expected, "lon"));
	ck_assert_int_eq(r->latitude, field(expected, "lat"));
	ck_assert_int_eq(r->altitude, field(expected, "alt"));
	ck_assert_int_eq(r->angle, field(expected, "angle"));
	ck_assert_int_eq(r->satellites, field(expected, "sats"));
	ck_assert_int_eq(r->speed, field(expected, "speed"));
	ck_assert_int_eq(r->event_id, field(expected, "event_id"));
	ck_assert_int_eq(r->io_total, field(expected, "io_total"));
	ck_assert_uint_eq(r->codec, codec);
	if (codec == CODEC_16)
		ck_assert_int_eq(r->generation, field(expected, "generation"));
	else
		ck_assert_uint_eq(r->generation, 0);
	compare_elements(r, json_object_get(expected, "io"));
}

static void
compare_records(const struct vector *v, const uint8_t *body, size_t len)
{
	static struct avl_record records[AVL_MAX_RECORDS];
	const json_t *expected = json_object_get(v->decoded, "records");
	struct avl_frame frame;
	size_t i;

	ck_assert_int_eq(avl_decode(body, len, &frame, records), AVL_OK);
	ck_assert_uint_eq(frame.codec, codec_byte(v->codec));
	ck_assert_int_eq(frame.count1, field(v->decoded, "count1"));
	ck_assert_int_eq(frame.count2, field(v->decoded, "count2"));
	ck_assert_uint_eq(frame.nrecords, json_array_size(expected));
	ck_assert_uint_eq(frame.total_mismatches, 0);
	ck_assert(!frame.bitrek);
	for (i = 0; i < frame.nrecords; i++)
		compare_record(&records[i], json_array_get(expected, i), frame.codec);
}

static void
compare_messages(const struct vector *v, const uint8_t *body, size_t len)
{
	const json_t *expected = json_object_get(v->decoded, "messages"), *e;
	struct message_walk walk;
	struct message m;
	size_t i;

	ck_assert_int_eq(message_open(&walk, body, len), MESSAGE_OK);
	for (i = 0; message_next(&walk, &m) == MESSAGE_OK; i++) {
		e = json_array_get(expected, i);
		ck_assert_ptr_nonnull(e);
		ck_assert_uint_eq(m.codec, codec_byte(v->codec));
		ck_assert_int_eq(m.type, field(e, "type"));
		compare_bytes(m.payload, m.payload_len, text(e, "payload"));
		ck_assert_int_eq(m.has_time, m.codec == CODEC_13 || m.codec == CODEC_15);
		if (m.codec == CODEC_13)
			ck_assert_int_eq(m.time_ms, field(e, "timestamp_ms"));
		if (m.codec == CODEC_15)
			ck_assert_int_eq(m.time_ms, field(e, "timestamp") * 1000);
		if (m.codec == CODEC_14 || m.codec == CODEC_15)
			ck_assert_uint_eq(m.imei, strtoull(text(e, "imei"), NULL, 10));
		size_t text_len;
		ck_assert(message_is_text(m.payload, m.payload_len, &text_len));
	}
	ck_assert_uint_eq(i, json_array_size(expected));
}

/* The item found is the vector: as a whole, and with the meaning it gives. */
static void
compare_item(const struct vector *v, enum stream_result result, const struct stream_item *item)
{
	ck_assert_uint_eq(item->len, v->len);
	if (strcmp(v->codec, "ping") == 0) {
		ck_assert_int_eq(result, STREAM_PING);
	} else if (strcmp(v->codec, "imei") == 0) {
		ck_assert_int_eq(result, STREAM_IMEI);
		ck_assert_uint_eq(item->imei, strtoull(text(v->decoded, "imei"), NULL, 10));
	} else {
		ck_assert_int_eq(result, STREAM_FRAME);
		ck_assert(item->crc_ok);
		ck_assert_int_eq(item->body_len, field(v->decoded, "length"));
		if (codec_is_avl(item->body[0]))
			compare_records(v, item->body, item->body_len);
		else
			compare_messages(v, item->body, item->body_len);
	}
}

START_TEST(decoded_as_documented)
{
	size_t i, udp = 0;

	for (i = 0; i < vectors.n; i++) {
		const struct vector *v = &vectors.v[i];
		struct stream_item item;

		if (v->tcp) {
			enum stream_result result = stream_next(v->bytes, v->len, true, &item);

			compare_item(v, result, &item);
		} else {
			/* Of a datagram the body alone is of interest here. */
			compare_records(v, v->bytes + UDP_HEADER, v->len - UDP_HEADER);
			udp++;
		}
	}
	ck_assert_uint_ge(udp, 5);
}
END_TEST

/* n bytes alone in memory. */
static enum stream_result
next_of(const uint8_t *p, size_t n, bool identified, struct stream_item *item)
{
	uint8_t *copy = vectors_exact(p, n);
	enum stream_result result = stream_next(copy, n, identified, item);

	free(copy);
	item->body = NULL;
	return result;
}

/*
 * Cut off anywhere an item is incomplete, and what it says it needs never promises a whole
 * item too early or asks for more than there will be.
 */
START_TEST(cut_off_at_every_byte)
{
	size_t i, n;

	for (i = 0; i < vectors.n; i++) {
		const struct vector *v = &vectors.v[i];
		struct stream_item item;

		for (n = 0; v->tcp && n < v->len; n++) {
			ck_assert_int_eq(next_of(v->bytes, n, true, &item), STREAM_MORE);
			ck_assert_uint_gt(item.need, n);
			ck_assert_uint_le(item.need, v->len);
		}
	}
}
END_TEST

/* In two parts, cut anywhere, and byte by byte, with another item behind it. */
START_TEST(split_at_every_byte)
{
	size_t i, n;

	for (i = 0; i < vectors.n; i++) {
		const struct vector *v = &vectors.v[i];
		struct stream_item item;
		enum stream_result result = STREAM_MORE;
		uint8_t *whole;

		if (!v->tcp)
			continue;
		whole = malloc(v->len + 1);
		ck_assert_ptr_nonnull(whole);
		memcpy(whole, v->bytes, v->len);
		whole[v->len] = 0xff;
		for (n = 0; result == STREAM_MORE && n < v->len; n++)
			result = next_of(whole, n + 1, true, &item);
		ck_assert_uint_eq(n, v->len);
		for (n = v->len; n <= v->len + 1; n++) {
			result = stream_next(whole, n, true, &item);
			compare_item(v, result, &item);
		}
		free(whole);
	}
}
END_TEST

/* All vectors in one stream, each between two pings. */
START_TEST(with_neighbours)
{
	uint8_t stream[8192];
	struct stream_item item;
	enum stream_result result;
	size_t i, len = 0, at = 0;

	for (i = 0; i < vectors.n; i++) {
		if (!vectors.v[i].tcp)
			continue;
		ck_assert_uint_le(len + vectors.v[i].len + 1, sizeof(stream));
		memcpy(stream + len, vectors.v[i].bytes, vectors.v[i].len);
		len += vectors.v[i].len;
		stream[len++] = 0xff;
	}
	for (i = 0; i < vectors.n; i++) {
		if (!vectors.v[i].tcp)
			continue;
		result = stream_next(stream + at, len - at, true, &item);
		compare_item(&vectors.v[i], result, &item);
		at += item.len;
		ck_assert_int_eq(stream_next(stream + at, len - at, true, &item), STREAM_PING);
		at += item.len;
	}
	ck_assert_uint_eq(at, len);
}
END_TEST

/* Whatever a wrong byte makes of a body, reading it stays inside. */
static void
read_damaged(const uint8_t *body, size_t len)
{
	static struct avl_record records[AVL_MAX_RECORDS];
	struct avl_frame frame;
	struct avl_io_walk walk;
	struct avl_io io;
	struct message_walk messages;
	struct message m;
	unsigned sum = 0;
	size_t i, k;

	if (avl_decode(body, len, &frame, records) == AVL_OK) {
		for (i = 0; i < frame.nrecords; i++) {
			avl_io_start(&walk, &records[i]);
			while (avl_io_next(&walk, &io)) {
				for (k = 0; k < io.len; k++)
					sum += io.value[k];
			}
		}
	} else {
		ck_assert_uint_eq(frame.nrecords, 0);
	}
	ck_assert_uint_eq(frame.count1, body[1]);
	if (message_open(&messages, body, len) == MESSAGE_OK) {
		while (message_next(&messages, &m) == MESSAGE_OK) {
			for (k = 0; k < m.payload_len; k++)
				sum += m.payload[k];
		}
	}
	ck_assert_uint_lt(sum, UINT32_MAX);
}

static void
damage(const struct vector *v, size_t at, uint8_t by)
{
	uint8_t *bytes = vectors_exact(v->bytes, v->len), *body;
	size_t len = v->len - FRAME_OVERHEAD;
	struct stream_item item;
	enum stream_result result;

	bytes[at] ^= by;
	result = stream_next(bytes, v->len, true, &item);
	if (at >= 8) {
		ck_assert_int_eq(result, STREAM_FRAME);
		ck_assert_msg(!item.crc_ok, "%s: byte %zu", v->name, at);
		body = vectors_exact(item.body, len);
		read_damaged(body, len);
		free(body);
	} else if (at < 4) {
		/* At the front of it, FF is a ping and 000F an IMEI packet. */
		ck_assert(result != STREAM_FRAME && result != STREAM_MORE);
	} else if (result == STREAM_FRAME) {
		ck_assert(!item.crc_ok);
	}
	free(bytes);
}

START_TEST(corrupted_at_every_byte)
{
	static const uint8_t by[] = {0x01, 0x80, 0xff, 0x5a};
	size_t i, k, at;

	for (i = 0; i < vectors.n; i++) {
		for (at = 0; is_frame(&vectors.v[i]) && at < vectors.v[i].len; at++) {
			for (k = 0; k < sizeof(by); k++)
				damage(&vectors.v[i], at, by[k]);
		}
	}
}
END_TEST

/* Before the IMEI a frame is refused by its second byte. */
START_TEST(frames_before_the_imei)
{
	struct stream_item item;
	size_t i, n;

	for (i = 0; i < vectors.n; i++) {
		for (n = 2; is_frame(&vectors.v[i]) && n <= vectors.v[i].len; n++)
			ck_assert_int_eq(
			    next_of(vectors.v[i].bytes, n, false, &item), STREAM_BAD_IMEI);
	}
}
END_TEST

Suite *
suite_vectors(void)
{
	Suite *s = suite_create("vectors");
	TCase *t = tcase_create("documented");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, decoded_as_documented);
	tcase_add_test(t, cut_off_at_every_byte);
	tcase_add_test(t, split_at_every_byte);
	tcase_add_test(t, with_neighbours);
	tcase_add_test(t, corrupted_at_every_byte);
	tcase_add_test(t, frames_before_the_imei);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}
