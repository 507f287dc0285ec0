/*
 * The dictionary: what families a record may come from (the golden table t/vectors/families.csv, which SQL and
 * JSON are held to as well), and what an id means to a set of them.
 */
#include "t/unit/proto/check_proto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/dictionary.h"
#include "proto/stream.h"
#include "t/unit/proto/build.h"
#include "t/vectors/vectors.h"

#define COLUMNS 6
#define LINE_MAX_BYTES 1000

static const char *const how_names[] = {"model", "elements", "open", "contradiction"};

/* Appends the elements of one section: "239:01 331=0102" (= is variable length). */
static void
section(struct build *b, const char *elements, size_t len, bool variable)
{
	struct build found = {0};
	uint16_t n = 0;

	for (const char *at = elements; *at != '\0';) {
		char *end;
		unsigned long id = strtoul(at, &end, 10);
		size_t digits = strcspn(end + 1, " "), bytes;
		char hex[200] = "";
		uint8_t *value;

		ck_assert_uint_lt(digits, sizeof(hex));
		memcpy(hex, end + 1, digits);
		value = vectors_unhex(hex, &bytes);
		ck_assert_ptr_nonnull(value);
		if ((*end == '=') == variable && (variable || bytes == len)) {
			build_u16(&found, (uint16_t)id);
			if (variable)
				build_u16(&found, (uint16_t)bytes);
			build_bytes(&found, value, bytes);
			n++;
		}
		free(value);
		at = end + 1 + digits;
		at += *at == ' ';
	}
	build_u16(b, n);
	build_bytes(b, found.p, found.n);
	build_free(&found);
}

/* A body of codec 8E with one record of these elements. */
static void
body_of(struct build *b, const char *elements)
{
	uint16_t n = 0;

	for (const char *at = elements; *at != '\0'; at++)
		n += *at == ':' || *at == '=';
	build_u8(b, CODEC_8E);
	build_u8(b, 1);
	build_gps(b);
	build_u16(b, 0);
	build_u16(b, n);
	section(b, elements, 1, false);
	section(b, elements, 2, false);
	section(b, elements, 4, false);
	section(b, elements, 8, false);
	section(b, elements, 0, true);
	build_u8(b, 1);
}

static uint64_t
families_of(const char *names)
{
	uint64_t set = 0;

	if (strcmp(names, "all") == 0)
		return dictionary_all();
	for (unsigned i = 0; i < dictionary_count(); i++) {
		const char *name = dictionary_family_name(i);
		size_t n = strlen(name);

		for (const char *at = names; (at = strstr(at, name)) != NULL; at += n)
			if ((at == names || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
				set |= UINT64_C(1) << i;
	}
	return set;
}

static void
check_case(char *column[COLUMNS])
{
	static struct avl_record records[AVL_MAX_RECORDS];
	struct build body = {0};
	struct avl_frame frame;
	struct dictionary_family f;
	const char *text;

	body_of(&body, column[2]);
	ck_assert_int_eq(avl_decode(body.p, body.n, &frame, records), AVL_OK);
	dictionary_family_of(&f, column[1], &records[0]);
	ck_assert_msg(f.families == families_of(column[3]), "%s: families %llx, not %llx",
	    column[0], (unsigned long long)f.families, (unsigned long long)families_of(column[3]));
	ck_assert_msg(
	    strcmp(how_names[f.how], column[4]) == 0, "%s: by %s", column[0], how_names[f.how]);
	text = dictionary_family_text(&f);
	ck_assert_msg(strcmp(text != NULL ? text : "", column[5]) == 0, "%s: said to be %s",
	    column[0], text != NULL ? text : "nothing");
	build_free(&body);
}

START_TEST(golden_families)
{
	FILE *file = fopen(VECTORS_DIR "/families.csv", "r");
	char line[LINE_MAX_BYTES];
	unsigned n = 0;

	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), file)); /* the header */
	while (fgets(line, sizeof(line), file) != NULL) {
		char *column[COLUMNS], *at = line;

		for (size_t i = 0; i < COLUMNS; i++) {
			column[i] = at;
			at += strcspn(at, ",\n");
			ck_assert_msg(*at == (i + 1 < COLUMNS ? ',' : '\n'), "line %u", n + 2);
			*at++ = '\0';
		}
		check_case(column);
		n++;
	}
	ck_assert_uint_ge(n, 50);
	fclose(file);
}
END_TEST

static const char *
name_of(const char *model, uint16_t id, unsigned value_class)
{
	uint64_t families = model != NULL ? dictionary_model(model) : dictionary_all();
	const struct dictionary_row *row;

	ck_assert_uint_ne(families, 0);
	row = dictionary_find(families, id, value_class);
	return row != NULL ? dictionary_text(row->name) : "-";
}

START_TEST(names)
{
	ck_assert_str_eq(name_of("FMB920", 239, 0), "ignition");
	ck_assert_str_eq(name_of("FMB920", 16, 4), "total_odometer");
	ck_assert_str_eq(name_of("FMB640", 16, 4), "total_mileage_counted");
	ck_assert_str_eq(name_of("FMB640", 216, 4), "total_odometer");
	ck_assert_str_eq(name_of("FTC134", 800, 2), "external_voltage");
	ck_assert_str_eq(name_of("FMB920", 800, 2), "-");
	ck_assert_str_eq(name_of("FMC150", 256, 7), "vin");
	/* One name on all families, and many. */
	ck_assert_str_eq(name_of(NULL, 239, 0), "ignition");
	ck_assert_str_eq(name_of(NULL, 252, 0), "-");
	/* Wider than any of its rows. */
	ck_assert_str_eq(name_of("FMB920", 239, 4), "-");
	/* At both ends of the table, and beyond. */
	ck_assert_str_eq(name_of("FMB920", 1, 0), "digital_input_1");
	ck_assert_str_eq(name_of("FMB920", 0, 0), "-");
	ck_assert_str_eq(name_of("FMB920", 65535, 0), "-");
}
END_TEST

/* Rows of an id never share a family, each agrees with itself, and every model's family has rows. */
START_TEST(table)
{
	uint64_t used = 0;

	for (unsigned id = 0; id <= UINT16_MAX; id++) {
		const struct dictionary_row *row;
		size_t n = dictionary_rows_of((uint16_t)id, &row);
		uint64_t seen = 0;

		for (; n > 0; n--, row++) {
			ck_assert_uint_eq(row->id, id);
			ck_assert_uint_eq(seen & row->families, 0);
			ck_assert_uint_eq(row->families & ~row->agree, 0);
			ck_assert_uint_ne(row->fits, 0);
			ck_assert_uint_ne(row->multiplier, 0);
			seen |= row->families;
		}
		used |= seen;
	}
	ck_assert_uint_eq(used, dictionary_all());
	ck_assert_uint_eq(dictionary_model(NULL), 0);
	ck_assert_uint_eq(dictionary_model(""), 0);
	ck_assert_uint_eq(dictionary_model("TELTONIKA"), 0);
	ck_assert_uint_eq(dictionary_model("tat140"), dictionary_model("TAT240"));
}
END_TEST

Suite *
suite_dictionary(void)
{
	Suite *suite = suite_create("dictionary");
	TCase *t = tcase_create("dictionary");

	tcase_add_test(t, golden_families);
	tcase_add_test(t, names);
	tcase_add_test(t, table);
	suite_add_tcase(suite, t);
	return suite;
}
