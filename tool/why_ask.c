#include "tool/why_ask.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/stranger.h"
#include "tool/database.h"
#include "tool/gateway_status.h"
#include "tool/hex_text.h"
#include "tool/input.h"
#include "tool/out_text.h"

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

#define COPY(field, res) out_copy(f->field, sizeof(f->field), pg_field(res, #field))
#define NUMBER(field, res) f->field = number(res, #field)

static void
take_device(struct why_facts *f, const struct pg_result *res)
{
	NUMBER(now, res);
	f->known = *pg_field(res, "id") != '\0';
	f->device_id = number(res, "id");
	f->enabled = truth(res, "enabled");
	out_copy(f->model, sizeof(f->model), pg_field(res, "device_model"));
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
	COPY(disconnect_reason, res);
	NUMBER(disconnects_in_row, res);
	NUMBER(disconnects_since, res);
	NUMBER(usual_gap, res);
	NUMBER(fix_at, res);
	f->latitude = strtod(pg_field(res, "latitude"), NULL);
	f->longitude = strtod(pg_field(res, "longitude"), NULL);
	COPY(says, res);
	NUMBER(fleet_last_seen, res);
}

static void
take_wrong(struct why_facts *f, const struct pg_result *res)
{
	f->wrong_clocks = (int)number(res, "wrong_clocks");
	NUMBER(wrong_received_last, res);
	NUMBER(wrong_recorded, res);
	NUMBER(wrong_off, res);
	/* A clock that stands at 0 is a time all the same. */
	if (f->wrong_clocks > 0 && f->wrong_recorded == 0)
		f->wrong_recorded = 1;
}

static void
take_records(struct why_facts *f, const struct pg_result *res)
{
	f->records = (int)number(res, "records");
	f->fixes = (int)number(res, "fixes");
	NUMBER(recorded_last, res);
	NUMBER(received_last, res);
	f->satellites_most = (int)number(res, "satellites_most");
	NUMBER(clock_off, res);
	f->clock_off_steady = truth(res, "clock_off_steady");
	take_wrong(f, res);
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
	NUMBER(failed, res);
	NUMBER(failed_last, res);
	NUMBER(failed_id, res);
	COPY(failed_why, res);
	NUMBER(message_last, res);
	NUMBER(late_answers, res);
}

static void
take_arrival(struct why_facts *f, const struct pg_result *res)
{
	if (pg_rows(res) > 0)
		take_wrong(f, res);
}

static void
take_near(struct why_facts *f, const struct pg_result *res)
{
	COPY(near_imei, res);
	COPY(near_how, res);
	COPY(near_addr, res);
	NUMBER(near_last, res);
	NUMBER(near_refusals, res);
}

/* ---- strangers ---- */

/* So many digits of an IMEI that they name it: all but the last ones, which 16 bytes don't hold. */
#define SURE_DIGITS 12
/* A type has its eight first ones in common. */
#define SOME_DIGITS 6

static void
read_stranger(const struct pg_result *res, int row, const char *imei, struct why_stranger *s)
{
	const char *hex = pg_text(res, row, pg_column(res, "first_bytes"));
	uint8_t bytes[2 * STRANGER_BYTES + 1];
	char digits[STRANGER_BYTES + 1] = "";
	size_t len = strlen(hex), n = 0;

	out_copy(s->what, sizeof(s->what), pg_text(res, row, pg_column(res, "what")));
	out_copy(s->addr, sizeof(s->addr), pg_text(res, row, pg_column(res, "addr")));
	out_copy(s->first_bytes, sizeof(s->first_bytes), hex);
	s->last = pg_int(res, row, pg_column(res, "last"));
	s->attempts = pg_int(res, row, pg_column(res, "attempts"));
	if (len < sizeof(bytes)) {
		memcpy(bytes, hex, len);
		if (hex_bytes(bytes, &len))
			n = stranger_digits(bytes, len, digits);
	}
	/* Of 16 digits or more the last ones are too many. */
	if (n > 15)
		n = 15;
	s->digits = n >= SOME_DIGITS && strncmp(imei, digits, n) == 0;
	s->surely = s->digits && n >= SURE_DIGITS;
}

/* What trackers say that are set up wrong, and hardly anybody else. */
static bool
is_like_tracker(const char *what)
{
	static const char *const all[] = {"mqtt", "udp_framing", "camera", "imei_14_digits",
	    "imei_16_digits", "imei_text", "hex_text", "frame", "incomplete", "no_proxy_header"};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(all[i], what) == 0)
			return true;
	return false;
}

/* The likeliest: its digits; its last address; for one never seen, a tracker that nobody knows. The latest of each. */
static void
take_strangers(struct why_facts *f, const struct pg_result *res)
{
	int best = 0;

	for (int i = 0; i < pg_rows(res); i++) {
		bool same = pg_bool(res, i, pg_column(res, "same_addr")),
		     nobodys = pg_bool(res, i, pg_column(res, "nobodys"));
		struct why_stranger s = {0};
		int rank;

		read_stranger(res, i, f->imei, &s);
		rank = s.surely ? 4
		       : same	? 3
		       : s.digits
			   ? 2
			   : !f->seen && f->refused_last == 0 && nobodys && is_like_tracker(s.what);
		if (rank > best) {
			best = rank;
			f->stranger = s;
		}
	}
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

/* It was heard after the newest of what is found: pings, or records between old ones. */
static bool
ask_arrival(struct pg_session *db, struct why_facts *f)
{
	struct pg_params params = {0};
	int64_t known = f->connected_at;

	if (f->received_last > known)
		known = f->received_last;
	if (f->wrong_received_last > known)
		known = f->wrong_received_last;
	if (f->raw_last > known)
		known = f->raw_last;
	if (f->message_last > known)
		known = f->message_last;
	if (!f->seen || f->last_seen <= known + 1000)
		return true;
	pg_param_int(&params, f->device_id);
	pg_param_int(&params, known);
	return ask(db, "why_arrival", &params, f, take_arrival);
}

static bool
ask_contact(struct pg_session *db, struct why_facts *f)
{
	struct pg_params near = {0}, addr = {0};
	const char *last = *f->addr != '\0' ? f->addr : NULL;

	pg_param_text(&near, f->imei);
	pg_param_text(&near, last);
	pg_param_text(&addr, last);
	return ask(db, "why_near", &near, f, take_near) &&
	       ask(db, "why_strangers", &addr, f, take_strangers);
}

static bool
is_allowed(const struct conf *conf, const char *addr)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, addr, &v4.sin_addr) == 1)
		return cidr_list_match(&conf->allow_cidr, (struct sockaddr *)&v4);
	return inet_pton(AF_INET6, addr, &v6.sin6_addr) != 1 ||
	       cidr_list_match(&conf->allow_cidr, (struct sockaddr *)&v6);
}

bool
why_ask_database(struct pg_session *db, const struct conf *conf, struct why_facts *f)
{
	struct pg_params imei = {0};

	pg_param_text(&imei, f->imei);
	f->database_answers = ask(db, "why_device", &imei, f, take_device) && ask_records(db, f) &&
			      ask(db, "why_quarantine", &imei, f, take_quarantine) &&
			      ask(db, "why_commands", &imei, f, take_commands) &&
			      ask_arrival(db, f) && ask_contact(db, f);
	f->not_allowed = *f->addr != '\0' && !is_allowed(conf, f->addr);
	return f->database_answers;
}

void
why_ask_gateway(const struct conf *conf, struct why_facts *f)
{
	char why[CONF_STR + 128] = "";
	json_t *o = gateway_status(conf, why, sizeof(why));
	const char *reason = json_string_value(json_object_get(o, "reason"));

	f->gateway_asked = conf->metrics_port != 0;
	f->gateway_answers = o != NULL;
	f->gateway_ready = json_is_true(json_object_get(o, "ready"));
	out_copy(f->gateway_says, sizeof(f->gateway_says),
	    o == NULL	     ? why
	    : reason != NULL ? reason
			     : "");
	json_decref(o);
}
