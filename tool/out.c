#include "tool/out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tool/out_text.h"

/* "2026-03-01 12:00:00.5+00" as the session prints it, to ISO 8601 with a Z. */
static json_t *
time_json(const char *text)
{
	char out[64];
	size_t n = strlen(text);

	if (n < 20 || n >= sizeof(out) || text[n - 3] != '+' || text[n - 2] != '0')
		return json_string(text);
	memcpy(out, text, n + 1);
	out[strcspn(out, " ")] = 'T';
	memcpy(out + n - 3, "Z", 2);
	return json_string(out);
}

static json_t *
field_json(const struct pg_result *res, int row, int column)
{
	const char *text = pg_text(res, row, column);
	json_t *value = NULL;

	if (pg_is_null(res, row, column))
		return json_null();
	switch (pg_column_type(res, column)) {
	case PG_TYPE_BOOL:
		return json_boolean(pg_bool(res, row, column));
	case PG_TYPE_INTEGER:
		return json_integer(pg_int(res, row, column));
	case PG_TYPE_FLOAT:
		value = json_real(strtod(text, NULL)); /* NULL for NaN and infinity */
		break;
	case PG_TYPE_JSON:
		value = json_loads(text, JSON_DECODE_ANY, NULL);
		break;
	case PG_TYPE_TIME:
		return time_json(text);
	case PG_TYPE_OTHER:
		break;
	}
	return value != NULL ? value : json_string(text);
}

json_t *
out_row_json(const struct pg_result *res, int row)
{
	json_t *o = json_object();

	for (int i = 0; i < pg_columns(res); i++)
		json_object_set_new(o, pg_column_name(res, i), field_json(res, row, i));
	return o;
}

json_t *
out_rows_json(const struct pg_result *res, const char *hidden)
{
	json_t *array = json_array(), *row;

	for (int i = 0; i < pg_rows(res); i++) {
		row = out_row_json(res, i);
		if (hidden != NULL)
			json_object_del(row, hidden);
		json_array_append_new(array, row);
	}
	return array;
}

void
out_json(json_t *value)
{
	/* In ASCII: no character of others reaches a terminal. */
	json_dumpf(value, stdout,
	    JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15));
	putchar('\n');
	json_decref(value);
}

void
out_scalar(const json_t *value, char *out, size_t room)
{
	char *dump = NULL;

	switch (json_typeof(value)) {
	case JSON_NULL:
		snprintf(out, room, "-");
		break;
	case JSON_TRUE:
		snprintf(out, room, "yes");
		break;
	case JSON_FALSE:
		snprintf(out, room, "no");
		break;
	case JSON_STRING:
		out_copy(
		    out, room, *json_string_value(value) != '\0' ? json_string_value(value) : "-");
		break;
	default:
		dump = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
		snprintf(out, room, "%s", dump != NULL ? dump : "?");
		free(dump);
	}
	out_clean(out);
}

#define CELL 512

void
out_array(json_t *array, bool json)
{
	if (json) {
		out_json(array);
		return;
	}
	if (json_array_size(array) > 0)
		out_table(array);
	json_decref(array);
}

void
out_rows(const struct pg_result *res, bool json)
{
	out_array(out_rows_json(res, NULL), json);
}

void
out_list_notes(
    const struct pg_result *res, bool json, long long limit, const char *none, const char *which)
{
	if (pg_rows(res) == 0 && !json)
		fprintf(stderr, "tgctl: %s\n", none);
	if (limit > 0 && pg_rows(res) == limit)
		fprintf(stderr, "tgctl: only the %s %lld are shown; --limit 0 shows all\n", which,
		    limit);
}

void
out_row(const struct pg_result *res, int row, bool json)
{
	json_t *o = out_row_json(res, row), *value;
	char cell[CELL * 16];
	const char *key;
	int wide = 0;

	if (json) {
		out_json(o);
		return;
	}
	json_object_foreach(o, key, value) wide = out_width(key) > wide ? out_width(key) : wide;
	json_object_foreach(o, key, value)
	{
		char first[64], rest[64];

		out_scalar(value, cell, sizeof(cell));
		snprintf(first, sizeof(first), "%-*.50s  ", wide, key);
		snprintf(rest, sizeof(rest), "%*s", out_width(first), "");
		out_wrapped(stdout, first, rest, cell);
	}
	json_decref(o);
}

bool
out_time(uint64_t ms, char out[OUT_TIME])
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	size_t n;

	if (ms > OUT_TIME_LAST_MS || gmtime_r(&seconds, &tm) == NULL)
		return false;
	n = strftime(out, OUT_TIME, "%Y-%m-%dT%H:%M:%S", &tm);
	if (n == 0 || n + 6 > OUT_TIME)
		return false;
	snprintf(out + n, OUT_TIME - n, ".%03uZ", (unsigned)(ms % 1000));
	return true;
}

void
out_hex(const uint8_t *p, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * n] = '\0';
}
