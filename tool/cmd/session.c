/* tgctl session: the trackers that are connected now, and when they were before. */
#include "tool/cmd/cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/database.h"
#include "tool/device_events.h"
#include "tool/options.h"
#include "tool/out.h"

static const char help[] =
    "Usage: tgctl session [list] [--limit N]\n"
    "       tgctl session list --past [IMEI] [--limit N]\n"
    "       tgctl session close IMEI\n"
    "\n"
    "The trackers that are connected now, to whichever gateway; or when they were.\n"
    "\n"
    "  list   lists them, the newest connection first: since when, from where, at\n"
    "         which gateway and worker, when last heard, when the newest record was\n"
    "         made, and why the session before this one ended; with --past the sessions\n"
    "         that have ended, the latest first, of all devices or of one\n"
    "  close  ends the session of one device at the gateway on this machine, through\n"
    "         its control socket (TELEM_CONTROL_SOCKET); the tracker comes back\n"
    "\n"
    "Options:\n"
    "  -c, --config FILE  configuration file\n"
    "      --limit N      list: at most N (default 50; 0 for all)\n"
    "      --past         list: sessions that have ended\n"
    "      --json         print an array of objects: imei, name, connected_at,\n"
    "                     remote_addr, gateway, worker, last_seen_at, last_record_at,\n"
    "                     last_end; --past: imei, name, started_at, ended_at, reason,\n"
    "                     records, remote_addr, gateway; close: one object, imei, closed,\n"
    "                     peers\n"
    "  -h, --help         this text\n"
    "\n"
    "Exit status: 0 done, 1 failed, or it is not connected here, 2 wrong arguments or\n"
    "configuration.\n";

/* Long enough for each worker to look at its connections. */
#define CLOSE_SECONDS 2

/* Those of now, or with `past` those that have ended, of one device or (imei NULL) of all. */
static int
session_list(const struct options *opts, long long limit, bool past, const char *imei)
{
	struct pg_params params = {0};
	struct pg_result *res;
	int status;
	struct pg_session *db = database_open_configured(opts, &status);

	pg_param_int(&params, limit);
	if (past)
		pg_param_text(&params, imei);
	res = db != NULL ? database_query(db, "listing sessions",
			       past ? "session_past" : "session_list", &params)
			 : NULL;
	if (res != NULL) {
		status = TOOL_OK;
		out_rows(res, opts->json);
		out_list_notes(res, opts->json, limit,
		    past ? "no session has ended" : "no tracker is connected", "latest");
	} else if (db != NULL) {
		status = TOOL_FAILED;
	}
	pg_result_free(res);
	pg_session_close(db);
	return status;
}

/* What the gateway tells of the device: its connections, as they are closed. */
static bool
note(void *peers, const json_t *event)
{
	const char *name = json_string_value(json_object_get(event, "event")),
		   *reason = json_string_value(json_object_get(event, "reason"));

	if (name != NULL && strcmp(name, "closed") == 0 && reason != NULL &&
	    strcmp(reason, "operator") == 0)
		json_array_append(peers, json_object_get(event, "peer"));
	return true;
}

static int
session_close(const struct options *opts, const char *imei)
{
	struct trace_request request = {
	    .imei = strtoull(imei, NULL, 10), .seconds = CLOSE_SECONDS, .close = true};
	struct conf *conf = calloc(1, sizeof(*conf));
	json_t *peers = json_array(), *peer;
	int fd = -1, status = TOOL_USAGE;
	size_t i;

	if (conf != NULL && options_conf(opts, false, conf))
		fd = device_events_open(conf, &request, &status);
	free(conf);
	if (fd != -1)
		status = device_events_run(fd, note, peers);
	if (status == TOOL_OK && opts->json)
		out_json(json_pack("{s:s, s:b, s:O}", "imei", imei, "closed",
		    json_array_size(peers) > 0, "peers", peers));
	if (status == TOOL_OK && !opts->json)
		json_array_foreach(peers, i, peer)
		{
			printf("closed: %s from %s\n", imei, json_string_value(peer));
		}
	if (status == TOOL_OK && json_array_size(peers) == 0) {
		fprintf(
		    stderr, "tgctl: %s is not connected to the gateway on this machine\n", imei);
		status = TOOL_FAILED;
	}
	json_decref(peers);
	return status;
}

int
cmd_session(int argc, char **argv)
{
	enum { OPT_LIMIT = OPT_FIRST, OPT_PAST };
	static const struct option longs[] = {OPTIONS_LONG,
	    {"limit", required_argument, NULL, OPT_LIMIT}, {"past", no_argument, NULL, OPT_PAST},
	    OPTIONS_END};
	struct options opts;
	long long limit = 50;
	const char *sub = "list";
	char *imei = NULL;
	bool past = false;
	int c, status;

	options_start(&opts);
	while ((c = options_next(argc, argv, OPTIONS_SHORT, longs, help, &opts, &status)) != -1) {
		if (c == -2)
			return status;
		if (c == OPT_PAST)
			past = true;
		else if (!options_number(optarg, 0, 1000000000, &limit))
			return options_usage(
			    "session", "--limit takes a number, not \"%s\"", optarg);
	}
	if (optind < argc)
		sub = argv[optind++];
	if (strcmp(sub, "list") == 0) {
		if (past && optind < argc)
			imei = argv[optind++];
		if (optind < argc)
			return options_usage("session", "unexpected argument \"%s\"", argv[optind]);
		if (imei != NULL && !options_imei("session", imei))
			return TOOL_USAGE;
		return session_list(&opts, limit, past, imei);
	}
	if (strcmp(sub, "close") != 0)
		return options_usage("session", "there is no \"session %s\"", sub);
	if (optind + 1 != argc)
		return options_usage("session", "close takes one IMEI");
	return options_imei("session", argv[optind]) ? session_close(&opts, argv[optind])
						     : TOOL_USAGE;
}
