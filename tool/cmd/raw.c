/* tgctl raw: frames in quarantine and debug copies (table device_ingest_raw). */
#include "tool/cmd/cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/stream.h"
#include "tool/frame_json.h"
#include "tool/input.h"
#include "tool/options.h"
#include "tool/out.h"
#include "tool/pg.h"
#include "tool/raw_decode.h"

static const char help[] =
    "Usage: tgctl raw [list] [--imei IMEI] [--reason REASON] [--all] [--limit N]\n"
    "       tgctl raw show ID [--hex]\n"
    "       tgctl raw decode ID... | --all\n"
    "\n"
    "Frames that could not be stored as positions are kept whole, so that nothing a\n"
    "tracker said is lost: the quarantine. With TELEM_INGEST_RAW=all, copies of good\n"
    "frames (reason \"raw\") are kept too, for debugging.\n"
    "\n"
    "  list    the latest first: frames in quarantine that are not decoded yet; --all: those\n"
    "          that are, and debug copies, as well\n"
    "  show    one frame: what is known of it, its bytes in hex, and as decoded now;\n"
    "          --hex: the bytes alone (for tgctl decode)\n"
    "  decode  decodes frames again, after an upgrade or a change of device_models, and\n"
    "          stores their positions and messages; what is stored already is left\n"
    "          alone. --all: all of the quarantine. The live row of the device stays.\n"
    "\n"
    "Reasons: count, structure (of the records), crc (wrong three times), content\n"
    "(refused by the database, or a time out of range), codec (the model may not use\n"
    "it), unknown_codec, message (malformed), raw (a copy of a good frame).\n"
    "\n"
    "Options:\n"
    "  -c, --config FILE    configuration file\n"
    "      --imei IMEI      list: of this device only\n"
    "      --reason REASON  list: with this reason only\n"
    "      --limit N        list: at most N (default 50; 0 for all)\n"
    "      --json           print JSON: an array of objects; show: one object\n"
    "  -h, --help           this text\n"
    "\n"
    "Exit status: 0 done, 1 failed, or a named frame could not be decoded,\n"
    "2 wrong arguments or configuration.\n";

struct raw_args {
	struct options opts;
	const char *imei, *reason;
	bool all, hex;
	long long limit;
	char **ids;
	int nids;
};

#define COLUMNS \
	"id, imei, reason, CASE WHEN length(frame) > 8 THEN get_byte(frame, 8) END AS codec, " \
	"length(frame) AS bytes, attempts, date_trunc('milliseconds', received_at) AS " \
	"received_at, " \
	"date_trunc('milliseconds', last_seen_at) AS last_seen_at, host(remote_addr) AS " \
	"remote_addr, " \
	"date_trunc('milliseconds', decoded_at) AS decoded_at"

static int
raw_list(PGconn *conn, const struct raw_args *a)
{
	char limit[24];
	const char *params[] = {
	    a->imei, a->reason, a->all ? "t" : NULL, a->limit > 0 ? limit : NULL};
	PGresult *res;

	snprintf(limit, sizeof(limit), "%lld", a->limit);
	res = pg_query(conn, "listing frames",
	    "SELECT " COLUMNS " FROM device_ingest_raw WHERE ($1::text IS NULL OR imei = $1) AND "
	    "($2::text IS NULL OR reason = $2) AND ($3::boolean IS NOT NULL OR (decoded_at IS NULL "
	    "AND ($2 = 'raw' OR reason <> 'raw'))) ORDER BY id DESC LIMIT $4::bigint",
	    4, params);
	if (res == NULL)
		return TOOL_FAILED;
	out_rows(res, a->opts.json);
	if (PQntuples(res) == 0 && !a->opts.json)
		fprintf(stderr, "tgctl: no such frames\n");
	if (a->limit > 0 && PQntuples(res) == a->limit)
		fprintf(
		    stderr, "tgctl: the latest %lld are shown; --limit 0 shows all\n", a->limit);
	PQclear(res);
	return TOOL_OK;
}

/* The frame as tgctl decode would show it. */
static json_t *
decoded_json(const char *hex)
{
	uint8_t *frame = (uint8_t *)strdup(hex);
	size_t len = strlen(hex);
	struct stream_item item = {0};
	json_t *o = json_object();

	if (frame != NULL && input_unhex(frame, &len) &&
	    stream_next(frame, len, true, &item) == STREAM_FRAME) {
		frame_json(o, item.body, item.body_len);
		json_object_set_new(o, "crc_ok", json_boolean(item.crc_ok));
	} else {
		json_object_set_new(o, "error", json_string("no whole frame"));
	}
	free(frame);
	return o;
}

static int
raw_show(PGconn *conn, const struct raw_args *a)
{
	const char *params[] = {a->ids[0]};
	PGresult *res = pg_query(conn, "reading the frame",
	    "SELECT " COLUMNS ", encode(frame, 'hex') AS frame FROM device_ingest_raw "
	    "WHERE id = $1::bigint",
	    1, params);
	json_t *o, *decoded;

	if (res == NULL || PQntuples(res) == 0) {
		if (res != NULL)
			fprintf(stderr,
			    "tgctl: there is no frame with id %s; see \"tgctl raw list\"\n",
			    a->ids[0]);
		PQclear(res);
		return TOOL_FAILED;
	}
	if (a->hex) {
		puts(PQgetvalue(res, 0, PQfnumber(res, "frame")));
		PQclear(res);
		return TOOL_OK;
	}
	decoded = decoded_json(PQgetvalue(res, 0, PQfnumber(res, "frame")));
	if (a->opts.json) {
		o = out_row_json(res, 0);
		json_object_set_new(o, "decoded", decoded);
		out_json(o);
	} else {
		out_row(res, 0, false);
		out_json(decoded);
	}
	PQclear(res);
	return TOOL_OK;
}

/* One frame; appends to results. */
static int
decode_one(PGconn *conn, const char *id, bool by_id, json_t *results)
{
	json_t *result;
	enum raw_outcome outcome = raw_decode(conn, id, by_id, &result);

	if (result != NULL)
		json_array_append_new(results, result);
	if (outcome == RAW_ERROR || (by_id && outcome == RAW_UNDECODED))
		return TOOL_FAILED;
	return TOOL_OK;
}

static int
decode_all(PGconn *conn, json_t *results)
{
	PGresult *res = pg_query(conn, "listing frames",
	    "SELECT id FROM device_ingest_raw WHERE decoded_at IS NULL AND reason <> 'raw' "
	    "ORDER BY id",
	    0, NULL);
	int status = res != NULL ? TOOL_OK : TOOL_FAILED;

	for (int i = 0; res != NULL && i < PQntuples(res) && PQstatus(conn) == CONNECTION_OK; i++)
		if (decode_one(conn, PQgetvalue(res, i, 0), false, results) != TOOL_OK)
			status = TOOL_FAILED;
	PQclear(res);
	return status;
}

static int
raw_decode_command(PGconn *conn, const struct raw_args *a)
{
	json_t *results = json_array();
	int status = TOOL_OK;

	if (a->all)
		status = decode_all(conn, results);
	for (int i = 0; i < a->nids; i++)
		if (decode_one(conn, a->ids[i], true, results) != TOOL_OK)
			status = TOOL_FAILED;
	if (a->opts.json) {
		out_json(results);
		return status;
	}
	if (json_array_size(results) > 0)
		out_objects(results);
	else if (status == TOOL_OK)
		fprintf(stderr, "tgctl: nothing to decode\n");
	json_decref(results);
	return status;
}

/* Checks the arguments before it connects. */
static int
run(const char *sub, const struct raw_args *a)
{
	bool list = strcmp(sub, "list") == 0, show = strcmp(sub, "show") == 0;
	long long id;
	PGconn *conn;
	int status;

	if (list && a->nids > 0)
		return options_usage("raw", "unexpected argument \"%s\"", a->ids[0]);
	if (show && a->nids != 1)
		return options_usage("raw", "show takes one id");
	if (!list && !show && (a->nids > 0) == a->all)
		return options_usage("raw", "decode takes ids, or --all");
	for (int i = 0; i < a->nids; i++)
		if (!options_number(a->ids[i], 1, INT64_MAX, &id))
			return options_usage("raw", "\"%s\" is no id", a->ids[i]);
	if (a->imei != NULL && !options_imei("raw", a->imei))
		return TOOL_USAGE;
	conn = pg_open_conf(&a->opts, &status);
	if (conn != NULL)
		status = list	? raw_list(conn, a)
			 : show ? raw_show(conn, a)
				: raw_decode_command(conn, a);
	PQfinish(conn);
	return status;
}

int
cmd_raw(int argc, char **argv)
{
	enum { OPT_IMEI = OPT_FIRST, OPT_REASON, OPT_ALL, OPT_LIMIT, OPT_HEX };
	static const struct option longs[] = {OPTIONS_LONG,
	    {"imei", required_argument, NULL, OPT_IMEI},
	    {"reason", required_argument, NULL, OPT_REASON}, {"all", no_argument, NULL, OPT_ALL},
	    {"limit", required_argument, NULL, OPT_LIMIT}, {"hex", no_argument, NULL, OPT_HEX},
	    OPTIONS_END};
	struct raw_args a = {.limit = 50};
	const char *sub = "list";
	int c, status;

	options_start(&a.opts);
	while ((c = options_next(argc, argv, OPTIONS_SHORT, longs, help, &a.opts, &status)) != -1) {
		if (c == -2)
			return status;
		if (c == OPT_IMEI)
			a.imei = optarg;
		else if (c == OPT_REASON)
			a.reason = optarg;
		else if (c == OPT_ALL)
			a.all = true;
		else if (c == OPT_HEX)
			a.hex = true;
		else if (!options_number(optarg, 0, 1000000000, &a.limit))
			return options_usage("raw", "--limit needs a number, not \"%s\"", optarg);
	}
	if (optind < argc)
		sub = argv[optind++];
	if (strcmp(sub, "list") != 0 && strcmp(sub, "show") != 0 && strcmp(sub, "decode") != 0)
		return options_usage("raw", "there is no \"raw %s\"", sub);
	a.ids = argv + optind;
	a.nids = argc - optind;
	return run(sub, &a);
}
