/*
 * Why a tracker is silent: facts to reasons, case by case; each names the reasons in their order
 * and a piece of the first one's words. Then the list of facts. No database, no clock.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/why_causes.h"
#include "tool/why_closed.h"
#include "worker/tracker/close.h"

#define NOW INT64_C(1772366400000) /* 2026-03-01 12:00:00 */
#define S INT64_C(1000)
#define MIN (60 * S)
#define H (60 * MIN)
#define D (24 * H)

/* A device that is well: connected, a record with a fix a moment ago. */
static struct why_facts
well(void)
{
	return (struct why_facts){.imei = "350000000000001",
	    .now = NOW,
	    .gateway_asked = true,
	    .gateway_answers = true,
	    .gateway_ready = true,
	    .database_answers = true,
	    .fleet_last_seen = NOW - S,
	    .known = true,
	    .enabled = true,
	    .model = "FMB920",
	    .seen = true,
	    .online = true,
	    .connected_at = NOW - 3 * H,
	    .last_seen = NOW - 5 * S,
	    .addr = "192.0.2.7",
	    .gateway = "north",
	    .worker = 1,
	    .fix_at = NOW - 6 * S,
	    .latitude = 54.5,
	    .longitude = 25.25,
	    .records = 20,
	    .fixes = 18,
	    .recorded_last = NOW - 6 * S,
	    .received_last = NOW - 5 * S,
	    .satellites_most = 9};
}

/* Unknown to everybody. */
static struct why_facts
nobody(void)
{
	struct why_facts f = well();

	f.known = f.enabled = f.seen = f.online = false;
	f.connected_at = f.last_seen = f.fix_at = f.recorded_last = f.received_last = 0;
	f.records = f.fixes = 0;
	f.addr[0] = f.model[0] = '\0';
	return f;
}

static struct why_facts
never(void)
{
	struct why_facts f = nobody();

	f.known = f.enabled = true;
	return f;
}

static struct why_facts
refused(struct why_facts f, const char *reason, int64_t last)
{
	f.refused_first = NOW - 2 * D;
	f.refused_last = last;
	f.refusals = 7;
	strcpy(f.refused_reason, reason);
	strcpy(f.refused_addr, "192.0.2.9");
	return f;
}

static struct why_facts
offline(int64_t since)
{
	struct why_facts f = well();

	f.online = false;
	f.connected_at = since - H;
	f.disconnected_at = f.last_seen = since;
	f.recorded_last = f.received_last = since;
	return f;
}

static struct why_facts
poisoned(struct why_facts f, const char *reason, int64_t times)
{
	f.raw_frames = 1;
	f.raw_attempts = f.raw_last_attempts = times;
	f.raw_last = NOW - S;
	f.raw_codec = 0x8e;
	strcpy(f.raw_reason, reason);
	return f;
}

/* Judges; the reasons' codes must be these, parted by blanks, and the words hold these. */
static void
expect(const struct why_facts *f, const char *codes, const char *answer, const char *advice)
{
	struct why_reason r[WHY_MAX];
	size_t n = why_judge(f, r);
	char got[512] = "";

	for (size_t i = 0; i < n; i++) {
		strcat(got, i > 0 ? " " : "");
		strcat(got, r[i].code);
		ck_assert_uint_gt(strlen(r[i].answer), 10);
		ck_assert_int_eq(r[i].answer[strlen(r[i].answer) - 1], '.');
	}
	ck_assert_str_eq(got, codes);
	ck_assert_msg(strstr(r[0].answer, answer) != NULL, "%s: %s", codes, r[0].answer);
	ck_assert_msg(strstr(r[0].advice, advice) != NULL, "%s: %s", codes, r[0].advice);
}

START_TEST(who_is_well)
{
	struct why_facts f = well();

	expect(&f, "not_silent", "connected since 2026-03-01 09:00:00Z, 3 h ago", "");
	/* The HTTP port may be another machine's, or off. */
	f.gateway_answers = false;
	expect(&f, "not_silent", "", "");
	f.gateway_asked = false;
	expect(&f, "not_silent", "", "");
	f = never();
	f.gateway_asked = f.gateway_answers = false;
	f.fleet_last_seen = 0;
	expect(&f, "never_seen", "", "");
}
END_TEST

START_TEST(who_is_not_registered)
{
	struct why_facts f = nobody();

	expect(&f, "never_seen_unregistered", "never reached", "tgctl device add 350000000000001");
	f = refused(f, "unknown", NOW - 3 * MIN);
	expect(&f, "refused_unknown", "7 times, last from 192.0.2.9 (2026-03-01 11:57:00Z, 3 min",
	    "tgctl device add 350000000000001");
	f.refusals = 1;
	expect(&f, "refused_unknown", "1 time, ", "");
	/* With no gateway anywhere that says more than that it never came. */
	f = nobody();
	f.gateway_answers = false;
	f.fleet_last_seen = 0;
	expect(&f, "never_seen_unregistered gateway_unreachable", "", "");
}
END_TEST

START_TEST(who_is_disabled)
{
	struct why_facts f = refused(well(), "disabled", NOW - S);

	f.enabled = f.online = false;
	expect(&f, "disabled", "refuses it, as it is disabled: 7 times", "tgctl device enable");
	f.refused_last = 0;
	expect(&f, "disabled", "would refuse it", "tgctl device enable");
	f = refused(f, "unknown", NOW - D);
	expect(&f, "disabled", "would refuse it", "");
}
END_TEST

START_TEST(who_never_came)
{
	struct why_facts f = never();

	expect(&f, "never_seen", "neither accepted nor refused", "APN");
	f.gateway_answers = false;
	strcpy(f.gateway_says, "no gateway answers");
	expect(&f, "never_seen", "", "");
	f.fleet_last_seen = NOW - 5 * MIN;
	expect(&f, "gateway_unreachable never_seen", "no gateway answers", "tgctl status");
	f = refused(never(), "unknown", NOW - H);
	expect(&f, "refused_before", "(unknown), from 192.0.2.9", "Wait");
	/* It has come since. */
	f = refused(well(), "unknown", NOW - D);
	expect(&f, "not_silent", "", "");
	f = refused(offline(NOW - H), "unknown", NOW - D);
	expect(&f, "offline", "", "");
	f = refused(offline(NOW - 2 * D), "disabled", NOW - D);
	f.connected_at = NOW - H;
	expect(&f, "offline", "", "");
	f.connected_at = NOW - 3 * D;
	expect(&f, "refused_before offline", "(disabled)", "");
}
END_TEST

START_TEST(who_is_away)
{
	struct why_facts f = offline(NOW - 3 * D);

	expect(&f, "offline", "since 2026-02-26 12:00:00Z, 3 days ago", "no power");
	f.fixes = 0;
	expect(&f, "offline no_fix", "192.0.2.7", "");
	/* Between two sendings what it said last matters more. */
	f = offline(NOW - 10 * MIN);
	f.raw_frames = 0;
	expect(&f, "offline", "10 min ago", "");
	f.wrong_clocks = 1;
	f.wrong_recorded = 1;
	f.wrong_received_last = f.received_last + S;
	expect(&f, "clock_wrong offline", "1970-01-01", "GNSS");
}
END_TEST

/* Every reason to close a connection has words; those that explain silence come first. */
START_TEST(each_end)
{
	static const char *const names[] = {
#define X(reason, name, ...) #name,
	    CLOSE_REASONS(X)
#undef X
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct why_ending *end = why_ending(names[i]);
		struct why_facts f = well();
		char code[64];

		/* Before its IMEI is accepted nothing of it is kept. */
		if (close_rows[i].refused || i == CLOSE_HANDSHAKE || i == CLOSE_HANDSHAKE_TIMEOUT ||
		    i == CLOSE_UNAVAILABLE || i == CLOSE_UNKNOWN_RATE || i == CLOSE_NOT_ADMITTED ||
		    i == CLOSE_PROXY_HEADER)
			continue;
		ck_assert_msg(end != NULL, "%s", names[i]);
		f.online = false;
		f.disconnected_at = NOW - S;
		f.disconnects_in_row = 2;
		f.disconnects_since = NOW - D;
		strcpy(f.disconnect_reason, names[i]);
		snprintf(code, sizeof(code), "closed_%s", names[i]);
		if (end->fault)
			expect(&f, code, "2 times in a row since 2026-02-28", end->advice);
		else
			expect(&f, "offline", end->text, "");
		/* A record has come since. */
		f = well();
		f.disconnected_at = NOW - H;
		f.disconnects_in_row = 9;
		strcpy(f.disconnect_reason, names[i]);
		expect(&f,
		    end->fault || i == CLOSE_TAKEOVER_ELSEWHERE ? "not_silent often_closed"
								: "not_silent",
		    "", "");
	}
}
END_TEST

static struct why_facts
stranger(struct why_facts f, const char *what)
{
	f.online = false;
	f.stranger = (struct why_stranger){.last = NOW - S, .attempts = 2};
	strcpy(f.stranger.what, what);
	strcpy(f.stranger.addr, "192.0.2.7");
	strcpy(f.stranger.first_bytes, "160301");
	return f;
}

START_TEST(what_comes_and_is_not_understood)
{
	struct why_facts f = stranger(well(), "tls");

	f.disconnected_at = NOW - 2 * D;
	f.last_seen = f.received_last = f.connected_at = NOW - 2 * D;
	expect(&f, "unidentified_tls offline", "from its last address begins like TLS: 2 times",
	    "TLS");
	f.stranger.last = NOW - 3 * D;
	expect(&f, "offline", "", "");
	f = stranger(never(), "mqtt");
	expect(&f, "unidentified_mqtt never_seen", "may be this tracker speaks MQTT",
	    "--peer 192.0.2.7");
	f = stranger(never(), "udp_framing");
	f.stranger.digits = true;
	expect(&f, "unidentified_udp_framing never_seen", "first digits of its IMEI", "TCP");
	f = stranger(never(), "no_proxy_header");
	f.stranger.digits = f.stranger.surely = true;
	expect(&f, "no_proxy_header never_seen", "It comes, but has no PROXY header",
	    "TELEM_PROXY_FROM");
	f = stranger(never(), "a_new_kind");
	expect(&f, "unidentified_a_new_kind never_seen", "says no IMEI", "tgctl trace --peer");
	f = stranger(well(), "outside_networks");
	f.not_allowed = true;
	f.last_seen = f.received_last = f.connected_at = f.disconnected_at = NOW - 2 * H;
	expect(&f, "not_allowed offline", "2 times, last", "ALLOW_CIDR");
	f.stranger.what[0] = '\0';
	expect(&f, "not_allowed offline", "would close its connection", "ALLOW_CIDR");
}
END_TEST

START_TEST(another_imei)
{
	struct why_facts f = never();

	strcpy(f.near_imei, "350000000000010");
	strcpy(f.near_addr, "192.0.2.8");
	strcpy(f.near_how, "swapped");
	f.near_last = NOW - S;
	f.near_refusals = 1;
	expect(&f, "other_imei never_seen",
	    "350000000000010, the same but for two digits swapped; 1 time",
	    "tgctl device set 350000000000001 --imei 350000000000010");
	strcpy(f.near_how, "digit");
	expect(&f, "other_imei never_seen", "but for one digit", "");
	strcpy(f.near_how, "address");
	expect(&f, "other_imei never_seen", "from its last address", "");
}
END_TEST

START_TEST(again_and_again)
{
	struct why_facts f = well();

	f.online = false;
	f.records = f.fixes = 0;
	f.received_last = f.recorded_last = 0;
	f.disconnects_in_row = 5;
	f.disconnects_since = NOW - 3 * S;
	f.disconnected_at = NOW - S;
	strcpy(f.disconnect_reason, "peer");
	expect(&f, "reconnects offline", "5 connections ended within 2 s", "tgctl trace");
	f.online = true;
	f.last_seen = f.connected_at = NOW;
	strcpy(f.disconnect_reason, "takeover_elsewhere");
	expect(&f, "flaps no_records", "different addresses", "Two devices");
	f.disconnects_since = NOW - 3 * H;
	expect(&f, "no_records", "", "");
}
END_TEST

START_TEST(a_clock_that_is_off)
{
	struct why_facts f = well();

	f.clock_off = 2 * H;
	expect(&f, "clock_wrong", "ahead by 2 h", "time zone");
	f.clock_off = -3 * H;
	expect(&f, "not_silent", "", "");
	f.clock_off_steady = true;
	expect(&f, "clock_wrong", "behind by 3 h", "time zone");
	f.clock_off = -9 * MIN;
	expect(&f, "not_silent", "", "");
}
END_TEST

START_TEST(commands_without_answer)
{
	struct why_facts f = well();

	f.failed = 2;
	f.failed_id = 7;
	f.failed_last = NOW - MIN;
	strcpy(f.failed_why, "no answer");
	expect(&f, "command_unanswered", "2 commands; the last one, 7, failed", "GPRS control");
	f.late_answers = 1;
	expect(&f, "command_unanswered", "too late", "TELEM_COMMAND_TIMEOUT_MS");
}
END_TEST

START_TEST(what_is_connected_and_says_nothing)
{
	struct why_facts f = well();

	f.records = f.fixes = 0;
	f.received_last = f.recorded_last = 0;
	expect(&f, "pings_only", "sends pings", "Min Period");
	f.last_seen = f.connected_at;
	expect(&f, "no_records", "never sent a record", "Min Period");
	f = well();
	f.last_seen = f.connected_at;
	f.received_last = f.connected_at - 2 * H;
	expect(&f, "connected_silent", "no record on this connection", "parked");
	f = well();
	f.last_seen = f.connected_at = NOW - 30 * S;
	f.received_last = NOW - 2 * MIN;
	expect(&f, "not_silent", "", "");
	f = well();
	f.received_last = NOW - 45 * MIN;
	expect(&f, "quiet", "its last record came 2026-03-01 11:15:00Z, 45 min ago", "seldom");
}
END_TEST

START_TEST(what_has_no_fix)
{
	struct why_facts f = well();

	f.fixes = 0;
	f.satellites_most = 1;
	f.fix_at = 0;
	expect(&f, "no_fix", "20 records, last received 2026-03-01 11:59:55Z, 5 s ago, are without",
	    "Last valid fix: never");
	f.records = 1;
	expect(&f, "no_fix", "newest 1 record, last", "");
	f.received_last = NOW - H;
	expect(&f, "no_fix quiet", "", "");
}
END_TEST

START_TEST(whose_clock_is_wrong)
{
	struct why_facts f = well();

	f.wrong_clocks = 20;
	f.wrong_recorded = INT64_C(3471292800000); /* 2080 */
	f.wrong_received_last = NOW - S;
	expect(&f, "clock_wrong", "says 2080-01-01 00:00:00Z", "");
	/* It was, once. */
	f.wrong_received_last = NOW - D;
	expect(&f, "not_silent", "", "");
	/* That it had no fix before its clock went wrong is another story. */
	f.fixes = 0;
	f.received_last = NOW - 2 * D;
	f.wrong_received_last = NOW - S;
	expect(&f, "clock_wrong", "", "");
	f.records = 0;
	f.received_last = 0;
	f.wrong_recorded = INT64_MAX;
	expect(&f, "clock_wrong", "says a time out of range", "");
}
END_TEST

START_TEST(what_can_not_be_stored)
{
	struct why_facts f = poisoned(well(), "crc", 12);

	expect(&f, "wrong_crc", "again and again (12 times", "tgctl raw list");
	f = poisoned(well(), "structure", 2);
	expect(&f, "bad_structure", "don't fit into its length", "tgctl raw list");
	f = poisoned(well(), "codec", 3);
	strcpy(f.codecs_off, "8E, 10");
	expect(&f, "codec_not_allowed", "may not use this codec",
	    "Codec 8E is off for model \"FMB920\" in device_models (off: 8E, 10)");
	/* Something good came after it. */
	f.raw_last = f.received_last - S;
	expect(&f, "not_silent", "", "");
	/* Nothing but that, on this connection. */
	f = poisoned(well(), "count", 5);
	f.records = f.fixes = 0;
	f.received_last = 0;
	expect(&f, "counts_differ", "counts differ", "");
	f.raw_frames = 0;
	expect(&f, "no_records", "", "");
}
END_TEST

START_TEST(what_concerns_all)
{
	struct why_facts f = well();

	f.gateway_ready = false;
	strcpy(f.gateway_says, "database: connection refused");
	expect(&f, "gateway_not_ready", "database: connection refused", "serves no tracker");
	f.database_answers = false;
	strcpy(f.database_says, "see the message");
	expect(&f, "gateway_not_ready database_unreachable", "", "");
	f.gateway_ready = true;
	expect(&f, "database_unreachable", "see the message", "ask again");
	f.gateway_answers = false;
	f.fleet_last_seen = 0;
	expect(&f, "gateway_unreachable database_unreachable", "as long as is known", "");
	f = refused(nobody(), "unknown", NOW - S);
	f.gateway_ready = false;
	expect(&f, "gateway_not_ready refused_unknown", "", "");
}
END_TEST

START_TEST(what_waits_for_it)
{
	struct why_facts f = offline(NOW - 2 * H);

	f.pending = 2;
	f.pending_since = NOW - H;
	expect(&f, "offline command_waits", "", "");
	f.pending = 1;
	expect(&f, "offline command_waits", "", "");
	f = well();
	f.pending = 1;
	f.sent = 1;
	f.sent_at = NOW - S;
	expect(&f, "not_silent command_waits", "", "");
	f.pending = 2;
	expect(&f, "not_silent command_waits", "", "");
}
END_TEST

/* The fact of that name holds that text; "" for none of that name. */
static void
has_fact(const struct why_facts *f, const char *name, const char *text)
{
	struct why_fact list[WHY_MAX_FACTS];
	size_t n = why_list(f, list);

	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].name, name) == 0) {
			ck_assert_msg(*text != '\0' && strstr(list[i].text, text) != NULL, "%s: %s",
			    name, list[i].text);
			return;
		}
	ck_assert_msg(*text == '\0', "no fact %s", name);
}

START_TEST(facts_are_listed)
{
	struct why_facts f = poisoned(refused(well(), "unknown", NOW - D), "crc", 3);

	f.pending = 2;
	f.pending_since = NOW - H;
	f.next_retry = NOW + 30 * S;
	f.sent = 1;
	f.sent_at = NOW - MIN;
	f.wrong_clocks = 20;
	f.wrong_received_last = NOW - D;
	strcpy(f.codecs_off, "8E");
	has_fact(&f, "gateway", "ready");
	has_fact(&f, "device", "enabled, model FMB920");
	has_fact(&f, "codecs", "may not use: 8E");
	has_fact(&f, "refused", "7 times (unknown), last 2026-02-28 12:00:00Z, 24 h ago");
	has_fact(&f, "connection", "online since 2026-03-01 09:00:00Z, 3 h ago, from 192.0.2.7");
	has_fact(&f, "connection", "gateway north, worker 1");
	has_fact(&f, "last_seen", "5 s ago");
	has_fact(&f, "last_position", "54.500000, 25.250000 at ");
	has_fact(&f, "records", "of the newest 20, 18 with a fix");
	has_fact(&f, "wrong_clock", "20 or more records");
	has_fact(&f, "quarantine", "1 frame, 3 arrivals");
	has_fact(&f, "commands_pending", "2, the oldest since ");
	has_fact(&f, "commands_pending", "30 s ahead");
	has_fact(&f, "commands_sent", "1 without an answer");
	f = nobody();
	has_fact(&f, "device", "not in the table");
	has_fact(&f, "connection", "");
	has_fact(&f, "records", "");
	f = offline(NOW - H);
	f.fix_at = 0;
	f.records = 0;
	f.enabled = false;
	f.model[0] = '\0';
	f.gateway_ready = false;
	strcpy(f.gateway_says, "stopping");
	has_fact(&f, "gateway", "not ready: stopping");
	has_fact(&f, "device", "disabled, model not set");
	has_fact(&f, "connection", "offline since");
	has_fact(&f, "last_position", "none");
	has_fact(&f, "records", "none");
	has_fact(&f, "commands_pending", "");
	f.pending = 1;
	f.pending_since = NOW;
	has_fact(&f, "commands_pending", "0 s ago");
	f.wrong_clocks = 1;
	has_fact(&f, "wrong_clock", "1 record, last received never");
	f.gateway_answers = false;
	strcpy(f.gateway_says, "METRICS_PORT is 0");
	has_fact(&f, "gateway", "METRICS_PORT is 0");
	f.database_answers = false;
	has_fact(&f, "device", "");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("why");
	TCase *tc = tcase_create("why");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, who_is_well);
	tcase_add_test(tc, who_is_not_registered);
	tcase_add_test(tc, who_is_disabled);
	tcase_add_test(tc, who_never_came);
	tcase_add_test(tc, who_is_away);
	tcase_add_test(tc, what_is_connected_and_says_nothing);
	tcase_add_test(tc, each_end);
	tcase_add_test(tc, what_comes_and_is_not_understood);
	tcase_add_test(tc, another_imei);
	tcase_add_test(tc, again_and_again);
	tcase_add_test(tc, a_clock_that_is_off);
	tcase_add_test(tc, commands_without_answer);
	tcase_add_test(tc, what_has_no_fix);
	tcase_add_test(tc, whose_clock_is_wrong);
	tcase_add_test(tc, what_can_not_be_stored);
	tcase_add_test(tc, what_concerns_all);
	tcase_add_test(tc, what_waits_for_it);
	tcase_add_test(tc, facts_are_listed);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
