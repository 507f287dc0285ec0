/* Texts for people, and from them: clean ones, tables and help that fit, bytes out of pasted text, metrics. */
#include <check.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/help_text.h"
#include "tool/hex_text.h"
#include "tool/out.h"
#include "tool/out_text.h"
#include "tool/top_sample.h"

START_TEST(texts_are_cleaned)
{
	static const struct {
		const char *from, *to;
	} cases[] = {
	    {"Van 7", "Van 7"},
	    {"Größe €10 \xf0\x9f\x9a\x9a", "Größe €10 \xf0\x9f\x9a\x9a"},
	    {"a\033[2Jb\r\n\t\x7f", "a?[2Jb????"},
	    {"\xc2\x9b"
	     "31m\xc2\x85x",
		"?31m?x"}, /* U+009B, U+0085 */
	    {"a\xe2\x80\xae"
	     "b\xe2\x81\xa6\xd8\x9c",
		"a?b??"},			/* U+202E, U+2066, U+061C */
	    {"\xe2\x80\xa8\xef\xbb\xbf", "??"}, /* U+2028, U+FEFF */
	    {"\xff\xc0\xaf\xe0\x80\xaf\xed\xa0\x80", "?????????"},
	    {"\xf4\x90\x80\x80", "????"},
	    {"cut \xe2\x82", "cut ??"},
	};
	char text[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		strcpy(text, cases[i].from);
		out_clean(text);
		ck_assert_msg(strcmp(text, cases[i].to) == 0, "case %zu: %s", i, text);
	}
	out_copy(text, 4, "ab\xc3\xa4z");
	ck_assert_str_eq(text, "ab");
	out_copy(text, 5, "ab\xc3\xa4z");
	ck_assert_str_eq(text, "ab\xc3\xa4");
	ck_assert_int_eq(out_width("ab\xc3\xa4"), 3);
}
END_TEST

/* What stdout got of a function, in a buffer that the next call overwrites. */
static const char *
printed(void (*print)(FILE *))
{
	static char text[65536];
	FILE *f = fmemopen(text, sizeof(text) - 1, "w");

	ck_assert_ptr_nonnull(f);
	memset(text, 0, sizeof(text));
	print(f);
	fclose(f);
	return text;
}

static void
wrap_some(FILE *f)
{
	setenv("COLUMNS", "40", 1);
	out_wrapped(f, "  -> ", "     ",
	    "It has been disconnected since yesterday, and nobody knows why that is so.");
	out_lines(f, "first\r\nsecond\rhalf\tend\n");
}

START_TEST(texts_are_wrapped)
{
	ck_assert_str_eq(printed(wrap_some), "  -> It has been disconnected since\n"
					     "     yesterday, and nobody knows why\n"
					     "     that is so.\n"
					     "first\nsecond?half end\n");
}
END_TEST

static void
help_some(FILE *f)
{
	help_text_print(f,
	    "Usage: tgctl thing [--first VALUE] [--second VALUE]\n"
	    "       tgctl thing other\n"
	    "\n"
	    "Does what it says, and a little more than that\n"
	    "if asked.\n"
	    "\n"
	    "  -c, --config FILE  configuration file of some kind\n"
	    "      --long-name N one blank behind its name, text\n"
	    "                    that goes on\n"
	    "  -h                 help\n",
	    44);
}

START_TEST(help_fits)
{
	ck_assert_str_eq(printed(help_some), "Usage: tgctl thing [--first VALUE]\n"
					     "                    [--second VALUE]\n"
					     "       tgctl thing other\n"
					     "\n"
					     "Does what it says, and a little more than\n"
					     "that if asked.\n"
					     "\n"
					     "  -c, --config FILE  configuration file of\n"
					     "                     some kind\n"
					     "      --long-name N one blank behind its\n"
					     "                    name, text that goes on\n"
					     "  -h                 help\n");
}
END_TEST

START_TEST(bytes_out_of_text)
{
	static const char imei[] = "\0\x0f"
				   "356307042441013";
	static const struct {
		const char *text;
		const char *want;
		size_t n;
	} cases[] = {
	    {"000F333536333037303432343431303133", imei, 17},
	    {"00 0f 33 35 36 33 30 37 30 34 32 34 34 31 30 31 33 # IMEI", imei, 17},
	    {"00:0f:33:35:36:33:30:37:30:34:32:34:34:31:30:31:33", imei, 17},
	    {"{0x00, 0x0f, 0x33, 0x35}", imei, 4},
	    {"0x000f3335", imei, 4},
	    {"\"000f\"-\"3335\"", imei, 4},
	    {"b'\\x00\\x0f356307042441013'", imei, 17},
	    {"\\x00\\x0f\\x33\\x35", imei, 4},
	    {"got \"\\0\\x0f35\" of it", imei, 4},
	    {"00000000: 000f 3335 3633 3037 3034 3234 3431 3031  ..35630704244101\n"
	     "00000010: 33                                       3\n",
		imei, 17},
	    {"00000000  00 0f 33 35 36 33 30 37  30 34 32 34 34 31 30 31  |..35630704244101|\n"
	     "00000010  33                                                |3|\n",
		imei, 17},
	    {"\t0x0000:  000f 3335 3633 3037 3034 3234 3431 3031  ..35630704244101\n"
	     "\t0x0010:  33                                       3\n",
		imei, 17},
	    {"2026-01-01 00:00:00  INFO: [T8f3a: teltonika < 1.2.3.4] HEX: "
	     "000f333536333037303432343431303133",
		imei, 17},
	    {"2026-11-30T00:00:00.000Z worker 0 1.2.3.4:5 > 000f333536333037303432343431303133\n"
	     "2026-11-30T00:00:00.001Z worker 0 1.2.3.4:5 < 0000000000000001ab\n"
	     "2026-11-30T00:00:00.001Z worker 0 1.2.3.4:5 handshake accepted (device 1)\n",
		imei, 17},
	    {"2026 WARN connection closed: imei=350000000000001 first_bytes=000f33353633303730343234 x",
		imei, 12},
	    {"", "", 0},
	    {"nothing of the kind", "", 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t text[512];
		size_t len = strlen(cases[i].text);

		memcpy(text, cases[i].text, len);
		ck_assert(hex_text_likely(text, len));
		ck_assert_msg(hex_text(text, &len), "case %zu", i);
		ck_assert_msg(len == cases[i].n && memcmp(text, cases[i].want, len) == 0,
		    "case %zu: %zu bytes", i, len);
	}
	uint8_t half[] = "000";
	size_t n = 3;
	ck_assert(!hex_text(half, &n));
	ck_assert(!hex_text_likely((const uint8_t *)"\0\x0f", 2));
}
END_TEST

static const char metrics[] = "# HELP x y\n"
			      "telematics_connections{state=\"active\"} 7\n"
			      "telematics_connections{state=\"handshake\"} 1\n"
			      "telematics_avl_records_total %d\n"
			      "telematics_records_total{outcome=\"stored\"} %d\n"
			      "telematics_acks_total %d\n"
			      "telematics_database_up 1\n"
			      "telematics_start_time_seconds 1000.000\n"
			      "telematics_connections_closed_total{reason=\"peer\"} %d\n"
			      "telematics_connections_closed_total{reason=\"idle\"} 4\n"
			      "telematics_ack_seconds_bucket{le=\"0.001\"} %d\n"
			      "telematics_ack_seconds_bucket{le=\"0.01\"} %d\n"
			      "telematics_ack_seconds_bucket{le=\"+Inf\"} %d\n";

/* So many ACKs: half of them within a millisecond, `slow` of them after more than ten. */
static void
sample(struct top_sample *s, int64_t at_ms, int n, int slow)
{
	char text[2048];

	snprintf(text, sizeof(text), metrics, 10 * n, 9 * n, n, n, n / 2, n - slow, n);
	top_read(text, at_ms, s);
}

START_TEST(top_between_two_samples)
{
	struct top_sample none = {0}, one, two, three;
	json_t *o;
	char *text;

	sample(&one, 1010000, 100, 2);
	o = top_json(&none, &one);
	ck_assert_int_eq(json_integer_value(json_object_get(o, "connections")), 8);
	ck_assert(fabs(json_real_value(json_object_get(o, "records_per_s")) - 100) < 0.01);
	ck_assert(json_is_true(json_object_get(o, "ready")));
	json_decref(o);
	sample(&two, 1012000, 300, 5);
	o = top_json(&one, &two);
	ck_assert(fabs(json_real_value(json_object_get(o, "records_per_s")) - 1000) < 0.01);
	ck_assert(fabs(json_real_value(json_object_get(o, "stored_per_s")) - 900) < 0.01);
	ck_assert(fabs(json_real_value(json_object_get(o, "ack_p50_ms")) - 1) < 0.01);
	/* Three of the 200 were slower than the last bound: nobody knows by how much. */
	ck_assert(json_is_null(json_object_get(o, "ack_p99_ms")));
	text = json_dumps(json_object_get(o, "closed"), JSON_COMPACT);
	ck_assert_str_eq(text, "{\"peer\":200}");
	free(text);
	json_decref(o);
	sample(&three, 1014000, 500, 7);
	o = top_json(&two, &three);
	ck_assert(fabs(json_real_value(json_object_get(o, "ack_p99_ms")) - 10) < 0.01);
	json_decref(o);
	/* The gateway began anew. */
	o = top_json(&two, &one);
	ck_assert(json_real_value(json_object_get(o, "records_per_s")) > 0);
	json_decref(o);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("texts");
	TCase *tc = tcase_create("texts");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, texts_are_cleaned);
	tcase_add_test(tc, texts_are_wrapped);
	tcase_add_test(tc, help_fits);
	tcase_add_test(tc, bytes_out_of_text);
	tcase_add_test(tc, top_between_two_samples);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
