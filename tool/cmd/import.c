/* tgctl import: brings records of a file back into the history, each once. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "pg/error.h"
#include "pg/sql.h"
#include "tool/cmd/cmd.h"
#include "tool/cmd/history_file.h"
#include "tool/database.h"
#include "tool/options.h"
#include "tool/out.h"
#include "tool/progress.h"

/* So many records a transaction: a tracker that sends one of them again waits no longer than for these. */
#define STEP 5000
#define TRIES 10
#define PATIENCE_MS 60000 /* for a step towards a partition */
#define STRANGERS_SHOWN 10

static const char help[] =
    "Usage: tgctl import [-c FILE] [--dry-run] [--json] FILE\n"
    "\n"
    "Brings the records of a FILE of \"tgctl export\" (\"-\" for standard input) back into\n"
    "the history. What is there already stays, so each record is there once, however\n"
    "often the file is imported, and whatever trackers send meanwhile. The gateways may\n"
    "run. Stopped before its end, it can be started again.\n"
    "\n"
    "The file must be whole: its last line says how many records it has, and their\n"
    "checksum. Devices are found by their IMEI; one that isn't registered stops the\n"
    "import before anything is done. Days without a partition get one, for which the\n"
    "role in DATABASE_URL must own the tables.\n"
    "\n"
    "Options:\n"
    "  -c, --config FILE  configuration file\n"
    "      --dry-run      check the file, say what is missing; change nothing\n"
    "      --json         print one JSON object: file, dry_run, records, imported, present\n"
    "  -h, --help         this text\n"
    "\n"
    "Exit status: 0 done, 1 it could not be done, 2 wrong arguments or configuration.\n";

struct import {
	const char *name;
	FILE *file;
	bool dry_run, json;
	/* What was read and not yet handed on: what may be the last line. */
	char kept[HISTORY_FILE_LAST];
	size_t nkept;
	char records[32], checksum[48]; /* as the last line says */
	long long lines, imported, present;
};

/*
 * Hands on all but the last bytes, in which the last line is: it is known only at the end which they are. Then what
 * stands before that line.
 */
static ssize_t
more(void *ctx, char *bytes, size_t room)
{
	struct import *m = ctx;
	size_t len, out;

	memcpy(bytes, m->kept, m->nkept);
	len = m->nkept + fread(bytes + m->nkept, 1, room - m->nkept, m->file);
	if (ferror(m->file)) {
		fprintf(stderr, "tgctl: can't read %s: %s\n", m->name, strerror(errno));
		return -1;
	}
	m->nkept = len < sizeof(m->kept) ? len : sizeof(m->kept);
	out = len - m->nkept;
	memcpy(m->kept, bytes + out, m->nkept);
	return (ssize_t)out;
}

static bool
take_number(const char **p, const char *digits, char end, char *out, size_t room)
{
	size_t n = strspn(*p, digits);

	if (n == 0 || n >= room || (*p)[n] != end)
		return false;
	memcpy(out, *p, n);
	out[n] = '\0';
	*p += n + 1;
	return true;
}

/* The last line, and where it begins in `kept`; -1 if there is none. */
static ssize_t
last_line(struct import *m)
{
	char text[HISTORY_FILE_LAST + 1];
	const char *p;
	size_t at = m->nkept;

	if (m->nkept == 0 || m->kept[m->nkept - 1] != '\n' ||
	    memchr(m->kept, '\0', m->nkept) != NULL)
		return -1;
	for (at--; at > 0 && m->kept[at - 1] != '\n';)
		at--;
	memcpy(text, m->kept + at, m->nkept - at);
	text[m->nkept - at] = '\0';
	p = text + strlen(HISTORY_FILE_END);
	if (strncmp(text, HISTORY_FILE_END, strlen(HISTORY_FILE_END)) != 0 ||
	    !take_number(&p, "0123456789", ',', m->records, sizeof(m->records)) ||
	    !take_number(&p, "-0123456789", '\n', m->checksum, sizeof(m->checksum)))
		return -1;
	return (ssize_t)at;
}

/* As more(), and at the end what stands before the last line. */
static ssize_t
next(void *ctx, char *bytes, size_t room)
{
	struct import *m = ctx;
	ssize_t len = more(ctx, bytes, room);

	/* A pipe may give less than was asked for. */
	while (len == 0 && !feof(m->file))
		len = more(ctx, bytes, room);
	if (len != 0 || m->nkept == 0)
		return len;
	len = last_line(m);
	if (len == -1)
		fprintf(stderr,
		    "tgctl: %s is not whole: its last line is not that of an export; nothing was "
		    "imported\n",
		    m->name);
	else
		memcpy(bytes, m->kept, (size_t)len);
	m->nkept = 0;
	return len;
}

static bool
read_file(struct pg_session *db, struct import *m)
{
	struct pg_session_error error;
	int first;
	bool ok;

	m->file = strcmp(m->name, "-") == 0 ? stdin : fopen(m->name, "r");
	if (m->file == NULL) {
		fprintf(stderr, "tgctl: can't open %s: %s\n", m->name, strerror(errno));
		return false;
	}
	first = fgetc(m->file);
	ok = first != EOF && ungetc(first, m->file) != EOF;
	if (!ok)
		fprintf(stderr, "tgctl: %s is empty, or can't be read\n", m->name);
	if (ok && !pg_session_copy_in(db, "import_copy", next, m, &error)) {
		ok = false;
		if (*error.text != '\0') {
			database_explain(&error, "reading the file");
			fprintf(stderr, "tgctl: %s was not taken; nothing was imported\n", m->name);
		}
	}
	if (m->file != stdin)
		fclose(m->file);
	return ok;
}

static bool
is_whole(struct pg_session *db, struct import *m)
{
	struct pg_result *sum = database_query(db, "adding up the file", "import_sum", NULL);
	bool ok = sum != NULL && strcmp(pg_field(sum, "records"), m->records) == 0 &&
		  strcmp(pg_field(sum, "checksum"), m->checksum) == 0;

	if (sum != NULL && !ok)
		fprintf(stderr,
		    "tgctl: %s is damaged: it has %s records with the checksum %s, and its last "
		    "line says %s with %s; nothing was imported\n",
		    m->name, pg_field(sum, "records"), pg_field(sum, "checksum"), m->records,
		    m->checksum);
	if (ok)
		m->lines = pg_int(sum, 0, 0);
	pg_result_free(sum);
	return ok;
}

static bool
all_are_known(struct pg_session *db, const struct import *m)
{
	struct pg_result *res =
	    database_query(db, "looking for the devices", "import_strangers", NULL);
	int n = res != NULL ? pg_rows(res) : -1;

	for (int i = 0; i < n && i < STRANGERS_SHOWN; i++)
		fprintf(stderr, "tgctl: %s: %s records of %s, %s\n", m->name, pg_text(res, i, 1),
		    pg_text(res, i, 0),
		    pg_bool(res, i, 2) ? "whose number is, or may become, another device's here"
				       : "which is not registered");
	if (n > STRANGERS_SHOWN)
		fprintf(stderr, "tgctl: and of %d devices more\n", n - STRANGERS_SHOWN);
	if (n > 0)
		fprintf(stderr, "tgctl: nothing was imported\n"
				"tgctl: hint: \"tgctl device add\" registers a device\n");
	pg_result_free(res);
	return n == 0;
}

/* A lock that somebody holds, or two that wait for each other: a moment later it may work. */
static struct pg_result *
patient(
    struct pg_session *db, const char *what, const char *statement, const struct pg_params *params)
{
	struct pg_session_error error;
	struct pg_result *res;
	enum pg_error_kind kind;

	for (int i = 1;; i++) {
		res = pg_session_query(db, statement, params, &error);
		if (res != NULL)
			return res;
		kind = pg_error_kind(error.sqlstate);
		if (i == TRIES || (kind != PG_KIND_LOCKED && kind != PG_KIND_TRANSIENT))
			break;
	}
	database_explain(&error, what);
	return NULL;
}

/*
 * The upkeep makes the partitions, in steps for which no writer waits long; where a gateway does one of them just now,
 * or a table is in use, it is tried again.
 */
static bool
make_partitions(struct pg_session *db)
{
	const struct timespec pause = {.tv_nsec = 200000000};
	struct pg_params keep = {0};
	int64_t until = clock_mono_ms() + PATIENCE_MS;
	struct pg_result *res, *step;
	bool ok, missing;

	pg_param_int(&keep, 0);
	pg_param_int(&keep, 0);
	do {
		struct pg_params day = {0};

		res = database_query(db, "looking for the partitions", "import_missing", NULL);
		ok = res != NULL;
		missing = ok && pg_rows(res) > 0;
		if (missing) {
			pg_param_text(&day, pg_text(res, 0, 0));
			if (pg_bool(res, 0, 1)) {
				fprintf(stderr,
				    "tgctl: the day %s has a table that is no partition of the "
				    "history; attach it, or rename it\n",
				    pg_text(res, 0, 0));
				pg_result_free(res);
				return false;
			}
			step = patient(db, "asking for a partition", "import_ask_day", &day);
			ok = step != NULL;
			pg_result_free(step);
			step =
			    ok ? database_query(db, "making a partition", "migrate_upkeep", &keep)
			       : NULL;
			ok = step != NULL;
			if (ok && pg_bool(step, 0, 0))
				until = clock_mono_ms() + PATIENCE_MS;
			else if (ok)
				(void)nanosleep(&pause, NULL);
			pg_result_free(step);
			/* Else the upkeep would go on trying it, and make no other. */
			if ((!ok || clock_mono_ms() >= until) &&
			    !database_run(db, "asking for no partition", "import_take_back", &day))
				ok = false;
		}
		pg_result_free(res);
	} while (ok && missing && clock_mono_ms() < until);
	if (ok && missing)
		fprintf(stderr, "tgctl: the partition of a day could not be made: the history is "
				"in use; try again later\n");
	return ok && !missing;
}

static bool
put_records(struct pg_session *db, struct import *m)
{
	struct progress progress;
	struct pg_result *res = NULL;
	long long at;

	progress_start(&progress, "records imported", (uint64_t)m->lines);
	for (at = 0; at < m->lines; at += STEP) {
		struct pg_params params = {0};

		pg_param_int(&params, at);
		pg_param_int(&params, at + STEP);
		res = patient(db, "importing records", "import_step", &params);
		if (res == NULL)
			break;
		m->imported += pg_int(res, 0, 0);
		pg_result_free(res);
		progress_step(&progress, (uint64_t)at);
	}
	progress_end(&progress);
	return at >= m->lines;
}

static bool
count_present(struct pg_session *db, struct import *m)
{
	struct pg_result *res =
	    database_query(db, "looking for the records", "import_present", NULL);

	if (res == NULL)
		return false;
	m->present = pg_int(res, 0, 0);
	pg_result_free(res);
	return true;
}

static void
report(const struct import *m)
{
	if (m->json)
		out_json(json_pack("{s:s, s:b, s:I, s:I, s:I}", "file", m->name, "dry_run",
		    m->dry_run, "records", (json_int_t)m->lines, "imported",
		    (json_int_t)m->imported, "present", (json_int_t)m->present));
	else if (m->dry_run)
		printf("%s is whole: %lld records, of which %lld are in the history; nothing was "
		       "changed\n",
		    m->name, m->lines, m->present);
	else
		printf("%s: %lld records imported, %lld were there already\n", m->name, m->imported,
		    m->lines - m->imported);
}

static bool
import(struct pg_session *db, struct import *m)
{
	if (!database_script(db, "making room for the file", pg_sql("import_stage")) ||
	    !read_file(db, m) || !is_whole(db, m) || !all_are_known(db, m) ||
	    !database_run(db, "looking for the devices", "import_devices", NULL) ||
	    !database_script(db, "sorting the file", pg_sql("import_index")))
		return false;
	if (m->dry_run)
		return count_present(db, m);
	if (!make_partitions(db) || !put_records(db, m) || !count_present(db, m))
		return false;
	if (m->present == m->lines)
		return true;
	fprintf(stderr,
	    "tgctl: %s: %lld of %lld records are in the history: somebody deletes them, as the "
	    "retention does (TELEM_RETENTION_DAYS)\n",
	    m->name, m->present, m->lines);
	return false;
}

int
cmd_import(int argc, char **argv)
{
	enum { OPT_DRY_RUN = OPT_FIRST };
	static const struct option longs[] = {
	    OPTIONS_LONG, {"dry-run", no_argument, NULL, OPT_DRY_RUN}, OPTIONS_END};
	struct options opts;
	struct import m = {0};
	struct pg_session *db;
	int c, status = TOOL_USAGE;

	options_start(&opts);
	while ((c = options_next(argc, argv, OPTIONS_SHORT, longs, help, &opts, &status)) != -1) {
		if (c == -2)
			return status;
		m.dry_run |= c == OPT_DRY_RUN;
	}
	if (optind + 1 != argc)
		return options_usage(argv[0], "it takes one file; \"-\" is standard input");
	m.name = argv[optind];
	m.json = opts.json;
	db = database_open_configured(&opts, &status);
	if (db == NULL)
		return status;
	status = import(db, &m) ? TOOL_OK : TOOL_FAILED;
	if (status == TOOL_OK)
		report(&m);
	pg_session_close(db);
	return status;
}
