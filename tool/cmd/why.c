/* tgctl why: collects what is known of one device (tool/why_causes.h judges it) and prints the answer. */
#include "tool/cmd/cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "tool/database.h"
#include "tool/gateway_status.h"
#include "tool/options.h"
#include "tool/out.h"
#include "tool/why_causes.h"

static const char help[] =
    "Usage: tgctl why IMEI [--json]\n"
    "\n"
    "Why is this tracker silent? Looks at the tables and at what the running gateway says, and\n"
    "says in words, the most likely reason first: never seen, refused and why, disabled,\n"
    "disconnected and since when, connected without records, no fix, a wrong clock, the same\n"
    "frame again and again, the gateway or its database down; and what to do about it. Then\n"
    "it lists the facts: last seen where and when, records, quarantine, commands that wait.\n"
    "\n"
    "Options:\n"
    "  -c, --config FILE  configuration file\n"
    "      --json         print one object: reason (a word for programs), answer, advice,\n"
    "                     reasons (all of them, alike), facts\n"
    "  -h, --help         this text\n"
    "\n"
    "tgctl trace IMEI shows what the tracker does now.\n"
    "Exit status: 0 there is an answer, also for an IMEI that nobody knows; 1 there is none,\n"
    "as the database does not answer; 2 wrong arguments or configuration.\n";

/* ---- one field of the first row; 0, false for NULL or no row ---- */

static int64_t
number(const struct pg_result *res, const char *column)
{
	return strtoll(pg_field(res, column), NULL, 10);
}

static bool
truth(const struct pg_result *res, const char *column)
{
	return *pg_field(res, column) == 't';
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

#define COPY(field, res) copy(f->field, sizeof(f->field), pg_field(res, #field))
#define NUMBER(field, res) f->field = number(res, #field)

static void
take_device(struct why_facts *f, const struct pg_result *res)
{
	NUMBER(now, res);
	f->known = *pg_field(res, "id") != '\0';
	f->device_id = number(res, "id");
	f->enabled = truth(res, "enabled");
	copy(f->model, sizeof(f->model), pg_field(res, "device_model"));
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
	f->latitude = strtod(pg_field(res, "latitude"), NULL);
	f->longitude = strtod(pg_field(res, "longitude"), NULL);
	COPY(says, res);
	NUMBER(fleet_last_seen, res);
}

static void
take_records(struct why_facts *f, const struct pg_result *res)
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
take_quarantine(struct why_facts *f, const struct pg_result *res)
{
	NUMBER(raw_frames, res);
	NUMBER(raw_attempts, res);
	NUMBER(raw_last, res);
	NUMBER(raw_last_attempts, res);
	COPY(raw_reason, res);
	f->raw_codec = (int)number(res, "raw_codec");
}

static void
take_commands(struct why_facts *f, const struct pg_result *res)
{
	NUMBER(pending, res);
	NUMBER(sent, res);
	NUMBER(pending_since, res);
	NUMBER(sent_at, res);
	NUMBER(next_retry, res);
}

static bool
ask(struct pg_session *db, const char *statement, const struct pg_params *params,
    struct why_facts *f, void (*take)(struct why_facts *, const struct pg_result *))
{
	struct pg_result *res = database_query(db, "asking about the device", statement, params);

	if (res != NULL)
		take(f, res);
	pg_result_free(res);
	return res != NULL;
}

static bool
ask_records(struct pg_session *db, struct why_facts *f)
{
	struct pg_params params = {0};

	if (!f->known)
		return true;
	pg_param_int(&params, f->device_id);
	pg_param_int(&params, WHY_RECORDS);
	return ask(db, "why_records", &params, f, take_records);
}

static bool
ask_database(const char *url, struct why_facts *f, int *status)
{
	struct pg_session *db = database_open(url, status);
	struct pg_params imei = {0};
	bool ok;

	if (db == NULL)
		return false;
	pg_param_text(&imei, f->imei);
	ok = ask(db, "why_device", &imei, f, take_device) && ask_records(db, f) &&
	     ask(db, "why_quarantine", &imei, f, take_quarantine) &&
	     ask(db, "why_commands", &imei, f, take_commands);
	pg_session_close(db);
	*status = ok ? TOOL_OK : TOOL_FAILED;
	return ok;
}

static void
ask_gateway(const struct conf *conf, struct why_facts *f)
{
	char why[CONF_STR + 128] = "";
	json_t *o = gateway_status(conf, why, sizeof(why));
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
	/* "The gateway can't use its database" is an answer. */
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
