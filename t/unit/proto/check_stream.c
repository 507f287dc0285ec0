/* Items of the stream: what is refused, and as soon as which byte; limits of lengths. */
#include "t/unit/proto/check_proto.h"

#include <stdlib.h>
#include <string.h>

#include "proto/stream.h"
#include "t/unit/proto/build.h"
#include "t/vectors/vectors.h"

static struct stream_item item;

/* The first n bytes of a literal, in memory of that size. */
static enum stream_result
next(const char *bytes, size_t n, bool identified)
{
	uint8_t *copy = vectors_exact((const uint8_t *)bytes, n);
	enum stream_result result = stream_next(copy, n, identified, &item);

	free(copy);
	return result;
}

START_TEST(nothing_yet)
{
	ck_assert_int_eq(next("", 0, false), STREAM_MORE);
	ck_assert_uint_eq(item.need, 1);
	ck_assert_int_eq(next("", 0, true), STREAM_MORE);
	ck_assert_uint_eq(item.need, 1);
}
END_TEST

START_TEST(ping)
{
	ck_assert_int_eq(next("\xff", 1, false), STREAM_PING);
	ck_assert_int_eq(next("\xff\xff", 2, false), STREAM_PING);
	ck_assert_uint_eq(item.len, 1);
	ck_assert_int_eq(next("\xff\0", 2, true), STREAM_PING);
	ck_assert_uint_eq(item.len, 1);
}
END_TEST

START_TEST(imei)
{
	bool identified = _i;

	ck_assert_int_eq(next("\0\017356307042441013\0", 18, identified), STREAM_IMEI);
	ck_assert_uint_eq(item.len, IMEI_PACKET);
	ck_assert_uint_eq(item.imei, UINT64_C(356307042441013));
	ck_assert_int_eq(next("\0\017000000000000000", 17, identified), STREAM_IMEI);
	ck_assert_uint_eq(item.imei, 0);
	ck_assert_int_eq(next("\0\017999999999999999", 17, identified), STREAM_IMEI);
	ck_assert_uint_eq(item.imei, UINT64_C(999999999999999));
	ck_assert_int_eq(next("\0\01735630704244101", 16, identified), STREAM_MORE);
	ck_assert_uint_eq(item.need, IMEI_PACKET);
}
END_TEST

/* A wrong digit is seen when it comes, wherever it stands. */
START_TEST(imei_of_digits)
{
	static const char wrong[] = {'/', ':', ' ', 'a', 0, (char)0xff};
	bool identified = _i;
	char packet[] = "\0\017356307042441013";
	size_t at, k, n;

	for (at = 2; at < IMEI_PACKET; at++) {
		char digit = packet[at];

		for (k = 0; k < sizeof(wrong); k++) {
			packet[at] = wrong[k];
			ck_assert_int_eq(next(packet, at, identified), STREAM_MORE);
			for (n = at + 1; n <= IMEI_PACKET; n++)
				ck_assert_int_eq(next(packet, n, identified), STREAM_BAD_IMEI);
		}
		packet[at] = digit;
	}
}
END_TEST

START_TEST(strangers_before_the_imei)
{
	unsigned b;
	char two[2];

	ck_assert_int_eq(next("GET / HTTP/1.1", 1, false), STREAM_BAD_IMEI);
	ck_assert_int_eq(next("\x16\x03\x01", 3, false), STREAM_BAD_IMEI);
	for (b = 1; b < 0xff; b++) {
		two[0] = (char)b;
		ck_assert_int_eq(next(two, 1, false), STREAM_BAD_IMEI);
	}
	ck_assert_int_eq(next("\0", 1, false), STREAM_MORE);
	for (b = 0; b < 256; b++) {
		two[0] = 0;
		two[1] = (char)b;
		ck_assert_int_eq(next(two, 2, false), b == 15 ? STREAM_MORE : STREAM_BAD_IMEI);
	}
}
END_TEST

/* Behind the IMEI 000F is another IMEI packet, 0000 a frame, anything else out of step. */
START_TEST(strangers_behind_the_imei)
{
	unsigned b;
	char bytes[4] = {0};

	for (b = 1; b < 0xff; b++) {
		bytes[0] = (char)b;
		ck_assert_int_eq(next(bytes, 1, true), STREAM_BAD_PREAMBLE);
	}
	bytes[0] = 0;
	for (b = 0; b < 256; b++) {
		bytes[1] = (char)b;
		ck_assert_int_eq(
		    next(bytes, 2, true), b == 15 || b == 0 ? STREAM_MORE : STREAM_BAD_PREAMBLE);
	}
	/* A camera's own protocol. */
	ck_assert_int_eq(next("\0\0\0", 3, true), STREAM_MORE);
	ck_assert_int_eq(next("\0\0\0\5", 4, true), STREAM_BAD_PREAMBLE);
	ck_assert_int_eq(next("\0\0\1", 3, true), STREAM_BAD_PREAMBLE);
	ck_assert_int_eq(next("\0\0\1\0\0\0\0\66\10", 9, true), STREAM_BAD_PREAMBLE);
	ck_assert_int_eq(next("\0\0\0\1\0\0\0\66\10", 9, true), STREAM_BAD_PREAMBLE);
}
END_TEST

static enum stream_result
header(uint32_t len, int codec)
{
	struct build b = {0};
	enum stream_result result;

	build_u32(&b, 0);
	build_u32(&b, len);
	if (codec >= 0)
		build_u8(&b, (uint8_t)codec);
	result = next((const char *)b.p, b.n, true);
	build_free(&b);
	return result;
}

START_TEST(lengths)
{
	static const uint32_t bad[] = {
	    0, 1, 2, FRAME_BODY_MAX + 1, 0x7fffffff, 0x80000000, 0xfffffff3, 0xffffffff};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_int_eq(header(bad[i], -1), STREAM_BAD_LENGTH);
	ck_assert_int_eq(header(3, -1), STREAM_MORE);
	ck_assert_uint_eq(item.need, 15);
	ck_assert_int_eq(header(FRAME_BODY_MAX_AVL, -1), STREAM_MORE);
	ck_assert_uint_eq(item.need, FRAME_BODY_MAX_AVL + FRAME_OVERHEAD);
	/* Above the limit of AVL codecs the codec is asked for first. */
	ck_assert_int_eq(header(FRAME_BODY_MAX_AVL + 1, -1), STREAM_MORE);
	ck_assert_uint_eq(item.need, 9);
	ck_assert_int_eq(header(FRAME_BODY_MAX, -1), STREAM_MORE);
	ck_assert_uint_eq(item.need, 9);
}
END_TEST

START_TEST(lengths_by_codec)
{
	int codec;

	for (codec = 0; codec < 256; codec++) {
		bool avl = codec == 0x08 || codec == 0x8e || codec == 0x10;

		ck_assert_int_eq(header(FRAME_BODY_MAX_AVL, codec), STREAM_MORE);
		ck_assert_int_eq(
		    header(FRAME_BODY_MAX_AVL + 1, codec), avl ? STREAM_BAD_LENGTH : STREAM_MORE);
		ck_assert_int_eq(
		    header(FRAME_BODY_MAX, codec), avl ? STREAM_BAD_LENGTH : STREAM_MORE);
		if (!avl)
			ck_assert_uint_eq(item.need, FRAME_MAX);
		ck_assert_int_eq(codec_is_avl((uint8_t)codec), avl);
		ck_assert_int_eq(codec_is_message((uint8_t)codec), codec >= 12 && codec <= 15);
	}
}
END_TEST

static void
whole_frame(uint8_t codec, size_t len)
{
	struct build b = {0};
	uint8_t *exact;

	build_u8(&b, codec);
	build_zeros(&b, len - 1);
	build_wrap(&b);
	exact = vectors_exact(b.p, b.n);
	ck_assert_int_eq(stream_next(exact, b.n - 1, true, &item), STREAM_MORE);
	ck_assert_uint_eq(item.need, b.n);
	ck_assert_int_eq(stream_next(exact, b.n, true, &item), STREAM_FRAME);
	ck_assert(item.crc_ok);
	ck_assert_uint_eq(item.len, len + FRAME_OVERHEAD);
	ck_assert_uint_eq(item.body_len, len);
	ck_assert_ptr_eq(item.body, exact + 8);
	/* The upper half of the CRC field is zero. */
	exact[b.n - 4] = 1;
	ck_assert_int_eq(stream_next(exact, b.n, true, &item), STREAM_FRAME);
	ck_assert(!item.crc_ok);
	free(exact);
	build_free(&b);
}

START_TEST(longest_and_shortest)
{
	whole_frame(CODEC_8, 3);
	whole_frame(CODEC_8, FRAME_BODY_MAX_AVL);
	whole_frame(CODEC_8E, FRAME_BODY_MAX_AVL);
	whole_frame(CODEC_12, 3);
	whole_frame(CODEC_12, FRAME_BODY_MAX);
	whole_frame(0x99, FRAME_BODY_MAX);
}
END_TEST

Suite *
suite_stream(void)
{
	Suite *s = suite_create("stream");
	TCase *t = tcase_create("items");

	tcase_add_test(t, nothing_yet);
	tcase_add_test(t, ping);
	tcase_add_loop_test(t, imei, 0, 2);
	tcase_add_loop_test(t, imei_of_digits, 0, 2);
	tcase_add_test(t, strangers_before_the_imei);
	tcase_add_test(t, strangers_behind_the_imei);
	tcase_add_test(t, lengths);
	tcase_add_test(t, lengths_by_codec);
	tcase_add_test(t, longest_and_shortest);
	suite_add_tcase(s, t);
	return s;
}
