#include "tool/io_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/dictionary_read.h"
#include "proto/stream.h"
#include "tool/out.h"
#include "tool/out_text.h"

static const char *
how_text(enum dictionary_how how)
{
	switch (how) {
	case DICTIONARY_BY_MODEL:
		return "model";
	case DICTIONARY_BY_ELEMENTS:
		return "elements";
	case DICTIONARY_OPEN:
		return "open";
	case DICTIONARY_CONTRADICTION:
		return "contradiction";
	}
	return "";
}

json_t *
io_names_family(const struct avl_record *record, const char *model)
{
	struct dictionary_family f;
	json_t *candidates = json_array();
	const char *text;

	dictionary_family_of(&f, model, record);
	for (unsigned i = 0; i < dictionary_count(); i++)
		if ((f.families >> i & 1) != 0)
			json_array_append_new(candidates, json_string(dictionary_family_name(i)));
	text = dictionary_family_text(&f);
	return json_pack(
	    "{s:s?, s:s, s:o}", "family", text, "how", how_text(f.how), "candidates", candidates);
}

/* A decimal number keeps its decimals in a table and loses them in JSON: 12.30 is 12.3. */
static json_t *
value_json(const struct dictionary_reading *r, const char *out)
{
	json_t *value = NULL;

	if (r->shape == DICTIONARY_NOTHING)
		return json_null();
	if (r->shape != DICTIONARY_TEXT)
		value = json_loadb(out, r->len, JSON_DECODE_ANY, NULL);
	return value != NULL ? value : json_stringn(out, r->len);
}

static json_t *
element_json(uint64_t families, const struct avl_io *io)
{
	struct dictionary_reading r;
	char *out = malloc(DICTIONARY_READ_ROOM(io->len)), raw[16];
	json_t *o = json_object();
	const char *unit;

	if (out == NULL || o == NULL) {
		free(out);
		json_decref(o);
		return NULL;
	}
	dictionary_read(&r, families, io, out);
	snprintf(raw, sizeof(raw), "io_%u", io->id);
	json_object_set_new(o, "id", json_integer(io->id));
	json_object_set_new(
	    o, "name", json_string(r.row != NULL ? dictionary_text(r.row->name) : raw));
	json_object_set_new(o, "value", value_json(&r, out));
	unit = r.row != NULL ? dictionary_text(r.row->unit) : "";
	if (*unit != '\0')
		json_object_set_new(o, "unit", json_string(unit));
	if (r.label_len > 0)
		json_object_set_new(o, "label", json_stringn(r.label, r.label_len));
	if (r.note != DICTIONARY_CLEAR)
		json_object_set_new(o, "note", json_string(dictionary_note_text(r.note)));
	free(out);
	return o;
}

json_t *
io_names(const struct avl_record *record, const char *model)
{
	struct dictionary_family f;
	struct avl_io_walk walk;
	struct avl_io io;
	json_t *array = json_array();

	dictionary_family_of(&f, model, record);
	avl_io_start(&walk, record);
	while (avl_io_next(&walk, &io)) {
		json_t *o = element_json(f.families, &io);

		if (o != NULL)
			json_array_append_new(array, o);
	}
	return array;
}

static const char *
text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

/* "external_voltage 12.345 V", "ignition 1 (ignition on)" */
static void
line_of(const json_t *e, char *out, size_t room)
{
	char value[200];
	const char *label = text(e, "label"), *note = text(e, "note"), *unit = text(e, "unit");

	out_scalar(json_object_get(e, "value"), value, sizeof(value));
	snprintf(out, room, "%s %s%s%s%s%s%s%s%s%s", text(e, "name"), value,
	    *unit != '\0' ? " " : "", unit, *label != '\0' ? " (" : "", label,
	    *label != '\0' ? ")" : "", *note != '\0' ? " [" : "", note, *note != '\0' ? "]" : "");
}

void
io_names_print(FILE *to, const char *prefix, const uint8_t *body, size_t len, const char *model)
{
	struct avl_record *records = calloc(AVL_MAX_RECORDS, sizeof(*records));
	struct avl_frame frame;
	char line[2000], at[OUT_TIME];

	if (records == NULL || len == 0 || !codec_is_avl(body[0]) ||
	    avl_decode(body, len, &frame, records) != AVL_OK) {
		free(records);
		return;
	}
	for (int i = 0; i < frame.nrecords; i++) {
		json_t *names = io_names(&records[i], model), *element;
		size_t k;

		fprintf(to, "%s%s", prefix,
		    out_time(records[i].timestamp_ms, at) ? at : "time out of range");
		json_array_foreach(names, k, element)
		{
			line_of(element, line, sizeof(line));
			out_clean(line);
			fprintf(to, "%s%s", k == 0 ? "  " : ", ", line);
		}
		fputc('\n', to);
		json_decref(names);
	}
	free(records);
}
