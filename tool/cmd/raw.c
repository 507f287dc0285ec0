/* tgctl raw: frames in quarantine and debug copies (table device_ingest_raw). */
#include "tool/cmd/cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg/array.h"
#include "proto/stream.h"
#include "tool/database.h"
#include "tool/frame_json.h"
#include "tool/hex_text.h"
#include "tool/input.h"
#include "tool/options.h"
#include "tool/out.h"
#include "tool/progress.h"
#include "tool/raw_decode.h"

static const char help[] =
    "Usage: tgctl raw [list] [--imei IMEI] [--reason REASON] [--all] [--limit N]\n"
    "       tgctl raw show ID [--hex]\n"
    "       tgctl raw decode ID... | --all\n"
    "       tgctl raw drop ID... | --imei IMEI [--reason REASON] | --all\n"
    "\n"
    "The quarantine keeps whole the frames that could not be stored as positions, so\n"
    "that nothing a tracker said is lost. Copies for debugging (reason \"raw\") are not\n"
    "part of it: of frames that were refused once for a wrong CRC, and with\n"
    "TELEM_INGEST_RAW=all of good ones. They go after TELEM_RAW_RETENTION_DAYS.\n"
    "\n"
    "  list    lists frames in quarantine that are not decoded yet, the latest first;\n"
    "          --all: also those that are decoded, and copies\n"
    "  show    shows one frame: what is known of it, its bytes in hex, and what they\n"
    "          say; --hex: only the bytes (for tgctl decode)\n"
    "  decode  decodes frames again, after an upgrade or a change of device_models,\n"
    "          and stores their positions and messages; it leaves alone what is already\n"
    "          stored. --all: all of the quarantine. The live row of the device stays.\n"
    "  drop    deletes frames that nobody can decode: those named, those of a device,\n"
    "          or all of the quarantine\n"
    "\n"
    "Reasons: count, structure (of the records), crc (wrong three times), content\n"
    "(the database refuses it, or a time is out of range), codec (the model may not\n"
    "use it), unknown_codec, message (malformed), raw (a copy).\n"
    "\n"
    "Options:\n"
    "  -c, --config FILE    configuration file\n"
    "      --imei IMEI      list, drop: only of this device\n"
    "      --reason REASON  list, drop: only with this reason\n"
    "      --limit N        list: at most N (default 50; 0 for all)\n"
    "      --json           print JSON: an array of objects; show: one object; drop:\n"
    "                       dropped (a number)\n"
    "  -h, --help           this text\n"
    "\n"
    "Exit status: 0 done, 1 failed, or a named frame is not there or could not be\n"
    "decoded, 2 wrong arguments or configuration.\n";

struct raw_args {
	struct options opts;
	char *imei;
	const char *reason;
	bool all, hex;
	long long limit;
	char **ids;
	int nids;
};

static int
raw_list(struct pg_session *db, const struct raw_args *a)
{
	struct pg_params params = {0};
	struct pg_result *res;

	pg_param_text(&params, a->imei);
	pg_param_text(&params, a->reason);
	pg_param_text(&params, a->all ? "t" : "f");
	pg_param_int(&params, a->limit);
	res = database_query(db, "listing frames", "raw_list", &params);
	if (res == NULL)
		return TOOL_FAILED;
	out_rows(res, a->opts.json);
	out_list_notes(res, a->opts.json, a->limit, "no such frames", "latest");
	pg_result_free(res);
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

	if (frame != NULL && hex_bytes(frame, &len) &&
	    stream_next(frame, len, true, &item) == STREAM_FRAME) {
		/* It says itself what is wrong with it. */
		(void)!frame_json(o, item.body, item.body_len);
		json_object_set_new(o, "crc_ok", json_boolean(item.crc_ok));
	} else {
		json_object_set_new(o, "error", json_string("not a whole frame"));
	}
	free(frame);
	return o;
}

static int
raw_show(struct pg_session *db, const struct raw_args *a)
{
	struct pg_params params = {0};
	struct pg_result *res;
	json_t *o, *decoded;
	int status = TOOL_OK;

	pg_param_text(&params, a->ids[0]);
	res = database_query(db, "reading the frame", "raw_show", &params);
	if (res == NULL)
		return TOOL_FAILED;
	if (pg_rows(res) == 0) {
		fprintf(stderr, "tgctl: there is no frame with id %s; see \"tgctl raw list\"\n",
		    a->ids[0]);
		status = TOOL_FAILED;
	} else if (a->hex) {
		puts(pg_field(res, "frame"));
	} else {
		decoded = decoded_json(pg_field(res, "frame"));
		if (a->opts.json) {
			o = out_row_json(res, 0);
			json_object_set_new(o, "decoded", decoded);
			out_json(o);
		} else {
			out_row(res, 0, false);
			out_json(decoded);
		}
	}
	pg_result_free(res);
	return status;
}

/* Decodes one frame and appends what became of it. */
static int
decode_one(struct pg_session *db, const char *id, bool by_id, json_t *results)
{
	json_t *result;
	enum raw_outcome outcome = raw_decode(db, id, by_id, &result);

	if (result != NULL)
		json_array_append_new(results, result);
	if (outcome == RAW_ERROR || (by_id && outcome == RAW_UNDECODED))
		return TOOL_FAILED;
	return TOOL_OK;
}

static int
decode_all(struct pg_session *db, json_t *results)
{
	struct pg_result *res = database_query(db, "listing frames", "raw_undecoded", NULL);
	int status = res != NULL ? TOOL_OK : TOOL_FAILED;
	struct progress progress;

	progress_start(&progress, "frames decoded", res != NULL ? (uint64_t)pg_rows(res) : 0);
	for (int i = 0; res != NULL && i < pg_rows(res) && pg_session_is_connected(db); i++) {
		if (decode_one(db, pg_text(res, i, 0), false, results) != TOOL_OK)
			status = TOOL_FAILED;
		progress_step(&progress, (uint64_t)i + 1);
	}
	progress_end(&progress);
	pg_result_free(res);
	return status;
}

static int
raw_decode_command(struct pg_session *db, const struct raw_args *a)
{
	json_t *results = json_array();
	int status = TOOL_OK;

	if (a->all)
		status = decode_all(db, results);
	for (int i = 0; i < a->nids; i++)
		if (decode_one(db, a->ids[i], true, results) != TOOL_OK)
			status = TOOL_FAILED;
	if (json_array_size(results) == 0 && status == TOOL_OK && !a->opts.json)
		fprintf(stderr, "tgctl: nothing to decode\n");
	out_array(results, a->opts.json);
	return status;
}

static int
raw_drop(struct pg_session *db, const struct raw_args *a)
{
	struct pg_params params = {0};
	struct pg_result *res;
	struct pg_array ids;
	int n = 0, status = TOOL_FAILED;

	pg_array_init(&ids, PG_INT8);
	for (int i = 0; i < a->nids; i++)
		pg_array_int8(&ids, strtoll(a->ids[i], NULL, 10));
	pg_param_array(&params, &ids);
	pg_param_text(&params, a->imei);
	pg_param_text(&params, a->reason);
	res = database_query(db, "dropping frames", "raw_drop", &params);
	if (res != NULL) {
		n = pg_rows(res);
		status = n < a->nids ? TOOL_FAILED : TOOL_OK;
		if (a->opts.json)
			out_json(json_pack("{s:i}", "dropped", n));
		else
			printf("%d dropped\n", n);
		if (n < a->nids)
			fprintf(stderr, "tgctl: %d of the frames are not there\n", a->nids - n);
	}
	pg_result_free(res);
	pg_array_free(&ids);
	return status;
}

/* Checks the arguments before it connects. */
static int
run(const char *sub, const struct raw_args *a)
{
	bool list = strcmp(sub, "list") == 0, show = strcmp(sub, "show") == 0,
	     drop = strcmp(sub, "drop") == 0;
	long long id;
	struct pg_session *db;
	int status;

	if (list && a->nids > 0)
		return options_usage("raw", "unexpected argument \"%s\"", a->ids[0]);
	if (show && a->nids != 1)
		return options_usage("raw", "show takes one id");
	if (drop && (a->nids > 0) + a->all + (a->imei != NULL) != 1)
		return options_usage("raw", "drop takes ids, --imei, or --all");
	if (!list && !show && !drop && (a->nids > 0) == a->all)
		return options_usage("raw", "decode takes ids, or --all");
	for (int i = 0; i < a->nids; i++)
		if (!options_number(a->ids[i], 1, INT64_MAX, &id))
			return options_usage("raw", "\"%s\" is not an id", a->ids[i]);
	if (a->imei != NULL && !options_imei("raw", a->imei))
		return TOOL_USAGE;
	db = database_open_configured(&a->opts, &status);
	if (db != NULL)
		status = list	? raw_list(db, a)
			 : show ? raw_show(db, a)
			 : drop ? raw_drop(db, a)
				: raw_decode_command(db, a);
	pg_session_close(db);
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
			return options_usage("raw", "--limit takes a number, not \"%s\"", optarg);
	}
	if (optind < argc)
		sub = argv[optind++];
	if (strcmp(sub, "list") != 0 && strcmp(sub, "show") != 0 && strcmp(sub, "decode") != 0 &&
	    strcmp(sub, "drop") != 0)
		return options_usage("raw", "there is no \"raw %s\"", sub);
	a.ids = argv + optind;
	a.nids = argc - optind;
	return run(sub, &a);
}
