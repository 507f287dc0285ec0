/*
 * Why a tracker is silent: facts to reasons, case by case; each names the reasons in their order
 * and a piece of the first one's words. Then the list of facts. No database, no clock.
 */
#include <stdlib.h>
#include <string.h>

#include "t/unit/tool/why_rig.h"

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
	struct why_facts f = why_well();

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

START_TEST(who_is_well)
{
	struct why_facts f = why_well();

	why_expect(&f, "not_silent", "connected since 2026-03-01 09:00:00Z, 3 h ago", "");
	/* The HTTP port may be another machine's, or off. */
	f.gateway_answers = false;
	why_expect(&f, "not_silent", "", "");
	f.gateway_asked = false;
	why_expect(&f, "not_silent", "", "");
	f = why_never();
	f.gateway_asked = f.gateway_answers = false;
	f.fleet_last_seen = 0;
	why_expect(&f, "never_seen", "", "");
}
END_TEST

START_TEST(who_is_not_registered)
{
	struct why_facts f = why_nobody();

	why_expect(
	    &f, "never_seen_unregistered", "never reached", "tgctl device add 350000000000001");
	f = refused(f, "unknown", NOW - 3 * MIN);
	why_expect(&f, "refused_unknown",
	    "7 times, last from 192.0.2.9 (2026-03-01 11:57:00Z, 3 min",
	    "tgctl device add 350000000000001");
	f.refusals = 1;
	why_expect(&f, "refused_unknown", "1 time, ", "");
	/* With no gateway anywhere that says more than that it never came. */
	f = why_nobody();
	f.gateway_answers = false;
	f.fleet_last_seen = 0;
	why_expect(&f, "never_seen_unregistered gateway_unreachable", "", "");
}
END_TEST

START_TEST(who_is_disabled)
{
	struct why_facts f = refused(why_well(), "disabled", NOW - S);

	f.enabled = f.online = false;
	why_expect(&f, "disabled", "refuses it, as it is disabled: 7 times", "tgctl device enable");
	f.refused_last = 0;
	why_expect(&f, "disabled", "would refuse it", "tgctl device enable");
	f = refused(f, "unknown", NOW - D);
	why_expect(&f, "disabled", "would refuse it", "");
}
END_TEST

START_TEST(who_never_came)
{
	struct why_facts f = why_never();

	why_expect(&f, "never_seen", "neither accepted nor refused", "APN");
	f.gateway_answers = false;
	strcpy(f.gateway_says, "no gateway answers");
	why_expect(&f, "never_seen", "", "");
	f.fleet_last_seen = NOW - 5 * MIN;
	why_expect(&f, "gateway_unreachable never_seen", "no gateway answers", "tgctl status");
	f = refused(why_never(), "unknown", NOW - H);
	why_expect(&f, "refused_before", "(unknown), from 192.0.2.9", "Wait");
	/* It has come since. */
	f = refused(why_well(), "unknown", NOW - D);
	why_expect(&f, "not_silent", "", "");
	f = refused(offline(NOW - H), "unknown", NOW - D);
	why_expect(&f, "offline", "", "");
	f = refused(offline(NOW - 2 * D), "disabled", NOW - D);
	f.connected_at = NOW - H;
	why_expect(&f, "offline", "", "");
	f.connected_at = NOW - 3 * D;
	why_expect(&f, "refused_before offline", "(disabled)", "");
}
END_TEST

START_TEST(who_is_away)
{
	struct why_facts f = offline(NOW - 3 * D);

	why_expect(&f, "offline", "since 2026-02-26 12:00:00Z, 3 days ago", "no power");
	f.fixes = 0;
	why_expect(&f, "offline no_fix", "192.0.2.7", "");
	/* Between two sendings what it said last matters more. */
	f = offline(NOW - 10 * MIN);
	f.raw_frames = 0;
	why_expect(&f, "offline", "10 min ago", "");
	f.wrong_clocks = 1;
	f.wrong_recorded = 1;
	f.wrong_received_last = f.received_last + S;
	why_expect(&f, "clock_wrong offline", "1970-01-01", "GNSS");
}
END_TEST

START_TEST(what_is_connected_and_says_nothing)
{
	struct why_facts f = why_well();

	f.records = f.fixes = 0;
	f.received_last = f.recorded_last = 0;
	why_expect(&f, "pings_only", "sends pings", "Min Period");
	f.last_seen = f.connected_at;
	why_expect(&f, "no_records", "never sent a record", "Min Period");
	f = why_well();
	f.last_seen = f.connected_at;
	f.received_last = f.connected_at - 2 * H;
	why_expect(&f, "connected_silent", "no record on this connection", "parked");
	f = why_well();
	f.last_seen = f.connected_at = NOW - 30 * S;
	f.received_last = NOW - 2 * MIN;
	why_expect(&f, "not_silent", "", "");
	f = why_well();
	f.received_last = NOW - 45 * MIN;
	why_expect(&f, "quiet", "its last record came 2026-03-01 11:15:00Z, 45 min ago", "seldom");
}
END_TEST

START_TEST(what_has_no_fix)
{
	struct why_facts f = why_well();

	f.fixes = 0;
	f.satellites_most = 1;
	f.fix_at = 0;
	why_expect(&f, "no_fix",
	    "20 records, last received 2026-03-01 11:59:55Z, 5 s ago, are without",
	    "Last valid fix: never");
	f.records = 1;
	why_expect(&f, "no_fix", "newest 1 record, last", "");
	f.received_last = NOW - H;
	why_expect(&f, "no_fix quiet", "", "");
}
END_TEST

START_TEST(whose_clock_is_wrong)
{
	struct why_facts f = why_well();

	f.wrong_clocks = 20;
	f.wrong_recorded = INT64_C(3471292800000); /* 2080 */
	f.wrong_received_last = NOW - S;
	f.wrong_off = 54 * 365 * D;
	why_expect(&f, "clock_wrong", "ahead by 54 years", "A tracker sets its clock by GNSS");
	why_expect(&f, "clock_wrong", "says 2080-01-01 00:00:00Z", "");
	f.wrong_off = 3 * H - 7 * S;
	why_expect(&f, "clock_wrong", "ahead by 3 h", "A whole number of hours is a time zone");
	/* It was, once. */
	f.wrong_received_last = NOW - D;
	why_expect(&f, "not_silent", "", "");
	/* That it had no fix before its clock went wrong is another story. */
	f.fixes = 0;
	f.received_last = NOW - 2 * D;
	f.wrong_received_last = NOW - S;
	why_expect(&f, "clock_wrong", "", "");
	f.records = 0;
	f.received_last = 0;
	f.wrong_recorded = INT64_MAX;
	why_expect(&f, "clock_wrong", "says a time out of range", "");
}
END_TEST

START_TEST(what_can_not_be_stored)
{
	struct why_facts f = poisoned(why_well(), "crc", 12);

	why_expect(&f, "wrong_crc", "again and again (12 times", "tgctl raw list");
	f = poisoned(why_well(), "structure", 2);
	why_expect(&f, "bad_structure", "don't fit into its length", "tgctl raw list");
	f = poisoned(why_well(), "codec", 3);
	strcpy(f.codecs_off, "8E, 10");
	why_expect(&f, "codec_not_allowed", "may not use this codec",
	    "Codec 8E is off for model \"FMB920\" in device_models (off: 8E, 10)");
	/* Something good came after it. */
	f.raw_last = f.received_last - S;
	why_expect(&f, "not_silent", "", "");
	/* Nothing but that, on this connection. */
	f = poisoned(why_well(), "count", 5);
	f.records = f.fixes = 0;
	f.received_last = 0;
	why_expect(&f, "counts_differ", "counts differ", "");
	f.raw_frames = 0;
	why_expect(&f, "no_records", "", "");
}
END_TEST

START_TEST(what_concerns_all)
{
	struct why_facts f = why_well();

	f.gateway_ready = false;
	strcpy(f.gateway_says, "database: connection refused");
	why_expect(&f, "gateway_not_ready", "database: connection refused", "serves no tracker");
	f.database_answers = false;
	strcpy(f.database_says, "see the message");
	why_expect(&f, "gateway_not_ready database_unreachable", "", "");
	f.gateway_ready = true;
	why_expect(&f, "database_unreachable", "see the message", "ask again");
	f.gateway_answers = false;
	f.fleet_last_seen = 0;
	why_expect(&f, "gateway_unreachable database_unreachable", "as long as is known", "");
	f = refused(why_nobody(), "unknown", NOW - S);
	f.gateway_ready = false;
	why_expect(&f, "gateway_not_ready refused_unknown", "", "");
}
END_TEST

START_TEST(what_waits_for_it)
{
	struct why_facts f = offline(NOW - 2 * H);

	f.pending = 2;
	f.pending_since = NOW - H;
	why_expect(&f, "offline command_waits", "", "");
	f.pending = 1;
	why_expect(&f, "offline command_waits", "", "");
	f = why_well();
	f.pending = 1;
	f.sent = 1;
	f.sent_at = NOW - S;
	why_expect(&f, "not_silent command_waits", "", "");
	f.pending = 2;
	why_expect(&f, "not_silent command_waits", "", "");
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
	struct why_facts f = poisoned(refused(why_well(), "unknown", NOW - D), "crc", 3);

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
	f = why_nobody();
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
	tcase_add_test(tc, what_has_no_fix);
	tcase_add_test(tc, whose_clock_is_wrong);
	tcase_add_test(tc, what_can_not_be_stored);
	tcase_add_test(tc, what_concerns_all);
	tcase_add_test(tc, what_waits_for_it);
	tcase_add_test(tc, facts_are_listed);
	suite_add_tcase(suite, tc);
	suite_add_tcase(suite, contact_tests());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
