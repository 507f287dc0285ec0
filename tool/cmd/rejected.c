/* tgctl rejected: the ledger of refused IMEIs (table rejected_devices). */
#include "tool/cmd/cmd.h"

#include <stdio.h>
#include <string.h>

#include "tool/options.h"
#include "tool/out.h"
#include "tool/pg.h"

static const char help[] =
    "Usage: tgctl rejected [list] [--limit N]\n"
    "       tgctl rejected clear IMEI | --all\n"
    "\n"
    "Trackers that the gateway refused at the handshake, the latest first: why (unknown:\n"
    "not in the table devices; disabled: its row says so), how often, since when, and\n"
    "from which address last. \"registered\" says whether it would be let in now.\n"
    "\n"
    "  list   lists them (the default)\n"
    "  clear  forgets one, or all; they stand there again when they come again\n"
    "\n"
    "Options:\n"
    "  -c, --config FILE  configuration file\n"
    "      --limit N      at most N (default 50; 0 for all)\n"
    "      --all          clear: all of them\n"
    "      --json         print an array of objects\n"
    "  -h, --help         this text\n"
    "\n"
    "To let one in: tgctl device add IMEI, or tgctl device enable IMEI.\n"
    "Exit status: 0 done, 1 failed, 2 wrong arguments or configuration.\n";

static int
rejected_list(PGconn *conn, long long limit, bool json)
{
	char text[24];
	const char *params[] = {limit > 0 ? text : NULL};
	PGresult *res;

	snprintf(text, sizeof(text), "%lld", limit);
	res = pg_query(conn, "listing refused devices",
	    "SELECT r.imei, r.reason, r.attempts, date_trunc('second', r.first_seen_at) AS "
	    "first_seen_at, date_trunc('second', r.last_seen_at) AS last_seen_at, "
	    "host(r.last_remote_addr) AS last_remote_addr, coalesce((SELECT CASE WHEN d.enabled "
	    "THEN 'enabled' ELSE 'disabled' END FROM devices d WHERE d.imei = r.imei), 'no') AS "
	    "registered FROM rejected_devices r ORDER BY r.last_seen_at DESC, r.imei "
	    "LIMIT $1::bigint",
	    1, params);
	if (res == NULL)
		return TOOL_FAILED;
	out_rows(res, json);
	if (PQntuples(res) == 0 && !json)
		fprintf(stderr, "tgctl: no device was refused\n");
	if (limit > 0 && PQntuples(res) == limit)
		fprintf(stderr, "tgctl: the latest %lld are shown; --limit 0 shows all\n", limit);
	PQclear(res);
	return TOOL_OK;
}

static int
rejected_clear(PGconn *conn, const char *imei, bool json)
{
	const char *params[] = {imei};
	PGresult *res = pg_query(conn, "forgetting refused devices",
	    "DELETE FROM rejected_devices WHERE $1::text IS NULL OR imei = $1 RETURNING imei", 1,
	    params);
	int n = res != NULL ? PQntuples(res) : -1;

	if (n >= 0 && json)
		out_rows(res, true);
	else if (n >= 0)
		printf("%d forgotten\n", n);
	PQclear(res);
	if (n == 0 && imei != NULL) {
		fprintf(stderr, "tgctl: %s was not refused\n", imei);
		return TOOL_FAILED;
	}
	return n < 0 ? TOOL_FAILED : TOOL_OK;
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
	bool all = false, clear;
	const char *imei = NULL;
	PGconn *conn;
	int c, status;

	options_start(&opts);
	while ((c = options_next(argc, argv, OPTIONS_SHORT, longs, help, &opts, &status)) != -1) {
		if (c == -2)
			return status;
		if (c == OPT_ALL)
			all = true;
		else if (!options_number(optarg, 0, 1000000000, &limit))
			return options_usage(
			    "rejected", "--limit needs a number, not \"%s\"", optarg);
	}
	clear = optind < argc && strcmp(argv[optind], "clear") == 0;
	if (clear || (optind < argc && strcmp(argv[optind], "list") == 0))
		optind++;
	if (clear && optind < argc)
		imei = argv[optind++];
	if (optind < argc)
		return options_usage("rejected", "unexpected argument \"%s\"", argv[optind]);
	if (clear && (imei != NULL) == all)
		return options_usage("rejected", "clear takes one IMEI, or --all");
	if (imei != NULL && !options_imei("rejected", imei))
		return TOOL_USAGE;
	conn = pg_open_conf(&opts, &status);
	if (conn != NULL)
		status = clear ? rejected_clear(conn, imei, opts.json)
			       : rejected_list(conn, limit, opts.json);
	PQfinish(conn);
	return status;
}
