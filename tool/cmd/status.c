/* tgctl status: what the running gateway and the database say. */
#include "tool/cmd/cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg/schema_version.h"
#include "tool/database.h"
#include "tool/gateway_status.h"
#include "tool/options.h"
#include "tool/out.h"
#include "tool/out_text.h"

static const char help[] =
    "Usage: tgctl status [-c FILE] [--json]\n"
    "\n"
    "Shows how the running gateway is (METRICS_BIND, METRICS_PORT), worker by worker,\n"
    "and, if DATABASE_URL is set, what the database says: version of the schema,\n"
    "devices, how many are connected, refused IMEIs, frames in quarantine, when a\n"
    "tracker was last heard; and the gateways that write to it: when each was last\n"
    "heard of, and by how many seconds its host's clock is ahead of the database's.\n"
    "\n"
    "Options:\n"
    "  -c, --config FILE  configuration file\n"
    "  -q, --quiet        print nothing: the exit status says it\n"
    "      --json         print what the gateway's /status says as one JSON object,\n"
    "                     its times in ISO 8601, with what the database says added as\n"
    "                     \"schema\"; \"error\" if the gateway does not answer\n"
    "  -h, --help         this text\n"
    "\n"
    "Exit status: 0 the gateway is ready, and the database answers, if it was asked;\n"
    "1 not so; 2 wrong arguments or configuration.\n";

/* Whether the default partition holds rows; only where the history has one of ours. */
static bool
add_default_in_use(struct pg_session *db, json_t *facts)
{
	struct pg_result *res;

	if (json_is_null(json_object_get(facts, "partitions")))
		return true;
	res = database_query(db, "asking the database", "status_default", NULL);
	if (res == NULL)
		return false;
	json_object_set_new(facts, "default_in_use", json_boolean(pg_bool(res, 0, 0)));
	pg_result_free(res);
	return true;
}

/* Figures of the database; NULL after saying why not. */
static json_t *
ask_database(const char *url, int *status)
{
	struct pg_session *db = database_open(url, status);
	struct pg_params params = {0};
	struct pg_result *res = NULL;
	json_t *facts = NULL;

	pg_param_int(&params, SCHEMA_VERSION);
	if (db != NULL)
		res = database_query(db, "asking the database", "status", &params);
	if (res != NULL)
		facts = out_row_json(res, 0);
	pg_result_free(res);
	if (facts != NULL && !add_default_in_use(db, facts)) {
		json_decref(facts);
		facts = NULL;
	}
	res = facts != NULL ? database_query(db, "asking the database", "status_gateways", NULL)
			    : NULL;
	if (res != NULL)
		json_object_set_new(facts, "gateways", out_rows_json(res, NULL));
	pg_result_free(res);
	pg_session_close(db);
	return facts;
}

/* Times of /status, which are seconds since 1970, as all JSON of this program has them; null for none. */
static void
set_time(json_t *o, const char *key)
{
	double s = json_number_value(json_object_get(o, key));
	char iso[OUT_TIME];

	if (json_is_number(json_object_get(o, key)))
		json_object_set_new(o, key,
		    s > 0 && out_time((uint64_t)(s * 1000), iso) ? json_string(iso) : json_null());
}

static void
set_times(json_t *o)
{
	set_time(o, "started");
	set_time(o, "reloaded");
	set_time(json_object_get(o, "reload"), "finished");
}

/* Durations in words; all else as it is. */
static void
print_scalar(const char *prefix, const char *key, const json_t *value)
{
	char cell[1024], name[128], first[160];

	snprintf(name, sizeof(name), "%s%s", prefix, key);
	out_scalar(value, cell, sizeof(cell));
	if (strcmp(key, "uptime") == 0 && json_is_number(value)) {
		long long s = (long long)json_number_value(value);

		snprintf(cell, sizeof(cell), "%lld d %02lld:%02lld:%02lld", s / 86400,
		    s / 3600 % 24, s / 60 % 60, s % 60);
	}
	snprintf(first, sizeof(first), "%-32s ", name);
	out_wrapped(stdout, first, "    ", cell);
}

/* An array of texts on one line. */
static void
print_list(const char *prefix, const char *key, const json_t *array)
{
	json_t *value, *text;
	char cell[1024], line[4096] = "";
	size_t i;

	json_array_foreach((json_t *)array, i, value)
	{
		out_scalar(value, cell, sizeof(cell));
		snprintf(line + strlen(line), sizeof(line) - strlen(line), "%s%s",
		    i > 0 ? ", " : "", cell);
	}
	text = json_string(line);
	print_scalar(prefix, key, text);
	json_decref(text);
}

/*
 * Scalars as lines of name and value, objects within by path and without their zeros
 * (counters), then arrays of objects as tables.
 */
static void
print_object(const json_t *o, const char *prefix)
{
	char path[64];
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)o, key, value)
	{
		snprintf(path, sizeof(path), "%s%.40s.", prefix, key);
		if (json_is_object(value))
			print_object(value, path);
		else if (json_is_array(value) && !json_is_object(json_array_get(value, 0)))
			print_list(prefix, key, value);
		else if (!json_is_array(value) && (*prefix == '\0' || !json_is_integer(value) ||
						      json_integer_value(value) != 0))
			print_scalar(prefix, key, value);
	}
	json_object_foreach((json_t *)o, key, value)
	{
		if (json_is_object(json_array_get(value, 0))) {
			printf("\n%s%s:\n", prefix, key);
			out_table(value);
		}
	}
}

static void
print_json(json_t *gateway, json_t *facts, const char *why)
{
	json_t *all = gateway != NULL ? json_incref(gateway) : json_pack("{s:s}", "error", why);

	json_object_set(all, "schema", facts != NULL ? facts : json_null());
	out_json(all);
}

static void
print(const json_t *gateway, const json_t *facts)
{
	if (gateway != NULL)
		print_object(gateway, "");
	if (facts != NULL) {
		printf("%sschema:\n", gateway != NULL ? "\n" : "");
		print_object(facts, "");
	}
}

static int
show(const struct conf *conf, bool json, bool quiet)
{
	char why[CONF_STR + 128] = "";
	json_t *gateway = gateway_status(conf, why, sizeof(why)), *facts = NULL;
	bool ready = json_is_true(json_object_get(gateway, "ready"));
	int status = ready ? TOOL_OK : TOOL_FAILED, db_status = TOOL_OK;

	if (gateway == NULL && !quiet)
		fprintf(stderr, "tgctl: %s\n", why);
	set_times(gateway);
	if (conf->database_url[0] != '\0') {
		facts = ask_database(conf->database_url, &db_status);
		if (facts == NULL && status == TOOL_OK)
			status = db_status;
	}
	if (json)
		print_json(gateway, facts, why);
	else if (!quiet)
		print(gateway, facts);
	json_decref(gateway);
	json_decref(facts);
	return status;
}

int
cmd_status(int argc, char **argv)
{
	static const struct option longs[] = {
	    OPTIONS_LONG, {"quiet", no_argument, NULL, 'q'}, OPTIONS_END};
	struct options opts;
	struct conf *conf;
	bool quiet = false;
	int c, status = TOOL_USAGE;

	options_start(&opts);
	while (
	    (c = options_next(argc, argv, OPTIONS_SHORT "q", longs, help, &opts, &status)) != -1) {
		if (c == -2)
			return status;
		quiet = true;
	}
	status = TOOL_USAGE;
	if (optind < argc)
		return options_usage("status", "unexpected argument \"%s\"", argv[optind]);
	conf = calloc(1, sizeof(*conf));
	if (conf != NULL && options_conf(&opts, false, conf))
		status = show(conf, opts.json, quiet);
	free(conf);
	return status;
}
