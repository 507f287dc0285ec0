/* tgctl why: collects what is known of one device (why.h judges it) and says why it is silent. */
#include "tool/cmd/cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "tool/ask.h"
#include "tool/options.h"
#include "tool/out.h"
#include "tool/pg.h"
#include "tool/why_causes.h"

static const char help[] =
    "Usage: tgctl why IMEI [--json]\n"
    "\n"
    "Why is this tracker silent? Says in words, from the tables and from what the running\n"
    "gateway says, the most likely reason first: never seen, refused and why, disabled, not\n"
    "connected since when, connected without records, no fix, a wrong clock, the same frame\n"
    "again and again, the gateway or its database down; what to do about it; then the facts:\n"
    "last seen where and when, records, quarantine, commands that wait.\n"
    "\n"
    "Options:\n"
    "  -c, --config FILE  configuration file\n"
    "      --json         print one object: reason (a word for programs), answer, advice,\n"
    "                     reasons (all of them, alike), facts\n"
    "  -h, --help         this text\n"
    "\n"
    "tgctl trace IMEI shows what it does now.\n"
    "Exit status: 0 there is an answer, also of an IMEI that nobody knows; 1 there is none,\n"
    "as the database can't be asked; 2 wrong arguments or configuration.\n";

/* Milliseconds since 1970, NULL stays NULL. */
#define MS(t) "(extract(epoch FROM " t ") * 1000)::bigint"

static const char device_sql[] = "SELECT " MS(
    "now()") " AS now, d.id, d.enabled, d.device_model, concat_ws(', ', "
	     "CASE WHEN NOT m.codec_8 THEN '8' END, CASE WHEN NOT m.codec_8e THEN "
	     "'8E' END, "
	     "CASE WHEN NOT m.codec_16 THEN '10' END, CASE WHEN NOT m.codec_12 "
	     "THEN 'C' END, "
	     "CASE WHEN NOT m.codec_13 THEN 'D' END, CASE WHEN NOT m.codec_14 "
	     "THEN 'E' END, "
	     "CASE WHEN NOT m.codec_15 THEN 'F' END) AS codecs_off, " MS(
		 "r.first_"
		 "seen_at") " AS refused_first, " MS("r.last_seen_at") " AS refused_last, "
								       "r.attempts AS "
								       "refusals, "
								       "r.reason AS "
								       "refused_reason, "
								       "host(r.last_remote_"
								       "addr) AS refused_addr, "
								       "o.device_id IS NOT "
								       "NULL AS seen, "
								       "coalesce(o.online, "
								       "false) AS online, " MS(
									   "o."
									   "con"
									   "nec"
									   "ted"
									   "_a"
									   "t") " AS "
										"connected_at,"
										" " MS(
										    "o."
										    "disconn"
										    "ected_"
										    "at") " "
											  "A"
											  "S"
											  " "
											  "d"
											  "i"
											  "s"
											  "c"
											  "o"
											  "n"
											  "n"
											  "e"
											  "c"
											  "t"
											  "e"
											  "d"
											  "_"
											  "a"
											  "t"
											  ","
											  " " MS(
											      "o."
											      "last"
											      "_see"
											      "n_"
											      "at") " AS last_seen, "
												    "host(o.remote_addr) AS "
												    "addr, o.gateway, "
												    "o.worker, " MS(
													"o."
													"recorded"
													"_at") " "
													       "A"
													       "S"
													       " "
													       "f"
													       "i"
													       "x"
													       "_"
													       "a"
													       "t"
													       ","
													       " "
													       "o"
													       "."
													       "l"
													       "a"
													       "t"
													       "i"
													       "t"
													       "u"
													       "d"
													       "e"
													       ","
													       " "
													       "o"
													       "."
													       "l"
													       "o"
													       "n"
													       "g"
													       "i"
													       "t"
													       "u"
													       "d"
													       "e"
													       ","
													       " "
													       "("
													       "S"
													       "E"
													       "L"
													       "E"
													       "C"
													       "T"
													       " " MS(
														   "max(last_seen_at)") " FROM device_online) AS fleet_last_seen "
																	"FROM (SELECT $1::text AS imei) q LEFT JOIN devices d ON d.imei = q.imei "
																	"LEFT JOIN device_models m ON m.device_model = d.device_model "
																	"LEFT JOIN device_online o ON o.device_id = d.id "
																	"LEFT JOIN rejected_devices r ON r.imei = q.imei";

/*
 * The newest by their clock, as the key's index gives them: those that can be right, and those
 * that can't: before 2010, and ahead of today.
 */
static const char records_sql[] =
    "WITH good AS (SELECT recorded_at, received_at, valid, satellites FROM device_positions "
    "WHERE device_id = $1::bigint AND recorded_at >= '2010-01-01Z' AND recorded_at <= now() + "
    "interval '24 hours' AND recorded_at <= received_at + interval '24 hours' "
    "ORDER BY recorded_at DESC LIMIT $2::integer), "
    "bad AS ((SELECT recorded_at, received_at FROM device_positions WHERE device_id = $1::bigint "
    "AND recorded_at < '2010-01-01Z' ORDER BY recorded_at DESC LIMIT $2::integer) UNION ALL "
    "(SELECT recorded_at, received_at FROM device_positions WHERE device_id = $1::bigint AND "
    "recorded_at > now() AND recorded_at > received_at + interval '24 hours' "
    "ORDER BY recorded_at DESC LIMIT $2::integer)) "
    "SELECT count(*) AS records, count(*) FILTER (WHERE valid) AS fixes, " MS("max(recorded_at)") " AS recorded_last, " MS(
	"max(received_at)") " AS received_last, "
			    "max(satellites) AS satellites_most, (SELECT count(*) FROM bad) AS "
			    "wrong_clocks, (SELECT " MS(
				"max(received_at)") " FROM bad) AS wrong_received_last, "
						    "(SELECT " MS("recorded_at") " FROM bad ORDER "
										 "BY received_at "
										 "DESC LIMIT 1) AS "
										 "wrong_recorded "
										 "FROM good";

static const char raw_sql[] =
    "SELECT count(*) OVER () AS raw_frames, sum(attempts) OVER () AS raw_attempts, " MS(
	"last_seen_at") " AS raw_last, attempts AS raw_last_attempts, reason AS raw_reason, "
			"CASE WHEN length(frame) > 8 THEN get_byte(frame, 8) ELSE 0 END AS "
			"raw_codec "
			"FROM device_ingest_raw WHERE imei = $1 AND reason <> 'raw' AND decoded_at "
			"IS NULL "
			"ORDER BY last_seen_at DESC LIMIT 1";

static const char commands_sql[] =
    "SELECT count(*) FILTER (WHERE status = 'pending') AS pending, "
    "count(*) FILTER (WHERE status = 'sent') AS sent, " MS(
	"min(created_at) FILTER (WHERE status = "
	"'pending')") " AS pending_since, " MS("max(sent_at) FILTER (WHERE status = "
					       "'sent')") " AS sent_at, " MS("min(next_"
									     "retry_at) "
									     "FILTER "
									     "(WHERE "
									     "status = "
									     "'pending')") " AS "
											   "next_"
											   "retry "
											   "FROM "
											   "device_"
											   "command"
											   "s "
											   "WHERE "
											   "imei = "
											   "$1 "
											   "AND "
											   "status "
											   "IN "
											   "('"
											   "pending"
											   "'"
											   ", "
											   "'sent'"
											   ")";

/* ---- one field of the first row; 0, false, "" for NULL or no row ---- */

static const char *
text(const PGresult *res, const char *column)
{
	return PQntuples(res) > 0 ? PQgetvalue(res, 0, PQfnumber(res, column)) : "";
}

static int64_t
number(const PGresult *res, const char *column)
{
	return strtoll(text(res, column), NULL, 10);
}

static bool
truth(const PGresult *res, const char *column)
{
	return *text(res, column) == 't';
}

/* Texts come from others: they must not drive the terminal. Cut between two code points. */
static void
copy(char *out, size_t room, const char *value)
{
	size_t n = strlen(value);

	if (n >= room)
		for (n = room - 1; n > 0 && ((unsigned char)value[n] & 0xc0) == 0x80; n--)
			;
	memcpy(out, value, n);
	out[n] = '\0';
	for (; *out != '\0'; out++)
		if ((unsigned char)*out < 0x20 || *out == 0x7f)
			*out = '?';
}

#define COPY(field, res) copy(f->field, sizeof(f->field), text(res, #field))
#define NUMBER(field, res) f->field = number(res, #field)

static void
take_device(struct why_facts *f, const PGresult *res)
{
	NUMBER(now, res);
	f->known = *text(res, "id") != '\0';
	f->enabled = truth(res, "enabled");
	copy(f->model, sizeof(f->model), text(res, "device_model"));
	COPY(codecs_off, res);
	NUMBER(refused_first, res);
	NUMBER(refused_last, res);
	NUMBER(refusals, res);
	COPY(refused_reason, res);
	COPY(refused_addr, res);
	f->seen = truth(res, "seen");
	f->online = truth(res, "online");
	NUMBER(connected_at, res);
	NUMBER(disconnected_at, res);
	NUMBER(last_seen, res);
	COPY(addr, res);
	COPY(gateway, res);
	f->worker = (int)number(res, "worker");
	NUMBER(fix_at, res);
	f->latitude = strtod(text(res, "latitude"), NULL);
	f->longitude = strtod(text(res, "longitude"), NULL);
	NUMBER(fleet_last_seen, res);
}

static void
take_records(struct why_facts *f, const PGresult *res)
{
	f->records = (int)number(res, "records");
	f->fixes = (int)number(res, "fixes");
	NUMBER(recorded_last, res);
	NUMBER(received_last, res);
	f->satellites_most = (int)number(res, "satellites_most");
	f->wrong_clocks = (int)number(res, "wrong_clocks");
	NUMBER(wrong_received_last, res);
	NUMBER(wrong_recorded, res);
	/* A clock that stands at 0 is a time all the same. */
	if (f->wrong_clocks > 0 && f->wrong_recorded == 0)
		f->wrong_recorded = 1;
}

static void
take_raw(struct why_facts *f, const PGresult *res)
{
	NUMBER(raw_frames, res);
	NUMBER(raw_attempts, res);
	NUMBER(raw_last, res);
	NUMBER(raw_last_attempts, res);
	COPY(raw_reason, res);
	f->raw_codec = (int)number(res, "raw_codec");
}

static void
take_commands(struct why_facts *f, const PGresult *res)
{
	NUMBER(pending, res);
	NUMBER(sent, res);
	NUMBER(pending_since, res);
	NUMBER(sent_at, res);
	NUMBER(next_retry, res);
}

static bool
query(PGconn *conn, const char *sql, int n, const char *const *params, struct why_facts *f,
    void (*take)(struct why_facts *, const PGresult *))
{
	PGresult *res = pg_query(conn, "asking about the device", sql, n, params);

	if (res != NULL)
		take(f, res);
	PQclear(res);
	return res != NULL;
}

static bool
ask_database(const char *url, struct why_facts *f, int *status)
{
	const char *imei[] = {f->imei};
	char id[24] = "", most[16];
	const char *device[] = {id, most};
	PGconn *conn = pg_open(url, status);
	PGresult *res;
	bool ok = false;

	snprintf(most, sizeof(most), "%d", WHY_RECORDS);
	if (conn == NULL)
		return false;
	res = pg_query(conn, "asking about the device", device_sql, 1, imei);
	if (res != NULL) {
		take_device(f, res);
		snprintf(id, sizeof(id), "%s", text(res, "id"));
		ok = (!f->known || query(conn, records_sql, 2, device, f, take_records)) &&
		     query(conn, raw_sql, 1, imei, f, take_raw) &&
		     query(conn, commands_sql, 1, imei, f, take_commands);
	}
	PQclear(res);
	PQfinish(conn);
	*status = ok ? TOOL_OK : TOOL_FAILED;
	return ok;
}

static void
ask_gateway(const struct conf *conf, struct why_facts *f)
{
	char why[CONF_STR + 128] = "";
	json_t *o = ask_status(conf, why, sizeof(why));
	const char *reason = json_string_value(json_object_get(o, "reason"));

	f->gateway_asked = conf->metrics_port != 0;
	f->gateway_answers = o != NULL;
	f->gateway_ready = json_is_true(json_object_get(o, "ready"));
	copy(f->gateway_says, sizeof(f->gateway_says),
	    o == NULL	     ? why
	    : reason != NULL ? reason
			     : "");
	json_decref(o);
}

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
	for (size_t i = 0; i < nreasons; i++) {
		printf("%s%s\n", i == 1 ? "\nAlso:\n" : "", reasons[i].answer);
		if (*reasons[i].advice != '\0')
			printf("  -> %s\n", reasons[i].advice);
	}
	printf("\nWhat is known:\n");
	for (size_t i = 0; i < nfacts; i++)
		printf("  %-17s %s\n", facts[i].name, facts[i].text);
}

static int
show(const struct conf *conf, const char *imei, bool json)
{
	struct why_facts f = {.now = clock_wall_ms()};
	struct why_reason reasons[WHY_MAX];
	struct why_fact facts[WHY_MAX_FACTS];
	size_t nreasons, nfacts;
	int status;

	snprintf(f.imei, sizeof(f.imei), "%s", imei);
	ask_gateway(conf, &f);
	f.database_answers = ask_database(conf->database_url, &f, &status);
	if (!f.database_answers)
		snprintf(f.database_says, sizeof(f.database_says), "see the message");
	nreasons = why_judge(&f, reasons);
	nfacts = why_list(&f, facts);
	if (json)
		print_json(&f, reasons, nreasons, facts, nfacts);
	else
		print(reasons, nreasons, facts, nfacts);
	/* That the gateway can't use its database is an answer. */
	return f.gateway_answers && !f.gateway_ready ? TOOL_OK : status;
}

int
cmd_why(int argc, char **argv)
{
	static const struct option longs[] = {OPTIONS_LONG, OPTIONS_END};
	struct options opts;
	struct conf *conf;
	int status = TOOL_USAGE;

	options_start(&opts);
	if (options_next(argc, argv, OPTIONS_SHORT, longs, help, &opts, &status) == -2)
		return status;
	if (optind + 1 != argc)
		return options_usage("why", "it takes one IMEI");
	if (!options_imei("why", argv[optind]))
		return TOOL_USAGE;
	conf = calloc(1, sizeof(*conf));
	if (conf != NULL && options_conf(&opts, true, conf))
		status = show(conf, argv[optind], opts.json);
	free(conf);
	return status;
}
