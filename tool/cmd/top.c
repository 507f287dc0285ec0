/* tgctl top: the gateway at work, refreshed. */
#include "tool/cmd/cmd.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "tool/database.h"
#include "tool/gateway_status.h"
#include "tool/options.h"
#include "tool/out.h"
#include "tool/top_sample.h"

static const char help[] =
    "Usage: tgctl top [--interval TIME] [--count N] [--limit N] [--json]\n"
    "\n"
    "Shows the gateway at work, refreshed until you press Ctrl-C: connections,\n"
    "records per second and what became of them, time to the acknowledgement, how\n"
    "connections end, and the devices that are worst off: frames that can't be\n"
    "stored, connections that end again and again. Rates are those of the last\n"
    "interval; the first screen has those since the gateway's start.\n"
    "\n"
    "Options:\n"
    "  -c, --config FILE    configuration file\n"
    "      --interval TIME  between two screens: seconds, or 90s, 10m (default 2)\n"
    "      --count N        so many screens, then end (default 0: for ever)\n"
    "      --limit N        so many of the worst devices (default 10)\n"
    "      --json           print an object per line: at, ready, interval_s,\n"
    "                       connections, records_per_s, stored_per_s,\n"
    "                       duplicates_per_s, quarantined_per_s, acks_per_s,\n"
    "                       ack_p50_ms, ack_p99_ms, records_in_flight, closed (reason\n"
    "                       to number), unidentified (what to number), worst (imei,\n"
    "                       trouble, times, last_at)\n"
    "  -h, --help           this text\n"
    "\n"
    "Exit status: 0 over, 1 the gateway does not answer, 2 wrong arguments or\n"
    "configuration.\n";

static volatile sig_atomic_t interrupted;

static void
on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

struct top {
	const struct conf *conf;
	struct pg_session *db; /* NULL: without the worst devices */
	long long limit;
	bool json, screen;
};

static json_t *
worst(struct top *t)
{
	struct pg_params params = {0};
	struct pg_result *res;
	json_t *rows;

	if (t->db == NULL || t->limit == 0)
		return json_array();
	pg_param_int(&params, t->limit);
	res = database_query(t->db, "looking for the worst devices", "top_worst", &params);
	rows = res != NULL ? out_rows_json(res, NULL) : json_array();
	pg_result_free(res);
	return rows;
}

static double
get(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

/* "peer 12, idle 3": of an object of numbers. */
static void
print_counts(const char *name, const json_t *o)
{
	const char *key;
	json_t *value;
	bool any = false;

	printf("%-14s", name);
	json_object_foreach((json_t *)o, key, value)
	{
		printf(
		    "%s%s %" JSON_INTEGER_FORMAT, any ? ", " : "", key, json_integer_value(value));
		any = true;
	}
	puts(any ? "" : "none");
}

static void
print_ms(const char *name, double ms)
{
	if (ms < 0)
		printf("%s -", name);
	else
		printf("%s %.1f ms", name, ms);
}

static void
print_screen(const struct top *t, const json_t *o)
{
	json_t *list = json_object_get(o, "worst");

	if (t->screen)
		fputs("\033[H\033[J", stdout);
	printf("%s  %s\n\n", json_string_value(json_object_get(o, "at")),
	    json_is_true(json_object_get(o, "ready")) ? "ready" : "NOT READY: see tgctl status");
	printf("connections   %.0f\n", get(o, "connections"));
	printf(
	    "records       %.1f/s: %.1f stored, %.1f duplicate, %.1f quarantined; %.0f in flight\n",
	    get(o, "records_per_s"), get(o, "stored_per_s"), get(o, "duplicates_per_s"),
	    get(o, "quarantined_per_s"), get(o, "records_in_flight"));
	printf("ACKs          %.1f/s", get(o, "acks_per_s"));
	print_ms(", half within",
	    json_is_null(json_object_get(o, "ack_p50_ms")) ? -1 : get(o, "ack_p50_ms"));
	print_ms(", 99 % within",
	    json_is_null(json_object_get(o, "ack_p99_ms")) ? -1 : get(o, "ack_p99_ms"));
	puts("");
	print_counts("closed", json_object_get(o, "closed"));
	print_counts("unidentified", json_object_get(o, "unidentified"));
	puts("");
	if (json_array_size(list) > 0)
		out_table(list);
	else
		puts("no device is in trouble");
	if (!t->screen)
		puts("");
	fflush(stdout);
}

static void
show(struct top *t, const struct top_sample *before, const struct top_sample *now)
{
	json_t *o = top_json(before, now);

	json_object_set_new(o, "worst", worst(t));
	if (t->json) {
		out_json(o);
		fflush(stdout);
		return;
	}
	print_screen(t, o);
	json_decref(o);
}

static int
run(struct top *t, int interval, long long count)
{
	struct top_sample samples[2] = {0};
	char why[CONF_STR + 128];

	for (long long n = 0; !interrupted && (count == 0 || n < count); n++) {
		struct top_sample *now = &samples[n & 1], *before = &samples[!(n & 1)];
		char *text;

		if (n > 0)
			(void)sleep((unsigned)interval);
		if (interrupted)
			break;
		text = gateway_get(t->conf, "/metrics", why, sizeof(why));
		if (text == NULL) {
			fprintf(stderr, "tgctl: %s\n", why);
			return TOOL_FAILED;
		}
		top_read(text, clock_wall_ms(), now);
		free(text);
		show(t, before, now);
	}
	return TOOL_OK;
}

int
cmd_top(int argc, char **argv)
{
	enum { OPT_INTERVAL = OPT_FIRST, OPT_COUNT, OPT_LIMIT };
	static const struct option longs[] = {OPTIONS_LONG,
	    {"interval", required_argument, NULL, OPT_INTERVAL},
	    {"count", required_argument, NULL, OPT_COUNT},
	    {"limit", required_argument, NULL, OPT_LIMIT}, OPTIONS_END};
	struct sigaction sa = {.sa_handler = on_signal};
	struct conf *conf = NULL;
	struct top t = {.limit = 10};
	struct options opts;
	long long count = 0;
	int c, interval = 2, status;

	options_start(&opts);
	while ((c = options_next(argc, argv, OPTIONS_SHORT, longs, help, &opts, &status)) != -1) {
		if (c == -2)
			return status;
		if (c == OPT_INTERVAL && !options_seconds(optarg, 86400, &interval))
			return options_usage("top", "--interval takes a time, not \"%s\"", optarg);
		if (c != OPT_INTERVAL &&
		    !options_number(optarg, 0, 1000000000, c == OPT_COUNT ? &count : &t.limit))
			return options_usage("top", "\"%s\" is not a number", optarg);
	}
	if (optind < argc)
		return options_usage("top", "unexpected argument \"%s\"", argv[optind]);
	conf = calloc(1, sizeof(*conf));
	status = TOOL_USAGE;
	if (conf != NULL && options_conf(&opts, false, conf)) {
		t.conf = conf;
		t.json = opts.json;
		t.screen = isatty(STDOUT_FILENO) && !opts.json;
		if (conf->database_url[0] != '\0')
			t.db = database_open(conf->database_url, &status);
		if (sigaction(SIGINT, &sa, NULL) == -1 || sigaction(SIGTERM, &sa, NULL) == -1)
			perror("tgctl: sigaction");
		status = run(&t, interval, count);
		pg_session_close(t.db);
	}
	free(conf);
	return status;
}
