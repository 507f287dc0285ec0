/* tgctl export: records of the history as a file, with what proves that it is whole. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool/cmd/cmd.h"
#include "tool/cmd/history_file.h"
#include "tool/database.h"
#include "tool/options.h"
#include "tool/out.h"
#include "tool/progress.h"

static const char help[] =
    "Usage: tgctl export [-c FILE] [--day DAY] [--imei IMEI] [--json] FILE\n"
    "\n"
    "Writes records of the history into FILE (\"-\" for standard output), as CSV with\n"
    "a line of names: of a day (of UTC, as a partition has it), of a device, or of a\n"
    "device on a day. The last line says how many they are, with a checksum of their\n"
    "content: \"tgctl import\" takes a file with that line alone, and only if both are\n"
    "right. All records are of one moment.\n"
    "\n"
    "A FILE that is there already stays, and nothing is written.\n"
    "\n"
    "Options:\n"
    "  -c, --config FILE  configuration file\n"
    "      --day DAY      records of this day, YYYY-MM-DD\n"
    "      --imei IMEI    records of this device\n"
    "      --json         print one JSON object: file, records, devices, checksum\n"
    "                     (on standard error for \"-\")\n"
    "  -h, --help         this text\n"
    "\n"
    "Exit status: 0 done, 1 it could not be done, 2 wrong arguments or configuration.\n";

struct export
{
	const char *day, *name;
	char *imei;
	FILE *file;
	uint64_t lines;
	struct progress progress;
	bool json;
};

static bool
complain(const struct export *e)
{
	fprintf(stderr, "tgctl: can't write %s: %s\n", e->name, strerror(errno));
	return false;
}

static bool
put_line(void *ctx, const char *bytes, size_t len)
{
	struct export *e = ctx;

	progress_step(&e->progress, e->lines++);
	return fwrite(bytes, 1, len, e->file) == len || complain(e);
}

/* Nobody else may read where people's cars have been. */
static bool
open_file(struct export *e)
{
	int fd;

	if (strcmp(e->name, "-") == 0) {
		e->file = stdout;
		return true;
	}
	fd = open(e->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd != -1)
		e->file = fdopen(fd, "w");
	if (fd != -1 && e->file == NULL)
		close(fd);
	return e->file != NULL || complain(e);
}

/* A file that isn't whole goes again. */
static bool
close_file(struct export *e, bool whole)
{
	if (e->file == stdout)
		return whole && (fflush(stdout) == 0 || complain(e));
	whole = whole && (fflush(e->file) == 0 || complain(e));
	whole = whole && (fsync(fileno(e->file)) == 0 || complain(e));
	if (fclose(e->file) != 0 && whole)
		whole = complain(e);
	if (!whole)
		unlink(e->name);
	return whole;
}

static const char *
plural(const struct pg_result *sum, const char *field)
{
	return strcmp(pg_field(sum, field), "1") == 0 ? "" : "s";
}

static void
report(const struct export *e, const struct pg_result *sum)
{
	FILE *to = e->file == stdout ? stderr : stdout;
	json_t *o;

	if (!e->json) {
		fprintf(to, "%s: %s record%s of %s device%s, checksum %s\n", e->name,
		    pg_field(sum, "records"), plural(sum, "records"), pg_field(sum, "devices"),
		    plural(sum, "devices"), pg_field(sum, "checksum"));
		return;
	}
	o = out_row_json(sum, 0);
	json_object_set_new(o, "file", json_string(e->name));
	json_dumpf(o, to, JSON_ENSURE_ASCII | JSON_COMPACT);
	fputc('\n', to);
	json_decref(o);
}

/* The file, and then the figures, which say the same of the same moment. */
static bool export(struct pg_session *db, struct export *e, struct pg_result **sums)
{
	const char *copy = e->imei != NULL ? "export_device" : "export_day";
	const char *count = e->imei != NULL ? "export_device_sum" : "export_day_sum";
	struct pg_session_error error;
	struct pg_result *sum;
	bool ok;

	progress_start(&e->progress, "records written", 0);
	ok = pg_session_copy_out(db, copy, put_line, e, &error);
	progress_end(&e->progress);
	if (!ok) {
		if (*error.text != '\0')
			database_explain(&error, "reading the history");
		return false;
	}
	sum = database_query(db, "adding up the history", count, NULL);
	if (sum == NULL)
		return false;
	ok = fprintf(e->file, HISTORY_FILE_END "%s,%s\n", pg_field(sum, "records"),
		 pg_field(sum, "checksum")) > 0 ||
	     complain(e);
	*sums = sum;
	return ok;
}

/* All records can be seen; else it is said why not. */
static bool
none_is_moving(struct pg_session *db)
{
	struct pg_result *res =
	    database_query(db, "looking at the partitions", "export_moving", NULL);
	bool none = res != NULL && pg_rows(res) == 0;

	if (res != NULL && !none)
		fprintf(stderr,
		    "tgctl: the partition of the day %s is being made, and not all of its records can "
		    "be seen; try again when the gateway, or \"tgctl migrate\", has made it\n",
		    pg_text(res, 0, 0));
	pg_result_free(res);
	return none;
}

/* Says of which day and device; false where there is no such device, after saying so. */
static bool
choose(struct pg_session *db, const struct export *e)
{
	struct pg_params params = {0};
	struct pg_result *res;
	bool there;

	pg_param_text(&params, e->day != NULL ? e->day : "");
	pg_param_text(&params, e->imei != NULL ? e->imei : "");
	res = database_query(db, "choosing the records", "export_set", &params);
	there = res != NULL && pg_rows(res) > 0;
	if (res != NULL && !there)
		fprintf(stderr, "tgctl: there is no device with the IMEI %s\n", e->imei);
	pg_result_free(res);
	return there && none_is_moving(db);
}

static int
run(struct export *e, const struct options *opts)
{
	int status;
	struct pg_session *db = database_open_configured(opts, &status);
	struct pg_result *sum = NULL;
	bool ok;

	if (db == NULL)
		return status;
	ok = database_script(
		 db, "starting a transaction", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") &&
	     choose(db, e) && open_file(e);
	ok = ok && close_file(e, export(db, e, &sum));
	if (ok)
		report(e, sum);
	pg_result_free(sum);
	pg_session_close(db);
	return ok ? TOOL_OK : TOOL_FAILED;
}

static bool
is_day(const char *text)
{
	static const char form[] = "dddd-dd-dd";

	if (strlen(text) != strlen(form))
		return false;
	for (size_t i = 0; form[i] != '\0'; i++)
		if (form[i] == 'd' ? !isdigit((unsigned char)text[i]) : text[i] != form[i])
			return false;
	return true;
}

int
cmd_export(int argc, char **argv)
{
	enum { OPT_DAY = OPT_FIRST, OPT_IMEI };
	static const struct option longs[] = {OPTIONS_LONG,
	    {"day", required_argument, NULL, OPT_DAY}, {"imei", required_argument, NULL, OPT_IMEI},
	    OPTIONS_END};
	struct options opts;
	struct export e = {0};
	int c, status = TOOL_USAGE;

	options_start(&opts);
	while ((c = options_next(argc, argv, OPTIONS_SHORT, longs, help, &opts, &status)) != -1) {
		if (c == -2)
			return status;
		if (c == OPT_DAY)
			e.day = optarg;
		if (c == OPT_IMEI)
			e.imei = optarg;
	}
	if (optind + 1 != argc)
		return options_usage(argv[0], "it takes one file; \"-\" is standard output");
	if (e.day == NULL && e.imei == NULL)
		return options_usage(
		    argv[0], "say of which day, or of which device: --day, --imei");
	if (e.day != NULL && !is_day(e.day))
		return options_usage(argv[0], "a day is YYYY-MM-DD, not \"%s\"", e.day);
	if (e.imei != NULL && !options_imei(argv[0], e.imei))
		return TOOL_USAGE;
	e.name = argv[optind];
	e.json = opts.json;
	return run(&e, &opts);
}
