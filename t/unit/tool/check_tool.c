/*
 * tgctl without a database: options and their errors, hex and binary input, tables and times,
 * frames as JSON, texts of commands, and the migrations: numbered without a gap, whole, and in step
 * with SCHEMA_VERSION.
 */
#include <check.h>
#include <jansson.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pg/schema_version.h"
#include "migrations/migrations.h"
#include "tool/cmd/cmd.h"
#include "tool/cmd/command_text.h"
#include "tool/frame_json.h"
#include "tool/hex_text.h"
#include "tool/input.h"
#include "tool/options.h"
#include "tool/out.h"

#define NARGS(a) ((int)(sizeof(a) / sizeof((a)[0])) - 1)

static char prog[] = "test", opt_c[] = "-c", file[] = "x.conf", json[] = "--json", word[] = "word",
	    bad[] = "--bad", limit[] = "--limit", seven[] = "7", opt_q[] = "-q",
	    help_option[] = "--help";

/* Runs the option parser over argv; returns the last code and the value of --limit. */
static int
parse(int argc, char **argv, struct options *opts, int *status, const char **value)
{
	static const struct option longs[] = {
	    OPTIONS_LONG, {"limit", required_argument, NULL, OPT_FIRST}, OPTIONS_END};
	int c;

	*value = NULL;
	*status = -1;
	options_start(opts);
	while ((c = options_next(argc, argv, OPTIONS_SHORT, longs, "help\n", opts, status)) >= 0)
		*value = optarg;
	return c;
}

START_TEST(options_stand_anywhere)
{
	char *argv[] = {prog, word, opt_c, file, limit, seven, json, NULL};
	struct options opts;
	const char *value;
	int status;

	/* Twice, as main() and tests parse more than once in a process. */
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(parse(NARGS(argv), argv, &opts, &status, &value), -1);
		ck_assert_str_eq(opts.conf_file, "x.conf");
		ck_assert(opts.json);
		ck_assert_str_eq(value, "7");
		ck_assert_int_eq(optind, NARGS(argv) - 1);
		ck_assert_str_eq(argv[optind], "word");
	}
}
END_TEST

START_TEST(wrong_options_end_with_2)
{
	char *unknown[] = {prog, bad, NULL}, *letter[] = {prog, opt_q, NULL};
	char *missing[] = {prog, limit, NULL}, *missing_c[] = {prog, opt_c, NULL};
	char **all[] = {unknown, letter, missing, missing_c};
	struct options opts;
	const char *value;
	int status;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		ck_assert_int_eq(parse(2, all[i], &opts, &status, &value), -2);
		ck_assert_int_eq(status, TOOL_USAGE);
	}
}
END_TEST

START_TEST(help_ends_with_0)
{
	char *argv[] = {prog, help_option, NULL};
	struct options opts;
	const char *value;
	int status;

	ck_assert_int_eq(parse(2, argv, &opts, &status, &value), -2);
	ck_assert_int_eq(status, TOOL_OK);
}
END_TEST

/* All wrong arguments are found before a database is asked for: this one would end with 1. */
START_TEST(commands_check_their_arguments)
{
	static const struct {
		int (*run)(int, char **);
		const char *args[5];
	} wrong[] = {
	    {cmd_migrate, {"migrate", "now"}},
	    {cmd_migrate, {"migrate", "--dry-rum"}},
	    {cmd_device, {"device"}},
	    {cmd_device, {"device", "rename", "350000000000001"}},
	    {cmd_device, {"device", "add"}},
	    {cmd_device, {"device", "add", "35000000000000"}},
	    {cmd_device, {"device", "add", "35000000000000a"}},
	    {cmd_device, {"device", "enable", "3500000000000011"}},
	    {cmd_device, {"device", "show"}},
	    {cmd_device, {"device", "show", "' OR 1=1 --"}},
	    {cmd_device, {"device", "list", "all"}},
	    {cmd_device, {"device", "list", "--limit", "-1"}},
	    {cmd_device, {"device", "list", "--limit", "ten"}},
	    {cmd_rejected, {"rejected", "clear"}},
	    {cmd_rejected, {"rejected", "clear", "350000000000001", "--all"}},
	    {cmd_rejected, {"rejected", "forget"}},
	    {cmd_raw, {"raw", "show"}},
	    {cmd_raw, {"raw", "show", "x"}},
	    {cmd_raw, {"raw", "decode"}},
	    {cmd_raw, {"raw", "decode", "0"}},
	    {cmd_raw, {"raw", "list", "--imei", "1"}},
	    {cmd_command, {"command"}},
	    {cmd_command, {"command", "repeat", "1"}},
	    {cmd_command, {"command", "send", "350000000000001"}},
	    {cmd_command, {"command", "send", "35000000000000", "getinfo"}},
	    {cmd_command, {"command", "send", "35000000000000x", "getinfo"}},
	    {cmd_command, {"command", "send", "350000000000001", "two", "words"}},
	    {cmd_command, {"command", "send", "350000000000001", ""}},
	    {cmd_command, {"command", "send", "350000000000001", "a\nb"}},
	    {cmd_command, {"command", "list", "--codec", "13"}},
	    {cmd_command, {"command", "list", "--key", ""}},
	    {cmd_command, {"command", "list", "--max-attempts", "0"}},
	    {cmd_command, {"command", "list", "--max-attempts", "101"}},
	    {cmd_command, {"command", "list", "--expires-in", "10"}},
	    {cmd_command, {"command", "list", "--wait=-1"}},
	    {cmd_command, {"command", "list", "--timeout", "soon"}},
	    {cmd_command, {"command", "list", "--limit", "-1"}},
	    {cmd_command, {"command", "list", "--status", "done"}},
	    {cmd_command, {"command", "list", "--open", "--status", "sent"}},
	    {cmd_command, {"command", "list", "1"}},
	    {cmd_command, {"command", "list", "350000000000001", "350000000000002"}},
	    {cmd_command, {"command", "cancel"}},
	    {cmd_command, {"command", "cancel", "1", "x"}},
	    {cmd_command, {"command", "cancel", "1", "--imei", "350000000000001"}},
	    {cmd_command, {"command", "cancel", "--imei", "1"}},
	    {cmd_command, {"command", "wait"}},
	    {cmd_command, {"command", "wait", "1", "2"}},
	    {cmd_command, {"command", "wait", "0"}},
	    {cmd_status, {"status", "now"}},
	    {cmd_why, {"why"}},
	    {cmd_why, {"why", "35000000000000"}},
	    {cmd_why, {"why", "350000000000001", "350000000000002"}},
	    {cmd_trace, {"trace"}},
	    {cmd_trace, {"trace", "350000000000001", "--for", "25h"}},
	    {cmd_trace, {"trace", "350000000000001"}}, /* no socket is set */
	    {cmd_capture, {"capture", "350000000000001"}},
	    {cmd_capture, {"capture", "350000000000001", "--for", "0"}},
	    {cmd_capture, {"capture", "--for", "10m"}},
	    {cmd_capture, {"capture", "350000000000001", "--for", "10m"}},
	    {cmd_decode, {"decode", "--replay", "nowhere"}},
	};
	char *argv[6];
	int argc;

	setenv("DATABASE_URL", "host=/nonexistent dbname=x", 1);
	setenv("TELEM_CONTROL_SOCKET", "none", 1);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		for (argc = 0; argc < 5 && wrong[i].args[argc] != NULL; argc++)
			argv[argc] = strdup(wrong[i].args[argc]);
		argv[argc] = NULL;
		ck_assert_msg(wrong[i].run(argc, argv) == TOOL_USAGE, "case %zu", i);
		for (int a = 0; a < argc; a++)
			free(argv[a]);
	}
}
END_TEST

START_TEST(numbers_and_imeis)
{
	long long n;

	ck_assert(options_number("0", 0, 9, &n) && n == 0);
	ck_assert(options_number("9", 0, 9, &n) && n == 9);
	ck_assert(!options_number("10", 0, 9, &n));
	ck_assert(!options_number("", 0, 9, &n));
	ck_assert(!options_number("1x", 0, 9, &n));
	ck_assert(!options_number("99999999999999999999", 0, INT64_MAX, &n));
	static const struct {
		const char *text;
		bool ok;
	} imeis[] = {{"350000000000001", true}, {" 350000000000001\t\r\n", true},
	    {"35000000000000", false}, {"3500000000000011", false}, {"35000000000000 ", false},
	    {"+35000000000001", false}, {"35000000 0000001", false}, {"", false}};
	for (size_t i = 0; i < sizeof(imeis) / sizeof(imeis[0]); i++) {
		char text[32];

		strcpy(text, imeis[i].text);
		ck_assert(options_imei("test", text) == imeis[i].ok);
		ck_assert_str_eq(text, imeis[i].ok ? "350000000000001" : imeis[i].text);
	}
}
END_TEST

START_TEST(times_of_options)
{
	static const struct {
		const char *text;
		int seconds;
	} all[] = {{"1", 1}, {"90", 90}, {"90s", 90}, {"10m", 600}, {"24h", 86400}, {"0", 0},
	    {"25h", 0}, {"86401", 0}, {"", 0}, {"h", 0}, {"1d", 86400}, {"2d", 0}, {"1hh", 0},
	    {"1 h", 0}, {"-1", 0}, {"999999999h", 0}, {"9999999999", 0}, {"1.5h", 0}};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		int seconds = -1;
		bool ok = options_seconds(all[i].text, 86400, &seconds);

		ck_assert_msg(ok == (all[i].seconds > 0), "%s", all[i].text);
		ck_assert_msg(!ok || seconds == all[i].seconds, "%s", all[i].text);
	}
}
END_TEST

static bool
unhex(const char *text, const char *want, size_t want_len)
{
	uint8_t bytes[64];
	size_t len = strlen(text);

	memcpy(bytes, text, len);
	return hex_text(bytes, &len) && len == want_len && memcmp(bytes, want, len) == 0;
}

START_TEST(hex_is_read)
{
	ck_assert(unhex("000fFF", "\0\x0f\xff", 3));
	ck_assert(unhex(" 00\t0\r\nf # an IMEI: 35\nff", "\0\x0f\xff", 3));
	ck_assert(unhex("", "", 0));
	ck_assert(!unhex("000", "\0", 1));
	ck_assert(!unhex("0g", "\0", 1));
}
END_TEST

static size_t
read_as(const void *p, size_t n, enum input_form form, uint8_t **bytes)
{
	char name[] = "/tmp/check_tool.XXXXXX";
	int fd = mkstemp(name);
	size_t len;
	bool ok;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, p, n), (ssize_t)n);
	close(fd);
	ok = input_read(name, form, bytes, &len);
	unlink(name);
	return ok ? len : SIZE_MAX;
}

START_TEST(the_form_is_found_out)
{
	uint8_t *bytes;

	ck_assert_uint_eq(read_as("00 ff\n", 6, INPUT_AUTO, &bytes), 2);
	ck_assert_uint_eq(bytes[1], 0xff);
	free(bytes);
	ck_assert_uint_eq(read_as("\0\x0f"
				  "35",
			      4, INPUT_AUTO, &bytes),
	    4);
	free(bytes);
	ck_assert_uint_eq(read_as("3535", 4, INPUT_BINARY, &bytes), 4);
	free(bytes);
	ck_assert_uint_eq(read_as("\0\x0f", 2, INPUT_HEX, &bytes), SIZE_MAX);
	ck_assert_uint_eq(read_as("00f", 3, INPUT_AUTO, &bytes), SIZE_MAX);
	ck_assert(!input_read("/nonexistent/file", INPUT_AUTO, &bytes, &(size_t){0}));
}
END_TEST

START_TEST(times_are_iso)
{
	char text[OUT_TIME];

	ck_assert(out_time(0, text));
	ck_assert_str_eq(text, "1970-01-01T00:00:00.000Z");
	ck_assert(out_time(UINT64_C(1560161086123), text));
	ck_assert_str_eq(text, "2019-06-10T10:04:46.123Z");
	ck_assert(out_time(UINT64_C(9224318015999999), text));
	ck_assert_str_eq(text, "294276-12-31T23:59:59.999Z");
	ck_assert(!out_time(UINT64_MAX, text));
}
END_TEST

START_TEST(cells_are_harmless)
{
	json_t *value = json_string("a\x1b[31mb\n");
	char cell[8];

	out_scalar(value, cell, sizeof(cell));
	ck_assert_str_eq(cell, "a?[31mb");
	json_decref(value);
	value = json_null();
	out_scalar(value, cell, sizeof(cell));
	ck_assert_str_eq(cell, "-");
}
END_TEST

START_TEST(a_frame_as_json)
{
	char hex[] =
	    "08010000016b40d8ea30010000000000000000000000000000000105021503010101425e0f01f10000601a"
	    "014e000000000000000001";
	size_t len = strlen(hex);
	json_t *o = json_object(), *record, *io;

	ck_assert(hex_text((uint8_t *)hex, &len));
	ck_assert(frame_json(o, (uint8_t *)hex, len));
	ck_assert_str_eq(json_string_value(json_object_get(o, "kind")), "avl");
	record = json_array_get(json_object_get(o, "records"), 0);
	ck_assert_int_eq(json_integer_value(json_object_get(record, "timestamp")), 1560161086000);
	ck_assert_str_eq(
	    json_string_value(json_object_get(record, "recorded_at")), "2019-06-10T10:04:46.000Z");
	ck_assert_int_eq(json_integer_value(json_object_get(record, "event_io_id")), 1);
	ck_assert(json_is_false(json_object_get(record, "valid")));
	ck_assert(json_is_null(json_object_get(record, "generation_type")));
	ck_assert(json_is_string(json_object_get(record, "record_hash")));
	io = json_object_get(record, "io");
	ck_assert_uint_eq(json_object_size(io), 5);
	ck_assert_int_eq(json_integer_value(json_object_get(io, "241")), 24602);
	ck_assert_str_eq(json_string_value(json_object_get(io, "78")), "0000000000000000");
	json_decref(o);
	/* The second count lies. */
	hex[len - 1] = 2;
	o = json_object();
	ck_assert(!frame_json(o, (uint8_t *)hex, len));
	ck_assert_str_eq(json_string_value(json_object_get(o, "error")), "count");
	json_decref(o);
}
END_TEST

START_TEST(an_unknown_codec_is_an_error)
{
	const uint8_t body[] = {0x77, 1, 0, 1};
	json_t *o = json_object();

	ck_assert(!frame_json(o, body, sizeof(body)));
	ck_assert_str_eq(json_string_value(json_object_get(o, "kind")), "unknown");
	ck_assert_str_eq(json_string_value(json_object_get(o, "error")), "unknown codec");
	json_decref(o);
}
END_TEST

/* Checks a text against a limit of 8; `want` is a part of the complaint, NULL for none. */
static void
check_text(const char *text, size_t len, const char *want)
{
	char why[COMMAND_TEXT_WHY] = "";
	bool ok = command_text_check(text, len, 8, why);

	ck_assert_msg(ok == (want == NULL), "%zu bytes: %s", len, why);
	if (want != NULL)
		ck_assert_msg(strstr(why, want) != NULL, "%s: %s", want, why);
}

START_TEST(texts_of_commands)
{
	check_text("getinfo", 7, NULL);
	check_text(" ~!\"\\'%", 7, NULL);
	check_text("12345678", 8, NULL);
	check_text("123456789", 9, "longer than 8 characters");
	check_text("", 0, "empty");
	check_text("a\nb", 3, "character 2 of it (byte 0x0a) is a control character");
	check_text("ab\x7f", 3, "character 3 of it (byte 0x7f) is a control character");
	check_text("a\0b", 3, "character 2 of it (byte 0x00)");
	check_text("\xc3\xa9", 2, "character 1 of it (byte 0xc3) is not ASCII");
	/* The first that is wrong is told, and nothing of the text. */
	check_text("a\t\xc3", 3, "character 2 of it (byte 0x09)");
}
END_TEST

START_TEST(durations)
{
	static const char *const wrong[] = {"", "s", "10", "0s", "-1s", "+1s", " 1s", "1 s", "1w",
	    "1S", "1ss", "1m30s", "1.5h", "3651d", "315360001s", "99999999999999999999s"};
	long long s;

	ck_assert(options_duration("1s", &s) && s == 1);
	ck_assert(options_duration("90s", &s) && s == 90);
	ck_assert(options_duration("10m", &s) && s == 600);
	ck_assert(options_duration("2h", &s) && s == 7200);
	ck_assert(options_duration("1d", &s) && s == 86400);
	ck_assert(options_duration("3650d", &s) && s == OPTIONS_DURATION_LONGEST);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_msg(!options_duration(wrong[i], &s), "%s", wrong[i]);
}
END_TEST

START_TEST(migrations_are_in_order)
{
	char number[16];

	ck_assert_uint_ge(nmigrations, 1);
	for (size_t i = 0; i < nmigrations; i++) {
		ck_assert_int_eq(migrations[i].version, (int)i + 1);
		snprintf(number, sizeof(number), "%04d_", migrations[i].version);
		ck_assert_msg(
		    strncmp(migrations[i].name, number, 5) == 0, "%s", migrations[i].name);
	}
	ck_assert_int_eq(migrations[nmigrations - 1].version, SCHEMA_VERSION);
}
END_TEST

/* Byte by byte what stands in the source tree: the embedding loses and changes nothing. */
START_TEST(migrations_are_whole)
{
	const char *top = getenv("srcdir");
	char pattern[4096];

	for (size_t i = 0; i < nmigrations; i++) {
		size_t len = strlen(migrations[i].sql), got = 0;
		char *text = malloc(len + 2);
		glob_t files;

		/* Files of one number are one migration. */
		snprintf(pattern, sizeof(pattern), "%s/migrations/%04d_*.sql",
		    top != NULL ? top : ".", migrations[i].version);
		ck_assert_msg(glob(pattern, 0, NULL, &files) == 0 && text != NULL, "%s", pattern);
		for (size_t k = 0; k < files.gl_pathc; k++) {
			FILE *f = fopen(files.gl_pathv[k], "r");

			ck_assert_msg(f != NULL, "%s", files.gl_pathv[k]);
			got += fread(text + got, 1, len + 1 - got, f);
			fclose(f);
		}
		globfree(&files);
		ck_assert_uint_eq(got, len);
		ck_assert_mem_eq(text, migrations[i].sql, len);
		free(text);
	}
}
END_TEST

/* tgctl runs each in a transaction with the row of schema_migrations: none may end it. */
START_TEST(migrations_end_no_transaction)
{
	static const char *const words[] = {"\nCOMMIT", "\nROLLBACK", "\nBEGIN;", "CONCURRENTLY"};

	for (size_t i = 0; i < nmigrations; i++)
		for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++)
			ck_assert_msg(strstr(migrations[i].sql, words[w]) == NULL, "%s: %s",
			    migrations[i].name, words[w]);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tool");
	TCase *tc = tcase_create("tool");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, options_stand_anywhere);
	tcase_add_test(tc, wrong_options_end_with_2);
	tcase_add_test(tc, help_ends_with_0);
	tcase_add_test(tc, commands_check_their_arguments);
	tcase_add_test(tc, numbers_and_imeis);
	tcase_add_test(tc, times_of_options);
	tcase_add_test(tc, hex_is_read);
	tcase_add_test(tc, the_form_is_found_out);
	tcase_add_test(tc, times_are_iso);
	tcase_add_test(tc, cells_are_harmless);
	tcase_add_test(tc, a_frame_as_json);
	tcase_add_test(tc, an_unknown_codec_is_an_error);
	tcase_add_test(tc, texts_of_commands);
	tcase_add_test(tc, durations);
	tcase_add_test(tc, migrations_are_in_order);
	tcase_add_test(tc, migrations_are_whole);
	tcase_add_test(tc, migrations_end_no_transaction);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
