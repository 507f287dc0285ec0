/* tgctl why --all: the fleet's silent devices, each judged as tgctl why judges one. */
#include "tool/cmd/why.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "tool/database.h"
#include "tool/out.h"
#include "tool/out_text.h"
#include "tool/progress.h"
#include "tool/tool.h"
#include "tool/why_ask.h"
#include "tool/why_causes.h"

/* "3 d 04:05", "02:10:00" */
static void
duration(int64_t seconds, char *out, size_t room)
{
	if (seconds >= 86400)
		snprintf(out, room, "%" PRId64 " d %02d:%02d", seconds / 86400,
		    (int)(seconds / 3600 % 24), (int)(seconds / 60 % 60));
	else
		snprintf(out, room, "%02d:%02d:%02d", (int)(seconds / 3600),
		    (int)(seconds / 60 % 60), (int)(seconds % 60));
}

static json_t *
device_json(const struct pg_result *res, int row, int64_t now, const struct why_reason *why)
{
	json_t *o = out_row_json(res, row);
	int64_t since = pg_int(res, row, pg_column(res, "silent_since_ms"));

	json_object_del(o, "silent_since_ms");
	json_object_set_new(
	    o, "silent_s", since != 0 ? json_integer((now - since) / 1000) : json_null());
	json_object_set_new(o, "reason", json_string(why->code));
	json_object_set_new(o, "answer", json_string(why->answer));
	return o;
}

static int64_t
integer(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

/* Adds the device to the reasons' list. */
static void
add_reason(json_t *reasons, const json_t *device)
{
	const char *code = json_string_value(json_object_get(device, "reason"));
	int64_t silent = integer(device, "silent_s");
	json_t *o;
	size_t i;

	json_array_foreach(reasons, i, o)
	{
		if (strcmp(json_string_value(json_object_get(o, "reason")), code) != 0)
			continue;
		json_object_set_new(o, "devices", json_integer(integer(o, "devices") + 1));
		if (silent > integer(o, "longest_s"))
			json_object_set_new(o, "longest_s", json_integer(silent));
		if (silent < integer(o, "shortest_s"))
			json_object_set_new(o, "shortest_s", json_integer(silent));
		return;
	}
	json_array_append_new(
	    reasons, json_pack("{s:s, s:i, s:I, s:I}", "reason", code, "devices", 1, "longest_s",
			 (json_int_t)silent, "shortest_s", (json_int_t)silent));
}

static int
compare(const void *a, const void *b)
{
	json_t *const *x = a, *const *y = b;

	return integer(*x, "devices") > integer(*y, "devices")	 ? -1
	       : integer(*x, "devices") < integer(*y, "devices") ? 1
								 : 0;
}

/* The most frequent first. */
static json_t *
sorted(json_t *reasons)
{
	size_t n = json_array_size(reasons);
	json_t **at = calloc(n + 1, sizeof(*at)), *out = json_array();

	for (size_t i = 0; at != NULL && i < n; i++)
		at[i] = json_array_get(reasons, i);
	if (at != NULL)
		qsort(at, n, sizeof(*at), compare);
	for (size_t i = 0; at != NULL && i < n; i++)
		json_array_append(out, at[i]);
	free(at);
	json_decref(reasons);
	return out;
}

static json_t *
time_cell(const json_t *o, const char *key)
{
	char text[48] = "-";

	if (json_is_number(json_object_get(o, key)))
		duration((int64_t)json_number_value(json_object_get(o, key)), text, sizeof(text));
	return json_string(text);
}

static void
print(const json_t *reasons, const json_t *devices)
{
	json_t *table = json_array(), *o;
	size_t i;

	json_array_foreach((json_t *)reasons, i, o)
	{
		json_array_append_new(
		    table, json_pack("{s:O, s:O, s:o, s:o}", "reason", json_object_get(o, "reason"),
			       "devices", json_object_get(o, "devices"), "shortest",
			       time_cell(o, "shortest_s"), "longest", time_cell(o, "longest_s")));
	}
	out_array(table, false);
	puts("");
	table = json_array();
	json_array_foreach((json_t *)devices, i, o)
	{
		json_array_append_new(table,
		    json_pack("{s:O, s:O, s:o, s:o, s:O}", "imei", json_object_get(o, "imei"),
			"name", json_object_get(o, "name"), "silent_for", time_cell(o, "silent_s"),
			"usually", time_cell(o, "usual_gap_s"), "reason",
			json_object_get(o, "reason")));
	}
	out_array(table, false);
}

static bool
judge_all(struct pg_session *db, const struct conf *conf, const struct pg_result *res,
    json_t *devices, json_t *reasons)
{
	struct why_facts gateway = {.now = clock_wall_ms()};
	struct progress progress;

	why_ask_gateway(conf, &gateway);
	progress_start(&progress, "judged", (uint64_t)pg_rows(res));
	for (int i = 0; i < pg_rows(res); i++) {
		struct why_facts f = gateway;
		struct why_reason why[WHY_MAX];
		json_t *device;

		out_copy(f.imei, sizeof(f.imei), pg_text(res, i, pg_column(res, "imei")));
		if (!why_ask_database(db, conf, &f))
			return false;
		(void)why_judge(&f, why);
		device = device_json(res, i, f.now, &why[0]);
		json_array_append_new(devices, device);
		add_reason(reasons, device);
		progress_step(&progress, (uint64_t)i + 1);
	}
	progress_end(&progress);
	return true;
}

int
why_all(const struct conf *conf, long long limit, bool json)
{
	int status;
	struct pg_session *db = database_open(conf->database_url, &status);
	json_t *devices = json_array(), *reasons = json_array();
	struct pg_params params = {0};
	struct pg_result *res = NULL;
	bool more;

	pg_param_int(&params, limit);
	if (db != NULL)
		res = database_query(db, "looking for silent devices", "why_all", &params);
	more = res != NULL && limit > 0 && pg_rows(res) == limit;
	if (db != NULL)
		status = TOOL_FAILED;
	if (res != NULL && judge_all(db, conf, res, devices, reasons)) {
		status = TOOL_OK;
		reasons = sorted(reasons);
		if (json)
			out_json(json_pack("{s:i, s:b, s:O, s:O}", "silent", (int)pg_rows(res),
			    "more", more, "by_reason", reasons, "devices", devices));
		else
			print(reasons, devices);
		if (pg_rows(res) == 0 && !json)
			fprintf(stderr, "tgctl: no device is silent\n");
		if (more)
			fprintf(stderr,
			    "tgctl: only the %lld that are silent for longest are judged; --limit 0 judges "
			    "all\n",
			    limit);
	}
	pg_result_free(res);
	pg_session_close(db);
	json_decref(devices);
	json_decref(reasons);
	return status;
}
