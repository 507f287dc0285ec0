/* tgctl rejected: the ledger of refused IMEIs (table rejected_devices). */
#include "tool/cmd/cmd.h"

#include <stdio.h>
#include <string.h>

#include "tool/database.h"
#include "tool/options.h"
#include "tool/out.h"

static const char help[] =
    "Usage: tgctl rejected [list] [--limit N]\n"
    "       tgctl rejected unidentified [--limit N]\n"
    "       tgctl rejected clear IMEI | --all\n"
    "\n"
    "Who was not served, the latest first.\n"
    "\n"
    "  list          trackers that the gateway refused at the handshake (the default):\n"
    "                why (unknown: not in the table devices; disabled: its row says\n"
    "                so), how often, since when, and from which address last.\n"
    "                \"registered\" says whether the gateway would accept it now.\n"
    "  unidentified  connections that said no IMEI, or were not let in, by address: what\n"
    "                they were (tls, mqtt, http, imei_16_digits ...; unknown_imei: over\n"
    "                TELEM_UNKNOWN_IMEI_RATE), how often, and the first bytes of the\n"
    "                latest\n"
    "  clear         forgets one IMEI, or all of both; what is refused again is listed\n"
    "                again\n"
    "\n"
    "Options:\n"
    "  -c, --config FILE  configuration file\n"
    "      --limit N      at most N (default 50; 0 for all)\n"
    "      --all          clear: all of them\n"
    "      --json         print an array of objects\n"
    "  -h, --help         this text\n"
    "\n"
    "To accept one: tgctl device add IMEI, or tgctl device enable IMEI.\n"
    "Exit status: 0 done, 1 failed, 2 wrong arguments or configuration.\n";

static int
rejected_list(struct pg_session *db, const char *statement, long long limit, bool json)
{
	struct pg_params params = {0};
	struct pg_result *res;

	pg_param_int(&params, limit);
	res = database_query(db, "listing refusals", statement, &params);
	if (res == NULL)
		return TOOL_FAILED;
	out_rows(res, json);
	out_list_notes(res, json, limit, "nobody was refused", "latest");
	pg_result_free(res);
	return TOOL_OK;
}

static int
rejected_clear(struct pg_session *db, const char *imei, bool json)
{
	struct pg_params params = {0};
	struct pg_result *res;
	int n;

	pg_param_text(&params, imei);
	res = database_query(db, "forgetting refused devices", "rejected_clear", &params);
	if (res == NULL)
		return TOOL_FAILED;
	n = pg_rows(res);
	if (json)
		out_rows(res, true);
	else
		printf("%d forgotten\n", n);
	pg_result_free(res);
	if (n > 0 || imei == NULL)
		return TOOL_OK;
	fprintf(stderr, "tgctl: %s was not refused\n", imei);
	return TOOL_FAILED;
}

int
cmd_rejected(int argc, char **argv)
{
	enum { OPT_LIMIT = OPT_FIRST, OPT_ALL };
	static const struct option longs[] = {OPTIONS_LONG,
	    {"limit", required_argument, NULL, OPT_LIMIT}, {"all", no_argument, NULL, OPT_ALL},
	    OPTIONS_END};
	struct options opts;
	long long limit = 50;
	bool all = false, clear, unidentified;
	char *imei = NULL;
	struct pg_session *db;
	int c, status;

	options_start(&opts);
	while ((c = options_next(argc, argv, OPTIONS_SHORT, longs, help, &opts, &status)) != -1) {
		if (c == -2)
			return status;
		if (c == OPT_ALL)
			all = true;
		else if (!options_number(optarg, 0, 1000000000, &limit))
			return options_usage(
			    "rejected", "--limit takes a number, not \"%s\"", optarg);
	}
	clear = optind < argc && strcmp(argv[optind], "clear") == 0;
	unidentified = optind < argc && strcmp(argv[optind], "unidentified") == 0;
	if (clear || unidentified || (optind < argc && strcmp(argv[optind], "list") == 0))
		optind++;
	if (clear && optind < argc)
		imei = argv[optind++];
	if (optind < argc)
		return options_usage("rejected", "unexpected argument \"%s\"", argv[optind]);
	if (clear && (imei != NULL) == all)
		return options_usage("rejected", "clear takes one IMEI, or --all");
	if (imei != NULL && !options_imei("rejected", imei))
		return TOOL_USAGE;
	db = database_open_configured(&opts, &status);
	if (db != NULL)
		status =
		    clear ? rejected_clear(db, imei, opts.json)
			  : rejected_list(db, unidentified ? "unidentified_list" : "rejected_list",
				limit, opts.json);
	pg_session_close(db);
	return status;
}
