/*
 * Hashes that are on disk: golden vectors, made by another implementation from the layout in
 * proto/hash.c. A failure here means that stored rows would no longer be recognised: the code
 * is wrong, never the vector. Then what the identity of a record must and must not depend on.
 */
#include "t/unit/proto/check_proto.h"

#include <stdlib.h>
#include <string.h>

#include "proto/avl.h"
#include "proto/stream.h"
#include "t/unit/proto/build.h"
#include "t/vectors/vectors.h"

#define UDP_HEADER 23

static struct avl_record records[AVL_MAX_RECORDS];
static struct avl_frame frame;

static const struct {
	const char *vector;
	unsigned record;
	uint64_t hash;
} golden[] = {
    {"codec8-tcp-1", 0, UINT64_C(0x2361d51787eda052)},
    {"codec8-tcp-2", 0, UINT64_C(0x71ff904695dadee3)},
    {"codec8-tcp-3", 0, UINT64_C(0x827d7ec1bdfb1df8)},
    {"codec8-tcp-3", 1, UINT64_C(0x9b19430d95cf9003)},
    {"codec8-udp", 0, UINT64_C(0x3f7b87cb12b90d9a)},
    {"codec8e-tcp", 0, UINT64_C(0x6171e37c6aa84a77)},
    {"codec8e-udp", 0, UINT64_C(0x0c7749812b3aa266)},
    {"codec16-tcp", 0, UINT64_C(0x7f58a0bc32f40380)},
    {"codec16-tcp", 1, UINT64_C(0xf1672b745c7794a1)},
    {"codec16-udp", 0, UINT64_C(0x48e4992c6d653279)},
    {"codec8e-beacon-list", 0, UINT64_C(0x254401dbb719e24c)},
    {"codec8-jamming-event", 0, UINT64_C(0x1582f71cb436ef3d)},
    {"codec8-fmb1yx-30-io", 0, UINT64_C(0x03395ff8f29a4510)},
    {"codec8-udp-fmb1yx-30-io", 0, UINT64_C(0x613cc5b932c24338)},
    {"codec8e-fm64-vin", 0, UINT64_C(0xd3fd5c6db734c6d4)},
    {"codec8-fm1100-four-records", 0, UINT64_C(0x0507034c37b2050c)},
    {"codec8-fm1100-four-records", 1, UINT64_C(0xebb23279be34ff85)},
    {"codec8-fm1100-four-records", 2, UINT64_C(0xacd05d03e6394782)},
    {"codec8-fm1100-four-records", 3, UINT64_C(0x4de149b24648d868)},
    {"codec8-fm3400-three-records", 0, UINT64_C(0x4d76883b03c562fc)},
    {"codec8-fm3400-three-records", 1, UINT64_C(0x466db8ae2e025618)},
    {"codec8-fm3400-three-records", 2, UINT64_C(0x5819ea0ead79f7d9)},
    {"codec8-udp-fm3400", 0, UINT64_C(0xabf2d7f99722c3ea)},
};

START_TEST(golden_records)
{
	struct vectors vs;
	size_t i, k, seen = 0;

	ck_assert(vectors_load(&vs, VECTORS_DIR "/documented.json"));
	for (i = 0; i < vs.n; i++) {
		const struct vector *v = &vs.v[i];
		const uint8_t *body = v->bytes + (v->tcp ? 8 : UDP_HEADER);
		size_t len = v->len - (v->tcp ? FRAME_OVERHEAD : UDP_HEADER);

		if (json_object_get(v->decoded, "records") == NULL)
			continue;
		ck_assert_int_eq(avl_decode(body, len, &frame, records), AVL_OK);
		for (k = 0; k < sizeof(golden) / sizeof(*golden); k++) {
			if (strcmp(golden[k].vector, v->name) != 0)
				continue;
			ck_assert_uint_lt(golden[k].record, frame.nrecords);
			ck_assert_msg(avl_record_hash(&records[golden[k].record]) == golden[k].hash,
			    "%s, record %u", v->name, golden[k].record);
			seen++;
		}
	}
	ck_assert_uint_eq(seen, sizeof(golden) / sizeof(*golden));
	vectors_free(&vs);
}
END_TEST

struct io {
	uint16_t id, len;
	const char *value;
};

/* The hash of a record of codec 8E with these elements, all in its variable section. */
static uint64_t
hash_of(const struct avl_record *gps, const struct io *io, uint16_t n)
{
	static struct avl_record built[AVL_MAX_RECORDS];
	struct build b = {0};
	uint64_t hash;
	uint16_t i;

	build_u8(&b, CODEC_8E);
	build_u8(&b, 1);
	if (gps != NULL)
		build_gps_of(&b, gps);
	else
		build_gps(&b);
	build_u16(&b, gps != NULL ? gps->event_id : 0);
	build_u16(&b, n);
	build_zeros(&b, 8);
	build_u16(&b, n);
	for (i = 0; i < n; i++) {
		build_u16(&b, io[i].id);
		build_u16(&b, io[i].len);
		build_bytes(&b, io[i].value, io[i].len);
	}
	build_u8(&b, 1);
	ck_assert_int_eq(avl_decode(b.p, b.n, &frame, built), AVL_OK);
	hash = avl_record_hash(&built[0]);
	build_free(&b);
	return hash;
}

/* The hash of a record of codec 8 with these elements of sixteen bytes, in Bitrek's fifth section. */
static uint64_t
hash_of_bitrek(const struct io *io, uint8_t n)
{
	static struct avl_record built[AVL_MAX_RECORDS];
	struct build b = {0};
	uint64_t hash;

	build_u8(&b, CODEC_8);
	build_u8(&b, 1);
	build_gps(&b);
	build_u8(&b, 0);
	build_u8(&b, n);
	build_zeros(&b, 4);
	build_u8(&b, n);
	for (uint8_t i = 0; i < n; i++) {
		build_u8(&b, (uint8_t)io[i].id);
		build_bytes(&b, io[i].value, 16);
	}
	build_u8(&b, 1);
	ck_assert_int_eq(avl_decode(b.p, b.n, &frame, built), AVL_OK);
	ck_assert(frame.bitrek);
	hash = avl_record_hash(&built[0]);
	build_free(&b);
	return hash;
}

/* Elements of all kinds of lengths, fields at their extremes, an element twice. */
START_TEST(golden_built)
{
	static const uint16_t lens[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 40};
	static const struct io wide[] = {{239, 1, "\1"}, {100, 16, "0123456789abcdef"}};
	static const struct io twice[] = {{7, 1, "\1"}, {7, 1, "\1"}};
	static const struct io ones = {65535, 8, "\377\377\377\377\377\377\377\377"};
	static const struct avl_record most = {
	    .timestamp_ms = UINT64_MAX,
	    .priority = 255,
	    .longitude = INT32_MIN,
	    .latitude = INT32_MAX,
	    .altitude = INT16_MIN,
	    .angle = 65535,
	    .satellites = 255,
	    .speed = 65535,
	    .event_id = 65535,
	};
	struct io io[13];
	char bytes[40];
	unsigned i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(0xf0 + i);
	for (i = 0; i < 13; i++)
		io[i] = (struct io){(uint16_t)(lens[i] + 1), lens[i], bytes};
	ck_assert_uint_eq(hash_of(NULL, NULL, 0), UINT64_C(0xc325dd64c9c94b6f));
	ck_assert_uint_eq(hash_of(NULL, io, 13), UINT64_C(0xadaf52375fa3c33c));
	ck_assert_uint_eq(hash_of(NULL, twice, 2), UINT64_C(0x163c9d5f362ac27d));
	ck_assert_uint_eq(hash_of(NULL, wide, 2), UINT64_C(0x919490fd51adb93e));
	ck_assert_uint_eq(hash_of(&most, &ones, 1), UINT64_C(0xc552e33f908c45d3));
}
END_TEST

START_TEST(golden_bytes)
{
	static const struct {
		size_t len;
		uint64_t hash;
	} bytes[] = {
	    {0, UINT64_C(0xef46db3751d8e999)},
	    {1, UINT64_C(0x8a4127811b21e730)},
	    {3, UINT64_C(0xb6e6c910c2fd373a)},
	    {4, UINT64_C(0x22eda2cf6af4c124)},
	    {7, UINT64_C(0x34084d91a233a751)},
	    {8, UINT64_C(0xc6f1803a5e0b3222)},
	    {14, UINT64_C(0xff34ee32a5c9ecfe)},
	    {31, UINT64_C(0x6ab1c40e29f50073)},
	    {32, UINT64_C(0x5a0756fbe9ecd3d1)},
	    {33, UINT64_C(0xdc50cdc37bb9c183)},
	    {63, UINT64_C(0x10dd94885c71894a)},
	    {64, UINT64_C(0x90083da9cdb9d795)},
	    {100, UINT64_C(0xd248bfc5208b0b16)},
	};
	const char *sentence = "Nobody inspects the spammish repetition";
	uint8_t input[100];
	size_t i;

	for (i = 0; i < sizeof(input); i++)
		input[i] = (uint8_t)(i * 7 + 1);
	for (i = 0; i < sizeof(bytes) / sizeof(*bytes); i++) {
		uint8_t *exact = vectors_exact(input, bytes[i].len);

		ck_assert_msg(
		    hash_bytes(exact, bytes[i].len) == bytes[i].hash, "%zu bytes", bytes[i].len);
		free(exact);
	}
	/* Published values of XXH64, seed 0. */
	ck_assert_uint_eq(hash_bytes(NULL, 0), UINT64_C(0xef46db3751d8e999));
	ck_assert_uint_eq(hash_bytes((const uint8_t *)"abc", 3), UINT64_C(0x44bc2cf5ad770999));
	ck_assert_uint_eq(
	    hash_bytes((const uint8_t *)sentence, strlen(sentence)), UINT64_C(0xfbcea83c8a378bf1));
}
END_TEST

/* The same content in another order, codec and section, at another place in the frame. */
START_TEST(order_and_codec_do_not_count)
{
	struct vectors vs;
	size_t i, k;

	ck_assert(vectors_load(&vs, VECTORS_DIR "/documented.json"));
	for (i = 0; i < vs.n; i++) {
		const struct vector *v = &vs.v[i];
		static struct avl_record again[AVL_MAX_RECORDS];
		struct avl_frame other;

		if (!v->tcp || json_object_get(v->decoded, "records") == NULL)
			continue;
		ck_assert_int_eq(
		    avl_decode(v->bytes + 8, v->len - FRAME_OVERHEAD, &frame, records), AVL_OK);
		for (k = 0; k < frame.nrecords; k++) {
			struct build b = {0};

			build_8e_reversed(&b, &records[k]);
			ck_assert_int_eq(avl_decode(b.p, b.n, &other, again), AVL_OK);
			ck_assert_uint_eq(again[0].io_count, records[k].io_count);
			ck_assert_uint_eq(avl_record_hash(&again[0]), avl_record_hash(&records[k]));
			build_free(&b);
		}
	}
	vectors_free(&vs);
}
END_TEST

/*
 * An element is its id, length and bytes: in the 1-byte section or as a variable one of one byte.
 */
START_TEST(section_does_not_count)
{
	static const struct io one = {21, 1, "\3"};
	struct build b = {0};
	uint64_t hash;

	build_u8(&b, CODEC_8);
	build_u8(&b, 1);
	build_gps(&b);
	build_u8(&b, 0);
	build_u8(&b, 99); /* a wrong total neither */
	build_u8(&b, 1);
	build_u8(&b, 21);
	build_u8(&b, 3);
	build_zeros(&b, 3);
	build_u8(&b, 1);
	ck_assert_int_eq(avl_decode(b.p, b.n, &frame, records), AVL_OK);
	hash = avl_record_hash(&records[0]);
	ck_assert_uint_eq(hash, hash_of(NULL, &one, 1));
	records[0].generation = 7;
	records[0].codec = CODEC_8;
	ck_assert_uint_eq(avl_record_hash(&records[0]), hash);
	build_free(&b);
}
END_TEST

/* Bitrek's elements of sixteen bytes: each with all of its bytes, in whatever order, as if they were variable ones. */
START_TEST(wide_elements_count)
{
	static const struct io wide[] = {{100, 16, "0123456789abcdef"},
	    {101, 16, "fedcba9876543210"}, {102, 16, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"}};
	const struct io turned[] = {wide[2], wide[0], wide[1]};
	uint64_t hash = hash_of(NULL, wide, 3);

	ck_assert_uint_eq(hash_of_bitrek(wide, 3), hash);
	ck_assert_uint_eq(hash_of_bitrek(turned, 3), hash);
	for (uint8_t n = 1; n <= 2; n++) {
		ck_assert_uint_ne(hash_of_bitrek(wide, n), hash);
		ck_assert_uint_eq(hash_of_bitrek(wide, n), hash_of(NULL, wide, n));
	}
	for (unsigned i = 0; i < 3 * 16; i++) {
		struct io other[] = {wide[0], wide[1], wide[2]};
		char value[16];

		memcpy(value, wide[i / 16].value, sizeof(value));
		value[i % 16] ^= 1;
		other[i / 16].value = value;
		ck_assert_msg(hash_of_bitrek(other, 3) != hash, "byte %u", i);
		ck_assert_uint_eq(hash_of_bitrek(other, 3), hash_of(NULL, other, 3));
	}
	for (unsigned i = 0; i < 3; i++) {
		struct io other[] = {wide[0], wide[1], wide[2]};

		other[i].id += 100;
		ck_assert_msg(hash_of_bitrek(other, 3) != hash, "id of element %u", i);
	}
}
END_TEST

/* Every bit of every field makes another hash, and no two of them the same. */
START_TEST(every_field_counts)
{
	uint64_t seen[200];
	struct avl_record r = {.codec = CODEC_8E};
	unsigned bit, n = 0, i;

	seen[n++] = avl_record_hash(&r);
#define FLIP(type, member, bits) \
	for (bit = 0; bit < bits; bit++) { \
		r.member = (type)(UINT64_C(1) << bit); \
		seen[n++] = avl_record_hash(&r); \
		r.member = 0; \
	}
	FLIP(uint64_t, timestamp_ms, 64)
	FLIP(int16_t, altitude, 15)
	FLIP(uint16_t, angle, 16)
	FLIP(uint16_t, speed, 16)
	FLIP(uint16_t, event_id, 16)
	FLIP(uint8_t, priority, 8)
	FLIP(uint8_t, satellites, 8)
	FLIP(int32_t, longitude, 24)
	FLIP(int32_t, latitude, 24)
#undef FLIP
	/* An assertion costs more than the comparison. */
	for (bit = 0; bit < n; bit++) {
		for (i = 0; i < bit; i++) {
			if (seen[i] == seen[bit])
				ck_abort_msg("flips %u and %u", i, bit);
		}
	}
}
END_TEST

START_TEST(every_element_counts)
{
	static const struct io sets[][2] = {
	    {{21, 1, "\3"}, {66, 1, "\5"}}, {{21, 1, "\5"}, {66, 1, "\3"}}, /* values swapped */
	    {{21, 1, "\3"}, {67, 1, "\5"}},				    /* another id */
	    {{21, 1, "\3"}, {66, 2, "\0\5"}}, /* another length, the same number */
	    {{21, 1, "\3"}, {66, 1, "\6"}}, {{21, 1, "\3"}, {66, 0, ""}},
	    {{21, 1, "\3"}, {66, 9, "\0\0\0\0\0\0\0\0\5"}},
	    {{21, 1, "\3"}, {66, 9, "\0\0\0\0\0\0\0\1\5"}},
	    {{21, 1, "\3"}, {21, 1, "\3"}}, /* twice */
	};
	uint64_t seen[10];
	size_t i, k;

	for (i = 0; i < 9; i++)
		seen[i] = hash_of(NULL, sets[i], 2);
	seen[9] = hash_of(NULL, sets[8], 1);
	for (i = 0; i < 10; i++) {
		for (k = 0; k < i; k++)
			ck_assert_msg(seen[i] != seen[k], "sets %zu and %zu", k, i);
	}
}
END_TEST

Suite *
suite_hash(void)
{
	Suite *s = suite_create("hash");
	TCase *t = tcase_create("hash");

	tcase_add_test(t, golden_records);
	tcase_add_test(t, golden_built);
	tcase_add_test(t, golden_bytes);
	tcase_add_test(t, order_and_codec_do_not_count);
	tcase_add_test(t, section_does_not_count);
	tcase_add_test(t, wide_elements_count);
	tcase_add_test(t, every_field_counts);
	tcase_add_test(t, every_element_counts);
	suite_add_tcase(s, t);
	return s;
}
