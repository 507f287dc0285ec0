/* tgctl device import: devices from a file of comma-separated values. */
#include "tool/cmd/device.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/database.h"
#include "tool/out.h"
#include "tool/out_text.h"
#include "tool/tool.h"

#define FIELDS_MAX 64
#define ERRORS_SHOWN 20

enum column { COL_IMEI, COL_NAME, COL_MODEL, COL_ENABLED, COLUMNS_, COL_IGNORED };

struct import {
	const char *file;
	size_t line, rows, errors;
	int at[FIELDS_MAX]; /* which column a field is */
	int nat;
	char separator;
	struct pg_array arrays[COLUMNS_];
};

static void __attribute__((format(printf, 2, 3))) complain(struct import *m, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (m->errors++ >= ERRORS_SHOWN)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	out_clean(text);
	fprintf(stderr, "tgctl: %s:%zu: %s\n", m->file, m->line, text);
}

static char *
trim(char *text)
{
	size_t n;

	text += strspn(text, OPTIONS_BLANKS);
	for (n = strlen(text); n > 0 && strchr(OPTIONS_BLANKS, text[n - 1]) != NULL; n--)
		;
	text[n] = '\0';
	return text;
}

/* Takes one field off the line, in place: quoted ones with "" for a quote. *rest is NULL behind the last. */
static char *
next_field(char **rest, char separator)
{
	char *from = *rest + strspn(*rest, separator == '\t' ? " " : " \t"), *to = from,
	     *field = from;

	if (*from != '"') {
		to = from + strcspn(from, (char[]){separator, '\0'});
		*rest = *to != '\0' ? to + 1 : NULL;
		*to = '\0';
		return trim(field);
	}
	for (from++; *from != '\0'; *to++ = *from++)
		if (*from == '"' && *++from != '"')
			break;
	from += strcspn(from, (char[]){separator, '\0'});
	*rest = *from != '\0' ? from + 1 : NULL;
	*to = '\0';
	return trim(field);
}

static int
column_of(const char *name)
{
	static const struct {
		const char *name;
		enum column column;
	} names[] = {{"imei", COL_IMEI}, {"name", COL_NAME}, {"model", COL_MODEL},
	    {"device_model", COL_MODEL}, {"enabled", COL_ENABLED}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(name, names[i].name) == 0)
			return (int)names[i].column;
	return COL_IGNORED;
}

/* The first line, if one of its fields is called imei; true then. */
static bool
take_header(struct import *m, const char *line)
{
	char copy[4096], *rest = copy;
	bool header = false;

	snprintf(copy, sizeof(copy), "%s", line);
	m->separator = strchr(line, ';') != NULL ? ';' : strchr(line, ',') != NULL ? ',' : '\t';
	while (rest != NULL && m->nat < FIELDS_MAX) {
		m->at[m->nat] = column_of(next_field(&rest, m->separator));
		header |= m->at[m->nat++] == COL_IMEI;
	}
	if (header)
		return true;
	for (m->nat = 0; m->nat < COLUMNS_; m->nat++)
		m->at[m->nat] = m->nat;
	return false;
}

static void
put_text(struct pg_array *a, const char *text)
{
	if (text != NULL && *text != '\0')
		pg_array_text(a, text, strlen(text));
	else
		pg_array_null(a);
}

static bool
put_enabled(struct pg_array *a, const char *text)
{
	static const char *const yes[] = {"true", "t", "yes", "y", "1", "on", NULL};
	static const char *const no[] = {"false", "f", "no", "n", "0", "off", NULL};

	if (text == NULL || *text == '\0') {
		pg_array_null(a);
		return true;
	}
	for (size_t i = 0; yes[i] != NULL; i++)
		if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
			pg_array_bool(a, strcasecmp(text, yes[i]) == 0);
			return true;
		}
	return false;
}

static void
take_row(struct import *m, char *line)
{
	const char *fields[COLUMNS_] = {NULL};
	char *rest = line;

	for (int i = 0; rest != NULL; i++) {
		char *field = next_field(&rest, m->separator);

		if (i < m->nat && m->at[i] < COLUMNS_)
			fields[m->at[i]] = field;
		else if (i >= m->nat && *field != '\0')
			complain(m, "more fields than columns");
	}
	if (fields[COL_IMEI] == NULL || strlen(fields[COL_IMEI]) != 15 ||
	    strspn(fields[COL_IMEI], "0123456789") != 15) {
		complain(m, "\"%s\" is not an IMEI: it takes 15 digits",
		    fields[COL_IMEI] != NULL ? fields[COL_IMEI] : "");
		return;
	}
	m->rows++;
	put_text(&m->arrays[COL_IMEI], fields[COL_IMEI]);
	put_text(&m->arrays[COL_NAME], fields[COL_NAME]);
	put_text(&m->arrays[COL_MODEL], fields[COL_MODEL]);
	if (!put_enabled(&m->arrays[COL_ENABLED], fields[COL_ENABLED]))
		complain(m, "enabled is true or false, not \"%s\"", fields[COL_ENABLED]);
}

static bool
read_file(struct import *m)
{
	static const char mark[] = "\xef\xbb\xbf"; /* of UTF-8, as spreadsheets write it */
	FILE *f = strcmp(m->file, "-") == 0 ? stdin : fopen(m->file, "r");
	char *line = NULL;
	size_t room = 0;
	bool first = true;

	if (f == NULL) {
		fprintf(stderr, "tgctl: can't open %s: %s\n", m->file, strerror(errno));
		return false;
	}
	while (getline(&line, &room, f) != -1) {
		char *text = line;

		m->line++;
		if (m->line == 1 && strncmp(text, mark, 3) == 0)
			text += 3;
		text = trim(text);
		if (*text == '\0' || *text == '#')
			continue;
		if (!first || !take_header(m, text))
			take_row(m, text);
		first = false;
	}
	free(line);
	if (f != stdin)
		fclose(f);
	if (m->errors > ERRORS_SHOWN)
		fprintf(stderr, "tgctl: and %zu errors more\n", m->errors - ERRORS_SHOWN);
	if (m->errors > 0)
		fprintf(stderr, "tgctl: nothing was imported\n");
	else if (m->rows == 0)
		fprintf(stderr, "tgctl: %s holds no devices\n", m->file);
	return m->errors == 0 && m->rows > 0;
}

/* Which IMEIs stand in the file twice, that no two rows fight. */
static bool
is_unique(struct pg_session *db, struct import *m)
{
	struct pg_params params = {0};
	struct pg_result *res;
	bool ok;

	pg_param_array(&params, &m->arrays[COL_IMEI]);
	res = database_query(db, "reading the file's IMEIs", "device_twice", &params);
	ok = res != NULL && pg_rows(res) == 0;
	for (int i = 0; res != NULL && i < pg_rows(res); i++)
		fprintf(stderr, "tgctl: %s: %s stands in it more than once\n", m->file,
		    pg_text(res, i, 0));
	pg_result_free(res);
	return ok;
}

static int
store(struct import *m, const struct device_args *a)
{
	struct pg_params params = {0};
	struct pg_result *res = NULL;
	int status;
	struct pg_session *db = database_open_configured(&a->opts, &status);

	if (db == NULL)
		return status;
	status = TOOL_FAILED;
	pg_param_arrays(&params, m->arrays, COLUMNS_);
	pg_param_text(&params, a->dry_run ? "t" : "f");
	if (is_unique(db, m))
		res = database_query(db, "importing devices", "device_import", &params);
	if (res != NULL && a->opts.json) {
		json_t *o = out_row_json(res, 0);

		json_object_set_new(o, "dry_run", json_boolean(a->dry_run));
		out_json(o);
	} else if (res != NULL) {
		printf("%s%s added, %s updated, %s unchanged\n", a->dry_run ? "would be: " : "",
		    pg_field(res, "added"), pg_field(res, "updated"), pg_field(res, "unchanged"));
	}
	if (res != NULL)
		status = TOOL_OK;
	pg_result_free(res);
	pg_session_close(db);
	return status;
}

int
device_import(const struct device_args *a)
{
	static const uint32_t oids[COLUMNS_] = {PG_TEXT, PG_TEXT, PG_TEXT, PG_BOOL};
	struct import m = {.file = a->imeis[0]};
	int status = TOOL_FAILED;

	for (int i = 0; i < COLUMNS_; i++)
		pg_array_init(&m.arrays[i], oids[i]);
	if (read_file(&m))
		status = store(&m, a);
	for (int i = 0; i < COLUMNS_; i++)
		pg_array_free(&m.arrays[i]);
	return status;
}
