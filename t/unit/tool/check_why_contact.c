/* Why a tracker is silent: its ends, strangers that may be it, other IMEIs, reconnects, a clock, commands. */
#include <stdio.h>
#include <string.h>

#include "t/unit/tool/why_rig.h"
#include "tool/why_closed.h"
#include "worker/tracker/close.h"

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
		struct why_facts f = why_well();
		char code[64];

		/* Before its IMEI is accepted nothing of it is kept. */
		if (close_rows[i].refused || i == CLOSE_HANDSHAKE || i == CLOSE_HANDSHAKE_TIMEOUT ||
		    i == CLOSE_UNAVAILABLE || i == CLOSE_UNKNOWN_RATE || i == CLOSE_NOT_ADMITTED ||
		    i == CLOSE_PROXY_HEADER || i == CLOSE_REGISTRY_FULL)
			continue;
		ck_assert_msg(end != NULL, "%s", names[i]);
		f.online = false;
		f.disconnected_at = NOW - S;
		f.disconnects_in_row = 2;
		f.disconnects_since = NOW - D;
		strcpy(f.disconnect_reason, names[i]);
		snprintf(code, sizeof(code), "closed_%s", names[i]);
		if (end->fault)
			why_expect(&f, code, "2 times in a row since 2026-02-28", end->advice);
		else
			why_expect(&f, "offline", end->text, "");
		/* A record has come since. */
		f = why_well();
		f.disconnected_at = NOW - H;
		f.disconnects_in_row = 9;
		strcpy(f.disconnect_reason, names[i]);
		why_expect(&f,
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
	struct why_facts f = stranger(why_well(), "tls");

	f.disconnected_at = NOW - 2 * D;
	f.last_seen = f.received_last = f.connected_at = NOW - 2 * D;
	why_expect(&f, "unidentified_tls offline", "from its last address begins like TLS: 2 times",
	    "TLS");
	f.stranger.last = NOW - 3 * D;
	why_expect(&f, "offline", "", "");
	f = stranger(why_never(), "mqtt");
	why_expect(&f, "unidentified_mqtt never_seen", "may be this tracker speaks MQTT",
	    "--peer 192.0.2.7");
	f = stranger(why_never(), "udp_framing");
	f.stranger.digits = true;
	why_expect(&f, "unidentified_udp_framing never_seen", "first digits of its IMEI", "TCP");
	f = stranger(why_never(), "no_proxy_header");
	f.stranger.digits = f.stranger.surely = true;
	why_expect(&f, "no_proxy_header never_seen", "It comes, but has no PROXY header",
	    "TELEM_PROXY_FROM");
	f = stranger(why_never(), "a_new_kind");
	why_expect(&f, "unidentified_a_new_kind never_seen", "says no IMEI", "tgctl trace --peer");
	f = stranger(why_well(), "outside_networks");
	f.not_allowed = true;
	f.last_seen = f.received_last = f.connected_at = f.disconnected_at = NOW - 2 * H;
	why_expect(&f, "not_allowed offline", "2 times, last", "ALLOW_CIDR");
	f.stranger.what[0] = '\0';
	why_expect(&f, "not_allowed offline", "would close its connection", "ALLOW_CIDR");
}
END_TEST

START_TEST(another_imei)
{
	struct why_facts f = why_never();

	strcpy(f.near_imei, "350000000000010");
	strcpy(f.near_addr, "192.0.2.8");
	strcpy(f.near_how, "swapped");
	f.near_last = NOW - S;
	f.near_refusals = 1;
	why_expect(&f, "other_imei never_seen",
	    "350000000000010, the same but for two digits swapped; 1 time",
	    "tgctl device set 350000000000001 --imei 350000000000010");
	strcpy(f.near_how, "digit");
	why_expect(&f, "other_imei never_seen", "but for one digit", "");
	strcpy(f.near_how, "address");
	why_expect(&f, "other_imei never_seen", "from its last address", "");
}
END_TEST

START_TEST(again_and_again)
{
	struct why_facts f = why_well();

	f.online = false;
	f.records = f.fixes = 0;
	f.received_last = f.recorded_last = 0;
	f.disconnects_in_row = 5;
	f.disconnects_since = NOW - 3 * S;
	f.disconnected_at = NOW - S;
	strcpy(f.disconnect_reason, "peer");
	why_expect(&f, "reconnects offline", "5 connections ended within 2 s", "tgctl trace");
	f.online = true;
	f.last_seen = f.connected_at = NOW;
	strcpy(f.disconnect_reason, "takeover_elsewhere");
	why_expect(&f, "flaps no_records", "different addresses", "Two devices");
	f.disconnects_since = NOW - 3 * H;
	why_expect(&f, "no_records", "", "");
}
END_TEST

START_TEST(a_clock_that_is_off)
{
	struct why_facts f = why_well();

	f.clock_off = 2 * H;
	why_expect(&f, "clock_wrong", "ahead by 2 h", "time zone");
	f.clock_off = -3 * H;
	why_expect(&f, "not_silent", "", "");
	f.clock_off_steady = true;
	why_expect(&f, "clock_wrong", "behind by 3 h", "time zone");
	f.clock_off = -9 * MIN;
	why_expect(&f, "not_silent", "", "");
}
END_TEST

START_TEST(commands_without_answer)
{
	struct why_facts f = why_well();

	f.failed = 2;
	f.failed_id = 7;
	f.failed_last = NOW - MIN;
	strcpy(f.failed_why, "no answer");
	why_expect(&f, "command_unanswered", "2 commands; the last one, 7, failed", "GPRS control");
	f.late_answers = 1;
	why_expect(&f, "command_unanswered", "too late", "TELEM_COMMAND_TIMEOUT_MS");
}
END_TEST

TCase *
contact_tests(void)
{
	TCase *tc = tcase_create("contact");

	tcase_add_test(tc, each_end);
	tcase_add_test(tc, what_comes_and_is_not_understood);
	tcase_add_test(tc, another_imei);
	tcase_add_test(tc, again_and_again);
	tcase_add_test(tc, a_clock_that_is_off);
	tcase_add_test(tc, commands_without_answer);
	return tc;
}
