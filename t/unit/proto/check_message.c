/*
 * Message frames: the three variants of codec 13, several messages in a frame, sizes that lie,
 * and the frames of commands, which must be the documented ones to the byte.
 */
#include "t/unit/proto/check_proto.h"

#include <stdlib.h>
#include <string.h>

#include "proto/message.h"
#include "proto/stream.h"
#include "t/unit/proto/build.h"
#include "t/vectors/vectors.h"

static struct message_walk walk;
static struct message m;
static uint8_t *exact;

static void
teardown(void)
{
	free(exact);
	exact = NULL;
}

/* Opens a body of `count` messages whose bytes are in `b`, in memory of its size; drops `b`. */
static enum message_result
open_as(uint8_t codec, uint8_t count, struct build *b)
{
	struct build body = {0};
	enum message_result result;

	build_u8(&body, codec);
	build_u8(&body, count);
	build_bytes(&body, b->p, b->n);
	build_u8(&body, count);
	free(exact);
	exact = vectors_exact(body.p, body.n);
	result = message_open(&walk, exact, body.n);
	if (result != MESSAGE_OK)
		ck_assert_int_eq(message_next(&walk, &m), MESSAGE_END);
	build_free(&body);
	build_free(b);
	return result;
}

static void
head(struct build *b, uint8_t type, uint32_t size)
{
	build_u8(b, type);
	build_u32(b, size);
}

static void
payload_is(const char *text)
{
	ck_assert_uint_eq(m.payload_len, strlen(text));
	ck_assert_mem_eq(m.payload, text, strlen(text));
}

START_TEST(codec_13_a)
{
	struct build b = {0};

	head(&b, 6, 4 + 5);
	build_u32(&b, 0x64d3c1a0);
	build_bytes(&b, "GTSL|", 5);
	ck_assert_int_eq(open_as(CODEC_13, 1, &b), MESSAGE_OK);
	ck_assert_int_eq(message_next(&walk, &m), MESSAGE_OK);
	ck_assert(m.has_time);
	ck_assert_int_eq(m.time_ms, INT64_C(0x64d3c1a0) * 1000);
	payload_is("GTSL|");
	ck_assert_int_eq(message_next(&walk, &m), MESSAGE_END);
}
END_TEST

START_TEST(codec_13_b)
{
	struct build b = {0};

	head(&b, 5, 7);
	build_u32(&b, 0x0a81c320);
	build_bytes(&b, "getinfo", 7);
	ck_assert_int_eq(open_as(CODEC_13, 1, &b), MESSAGE_OK);
	ck_assert_int_eq(message_next(&walk, &m), MESSAGE_OK);
	ck_assert_int_eq(m.time_ms, INT64_C(0x0a81c320) * 1000);
	payload_is("getinfo");

	/* Without a payload. */
	head(&b, 5, 0);
	build_u32(&b, 1);
	ck_assert_int_eq(open_as(CODEC_13, 1, &b), MESSAGE_OK);
	ck_assert_int_eq(message_next(&walk, &m), MESSAGE_OK);
	ck_assert_int_eq(m.time_ms, 1000);
	ck_assert_uint_eq(m.payload_len, 0);
}
END_TEST

START_TEST(codec_13_c)
{
	struct build b = {0};

	head(&b, 5, 8 + 7);
	build_u64(&b, UINT64_C(0x16c0a81c320));
	build_bytes(&b, "getinfo", 7);
	ck_assert_int_eq(open_as(CODEC_13, 1, &b), MESSAGE_OK);
	ck_assert_int_eq(message_next(&walk, &m), MESSAGE_OK);
	ck_assert_int_eq(m.time_ms, INT64_C(1563544372000));
	payload_is("getinfo");

	/* Before 2000 in milliseconds: seconds, and the rest is payload. */
	head(&b, 5, 8);
	build_u64(&b, UINT64_C(946684800000));
	ck_assert_int_eq(open_as(CODEC_13, 1, &b), MESSAGE_OK);
	ck_assert_int_eq(message_next(&walk, &m), MESSAGE_OK);
	ck_assert_int_eq(m.time_ms, (INT64_C(946684800000) >> 32) * 1000);
	ck_assert_uint_eq(m.payload_len, 4);
	head(&b, 5, 8);
	build_u64(&b, UINT64_C(946684800001));
	ck_assert_int_eq(open_as(CODEC_13, 1, &b), MESSAGE_OK);
	ck_assert_int_eq(message_next(&walk, &m), MESSAGE_OK);
	ck_assert_int_eq(m.time_ms, INT64_C(946684800001));
	ck_assert_uint_eq(m.payload_len, 0);

	/* 1000h in the first four bytes is a time in seconds again. */
	head(&b, 5, 8);
	build_u64(&b, UINT64_C(0x100000000000));
	ck_assert_int_eq(open_as(CODEC_13, 1, &b), MESSAGE_OK);
	ck_assert_int_eq(message_next(&walk, &m), MESSAGE_OK);
	ck_assert_int_eq(m.time_ms, 0x1000 * 1000);
}
END_TEST

START_TEST(codec_13_malformed)
{
	static const uint32_t sizes[] = {0, 3, 4, 5, 6, 7, 9, 10, 12, 16, 0xfffffffb, 0xffffffff};
	size_t i;

	/* Eight bytes behind the size: 8 is variant A, 4 variant B, nothing else fits. */
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct build b = {0};

		head(&b, 6, sizes[i]);
		build_zeros(&b, 8);
		ck_assert_int_eq(
		    open_as(CODEC_13, 1, &b), sizes[i] == 4 ? MESSAGE_OK : MESSAGE_BAD_STRUCTURE);
	}
}
END_TEST

/* Two in a frame: variant A for codec 13, as they come for the others. */
START_TEST(several)
{
	static const uint8_t codecs[] = {CODEC_12, CODEC_13, CODEC_14, CODEC_15};
	static const uint8_t extras[] = {0, 4, 8, 12};
	size_t i;
	int k;

	for (i = 0; i < 4; i++) {
		struct build b = {0};

		for (k = 0; k < 2; k++) {
			head(&b, 6, extras[i] + 3u);
			build_zeros(&b, extras[i]);
			build_bytes(&b, k == 0 ? "one" : "two", 3);
		}
		ck_assert_int_eq(open_as(codecs[i], 2, &b), MESSAGE_OK);
		ck_assert_int_eq(message_next(&walk, &m), MESSAGE_OK);
		payload_is("one");
		ck_assert_int_eq(message_next(&walk, &m), MESSAGE_OK);
		payload_is("two");
		ck_assert_uint_eq(m.codec, codecs[i]);
		ck_assert_int_eq(message_next(&walk, &m), MESSAGE_END);
		ck_assert_int_eq(message_next(&walk, &m), MESSAGE_END);
	}
}
END_TEST

/* A size that is smaller than what it counts, and one byte more or less than there is. */
START_TEST(sizes)
{
	static const uint8_t codecs[] = {CODEC_12, CODEC_14, CODEC_15};
	static const uint8_t extras[] = {0, 8, 12};
	uint32_t size;
	size_t i;

	for (i = 0; i < 3; i++) {
		for (size = 0; size < 40; size++) {
			struct build b = {0};

			head(&b, 6, size);
			build_zeros(&b, 20);
			ck_assert_int_eq(open_as(codecs[i], 1, &b),
			    size == 20 ? MESSAGE_OK : MESSAGE_BAD_STRUCTURE);
		}
		for (size = 0; size < 20; size++) {
			struct build b = {0};

			head(&b, 6, size);
			build_zeros(&b, size);
			ck_assert_int_eq(open_as(codecs[i], 1, &b),
			    size >= extras[i] ? MESSAGE_OK : MESSAGE_BAD_STRUCTURE);
		}
	}
}
END_TEST

START_TEST(refused)
{
	static const uint8_t counts[] = {CODEC_12, 1, 6, 0, 0, 0, 0, 2};
	struct build b = {0};
	int codec;

	ck_assert_int_eq(message_open(&walk, counts, sizeof(counts)), MESSAGE_BAD_COUNT);
	ck_assert_int_eq(message_open(&walk, NULL, 0), MESSAGE_BAD_STRUCTURE);
	ck_assert_int_eq(message_open(&walk, counts, 1), MESSAGE_BAD_STRUCTURE);
	ck_assert_int_eq(message_open(&walk, counts, 2), MESSAGE_BAD_STRUCTURE);
	for (codec = 0; codec < 256; codec++) {
		if (codec < 12 || codec > 15)
			ck_assert_int_eq(open_as((uint8_t)codec, 0, &b), MESSAGE_BAD_CODEC);
		else
			ck_assert_int_eq(open_as((uint8_t)codec, 0, &b), MESSAGE_OK);
		ck_assert_int_eq(message_next(&walk, &m), MESSAGE_END);
	}
	build_u8(&b, 0);
	ck_assert_int_eq(open_as(CODEC_12, 0, &b), MESSAGE_BAD_STRUCTURE);
}
END_TEST

START_TEST(longest)
{
	struct build b = {0};
	uint32_t size = FRAME_BODY_MAX - 8;

	head(&b, 0x0d, size);
	build_zeros(&b, size);
	ck_assert_int_eq(open_as(CODEC_12, 1, &b), MESSAGE_OK);
	ck_assert_int_eq(message_next(&walk, &m), MESSAGE_OK);
	ck_assert_uint_eq(m.payload_len, size);
	ck_assert(!m.has_time);
}
END_TEST

/* What is no IMEI in digits is none; the message stays readable. */
START_TEST(imei_field)
{
	static const struct {
		uint64_t wire, imei;
	} cases[] = {
	    {UINT64_C(0x0352093081452251), UINT64_C(352093081452251)},
	    {UINT64_C(0x0999999999999999), UINT64_C(999999999999999)},
	    {UINT64_C(0x1000000000000000), 0},
	    {UINT64_C(0x035209308145225a), 0},
	    {UINT64_C(0x03520930814522a1), 0},
	    {UINT64_MAX, 0},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct build b = {0};

		head(&b, MESSAGE_NACK, 8);
		build_u64(&b, cases[i].wire);
		ck_assert_int_eq(open_as(CODEC_14, 1, &b), MESSAGE_OK);
		ck_assert_int_eq(message_next(&walk, &m), MESSAGE_OK);
		ck_assert_uint_eq(m.imei, cases[i].imei);
		ck_assert_uint_eq(m.payload_len, 0);
	}
}
END_TEST

static void
command_is(
    const struct vectors *vs, const char *name, uint8_t codec, uint64_t imei, const char *text)
{
	size_t i, n, room;

	for (i = 0; strcmp(vs->v[i].name, name) != 0; i++)
		ck_assert_uint_lt(i + 1, vs->n);
	for (room = 0; room <= vs->v[i].len; room++) {
		uint8_t *out = malloc(room > 0 ? room : 1);

		ck_assert_ptr_nonnull(out);
		n = message_write_command(codec, imei, text, strlen(text), out, room);
		ck_assert_uint_eq(n, room == vs->v[i].len ? room : 0);
		if (n > 0)
			ck_assert_mem_eq(out, vs->v[i].bytes, n);
		free(out);
	}
}

START_TEST(commands)
{
	static uint8_t out[FRAME_MAX + 1];
	static char text[FRAME_BODY_MAX];
	struct vectors vs;

	ck_assert(vectors_load(&vs, VECTORS_DIR "/documented.json"));
	command_is(&vs, "codec12-getinfo-command", CODEC_12, 0, "getinfo");
	command_is(&vs, "codec12-getio-command", CODEC_12, 0, "getio");
	command_is(&vs, "codec14-getver-command", CODEC_14, UINT64_C(352093081452251), "getver");
	vectors_free(&vs);

	ck_assert_uint_eq(message_write_command(CODEC_13, 0, "x", 1, out, sizeof(out)), 0);
	ck_assert_uint_eq(message_write_command(CODEC_15, 1, "x", 1, out, sizeof(out)), 0);
	ck_assert_uint_eq(
	    message_write_command(CODEC_14, UINT64_C(1000000000000000), "x", 1, out, sizeof(out)),
	    0);
	memset(text, 'x', sizeof(text));
	ck_assert_uint_eq(
	    message_write_command(CODEC_12, 0, text, FRAME_BODY_MAX - 8, out, sizeof(out)),
	    FRAME_MAX);
	ck_assert_uint_eq(
	    message_write_command(CODEC_12, 0, text, FRAME_BODY_MAX - 7, out, sizeof(out)), 0);
	ck_assert_uint_eq(message_write_command(CODEC_12, 0, text, SIZE_MAX, out, sizeof(out)), 0);
	ck_assert_uint_eq(
	    message_write_command(CODEC_14, 1, text, SIZE_MAX - 8, out, sizeof(out)), 0);
}
END_TEST

/* What the documents print as a tracker's answer comes out the same from its parts. */
START_TEST(answers)
{
	static const struct {
		const char *name;
		uint8_t codec, type;
		uint64_t imei;
	} cases[] = {
	    {"codec12-getinfo-response", CODEC_12, MESSAGE_RESPONSE, 0},
	    {"codec12-getio-response", CODEC_12, MESSAGE_RESPONSE, 0},
	    {"codec14-getver-response", CODEC_14, MESSAGE_RESPONSE, UINT64_C(352093081452251)},
	    {"codec14-nack", CODEC_14, MESSAGE_NACK, UINT64_C(352093081452251)},
	};
	static uint8_t out[1024];
	struct vectors vs;

	ck_assert(vectors_load(&vs, VECTORS_DIR "/documented.json"));
	for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++) {
		const struct vector *v;
		size_t i, n;

		for (i = 0; strcmp(vs.v[i].name, cases[c].name) != 0; i++)
			ck_assert_uint_lt(i + 1, vs.n);
		v = &vs.v[i];
		ck_assert_int_eq(
		    message_open(&walk, v->bytes + 8, v->len - FRAME_OVERHEAD), MESSAGE_OK);
		ck_assert_int_eq(message_next(&walk, &m), MESSAGE_OK);
		ck_assert_uint_eq(m.imei, cases[c].imei);
		ck_assert_uint_eq(m.type, cases[c].type);
		n = message_write(cases[c].codec, cases[c].type, cases[c].imei, m.payload,
		    m.payload_len, out, sizeof(out));
		ck_assert_uint_eq(n, v->len);
		ck_assert_mem_eq(out, v->bytes, n);
	}
	vectors_free(&vs);
}
END_TEST

#define NOT_TEXT SIZE_MAX

START_TEST(text)
{
	uint8_t byte;
	int b;

	static const struct {
		const char *bytes;
		size_t n, text; /* text: its length, or NOT_TEXT */
	} cases[] = {{"Hello!\t\r\n ~", 11, 11}, {"OK\0", 3, 2}, {"OK\r\n\0\0", 6, 4}, {"\0", 1, 0},
	    {"O\0K", 3, NOT_TEXT}, {"\xc5\xa1", 2, 2}, {"\xe2\x82\xac", 3, 3},
	    {"\xf0\x9f\x9a\x97", 4, 4}, {"\xe2\x82", 2, NOT_TEXT}, {"\xc0\xaf", 2, NOT_TEXT},
	    {"\xe0\x80\xaf", 3, NOT_TEXT}, {"\xed\xa0\x80", 3, NOT_TEXT},
	    {"\xf4\x90\x80\x80", 4, NOT_TEXT}, {"\xc2\x9b", 2, NOT_TEXT},
	    {"\xe2\x28\xa1", 3, NOT_TEXT}, {"\xff", 1, NOT_TEXT},
	    {"\xf0\x8f\xbf\xbf", 4, NOT_TEXT}};
	size_t len;

	ck_assert(message_is_text(NULL, 0, &len));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool is = message_is_text((const uint8_t *)cases[i].bytes, cases[i].n, &len);

		ck_assert_int_eq(is, cases[i].text != NOT_TEXT);
		if (is)
			ck_assert_uint_eq(len, cases[i].text);
	}
	for (b = 0; b < 256; b++) {
		byte = (uint8_t)b;
		ck_assert_int_eq(message_is_text(&byte, 1, &len),
		    (b >= 32 && b < 127) || b == 9 || b == 10 || b == 13 || b == 0);
	}
	ck_assert(!message_is_text((const uint8_t *)"abc\x80", 4, &len));
}
END_TEST

Suite *
suite_message(void)
{
	Suite *s = suite_create("message");
	TCase *t = tcase_create("messages");

	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_add_test(t, codec_13_a);
	tcase_add_test(t, codec_13_b);
	tcase_add_test(t, codec_13_c);
	tcase_add_test(t, codec_13_malformed);
	tcase_add_test(t, several);
	tcase_add_test(t, sizes);
	tcase_add_test(t, refused);
	tcase_add_test(t, longest);
	tcase_add_test(t, imei_field);
	tcase_add_test(t, commands);
	tcase_add_test(t, answers);
	tcase_add_test(t, text);
	suite_add_tcase(s, t);
	return s;
}
