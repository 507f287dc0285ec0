/* tgctl device: the inventory (table devices). */
#include "tool/cmd/cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/options.h"
#include "tool/out.h"
#include "tool/pg.h"

static const char help[] =
    "Usage: tgctl device add IMEI... [--name TEXT] [--model TEXT] [--disabled] [--exist-ok]\n"
    "       tgctl device list [--online] [--disabled] [--limit N]\n"
    "       tgctl device show IMEI\n"
    "       tgctl device enable IMEI...\n"
    "       tgctl device disable IMEI...\n"
    "\n"
    "The inventory of trackers. Changes reach a running gateway within a second,\n"
    "without a restart; disabling a device closes its connection.\n"
    "\n"
    "  add      registers devices; an IMEI of - reads IMEIs from standard input, one\n"
    "           a line. Nothing is added if one of them is registered already,\n"
    "           unless --exist-ok is given: then those are left as they are.\n"
    "  list     lists devices by IMEI, with what their trackers last said\n"
    "  show     says all about one device: whether it is let in, whether it is\n"
    "           connected and since when, its last record and fix, its frames in\n"
    "           quarantine, its refusals\n"
    "  enable   lets devices in\n"
    "  disable  refuses them from now on\n"
    "\n"
    "Options:\n"
    "  -c, --config FILE  configuration file\n"
    "      --name TEXT    name of the device (one IMEI only)\n"
    "      --model TEXT   device_model, as in the table device_models\n"
    "      --disabled     add: don't let it in yet; list: only these\n"
    "      --exist-ok     add: leave alone what is registered already\n"
    "      --online       list: only those that are connected now\n"
    "      --limit N      list: at most N (default 100; 0 for all)\n"
    "      --json         print JSON: an array of objects; show: one object\n"
    "  -h, --help         this text\n"
    "\n"
    "Exit status: 0 done, 1 failed (no such device, exists already, no database),\n"
    "2 wrong arguments or configuration.\n";

struct device_args {
	struct options opts;
	const char *name, *model;
	bool disabled, exist_ok, online;
	long long limit;
	char **imeis; /* the arguments behind the sub-command */
	int nimeis;
};

/* "{imei,imei,...}": an array parameter. IMEIs are digits, so nothing needs quoting. */
struct imei_list {
	char *text;
	size_t len, room, n;
};

static bool
list_add(struct imei_list *list, const char *imei)
{
	if (list->room - list->len < 20) {
		size_t room = list->room * 2 + 64;
		char *text = realloc(list->text, room);

		if (text == NULL) {
			fprintf(stderr, "tgctl: out of memory\n");
			return false;
		}
		list->text = text;
		list->room = room;
	}
	list->len += (size_t)snprintf(
	    list->text + list->len, list->room - list->len, "%c%s", list->n > 0 ? ',' : '{', imei);
	list->n++;
	return true;
}

static bool
list_read(struct imei_list *list)
{
	char line[256];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, " \t\r\n")] = '\0';
		if (line[0] == '\0' || line[0] == '#')
			continue;
		if (!options_imei("device", line) || !list_add(list, line))
			return false;
	}
	return true;
}

/* All IMEIs of the command line; false after complaining. The caller frees list->text. */
static bool
list_make(struct imei_list *list, const struct device_args *a)
{
	memset(list, 0, sizeof(*list));
	for (int i = 0; i < a->nimeis; i++) {
		bool ok = strcmp(a->imeis[i], "-") == 0
			      ? list_read(list)
			      : options_imei("device", a->imeis[i]) && list_add(list, a->imeis[i]);

		if (!ok)
			return false;
	}
	if (list->n == 0) {
		options_usage("device", "an IMEI is needed");
		return false;
	}
	memcpy(list->text + list->len, "}", 2);
	return true;
}

/* Prints what is known already of the list; returns how many. */
static int
print_existing(PGconn *conn, const char *imeis)
{
	const char *params[] = {imeis};
	PGresult *res = pg_query(conn, "looking for the devices",
	    "SELECT imei, id, enabled FROM devices WHERE imei = ANY ($1::text[]) ORDER BY imei "
	    "LIMIT 20",
	    1, params);
	int n = res != NULL ? PQntuples(res) : 0;

	for (int i = 0; i < n; i++)
		fprintf(stderr, "tgctl: %s is registered already (id %s, %s)\n",
		    PQgetvalue(res, i, 0), PQgetvalue(res, i, 1),
		    *PQgetvalue(res, i, 2) == 't' ? "enabled" : "disabled");
	PQclear(res);
	return n;
}

static int
device_add(PGconn *conn, const struct device_args *a, const struct imei_list *list)
{
	const char *params[] = {list->text, a->name, a->model, a->disabled ? "f" : "t"};
	PGresult *res;
	int status = TOOL_FAILED;

	if (a->name != NULL && list->n > 1)
		return options_usage("device", "--name is for one device");
	if (!a->exist_ok && print_existing(conn, list->text) > 0) {
		fprintf(stderr, "tgctl: nothing was added\n");
		return TOOL_FAILED;
	}
	res = pg_query(conn, "adding devices",
	    "INSERT INTO devices (imei, name, device_model, enabled) "
	    "SELECT DISTINCT i, $2, $3, $4::boolean FROM unnest($1::text[]) AS i ORDER BY 1 "
	    "ON CONFLICT (imei) DO NOTHING RETURNING id, imei, name, device_model, enabled",
	    4, params);
	if (res != NULL) {
		out_rows(res, a->opts.json);
		status = TOOL_OK;
	}
	PQclear(res);
	return status;
}

static int
device_enable(PGconn *conn, const struct device_args *a, const struct imei_list *list, bool enable)
{
	const char *params[] = {list->text, enable ? "t" : "f"};
	PGresult *res, *missing;
	int status = TOOL_FAILED;

	res = pg_query(conn, "changing devices",
	    "UPDATE devices SET enabled = $2::boolean WHERE imei = ANY ($1::text[]) "
	    "RETURNING id, imei, name, device_model, enabled",
	    2, params);
	missing = res == NULL ? NULL
			      : pg_query(conn, "looking for the devices",
				    "SELECT i FROM unnest($1::text[]) AS i WHERE NOT EXISTS "
				    "(SELECT FROM devices WHERE imei = i)",
				    1, params);
	if (missing != NULL) {
		out_rows(res, a->opts.json);
		for (int i = 0; i < PQntuples(missing); i++)
			fprintf(stderr, "tgctl: %s is not registered; see \"tgctl device add\"\n",
			    PQgetvalue(missing, i, 0));
		status = PQntuples(missing) == 0 ? TOOL_OK : TOOL_FAILED;
	}
	PQclear(missing);
	PQclear(res);
	return status;
}

static int
device_list(PGconn *conn, const struct device_args *a)
{
	char limit[24];
	const char *params[] = {
	    a->limit > 0 ? limit : NULL, a->disabled ? "t" : NULL, a->online ? "t" : NULL};
	PGresult *res;

	snprintf(limit, sizeof(limit), "%lld", a->limit);
	res = pg_query(conn, "listing devices",
	    "SELECT d.imei, d.name, d.device_model, d.enabled, coalesce(o.online, false) AS "
	    "online, "
	    "date_trunc('second', o.last_seen_at) AS last_seen_at, "
	    "date_trunc('second', o.last_record_at) AS last_record_at, "
	    "o.latitude, o.longitude, o.speed "
	    "FROM devices d LEFT JOIN device_online o ON o.device_id = d.id "
	    "WHERE ($2::boolean IS NULL OR NOT d.enabled) AND ($3::boolean IS NULL OR o.online) "
	    "ORDER BY d.imei LIMIT $1::bigint",
	    3, params);
	if (res == NULL)
		return TOOL_FAILED;
	out_rows(res, a->opts.json);
	if (PQntuples(res) == 0 && !a->opts.json)
		fprintf(stderr, "tgctl: no devices; see \"tgctl device add\"\n");
	if (a->limit > 0 && PQntuples(res) == a->limit)
		fprintf(stderr, "tgctl: the first %lld are shown; --limit 0 shows all\n", a->limit);
	PQclear(res);
	return TOOL_OK;
}

/* A device that is not registered: perhaps it has tried. */
static void
explain_unknown(PGconn *conn, const char *imei)
{
	const char *params[] = {imei};
	PGresult *res = pg_query(conn, "looking for refusals",
	    "SELECT attempts, last_seen_at, host(last_remote_addr) FROM rejected_devices "
	    "WHERE imei = $1",
	    1, params);

	fprintf(stderr, "tgctl: %s is not registered", imei);
	if (res != NULL && PQntuples(res) > 0)
		fprintf(stderr, "; it was refused %s times, last at %s from %s",
		    PQgetvalue(res, 0, 0), PQgetvalue(res, 0, 1),
		    PQgetisnull(res, 0, 2) ? "?" : PQgetvalue(res, 0, 2));
	fprintf(stderr, "; to let it in: tgctl device add %s\n", imei);
	PQclear(res);
}

static int
device_show(PGconn *conn, const struct device_args *a)
{
	const char *params[] = {a->imeis[0]};
	PGresult *res;
	int status = TOOL_FAILED;

	res = pg_query(conn, "looking for the device",
	    "SELECT d.id, d.imei, d.name, d.device_model, d.enabled, "
	    "CASE WHEN NOT d.enabled THEN 'disabled: refused at the handshake' "
	    "WHEN o.online THEN 'connected' "
	    "WHEN o.connected_at IS NOT NULL THEN 'not connected' "
	    "ELSE 'has never connected' END AS state, "
	    "d.created_at, d.last_ping, coalesce(o.online, false) AS online, o.connected_at, "
	    "o.disconnected_at, "
	    "host(o.remote_addr) AS remote_addr, o.gateway, o.worker, o.last_seen_at, "
	    "o.last_record_at, o.recorded_at AS fix_at, o.latitude, o.longitude, o.altitude, "
	    "o.heading, o.speed, o.satellites, o.io, "
	    "(SELECT coalesce(jsonb_object_agg(reason, n), '{}') FROM (SELECT reason, "
	    "count(*) AS n FROM device_ingest_raw WHERE imei = $1 AND reason <> 'raw' "
	    "AND decoded_at IS NULL GROUP BY reason) AS q) AS quarantine, "
	    "r.reason AS refused_reason, r.attempts AS refused_times, "
	    "r.last_seen_at AS refused_last, host(r.last_remote_addr) AS refused_from "
	    "FROM devices d LEFT JOIN device_online o ON o.device_id = d.id "
	    "LEFT JOIN rejected_devices r ON r.imei = d.imei WHERE d.imei = $1",
	    1, params);
	if (res != NULL && PQntuples(res) > 0) {
		out_row(res, 0, a->opts.json);
		status = TOOL_OK;
	} else if (res != NULL) {
		explain_unknown(conn, a->imeis[0]);
	}
	PQclear(res);
	return status;
}

/* Checks the arguments before it connects, so that a wrong one is told without a database. */
static int
run(const char *sub, const struct device_args *a)
{
	bool list = strcmp(sub, "list") == 0, show = strcmp(sub, "show") == 0;
	struct imei_list imeis = {0};
	PGconn *conn;
	int status = TOOL_USAGE;

	if (list && a->nimeis > 0)
		return options_usage("device", "unexpected argument \"%s\"", a->imeis[0]);
	if (show && a->nimeis != 1)
		return options_usage("device", "show takes one IMEI");
	if (show && !options_imei("device", a->imeis[0]))
		return TOOL_USAGE;
	if (!list && !show && !list_make(&imeis, a)) {
		free(imeis.text);
		return TOOL_USAGE;
	}
	conn = pg_open_conf(&a->opts, &status);
	if (conn != NULL) {
		if (list)
			status = device_list(conn, a);
		else if (show)
			status = device_show(conn, a);
		else if (strcmp(sub, "add") == 0)
			status = device_add(conn, a, &imeis);
		else
			status = device_enable(conn, a, &imeis, strcmp(sub, "enable") == 0);
	}
	PQfinish(conn);
	free(imeis.text);
	return status;
}

int
cmd_device(int argc, char **argv)
{
	enum { OPT_NAME = OPT_FIRST, OPT_MODEL, OPT_DISABLED, OPT_EXIST_OK, OPT_ONLINE, OPT_LIMIT };
	static const struct option longs[] = {OPTIONS_LONG,
	    {"name", required_argument, NULL, OPT_NAME},
	    {"model", required_argument, NULL, OPT_MODEL},
	    {"disabled", no_argument, NULL, OPT_DISABLED},
	    {"exist-ok", no_argument, NULL, OPT_EXIST_OK},
	    {"online", no_argument, NULL, OPT_ONLINE},
	    {"limit", required_argument, NULL, OPT_LIMIT}, OPTIONS_END};
	static const char *const subs[] = {"add", "list", "show", "enable", "disable"};
	struct device_args a = {.limit = 100};
	int c, status;

	options_start(&a.opts);
	while ((c = options_next(argc, argv, OPTIONS_SHORT, longs, help, &a.opts, &status)) != -1) {
		if (c == -2)
			return status;
		if (c == OPT_NAME)
			a.name = optarg;
		else if (c == OPT_MODEL)
			a.model = optarg;
		else if (c == OPT_DISABLED)
			a.disabled = true;
		else if (c == OPT_EXIST_OK)
			a.exist_ok = true;
		else if (c == OPT_ONLINE)
			a.online = true;
		else if (!options_number(optarg, 0, 1000000000, &a.limit))
			return options_usage(
			    "device", "--limit needs a number, not \"%s\"", optarg);
	}
	if (optind >= argc)
		return options_usage("device", "add, list, show, enable or disable?");
	a.imeis = argv + optind + 1;
	a.nimeis = argc - optind - 1;
	for (size_t i = 0; i < sizeof(subs) / sizeof(subs[0]); i++)
		if (strcmp(argv[optind], subs[i]) == 0)
			return run(subs[i], &a);
	return options_usage("device", "there is no \"device %s\"", argv[optind]);
}
