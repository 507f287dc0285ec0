/* IO elements as JSON: forms of the values, every number's digits, the bound. */
#include "t/unit/proto/check_proto.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/avl.h"
#include "proto/io_json.h"
#include "proto/stream.h"
#include "proto/wire.h"
#include "t/unit/proto/build.h"
#include "t/vectors/vectors.h"

static struct avl_record records[AVL_MAX_RECORDS];
static struct avl_frame frame;

/* The record's JSON with a NUL, written to memory of exactly the bound; free() it. */
static char *
json_of(const struct avl_record *r)
{
	size_t bound = io_json_bound(r), n;
	char *out = malloc(bound), *text;

	ck_assert_ptr_nonnull(out);
	n = io_json_write(r, out);
	ck_assert_uint_le(n, bound);
	text = malloc(n + 1);
	ck_assert_ptr_nonnull(text);
	memcpy(text, out, n);
	text[n] = 0;
	free(out);
	return text;
}

static void
json_is(struct build *b, const char *expected)
{
	char *text;

	ck_assert_int_eq(avl_decode(b->p, b->n, &frame, records), AVL_OK);
	text = json_of(&records[0]);
	ck_assert_str_eq(text, expected);
	free(text);
	build_free(b);
}

START_TEST(empty)
{
	struct build b = {0};

	build_u8(&b, CODEC_8);
	build_u8(&b, 1);
	build_gps(&b);
	build_zeros(&b, 6);
	build_u8(&b, 1);
	json_is(&b, "{}");
}
END_TEST

/* One of each section, the largest values and the smallest. */
START_TEST(forms)
{
	struct build b = {0};

	build_u8(&b, CODEC_8E);
	build_u8(&b, 1);
	build_gps(&b);
	build_u16(&b, 0);
	build_u16(&b, 10);
	build_u16(&b, 2);
	build_u16(&b, 0);
	build_u8(&b, 0);
	build_u16(&b, 65535);
	build_u8(&b, 255);
	build_u16(&b, 1);
	build_u16(&b, 10000);
	build_u16(&b, 65535);
	build_u16(&b, 1);
	build_u16(&b, 9);
	build_u32(&b, UINT32_MAX);
	build_u16(&b, 2);
	build_u16(&b, 78);
	build_u64(&b, 0);
	build_u16(&b, 99);
	build_u64(&b, UINT64_C(0x0123456789abcdef));
	build_u16(&b, 4);
	build_u16(&b, 331);
	build_u16(&b, 0);
	build_u16(&b, 1000);
	build_u16(&b, 1);
	build_u8(&b, 0xf0);
	build_u16(&b, 385);
	build_u16(&b, 3);
	build_bytes(&b, "\x11\x00\xa9", 3);
	build_u16(&b, 256);
	build_u16(&b, 8);
	build_bytes(&b, "WVWZZZ1K", 8);
	build_u8(&b, 1);
	json_is(&b, "{\"0\":0,\"65535\":255,\"10000\":65535,\"9\":4294967295,"
		    "\"78\":\"0000000000000000\",\"99\":\"0123456789abcdef\",\"331\":\"\","
		    "\"1000\":\"f0\",\"385\":\"1100a9\",\"256\":\"5756575a5a5a314b\"}");
}
END_TEST

START_TEST(wide_and_twice)
{
	struct build b = {0};

	build_u8(&b, CODEC_8);
	build_u8(&b, 1);
	build_gps(&b);
	build_u8(&b, 0);
	build_u8(&b, 3);
	build_u8(&b, 2);
	build_bytes(&b, "\x07\x01\x07\x02", 4);
	build_zeros(&b, 3);
	build_u8(&b, 1);
	build_u8(&b, 200);
	build_bytes(&b, "0123456789abcdef", 16);
	build_u8(&b, 1);
	json_is(&b, "{\"7\":2,\"200\":\"30313233343536373839616263646566\"}");
}
END_TEST

/* A 2-byte value v under the id v, and a 4-byte one under its neighbour, against printf. */
static void
number_is(uint16_t id, uint32_t value)
{
	uint8_t two[4], four[6];
	struct avl_record r = {.codec = CODEC_8E, .count = {[AVL_2] = 1, [AVL_4] = 1}};
	char expected[64], out[64];
	size_t n;

	wire_put_u16(two, id);
	wire_put_u16(two + 2, id);
	wire_put_u16(four, id ^ 1);
	wire_put_u32(four + 2, value);
	r.section[AVL_2] = two;
	r.section[AVL_4] = four;
	snprintf(
	    expected, sizeof(expected), "{\"%u\":%u,\"%u\":%" PRIu32 "}", id, id, id ^ 1, value);
	n = io_json_write(&r, out);
	/* An assertion costs more than the comparison. */
	if (n != strlen(expected) || memcmp(out, expected, n) != 0)
		ck_abort_msg("%.*s instead of %s", (int)n, out, expected);
}

START_TEST(numbers)
{
	uint32_t v, power;
	unsigned i;

	for (v = 0; v < 65536; v++)
		number_is((uint16_t)v, v * 65537);
	for (power = 10, i = 0; i < 9; i++, power *= 10) {
		number_is(1, power - 1);
		number_is(1, power);
		number_is(1, power + 1);
		number_is(1, power / 10 * 9);
	}
	number_is(1, UINT32_MAX);
	number_is(1, UINT32_MAX - 1);
	number_is(1, 4200000000);
	number_is(1, 100000000);
	for (v = 0, i = 0; i < 100000; i++, v = v * 1664525 + 1013904223)
		number_is((uint16_t)v, v);
}
END_TEST

/* The widest possible elements fill the bound without going over it. */
START_TEST(bound)
{
	static const unsigned bytes[] = {1, 2, 4, 8};
	struct build b = {0};
	uint16_t id = 65535;
	char *text;
	unsigned i, k, n;

	build_u8(&b, CODEC_8E);
	build_u8(&b, 1);
	build_gps(&b);
	build_u16(&b, 0);
	build_u16(&b, 255);
	for (k = 0; k < 4; k++) {
		build_u16(&b, 50);
		for (i = 0; i < 50; i++) {
			build_u16(&b, id--);
			for (n = 0; n < bytes[k]; n++)
				build_u8(&b, 0xff);
		}
	}
	build_u16(&b, 55);
	for (i = 0; i < 55; i++) {
		build_u16(&b, id--);
		build_u16(&b, 20);
		build_zeros(&b, 20);
	}
	build_u8(&b, 1);
	ck_assert_int_eq(avl_decode(b.p, b.n, &frame, records), AVL_OK);
	text = json_of(&records[0]);
	ck_assert_uint_eq(strlen(text),
	    1 + 50 * (9 + 3) + 50 * (9 + 5) + 50 * (9 + 10) + 50 * (9 + 18) + 55 * (9 + 42));
	free(text);
	build_free(&b);
}
END_TEST

/*
 * Elements of 8 Extended in every section, whose ids are drawn from `ids` values `apart`: the last one of
 * each id is there, in its place, and no other.
 */
static void
some_twice(unsigned n, unsigned ids, unsigned apart)
{
	static uint16_t id[5 * 4000];
	static const unsigned bytes[5] = {1, 2, 4, 8, 0};
	struct build b = {0};
	char *text, *at;
	unsigned i, k, last;

	build_u8(&b, CODEC_8E);
	build_u8(&b, 1);
	build_gps(&b);
	build_u16(&b, 0);
	build_u16(&b, (uint16_t)(5 * n));
	for (k = 0; k < 5; k++) {
		build_u16(&b, (uint16_t)n);
		for (i = 0; i < n; i++) {
			id[k * n + i] = (uint16_t)(((k * n + i) * 2654435761U >> 7) % ids * apart);
			build_u16(&b, id[k * n + i]);
			if (k == 4)
				build_u16(&b, 0);
			build_zeros(&b, bytes[k]);
		}
	}
	build_u8(&b, 1);
	ck_assert_int_eq(avl_decode(b.p, b.n, &frame, records), AVL_OK);
	text = at = json_of(&records[0]);
	for (i = 0; i < 5 * n; i++) {
		for (last = 5 * n - 1; id[last] != id[i];)
			last--;
		if (last != i)
			continue;
		ck_assert(*at == '{' || *at == ',');
		ck_assert_int_eq(at[1], '"');
		ck_assert_int_eq(strtol(at + 2, &at, 10), id[i]);
		at = i < 3 * n ? strchr(at, '0') + 1 : strchr(strchr(at + 1, '"') + 1, '"') + 1;
	}
	ck_assert_str_eq(at, "}");
	free(text);
	build_free(&b);
}

START_TEST(the_last_of_an_id)
{
	some_twice(1, 1, 1);
	some_twice(3, 7, 1);
	some_twice(3, 1000, 1);
	/* Ids that differ in their upper bits alone, once each and repeated. */
	some_twice(2, 30, 2048);
	some_twice(6, 31, 2048);
	some_twice(6, 1000, 64);
	some_twice(400, 500, 1);
	some_twice(400, 500, 128);
	/* As many elements as a body of 64 KiB holds, about. */
	some_twice(2000, 65536, 1);
	some_twice(2000, 3, 20000);
}
END_TEST

/* The same in codec 8, where ids are single bytes, with Bitrek's wide elements. */
START_TEST(the_last_of_an_id_of_one_byte)
{
	struct build b = {0};

	build_u8(&b, CODEC_8);
	build_u8(&b, 1);
	build_gps(&b);
	build_u8(&b, 0);
	build_u8(&b, 6);
	build_u8(&b, 2);
	build_bytes(&b, "\xff\x01\x07\x02", 4);
	build_u8(&b, 1);
	build_bytes(&b, "\x07\x00\x03", 3);
	build_u8(&b, 1);
	build_bytes(&b, "\x08\x00\x00\x00\x05", 5);
	build_u8(&b, 1);
	build_bytes(&b, "\x09\x00\x00\x00\x00\x00\x00\x00\x05", 9);
	build_u8(&b, 1);
	build_u8(&b, 255);
	build_bytes(&b, "0123456789abcdef", 16);
	build_u8(&b, 1);
	json_is(&b, "{\"7\":3,\"8\":5,\"9\":\"0000000000000005\","
		    "\"255\":\"30313233343536373839616263646566\"}");
}
END_TEST

/* What jansson reads out of it is what the vectors say. */
START_TEST(documented)
{
	struct vectors vs;
	size_t i, k, e, seen = 0;

	ck_assert(vectors_load(&vs, VECTORS_DIR "/documented.json"));
	for (i = 0; i < vs.n; i++) {
		const struct vector *v = &vs.v[i];
		const json_t *list = json_object_get(v->decoded, "records");

		if (!v->tcp || list == NULL)
			continue;
		ck_assert_int_eq(
		    avl_decode(v->bytes + 8, v->len - FRAME_OVERHEAD, &frame, records), AVL_OK);
		for (k = 0; k < frame.nrecords; k++) {
			const json_t *io = json_object_get(json_array_get(list, k), "io");
			char *text = json_of(&records[k]), key[8];
			json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

			ck_assert_ptr_nonnull(object);
			ck_assert_uint_eq(json_object_size(object), json_array_size(io));
			for (e = 0; e < json_array_size(io); e++, seen++) {
				const json_t *element = json_array_get(io, e);
				const char *hex = json_string_value(json_array_get(element, 2));
				const json_t *value;

				snprintf(key, sizeof(key), "%" PRIu64,
				    (uint64_t)json_integer_value(json_array_get(element, 0)));
				value = json_object_get(object, key);
				if (strlen(hex) <= 8)
					ck_assert_int_eq(
					    json_integer_value(value), strtoll(hex, NULL, 16));
				else
					ck_assert_str_eq(json_string_value(value), hex);
			}
			json_decref(object);
			free(text);
		}
	}
	ck_assert_uint_gt(seen, 90);
	vectors_free(&vs);
}
END_TEST

Suite *
suite_json(void)
{
	Suite *s = suite_create("json");
	TCase *t = tcase_create("io");

	tcase_add_test(t, empty);
	tcase_add_test(t, forms);
	tcase_add_test(t, wide_and_twice);
	tcase_add_test(t, numbers);
	tcase_add_test(t, bound);
	tcase_add_test(t, the_last_of_an_id);
	tcase_add_test(t, the_last_of_an_id_of_one_byte);
	tcase_add_test(t, documented);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}
