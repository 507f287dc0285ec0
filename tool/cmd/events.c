/* tgctl events: what happened, from the view device_events. */
#include "tool/cmd/cmd.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool/database.h"
#include "tool/options.h"
#include "tool/out.h"

#define FOLLOW_SECONDS 1   /* between two questions */
#define OVERLAP_MS 60000   /* how far commits may overtake each other */
#define FOLLOW_MOST 100000 /* events of one question */

static const char help[] =
    "Usage: tgctl events [IMEI] [--since TIME] [--severity SEVERITY] [--limit N]\n"
    "                    [--follow] [--json]\n"
    "\n"
    "Lists records that devices made because something happened (ignition, overspeed, towing,\n"
    "geofences ...), by their arrival, the latest last. The kind comes from the dictionary; an\n"
    "event that it does not know is io_N. Severity comes from the kind and from the priority\n"
    "of the record: info, warning (or a record of high priority), alarm (or panic).\n"
    "\n"
    "Options:\n"
    "  -c, --config FILE        configuration file\n"
    "      --since TIME         what arrived in the last 90s, 10m, 24h, 7d (default 1h)\n"
    "      --severity SEVERITY  alarm; warning: and alarm; info (default): all\n"
    "      --limit N            the latest N; 0: all (default 100)\n"
    "      --follow             go on with what arrives, until Ctrl-C\n"
    "      --json               print an object per line\n"
    "  -h, --help               this text\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 wrong arguments or configuration.\n";

struct events {
	struct pg_session *db;
	char *imei; /* NULL: all */
	const char *severities;
	long long since, limit;
	bool json;
	json_t *seen; /* of --follow: key to ms of arrival */
	long long newest_ms;
};

static void
print(const struct events *e, json_t *row)
{
	char value[64], line[128], imei[32];
	const char *unit = json_string_value(json_object_get(row, "unit"));

	if (e->json) {
		json_object_del(row, "key");
		json_object_del(row, "received_ms");
		out_json(json_incref(row));
		return;
	}
	out_scalar(json_object_get(row, "value"), value, sizeof(value));
	out_scalar(json_object_get(row, "imei"), imei, sizeof(imei));
	snprintf(
	    line, sizeof(line), "%s%s%s", value, unit != NULL ? " " : "", unit != NULL ? unit : "");
	printf("%s  %-7s  %s  %s%s%s\n", json_string_value(json_object_get(row, "received_at")),
	    json_string_value(json_object_get(row, "severity")), imei,
	    json_string_value(json_object_get(row, "kind")), strcmp(value, "-") != 0 ? "  " : "",
	    strcmp(value, "-") != 0 ? line : "");
}

/* Prints the latest `most` of what has not been printed, and forgets what no further question brings again. */
static void
print_new(struct events *e, const struct pg_result *res, long long most)
{
	json_t *seen = json_object();
	int n = pg_rows(res);

	for (int i = 0; i < n; i++) {
		const char *key = pg_text(res, i, pg_column(res, "key"));
		long long ms = pg_int(res, i, pg_column(res, "received_ms"));

		if (json_object_get(e->seen, key) == NULL && (most == 0 || n - i <= most)) {
			json_t *row = out_row_json(res, i);

			print(e, row);
			json_decref(row);
		}
		json_object_set_new(seen, key, json_integer(ms));
		if (ms > e->newest_ms)
			e->newest_ms = ms;
	}
	json_decref(e->seen);
	e->seen = seen;
	fflush(stdout);
}

/*
 * The first question is by --since, those after it overlap the last: a commit may come late. Asks for `limit`
 * events and prints the latest `most` of them; 0: all.
 */
static bool
ask(struct events *e, long long limit, long long most)
{
	struct pg_params params = {0};
	struct pg_result *res;
	long long from = e->newest_ms - OVERLAP_MS;

	if (e->newest_ms > 0)
		pg_param_int(&params, from);
	else
		pg_param_text(&params, NULL);
	pg_param_int(&params, e->since);
	pg_param_text(&params, e->imei);
	pg_param_text(&params, e->severities);
	pg_param_int(&params, limit);
	res = database_query(e->db, "looking for events", "events_list", &params);
	if (res == NULL)
		return false;
	print_new(e, res, most);
	pg_result_free(res);
	return true;
}

static bool
follow(struct events *e)
{
	while (!ferror(stdout)) {
		sleep(FOLLOW_SECONDS);
		if (!ask(e, FOLLOW_MOST, 0))
			return false;
	}
	return true;
}

static const char *
severities(const char *least)
{
	if (strcmp(least, "alarm") == 0)
		return "{alarm}";
	if (strcmp(least, "warning") == 0)
		return "{warning,alarm}";
	return strcmp(least, "info") == 0 ? "{info,warning,alarm}" : NULL;
}

int
cmd_events(int argc, char **argv)
{
	enum { OPT_SINCE = OPT_FIRST, OPT_SEVERITY, OPT_LIMIT, OPT_FOLLOW };
	static const struct option longs[] = {OPTIONS_LONG,
	    {"since", required_argument, NULL, OPT_SINCE},
	    {"severity", required_argument, NULL, OPT_SEVERITY},
	    {"limit", required_argument, NULL, OPT_LIMIT},
	    {"follow", no_argument, NULL, OPT_FOLLOW}, OPTIONS_END};
	struct options opts;
	struct events e = {.since = 3600, .limit = 100, .severities = "{info,warning,alarm}"};
	bool go_on = false;
	int c, status = TOOL_USAGE;

	options_start(&opts);
	while ((c = options_next(argc, argv, OPTIONS_SHORT, longs, help, &opts, &status)) != -1) {
		if (c == -2)
			return status;
		if (c == OPT_FOLLOW)
			go_on = true;
		else if (c == OPT_SINCE && !options_duration(optarg, &e.since))
			return options_usage("events",
			    "--since takes a time such as 90s, 24h or 7d, not \"%s\"", optarg);
		else if (c == OPT_SEVERITY && (e.severities = severities(optarg)) == NULL)
			return options_usage("events",
			    "--severity takes info, warning or alarm, not \"%s\"", optarg);
		else if (c == OPT_LIMIT && !options_number(optarg, 0, 1000000000, &e.limit))
			return options_usage(
			    "events", "--limit takes a number, not \"%s\"", optarg);
	}
	if (optind + 1 < argc)
		return options_usage("events", "unexpected argument \"%s\"", argv[optind + 1]);
	e.imei = optind < argc ? argv[optind] : NULL;
	if (e.imei != NULL && !options_imei("events", e.imei))
		return TOOL_USAGE;
	e.json = opts.json;
	e.db = database_open_configured(&opts, &status);
	if (e.db == NULL)
		return status;
	e.seen = json_object();
	status = ask(&e, go_on ? FOLLOW_MOST : e.limit, e.limit) && (!go_on || follow(&e))
		     ? TOOL_OK
		     : TOOL_FAILED;
	json_decref(e.seen);
	pg_session_close(e.db);
	return status;
}
