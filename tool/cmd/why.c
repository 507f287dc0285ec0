/* tgctl why: what is known of one device (tool/why_ask.h), and why it is silent (tool/why_causes.h). */
#include "tool/cmd/cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "tool/cmd/why.h"
#include "tool/database.h"
#include "tool/options.h"
#include "tool/out.h"
#include "tool/out_text.h"
#include "tool/why_ask.h"
#include "tool/why_causes.h"

static const char help[] =
    "Usage: tgctl why IMEI [--json]\n"
    "       tgctl why --all [--limit N] [--json]\n"
    "\n"
    "Why is this tracker silent? Looks at the tables and at what the running gateway says, and\n"
    "says in words, the most likely reason first, and what to do about it: never seen, refused,\n"
    "another IMEI near it, disabled, not allowed in, not understood (TLS, MQTT, 16 digits ...),\n"
    "closed and why, offline, connected without records, pings only, no fix, a wrong clock,\n"
    "frames that can't be stored, commands without an answer, gateway or database down. Then\n"
    "it lists the facts: last seen where and when, records, quarantine, commands that wait.\n"
    "\n"
    "  --all  the fleet's silent ones, by reason and by how long, each against its own\n"
    "         rhythm: silent for three times longer than it usually is, and 10 minutes\n"
    "\n"
    "Options:\n"
    "  -c, --config FILE  configuration file\n"
    "      --limit N      --all: judge the N that are silent for longest (default 1000; 0 for\n"
    "                     all)\n"
    "      --json         print one object: imei, reason (a word for programs), answer, advice,\n"
    "                     reasons (all of them, alike), facts (fact and text of each); --all:\n"
    "                     silent, judged, by_reason (reason, devices, longest_s, shortest_s),\n"
    "                     devices (imei, name, silent_since, silent_s, usual_gap_s, reason,\n"
    "                     answer)\n"
    "  -h, --help         this text\n"
    "\n"
    "tgctl trace IMEI shows what the tracker does now.\n"
    "Exit status: 0 there is an answer, also for an IMEI that nobody knows; 1 there is none,\n"
    "as the database does not answer; 2 wrong arguments or configuration.\n";

static json_t *
reason_json(const struct why_reason *r)
{
	return json_pack(
	    "{s:s,s:s,s:s}", "reason", r->code, "answer", r->answer, "advice", r->advice);
}

static void
print_json(const struct why_facts *f, const struct why_reason *reasons, size_t nreasons,
    const struct why_fact *facts, size_t nfacts)
{
	json_t *o = reason_json(&reasons[0]), *all = json_array(), *list = json_array();

	for (size_t i = 0; i < nreasons; i++)
		json_array_append_new(all, reason_json(&reasons[i]));
	for (size_t i = 0; i < nfacts; i++)
		json_array_append_new(
		    list, json_pack("{s:s,s:s}", "fact", facts[i].name, "text", facts[i].text));
	json_object_set_new(o, "imei", json_string(f->imei));
	json_object_set_new(o, "reasons", all);
	json_object_set_new(o, "facts", list);
	out_json(o);
}

static void
print(
    const struct why_reason *reasons, size_t nreasons, const struct why_fact *facts, size_t nfacts)
{
	char first[32];

	for (size_t i = 0; i < nreasons; i++) {
		if (i == 1)
			puts("\nAlso:");
		out_wrapped(stdout, "", "", reasons[i].answer);
		if (*reasons[i].advice != '\0')
			out_wrapped(stdout, "  -> ", "     ", reasons[i].advice);
	}
	puts("\nWhat is known:");
	for (size_t i = 0; i < nfacts; i++) {
		snprintf(first, sizeof(first), "  %-17s ", facts[i].name);
		out_wrapped(stdout, first, "                    ", facts[i].text);
	}
}

static int
show(const struct conf *conf, const char *imei, bool json)
{
	struct why_facts f = {.now = clock_wall_ms()};
	struct why_reason reasons[WHY_MAX];
	struct why_fact facts[WHY_MAX_FACTS];
	struct pg_session *db;
	size_t nreasons, nfacts;
	int status;

	snprintf(f.imei, sizeof(f.imei), "%s", imei);
	why_ask_gateway(conf, &f);
	db = database_open(conf->database_url, &status);
	if (db != NULL)
		status = why_ask_database(db, conf, &f) ? TOOL_OK : TOOL_FAILED;
	pg_session_close(db);
	if (!f.database_answers)
		snprintf(f.database_says, sizeof(f.database_says), "see the message");
	nreasons = why_judge(&f, reasons);
	nfacts = why_list(&f, facts);
	if (json)
		print_json(&f, reasons, nreasons, facts, nfacts);
	else
		print(reasons, nreasons, facts, nfacts);
	/* "The gateway can't use its database" is an answer. */
	return f.gateway_answers && !f.gateway_ready ? TOOL_OK : status;
}

int
cmd_why(int argc, char **argv)
{
	enum { OPT_ALL = OPT_FIRST, OPT_LIMIT };
	static const struct option longs[] = {OPTIONS_LONG, {"all", no_argument, NULL, OPT_ALL},
	    {"limit", required_argument, NULL, OPT_LIMIT}, OPTIONS_END};
	struct options opts;
	struct conf *conf;
	long long limit = 1000;
	bool all = false;
	int c, status = TOOL_USAGE;

	options_start(&opts);
	while ((c = options_next(argc, argv, OPTIONS_SHORT, longs, help, &opts, &status)) != -1) {
		if (c == -2)
			return status;
		if (c == OPT_ALL)
			all = true;
		else if (!options_number(optarg, 0, 1000000000, &limit))
			return options_usage("why", "--limit takes a number, not \"%s\"", optarg);
	}
	if (optind + !all != argc)
		return options_usage("why", "it takes one IMEI, or --all");
	if (!all && !options_imei("why", argv[optind]))
		return TOOL_USAGE;
	status = TOOL_USAGE;
	conf = calloc(1, sizeof(*conf));
	if (conf != NULL && options_conf(&opts, true, conf))
		status =
		    all ? why_all(conf, limit, opts.json) : show(conf, argv[optind], opts.json);
	free(conf);
	return status;
}
