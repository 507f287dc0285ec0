/* tgctl dictionary: what an AVL id means, and on which families of devices. */
#include "tool/cmd/cmd.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/dictionary.h"
#include "tool/options.h"
#include "tool/out.h"

#define LARGEST_ID 65535

static const char help[] =
    "Usage: tgctl dictionary ID|NAME [--model MODEL] [--json]\n"
    "       tgctl dictionary --models [--json]\n"
    "\n"
    "Says what an AVL id means: a row for each meaning, with the families of devices that\n"
    "mean it. NAME is the beginning of a name, or of a word in one. Families in brackets are\n"
    "some of their group: ft(ftc134) is one of the group ft. With one row left, the words\n"
    "for its values follow, and the events that records are made for.\n"
    "\n"
    "Options:\n"
    "      --model MODEL  only what it means on this model\n"
    "      --models       list the models that the dictionary knows, and their families\n"
    "      --json         print an array of objects\n"
    "  -h, --help         this text\n"
    "\n"
    "Exit status: 0 found, 1 the dictionary does not have it, 2 wrong arguments.\n";

/* "fmb ft(ftc134 ftc305)"; the caller's room is for the names of all families. */
static void
put_families(uint64_t set, char *out, size_t room)
{
	size_t n = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < dictionary_count(); i++) {
		const char *group = dictionary_group_name(i);
		unsigned end = i, have = 0;

		/* Families of a group stand together. */
		for (; end < dictionary_count() && dictionary_group_name(end) == group; end++)
			have += set >> end & 1;
		if (have > 0)
			n += (size_t)snprintf(out + n, room - n, "%s%s", n > 0 ? " " : "", group);
		if (have > 0 && have < end - i) {
			const char *before = "(";

			for (unsigned k = i; k < end; k++)
				if ((set >> k & 1) != 0) {
					n += (size_t)snprintf(out + n, room - n, "%s%s", before,
					    dictionary_family_name(k));
					before = " ";
				}
			n += (size_t)snprintf(out + n, room - n, ")");
		}
		i = end - 1;
	}
}

static const char *
kind_text(uint8_t kind)
{
	static const char *const kinds[] = {"unsigned", "signed", "hex", "ASCII", "flags",
	    "iButton", "beacons", "adverts", "codes"};

	return kinds[kind];
}

/* 0.001 of 1 and 3. */
static double
scale(const struct dictionary_row *row)
{
	double v = row->multiplier;

	for (unsigned i = 0; i < row->decimals; i++)
		v /= 10;
	return v;
}

static json_t *
row_json(const struct dictionary_row *row)
{
	char families[1000];
	bool number = row->kind == DICTIONARY_UNSIGNED || row->kind == DICTIONARY_SIGNED;

	put_families(row->families, families, sizeof(families));
	return json_pack("{s:i, s:s, s:o, s:s, s:o, s:s, s:s, s:s}", "id", row->id, "name",
	    dictionary_text(row->name), "bytes",
	    row->bytes == DICTIONARY_VAR ? json_string("any")
	    : row->bytes == 0		 ? json_null()
					 : json_integer(row->bytes),
	    "kind", kind_text(row->kind), "scale", number ? json_real(scale(row)) : json_null(),
	    "unit", dictionary_text(row->unit), "families", families, "description",
	    dictionary_text(row->description));
}

/* "0=off;!850=sensor not ready" as {"0": "off", ...}. */
static json_t *
pairs(const char *text)
{
	json_t *o = json_object();

	while (*text != '\0') {
		size_t key, value;
		char *name;

		text += *text == '!';
		key = strcspn(text, "=");
		value = strcspn(text + key + 1, ";");
		if ((name = strndup(text, key)) != NULL)
			json_object_set_new(o, name, json_stringn(text + key + 1, value));
		free(name);
		text += key + 1 + value;
		text += *text == ';';
	}
	return o;
}

static void
print_pairs(const char *title, const char *text)
{
	json_t *o = pairs(text);
	const char *key;
	json_t *value;

	if (json_object_size(o) > 0)
		printf("\n%s\n", title);
	json_object_foreach(o, key, value)
	{
		printf("  %s  %s\n", key, json_string_value(value));
	}
	json_decref(o);
}

/* Does a word of the name begin so? Words stand between underscores. */
static bool
has_word(const char *name, const char *begin)
{
	for (const char *at = name; (at = strstr(at, begin)) != NULL; at++)
		if (at == name || at[-1] == '_')
			return true;
	return false;
}

static bool
wanted(const struct dictionary_row *row, long long id, const char *name, uint64_t families)
{
	if ((row->families & families) == 0)
		return false;
	return id > 0 ? row->id == id : has_word(dictionary_text(row->name), name);
}

/* The rows that are asked for, as an array; *only the last of them. */
static json_t *
look_up(long long id, const char *name, uint64_t families, bool json,
    const struct dictionary_row **only)
{
	json_t *array = json_array();

	for (long long i = id > 0 ? id : 0; i <= (id > 0 ? id : LARGEST_ID); i++) {
		const struct dictionary_row *row;
		size_t n = dictionary_rows_of((uint16_t)i, &row);

		for (; n > 0; n--, row++) {
			json_t *o;

			if (!wanted(row, id, name, families))
				continue;
			o = row_json(row);
			if (json) {
				json_object_set_new(
				    o, "labels", pairs(dictionary_text(row->labels)));
				json_object_set_new(
				    o, "events", pairs(dictionary_text(row->event)));
			}
			json_array_append_new(array, o);
			*only = row;
		}
	}
	return array;
}

static int
show(const char *what, const char *model, bool json)
{
	uint64_t families = dictionary_all();
	const struct dictionary_row *only = NULL;
	json_t *array;
	long long id = 0;
	size_t n;

	if (model != NULL && (families = dictionary_model(model)) == 0) {
		fprintf(stderr, "tgctl: the dictionary does not know the model %s; see --models\n",
		    model);
		return TOOL_FAILED;
	}
	if (strspn(what, "0123456789") == strlen(what) && !options_number(what, 1, LARGEST_ID, &id))
		return options_usage(
		    "dictionary", "an AVL id is a number from 1 to 65535, not \"%s\"", what);
	array = look_up(id, what, families, json, &only);
	n = json_array_size(array);
	if (n == 0) {
		json_decref(array);
		fprintf(stderr, "tgctl: the dictionary has no %s%s%s\n", what,
		    model != NULL ? " for " : "", model != NULL ? model : "");
		return TOOL_FAILED;
	}
	out_array(array, json);
	if (n == 1 && !json) {
		print_pairs(only->kind == DICTIONARY_FLAGS ? "Bits:" : "Values:",
		    dictionary_text(only->labels));
		print_pairs("As the event of a record (* is any other value):",
		    dictionary_text(only->event));
	}
	return TOOL_OK;
}

static int
list_models(bool json)
{
	json_t *array = json_array();
	const char *model;
	unsigned family;

	for (unsigned i = 0; (model = dictionary_model_name(i, &family)) != NULL; i++)
		json_array_append_new(array,
		    json_pack("{s:s, s:s, s:s}", "model", model, "family",
			dictionary_family_name(family), "group", dictionary_group_name(family)));
	out_array(array, json);
	return TOOL_OK;
}

int
cmd_dictionary(int argc, char **argv)
{
	enum { OPT_MODEL = OPT_FIRST, OPT_MODELS };
	static const struct option longs[] = {OPTIONS_LONG,
	    {"model", required_argument, NULL, OPT_MODEL},
	    {"models", no_argument, NULL, OPT_MODELS}, OPTIONS_END};
	struct options opts;
	const char *model = NULL;
	bool models = false;
	int c, status;

	options_start(&opts);
	while ((c = options_next(argc, argv, OPTIONS_SHORT, longs, help, &opts, &status)) != -1) {
		if (c == -2)
			return status;
		if (c == OPT_MODEL)
			model = optarg;
		else
			models = true;
	}
	if (models && optind == argc)
		return list_models(opts.json);
	if (models || optind + 1 != argc)
		return options_usage("dictionary", "it takes one id or name");
	return show(argv[optind], model, opts.json);
}
