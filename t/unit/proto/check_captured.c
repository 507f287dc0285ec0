/*
 * Frames that others have captured (t/vectors/captured.json), read for a model that can have sent them: each value is
 * the one that two independent decoders give. Where they don't, doc/dictionary.md says why.
 */
#include "t/unit/proto/check_proto.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "proto/dictionary_read.h"
#include "t/vectors/vectors.h"

#define BODY 8 /* behind preamble and length */

struct counts {
	unsigned frames, values, no_reading;
};

static void
check_value(struct counts *counts, const char *model, const struct avl_io *io, const char *expected)
{
	char out[DICTIONARY_READ_ROOM(8)] = "";
	struct dictionary_reading r;

	ck_assert_uint_le(io->len, 8);
	dictionary_read(&r, dictionary_model(model), io, out);
	ck_assert_msg(r.row != NULL, "%s: %u has no name", model, io->id);
	counts->values++;
	if (r.note == DICTIONARY_NO_READING) {
		counts->no_reading++; /* the others show the code of the error as a value */
		return;
	}
	ck_assert_msg(
	    r.shape == DICTIONARY_NUMBER || r.shape == DICTIONARY_JSON, "%s: %u", model, io->id);
	out[r.len] = '\0';
	if (r.shape == DICTIONARY_NUMBER)
		ck_assert_msg(fabs(strtod(out, NULL) - strtod(expected, NULL)) < 1e-9,
		    "%s: %u is %s, not %s", model, io->id, out, expected);
}

static void
check_frame(struct counts *counts, const json_t *frame)
{
	static struct avl_record records[AVL_MAX_RECORDS];
	const char *model = json_string_value(json_object_get(frame, "model"));
	const json_t *values = json_object_get(frame, "values");
	struct avl_frame decoded;
	size_t len;
	uint8_t *bytes = vectors_unhex(json_string_value(json_object_get(frame, "hex")), &len);

	ck_assert_ptr_nonnull(bytes);
	ck_assert_int_eq(avl_decode(bytes + BODY, len - BODY - 4, &decoded, records), AVL_OK);
	ck_assert_uint_eq(decoded.nrecords, json_array_size(values));
	for (size_t i = 0; i < decoded.nrecords; i++) {
		const json_t *expected = json_array_get(values, i);
		struct avl_io_walk walk;
		struct avl_io io;
		size_t seen = 0;

		avl_io_start(&walk, &records[i]);
		while (avl_io_next(&walk, &io)) {
			char key[8];
			const char *value;

			snprintf(key, sizeof(key), "%u", io.id);
			value = json_string_value(json_object_get(expected, key));
			if (value != NULL) {
				check_value(counts, model, &io, value);
				seen++;
			}
		}
		ck_assert_uint_eq(seen, json_object_size(expected));
	}
	counts->frames++;
	free(bytes);
}

START_TEST(captured)
{
	json_t *frames = json_load_file(VECTORS_DIR "/captured.json", 0, NULL), *frame;
	struct counts counts = {0};
	uint64_t families = 0;
	unsigned n = 0;
	size_t i;

	ck_assert(json_is_array(frames));
	json_array_foreach(frames, i, frame)
	{
		families |= dictionary_model(json_string_value(json_object_get(frame, "model")));
		check_frame(&counts, frame);
	}
	for (; families != 0; families &= families - 1)
		n++;
	ck_assert_uint_ge(counts.frames, 200);
	ck_assert_uint_ge(n, 10);
	ck_assert_uint_ge(counts.values, 8000);
	ck_assert_uint_le(counts.no_reading, counts.values / 5);
	json_decref(frames);
}
END_TEST

Suite *
suite_captured(void)
{
	Suite *suite = suite_create("captured");
	TCase *t = tcase_create("captured");

	tcase_add_test(t, captured);
	suite_add_tcase(suite, t);
	return suite;
}
