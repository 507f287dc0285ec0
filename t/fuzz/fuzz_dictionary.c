/*
 * Fuzz target: what IO elements say. The input is read twice: as a body whose elements are put into words, for several sets
 * of families; and as the value of an element of each kind that the dictionary has. The words stay inside memory of exactly
 * the room that is asked for, and are what their shape says: a number, printable text, or JSON.
 *
 * Input: a body.
 */
#include "t/fuzz/fuzz.h"

#include <string.h>

#include "proto/avl.h"
#include "proto/dictionary.h"
#include "proto/dictionary_read.h"
#include "proto/stream.h"

static void
check_number(const char *s, size_t n)
{
	size_t i = n > 0 && s[0] == '-', points = 0;

	REQUIRE(i < n && s[i] >= '0' && s[i] <= '9' && s[n - 1] >= '0' && s[n - 1] <= '9');
	for (; i < n; i++) {
		points += s[i] == '.';
		REQUIRE(s[i] == '.' || (s[i] >= '0' && s[i] <= '9'));
	}
	REQUIRE(points <= 1);
}

static void
check_shape(const struct dictionary_reading *got, const char *out)
{
	json_t *json;

	switch (got->shape) {
	case DICTIONARY_NOTHING:
		REQUIRE(got->len == 0);
		break;
	case DICTIONARY_NUMBER:
		check_number(out, got->len);
		break;
	case DICTIONARY_TEXT:
		REQUIRE(got->len > 0);
		for (size_t i = 0; i < got->len; i++)
			REQUIRE(out[i] >= ' ' && out[i] <= '~');
		break;
	case DICTIONARY_JSON:
		/* A part that comes twice is there twice; readers keep the last, as SQL does. */
		json = json_loadb(out, got->len, 0, NULL);
		REQUIRE(json_is_array(json) || json_is_object(json));
		json_decref(json);
		break;
	}
}

static void
check_read(uint64_t families, const struct avl_io *io)
{
	size_t room = DICTIONARY_READ_ROOM(io->len);
	char *out = malloc(room);
	struct dictionary_reading got;
	struct dictionary_event event;

	REQUIRE(out != NULL);
	dictionary_read(&got, families, io, out);
	REQUIRE(got.len <= room);
	check_shape(&got, out);
	REQUIRE((got.note == DICTIONARY_CLEAR) == (dictionary_note_text(got.note)[0] == '\0'));
	if (got.row != NULL) {
		REQUIRE(got.row->id == io->id && (got.row->families & families) != 0);
		REQUIRE(dictionary_text(got.row->name)[0] != '\0');
		dictionary_event(&event, got.row, true, got.raw, 0);
		REQUIRE(event.kind == NULL || event.kind_len > 0);
	} else
		REQUIRE(got.note != DICTIONARY_CLEAR && got.label_len == 0);
	REQUIRE(got.label_len == 0 || got.label != NULL);
	free(out);
}

/* Of all families, of one, and of some. */
static void
check_element(const struct avl_io *io, uint32_t some)
{
	check_read(dictionary_all(), io);
	check_read(UINT64_C(1) << some % dictionary_count(), io);
	check_read((some * UINT64_C(0x9e3779b97f4a7c15) & dictionary_all()) | 1, io);
}

static void
check_body(const uint8_t *body, size_t len, uint32_t some)
{
	static struct avl_record records[AVL_MAX_RECORDS];
	struct dictionary_family family;
	struct avl_frame frame;
	struct avl_io_walk walk;
	struct avl_io io;

	if (avl_decode(body, len, &frame, records) != AVL_OK)
		return;
	for (unsigned i = 0; i < frame.nrecords; i++) {
		dictionary_family_of(&family, NULL, &records[i]);
		REQUIRE(family.families != 0 && (family.families & ~dictionary_all()) == 0);
		avl_io_start(&walk, &records[i]);
		while (avl_io_next(&walk, &io)) {
			check_read(family.families, &io);
			check_element(&io, some);
		}
	}
}

/* As a value of variable length of each kind, and its first bytes as numbers of one that the input chooses. */
static void
check_value(const uint8_t *data, size_t size, uint32_t some)
{
	/* Of each kind at least one; the last is in no dictionary. */
	static const uint16_t ids[] = {385, 548, 10500, 10828, 281, 282, 78, 90, 123, 132, 195, 256,
	    264, 331, 66, 72, 517, 65535};
	static const size_t widths[] = {1, 2, 4, 8}, n = sizeof(ids) / sizeof(ids[0]);

	for (size_t i = 0; i < n; i++) {
		struct avl_io io = {.id = ids[i], .value = data, .variable = true};

		io.len = (uint16_t)(size < UINT16_MAX ? size : UINT16_MAX);
		check_element(&io, some);
		for (size_t k = 0; i == some % n && k < 4 && widths[k] <= size; k++) {
			uint8_t *exact = vectors_exact(data, widths[k]);

			io = (struct avl_io){
			    .id = ids[i], .value = exact, .len = (uint16_t)widths[k]};
			check_element(&io, some);
			free(exact);
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *exact = vectors_exact(data, size);
	uint32_t some = 5381;

	for (size_t i = 0; i < size; i++)
		some = some * 33 + exact[i];
	check_body(exact, size, some);
	check_value(exact, size, some);
	free(exact);
	return 0;
}

size_t
fuzz_seed(const struct vector *v, uint8_t out[FUZZ_SEED_MAX])
{
	/* Each element is read in many ways: of longer ones there would be a few a second. */
	const size_t header = 8, rest = 4, most = 5000;

	if (!v->tcp || v->len < header + rest + FRAME_BODY_MIN || v->len > most ||
	    strcmp(v->codec, "imei") == 0)
		return 0;
	memcpy(out, v->bytes + header, v->len - header - rest);
	return v->len - header - rest;
}
