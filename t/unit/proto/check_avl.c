/*
 * AVL bodies: counts, exact fit, odd but legal forms (totals that are wrong, empty variable
 * elements, Bitrek's fifth section, ids twice).
 */
#include "t/unit/proto/check_proto.h"

#include <stdlib.h>
#include <string.h>

#include "proto/avl.h"
#include "proto/stream.h"
#include "t/unit/proto/build.h"
#include "t/vectors/vectors.h"

static struct avl_record records[AVL_MAX_RECORDS];
static struct avl_frame frame;
static uint8_t *exact;

/* Decodes the body from memory of its size, which stays until the next one, and drops the build. */
static enum avl_result
decode(struct build *b)
{
	enum avl_result result;

	free(exact);
	exact = vectors_exact(b->p, b->n);
	result = avl_decode(exact, b->n, &frame, records);
	if (result != AVL_OK)
		ck_assert_uint_eq(frame.nrecords, 0);
	build_free(b);
	return result;
}

static void
teardown(void)
{
	free(exact);
	exact = NULL;
}

/* A record without elements. */
static void
empty_record(struct build *b, uint8_t codec)
{
	build_gps(b);
	build_zeros(b, codec == CODEC_8 ? 6 : codec == CODEC_8E ? 14 : 8);
}

START_TEST(fields)
{
	struct build b = {0};

	build_u8(&b, CODEC_16);
	build_u8(&b, 1);
	build_gps(&b);
	build_u16(&b, 0xabcd);
	build_u8(&b, 7); /* generation type, in front of the total */
	build_u8(&b, 1);
	build_u8(&b, 1);
	build_u16(&b, 0x1234);
	build_u8(&b, 0xfe);
	build_zeros(&b, 3);
	build_u8(&b, 1);
	ck_assert_int_eq(decode(&b), AVL_OK);
	ck_assert_uint_eq(records[0].timestamp_ms, BUILD_TIME);
	ck_assert_uint_eq(records[0].priority, 1);
	ck_assert_int_eq(records[0].longitude, 252618832);
	ck_assert_int_eq(records[0].latitude, -546992512);
	ck_assert_int_eq(records[0].altitude, -12);
	ck_assert_uint_eq(records[0].angle, 359);
	ck_assert_uint_eq(records[0].satellites, 11);
	ck_assert_uint_eq(records[0].speed, 87);
	ck_assert_uint_eq(records[0].event_id, 0xabcd);
	ck_assert_uint_eq(records[0].generation, 7);
	ck_assert_uint_eq(records[0].io_count, 1);
	ck_assert_uint_eq(records[0].section[AVL_1][2], 0xfe);
}
END_TEST

/* The widest values of every field. */
START_TEST(extremes)
{
	struct build b = {0};

	build_u8(&b, CODEC_8);
	build_u8(&b, 2);
	build_u64(&b, UINT64_MAX);
	build_u8(&b, 255);
	build_u32(&b, 0x80000000);
	build_u32(&b, 0x7fffffff);
	build_u16(&b, 0x8000);
	build_u16(&b, 65535);
	build_u8(&b, 248);
	build_u16(&b, 65535);
	build_u8(&b, 255);
	build_zeros(&b, 5);
	build_u64(&b, 0);
	build_zeros(&b, 1);
	build_u32(&b, 0xffffffff);
	build_u32(&b, 0x80000001);
	build_u16(&b, 0x7fff);
	build_zeros(&b, 5 + 6);
	build_u8(&b, 2);
	ck_assert_int_eq(decode(&b), AVL_OK);
	ck_assert_uint_eq(records[0].timestamp_ms, UINT64_MAX);
	ck_assert_uint_eq(records[0].priority, 255);
	ck_assert_int_eq(records[0].longitude, INT32_MIN);
	ck_assert_int_eq(records[0].latitude, INT32_MAX);
	ck_assert_int_eq(records[0].altitude, INT16_MIN);
	ck_assert_uint_eq(records[0].angle, 65535);
	ck_assert_uint_eq(records[0].speed, 65535);
	ck_assert_uint_eq(records[0].event_id, 255);
	ck_assert_int_eq(records[1].longitude, -1);
	ck_assert_int_eq(records[1].latitude, INT32_MIN + 1);
	ck_assert_int_eq(records[1].altitude, INT16_MAX);
}
END_TEST

START_TEST(zero_records)
{
	static const uint8_t codecs[] = {CODEC_8, CODEC_8E, CODEC_16};
	struct build b = {0};
	size_t i;

	for (i = 0; i < sizeof(codecs); i++) {
		build_u8(&b, codecs[i]);
		build_zeros(&b, 2);
		ck_assert_int_eq(decode(&b), AVL_OK);
		ck_assert_uint_eq(frame.nrecords, 0);
		build_u8(&b, codecs[i]);
		build_zeros(&b, 3);
		ck_assert_int_eq(decode(&b), AVL_BAD_STRUCTURE);
	}
}
END_TEST

START_TEST(most_records)
{
	static const uint8_t codecs[] = {CODEC_8, CODEC_8E, CODEC_16};
	struct build b = {0};
	size_t i;
	int k;

	for (i = 0; i < sizeof(codecs); i++) {
		build_u8(&b, codecs[i]);
		build_u8(&b, 255);
		for (k = 0; k < 255; k++)
			empty_record(&b, codecs[i]);
		build_u8(&b, 255);
		ck_assert_int_eq(decode(&b), AVL_OK);
		ck_assert_uint_eq(frame.nrecords, 255);
		ck_assert_uint_eq(records[254].timestamp_ms, BUILD_TIME);
		ck_assert_uint_eq(records[254].codec, codecs[i]);
	}
}
END_TEST

START_TEST(short_bodies)
{
	static const uint8_t body[] = {CODEC_8, 7};

	ck_assert_int_eq(avl_decode(NULL, 0, &frame, records), AVL_BAD_STRUCTURE);
	ck_assert_uint_eq(frame.count1, 0);
	ck_assert_int_eq(avl_decode(body, 1, &frame, records), AVL_BAD_STRUCTURE);
	ck_assert_int_eq(avl_decode(body, 2, &frame, records), AVL_BAD_STRUCTURE);
	ck_assert_uint_eq(frame.count1, 7);
}
END_TEST

START_TEST(other_codecs)
{
	struct build b = {0};
	int codec;

	for (codec = 0; codec < 256; codec++) {
		if (codec_is_avl((uint8_t)codec))
			continue;
		build_u8(&b, (uint8_t)codec);
		build_u8(&b, 1);
		empty_record(&b, CODEC_8);
		build_u8(&b, 1);
		ck_assert_int_eq(decode(&b), AVL_BAD_CODEC);
		ck_assert_uint_eq(frame.count1, 1);
	}
}
END_TEST

START_TEST(counts_differ)
{
	struct build b = {0};

	build_u8(&b, CODEC_8);
	build_u8(&b, 1);
	empty_record(&b, CODEC_8);
	build_u8(&b, 2);
	ck_assert_int_eq(decode(&b), AVL_BAD_COUNT);
	ck_assert_uint_eq(frame.count1, 1);
	ck_assert_uint_eq(frame.count2, 2);
}
END_TEST

/* One record too few or too many, a byte too few or too many. */
START_TEST(no_exact_fit)
{
	static const uint8_t codecs[] = {CODEC_8, CODEC_8E, CODEC_16};
	struct build b = {0};
	size_t i;
	int n, extra;

	for (i = 0; i < sizeof(codecs); i++) {
		for (n = 1; n <= 3; n++) {
			for (extra = -1; extra <= 1; extra++) {
				build_u8(&b, codecs[i]);
				build_u8(&b, (uint8_t)n);
				empty_record(&b, codecs[i]);
				empty_record(&b, codecs[i]);
				if (extra < 0)
					b.n--;
				else
					build_zeros(&b, (size_t)extra);
				build_u8(&b, (uint8_t)n);
				ck_assert_int_eq(
				    decode(&b), n == 2 && extra == 0 ? AVL_OK : AVL_BAD_STRUCTURE);
			}
		}
	}
}
END_TEST

/* A count that reaches beyond the body, in every section of every codec. */
START_TEST(sections_too_long)
{
	static const uint8_t codecs[] = {CODEC_8, CODEC_8E, CODEC_16};
	static const size_t heads[] = {2 + 24 + 2, 2 + 24 + 4, 2 + 24 + 4};
	size_t i, section;

	for (i = 0; i < sizeof(codecs); i++) {
		size_t width = codecs[i] == CODEC_8E ? 2 : 1;
		size_t sections = codecs[i] == CODEC_8E ? 5 : 4;

		for (section = 0; section < sections; section++) {
			struct build b = {0};

			build_u8(&b, codecs[i]);
			build_u8(&b, 1);
			empty_record(&b, codecs[i]);
			build_u8(&b, 1);
			memset(b.p + heads[i] + section * width, 0xff, width);
			ck_assert_int_eq(decode(&b), AVL_BAD_STRUCTURE);
		}
	}
}
END_TEST

/* The sections are right, the total is not: kept, and counted. */
START_TEST(total_differs)
{
	struct build b = {0};

	build_u8(&b, CODEC_8);
	build_u8(&b, 2);
	empty_record(&b, CODEC_8);
	b.p[2 + 24 + 1] = 9;
	empty_record(&b, CODEC_8);
	build_u8(&b, 2);
	ck_assert_int_eq(decode(&b), AVL_OK);
	ck_assert_uint_eq(frame.nrecords, 2);
	ck_assert_uint_eq(frame.total_mismatches, 1);
	ck_assert_uint_eq(records[0].io_total, 9);
	ck_assert_uint_eq(records[0].io_count, 0);
}
END_TEST

START_TEST(variable_elements)
{
	struct build b = {0};
	struct avl_io_walk walk;
	struct avl_io io;

	build_u8(&b, CODEC_8E);
	build_u8(&b, 1);
	build_gps(&b);
	build_u16(&b, 385);
	build_u16(&b, 3);
	build_zeros(&b, 8);
	build_u16(&b, 3);
	build_u16(&b, 331);
	build_u16(&b, 0); /* of length 0 */
	build_u16(&b, 10828);
	build_u16(&b, 700);
	build_zeros(&b, 700);
	build_u16(&b, 332);
	build_u16(&b, 0);
	build_u8(&b, 1);
	ck_assert_int_eq(decode(&b), AVL_OK);
	ck_assert_uint_eq(frame.total_mismatches, 0);
	avl_io_start(&walk, &records[0]);
	ck_assert(avl_io_next(&walk, &io));
	ck_assert_uint_eq(io.id, 331);
	ck_assert_uint_eq(io.len, 0);
	ck_assert(avl_io_next(&walk, &io));
	ck_assert_uint_eq(io.id, 10828);
	ck_assert_uint_eq(io.len, 700);
	ck_assert(avl_io_next(&walk, &io));
	ck_assert_uint_eq(io.id, 332);
	ck_assert_uint_eq(io.len, 0);
	ck_assert(!avl_io_next(&walk, &io));
	ck_assert(!avl_io_next(&walk, &io));
}
END_TEST

/* A variable element whose head or value is cut by the end of the body. */
START_TEST(variable_cut)
{
	size_t n;

	for (n = 0; n < 2 + 4 + 5; n++) {
		static const uint8_t tail[] = {0, 1, 1, 0, 0, 5, 1, 2, 3, 4, 5};
		struct build b = {0};

		build_u8(&b, CODEC_8E);
		build_u8(&b, 1);
		empty_record(&b, CODEC_8E);
		b.n -= 2;
		build_bytes(&b, tail, n);
		build_u8(&b, 1);
		ck_assert_int_eq(decode(&b), AVL_BAD_STRUCTURE);
	}
}
END_TEST

/*
 * The first of two variable elements ends one byte behind the body: the second is not looked for.
 */
START_TEST(variable_over_the_end)
{
	struct build b = {0};

	build_u8(&b, CODEC_8E);
	build_u8(&b, 1);
	empty_record(&b, CODEC_8E);
	b.n -= 2;
	build_u16(&b, 2);
	build_u16(&b, 256);
	build_u16(&b, 5);
	build_zeros(&b, 4);
	build_u8(&b, 1);
	ck_assert_int_eq(decode(&b), AVL_BAD_STRUCTURE);
}
END_TEST

/* A body of `len` bytes, filled by two variable elements. */
static enum avl_result
decode_long(size_t len)
{
	size_t values = len - 3 - 24 - 4 - 8 - 2 - 8;
	struct build b = {0};

	build_u8(&b, CODEC_8E);
	build_u8(&b, 1);
	build_gps(&b);
	build_u16(&b, 0);
	build_u16(&b, 2);
	build_zeros(&b, 8);
	build_u16(&b, 2);
	build_u16(&b, 256);
	build_u16(&b, (uint16_t)(values / 2));
	build_zeros(&b, values / 2);
	build_u16(&b, 257);
	build_u16(&b, (uint16_t)(values - values / 2));
	build_zeros(&b, values - values / 2);
	build_u8(&b, 1);
	ck_assert_uint_eq(b.n, len);
	return decode(&b);
}

/* More than any frame can hold is no body. */
START_TEST(longest_body)
{
	ck_assert_int_eq(decode_long(FRAME_BODY_MAX_AVL), AVL_OK);
	ck_assert_uint_eq(records[0].io_count, 2);
	ck_assert_int_eq(decode_long(FRAME_BODY_MAX), AVL_OK);
	ck_assert_int_eq(decode_long(FRAME_BODY_MAX + 1), AVL_BAD_STRUCTURE);
}
END_TEST

static void
bitrek_record(struct build *b, uint8_t wide)
{
	uint8_t i;

	build_gps(b);
	build_u8(b, 0);
	build_u8(b, (uint8_t)(1 + wide));
	build_u8(b, 1);
	build_u8(b, 239);
	build_u8(b, 1);
	build_zeros(b, 3);
	build_u8(b, wide);
	for (i = 0; i < wide; i++) {
		build_u8(b, (uint8_t)(100 + i));
		build_bytes(b, "0123456789abcdef", 16);
	}
}

START_TEST(bitrek)
{
	struct build b = {0};
	struct avl_io_walk walk;
	struct avl_io io;

	build_u8(&b, CODEC_8);
	build_u8(&b, 2);
	bitrek_record(&b, 2);
	bitrek_record(&b, 0);
	build_u8(&b, 2);
	ck_assert_int_eq(decode(&b), AVL_OK);
	ck_assert(frame.bitrek);
	ck_assert_uint_eq(frame.nrecords, 2);
	ck_assert_uint_eq(frame.total_mismatches, 0);
	ck_assert_uint_eq(records[0].io_count, 3);
	avl_io_start(&walk, &records[0]);
	ck_assert(avl_io_next(&walk, &io));
	ck_assert_uint_eq(io.id, 239);
	ck_assert(avl_io_next(&walk, &io));
	ck_assert_uint_eq(io.id, 100);
	ck_assert_uint_eq(io.len, 16);
	ck_assert_mem_eq(io.value, "0123456789abcdef", 16);
	ck_assert(avl_io_next(&walk, &io));
	ck_assert_uint_eq(io.id, 101);
	ck_assert(!avl_io_next(&walk, &io));

	/* One byte off: not even so. */
	build_u8(&b, CODEC_8);
	build_u8(&b, 1);
	bitrek_record(&b, 1);
	build_u8(&b, 0);
	build_u8(&b, 1);
	ck_assert_int_eq(decode(&b), AVL_BAD_STRUCTURE);
	ck_assert(!frame.bitrek);
}
END_TEST

/* Codec 16 has 1-byte counts as well, but no fifth section. */
START_TEST(bitrek_is_codec_8)
{
	struct build b = {0};

	build_u8(&b, CODEC_16);
	build_u8(&b, 1);
	empty_record(&b, CODEC_16);
	build_u8(&b, 0);
	build_u8(&b, 1);
	ck_assert_int_eq(decode(&b), AVL_BAD_STRUCTURE);
}
END_TEST

Suite *
suite_avl(void)
{
	Suite *s = suite_create("avl");
	TCase *t = tcase_create("bodies");

	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_add_test(t, fields);
	tcase_add_test(t, extremes);
	tcase_add_test(t, zero_records);
	tcase_add_test(t, most_records);
	tcase_add_test(t, short_bodies);
	tcase_add_test(t, other_codecs);
	tcase_add_test(t, counts_differ);
	tcase_add_test(t, no_exact_fit);
	tcase_add_test(t, sections_too_long);
	tcase_add_test(t, total_differs);
	tcase_add_test(t, variable_elements);
	tcase_add_test(t, variable_cut);
	tcase_add_test(t, variable_over_the_end);
	tcase_add_test(t, longest_body);
	tcase_add_test(t, bitrek);
	tcase_add_test(t, bitrek_is_codec_8);
	suite_add_tcase(s, t);
	return s;
}
