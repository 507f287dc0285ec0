/* From the first byte to 01, 00 or the end; and a balancer's header before it. */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "t/unit/worker/tracker/rig.h"
#include "worker/tracker/trackers_impl.h"

static const char imei_packet[] = "\0\017350000000000001";

START_TEST(known_device_is_welcome)
{
	int fd = rig_connect();

	ck_assert_int_eq(rig_state(fd), CONN_HANDSHAKE);
	ck_assert_uint_eq(STAT(conn_handshake), 1);
	rig_say_imei(fd, IMEI);
	HEARS(fd, "01");
	ck_assert_int_eq(rig_state(fd), CONN_OPEN);
	ck_assert_int_eq(rig_conn(fd)->device_id, DEVICE_ID(IMEI));
	ck_assert_uint_eq(STAT(conn_handshake), 0);
	ck_assert_uint_eq(STAT(conn_active), 1);
	ck_assert_uint_eq(STAT(handshakes), 1);
	ck_assert_uint_eq(STAT(takeovers), 0);
	ck_assert_uint_eq(r.connected, 1);
	ck_assert_int_eq(r.session.session_id, rig_conn(fd)->session_id);
	ck_assert_int_eq(registry_session(r.registry, rig_conn(fd)->entry), r.session.session_id);
	ck_assert_uint_eq(r.lookups, 0);
	ck_assert_uint_eq(trackers_count(r.t), 1);
}
END_TEST

/* Whole, and cut in two at each byte; a ping before it. */
START_TEST(packet_in_two_pieces)
{
	int fd = rig_connect();

	rig_send(fd, "\xff", 1);
	ck_assert_uint_eq(STAT(pings), 1);
	rig_send(fd, imei_packet, (size_t)_i);
	HEARS(fd, "");
	ck_assert_uint_eq(r.t->conns.partial_bytes, 32);
	rig_send(fd, imei_packet + _i, IMEI_PACKET - (size_t)_i);
	HEARS(fd, "01");
	ck_assert_uint_eq(r.t->conns.partial_bytes, 0);
}
END_TEST

START_TEST(what_is_no_imei_closes)
{
	static const struct {
		const char *bytes;
		size_t n;
	} cases[] = {
	    {"GE", 2},
	    {"\0\020", 2},
	    {"\0\0173500000000000", 15},
	    {"\0\01735000000000000x", 17},
	    {"\0\0\0\0", 4},
	};
	int fd = rig_connect();
	size_t n = cases[_i].n;

	rig_send(fd, cases[_i].bytes, n);
	if (_i == 2) {
		/* As good as it goes; only what follows tells. */
		HEARS(fd, "");
		rig_send(fd, "xx", 2);
	}
	HEARS(fd, ".");
	ck_assert_int_eq(rig_state(fd), CONN_GONE);
	ck_assert_uint_eq(STAT(rejected_malformed), 1);
	ck_assert_uint_eq(r.rejections, 0);
}
END_TEST

START_TEST(sixteen_digits_are_refused)
{
	int fd = rig_connect();

	rig_send(fd, "\0\0203500000000000016", 18);
	HEARS(fd, ".");
	ck_assert_uint_eq(STAT(rejected_malformed), 1);
}
END_TEST

START_TEST(stranger_is_refused)
{
	int fd = rig_connect();

	rig_say_imei(fd, STRANGER);
	HEARS(fd, "00.");
	ck_assert_int_eq(rig_state(fd), CONN_LINGERING);
	ck_assert_uint_eq(STAT(rejected_unknown), 1);
	ck_assert_uint_eq(STAT(conn_closing), 1);
	ck_assert_str_eq(r.rejection, "unknown");
	ck_assert_str_eq(r.rejected_from, "192.0.2.1");
	ck_assert_uint_eq(r.lookups, 1);
	ck_assert_uint_eq(r.connected + r.disconnected, 0);
	/* What it says now is thrown away, until it closes. */
	rig_send(fd, "whatever", 8);
	ck_assert_int_eq(rig_state(fd), CONN_LINGERING);
	close(fd);
	rig_turn();
	ck_assert_int_eq(rig_state(fd), CONN_GONE);
}
END_TEST

START_TEST(disabled_device_is_refused)
{
	int fd = rig_connect();

	r.lookup_now = LOOKUP_DISABLED;
	rig_say_imei(fd, DISABLED_IMEI);
	HEARS(fd, "00.");
	ck_assert_str_eq(r.rejection, "disabled");
	ck_assert_uint_eq(STAT(rejected_disabled), 1);
}
END_TEST

/* The refusal goes on while the database has not answered; what came behind the packet waits. */
START_TEST(answer_comes_later)
{
	static const struct {
		enum lookup_answer answer;
		const char *heard;
	} cases[] = {
	    {LOOKUP_KNOWN, "01"},
	    {LOOKUP_UNKNOWN, "00."},
	    {LOOKUP_DISABLED, "00."},
	    {LOOKUP_UNAVAILABLE, "."},
	    {LOOKUP_FULL, "."},
	};
	int fd = rig_connect();

	r.lookup_waits = true;
	rig_say_imei(fd, STRANGER);
	HEARS(fd, "");
	ck_assert_int_eq(rig_state(fd), CONN_ASKING);
	ck_assert_uint_eq(r.lookup_token, rig_token(fd));
	FRAME(fd, 1, 0);
	if (cases[_i].answer == LOOKUP_KNOWN)
		rig_device(STRANGER, true, true, CODEC_MAY_ALL);
	trackers_answer(r.t, rig_token(fd), STRANGER, cases[_i].answer);
	rig_turn();
	HEARS(fd, cases[_i].heard);
	ck_assert_uint_eq(STAT(frames_avl), cases[_i].answer == LOOKUP_KNOWN);
	/* Twice is once. */
	trackers_answer(r.t, rig_token(fd), STRANGER, LOOKUP_UNKNOWN);
	trackers_answer(r.t, 0, STRANGER, LOOKUP_UNKNOWN);
	rig_turn();
	ck_assert_int_eq(rig_state(fd) == CONN_OPEN, cases[_i].answer == LOOKUP_KNOWN);
}
END_TEST

/* Known to the database, and not any more to the registry. */
START_TEST(answer_that_was_overtaken)
{
	int fd = rig_connect(), other = rig_connect();

	r.lookup_waits = true;
	rig_say_imei(fd, STRANGER);
	trackers_answer(r.t, rig_token(fd), STRANGER, LOOKUP_KNOWN);
	HEARS(fd, ".");
	rig_say_imei(other, DISABLED_IMEI);
	trackers_answer(r.t, rig_token(other), DISABLED_IMEI, LOOKUP_KNOWN);
	HEARS(other, ".");
	ck_assert_uint_eq(STAT(unanswered_handshakes), 2);
}
END_TEST

START_TEST(gone_while_it_is_asked_for)
{
	int fd = rig_connect();

	r.lookup_waits = true;
	rig_say_imei(fd, STRANGER);
	close(fd);
	rig_turn();
	ck_assert_int_eq(rig_state(fd), CONN_ASKING);
	trackers_answer(r.t, rig_token(fd), STRANGER, LOOKUP_UNKNOWN);
	ck_assert_int_eq(rig_state(fd), CONN_GONE);
}
END_TEST

START_TEST(too_many_unknown_imeis)
{
	int fd;

	r.conf.unknown_imei_rate = 2;
	for (int i = 0; i < 2; i++) {
		fd = rig_connect();
		rig_say_imei(fd, STRANGER + (uint64_t)i);
		HEARS(fd, "00.");
	}
	for (int i = 0; i < 2; i++) {
		fd = rig_connect();
		rig_say_imei(fd, STRANGER + 10);
		HEARS(fd, ".");
	}
	ck_assert_uint_eq(STAT(refused_unknown_rate), 2);
	ck_assert_uint_eq(r.lookups, 2);
	/* Those that are known are served. */
	rig_open_session(IMEI);
	fd = rig_connect();
	rig_say_imei(fd, DISABLED_IMEI);
	ck_assert_uint_eq(r.lookups, 3);
}
END_TEST

START_TEST(same_imei_once_more_and_another)
{
	int fd = rig_open_session(IMEI);

	rig_say_imei(fd, IMEI);
	HEARS(fd, "01");
	rig_say_imei(fd, IMEI + 1);
	HEARS(fd, ".");
	ck_assert_int_eq(rig_state(fd), CONN_GONE);
	ck_assert_uint_eq(r.disconnected, 1);
}
END_TEST

/* The peer's end is shut for reading, so that the answer can't be sent. */
START_TEST(answer_that_nobody_takes)
{
	static const uint64_t imeis[] = {IMEI, STRANGER};
	int fd = rig_connect();

	shutdown(fd, SHUT_RD);
	rig_say_imei(fd, imeis[_i]);
	ck_assert_int_eq(rig_state(fd), CONN_GONE);
	ck_assert_uint_eq(r.connected, r.disconnected);
}
END_TEST

START_TEST(imei_that_flaps_is_taken_over_each_time)
{
	for (int i = 0; i < 7; i++) {
		int fd = rig_connect();

		/* A part of the address that its text doesn't show, but its hash covers. */
		rig_conn(fd)->addr[15] = (uint8_t)i;
		rig_say_imei(fd, IMEI);
		HEARS(fd, "01");
	}
	ck_assert_uint_eq(STAT(takeovers), 6);
	rig_pass(0);
	ck_assert_uint_eq(STAT(conn_active), 1);
	ck_assert_uint_eq(r.disconnected, 6);
}
END_TEST

/* Others had taken this gateway for dead: the live rows of all sessions are written again, once. */
START_TEST(sessions_are_announced)
{
	for (uint64_t i = 0; i < 3; i++)
		rig_open_session(IMEI + i);
	rig_connect(); /* no session yet */
	rig_pass(0);
	ck_assert_uint_eq(r.connected, 3);
	atomic_fetch_add(&r.shm.header->announcements, 1);
	rig_pass(0);
	ck_assert_uint_eq(r.connected, 6);
	rig_pass(0);
	ck_assert_uint_eq(r.connected, 6);
}
END_TEST

TCase *
handshake_tests(void)
{
	TCase *t = tcase_create("handshake");

	tcase_add_test(t, known_device_is_welcome);
	tcase_add_loop_test(t, packet_in_two_pieces, 1, IMEI_PACKET);
	tcase_add_loop_test(t, what_is_no_imei_closes, 0, 5);
	tcase_add_test(t, sixteen_digits_are_refused);
	tcase_add_test(t, stranger_is_refused);
	tcase_add_test(t, disabled_device_is_refused);
	tcase_add_loop_test(t, answer_comes_later, 0, 5);
	tcase_add_test(t, answer_that_was_overtaken);
	tcase_add_test(t, gone_while_it_is_asked_for);
	tcase_add_test(t, too_many_unknown_imeis);
	tcase_add_test(t, same_imei_once_more_and_another);
	tcase_add_loop_test(t, answer_that_nobody_takes, 0, 2);
	tcase_add_test(t, imei_that_flaps_is_taken_over_each_time);
	tcase_add_test(t, sessions_are_announced);
	return t;
}

/* ---- The header of a balancer ---- */

static const char v4[] = "PROXY TCP4 192.0.2.1 10.0.0.1 5555 5027\r\n";

static const char *
peer(int fd)
{
	static char text[ADDRESS_TEXT];

	conn_peer(rig_conn(fd), text);
	return text;
}

/* The header and the packet behind it, cut at each byte of the header. */
START_TEST(header_in_two_pieces)
{
	char bytes[sizeof(v4) - 1 + IMEI_PACKET];
	int fd = rig_connect_from("10.9.9.9", true);

	memcpy(bytes, v4, sizeof(v4) - 1);
	memcpy(bytes + sizeof(v4) - 1, imei_packet, IMEI_PACKET);
	ck_assert_int_eq(rig_state(fd), CONN_HEADER);
	rig_send(fd, bytes, (size_t)_i);
	ck_assert_int_eq(rig_state(fd), CONN_HEADER);
	rig_send(fd, bytes + _i, sizeof(bytes) - (size_t)_i);
	HEARS(fd, "01");
	ck_assert_str_eq(peer(fd), "192.0.2.1:5555");
	ck_assert_uint_eq(r.t->conns.partial_bytes, 0);
}
END_TEST

START_TEST(header_of_version_6)
{
	int fd = rig_connect_from("10.9.9.9", true);
	const char text[] = "PROXY TCP6 2001:db8::7 2001:db8::1 5555 5027\r\n";

	rig_send(fd, text, sizeof(text) - 1);
	ck_assert_int_eq(rig_state(fd), CONN_HANDSHAKE);
	ck_assert_str_eq(peer(fd), "[2001:db8::7]:5555");
}
END_TEST

START_TEST(balancer_speaks_for_itself)
{
	int fd = rig_connect_from("2001:db8::9", true);

	rig_send(fd, "PROXY UNKNOWN\r\n", 15);
	ck_assert_int_eq(rig_state(fd), CONN_HANDSHAKE);
	ck_assert_str_eq(peer(fd), "[2001:db8::9]:4000");
	ck_assert(!rig_conn(fd)->counted);
}
END_TEST

START_TEST(wrong_header_closes)
{
	int fd = rig_connect_from("10.9.9.9", true);

	rig_send(fd, imei_packet, IMEI_PACKET);
	HEARS(fd, ".");
	ck_assert_uint_eq(STAT(refused_proxy), 1);
}
END_TEST

START_TEST(end_within_the_header)
{
	int fd = rig_connect_from("10.9.9.9", true);

	rig_send(fd, v4, 10);
	close(fd);
	rig_turn();
	ck_assert_int_eq(rig_state(fd), CONN_GONE);
}
END_TEST

START_TEST(no_memory_for_a_header)
{
	int fd = rig_connect_from("10.9.9.9", true);

	r.t->conns.partial_max = 10;
	rig_send(fd, v4, 10);
	HEARS(fd, ".");
	ck_assert_uint_eq(STAT(closed_memory), 1);
}
END_TEST

/* The admission counts the tracker's address, not the balancer's; and its word holds for both. */
START_TEST(admission_of_the_address_behind)
{
	int fd = rig_connect_from("10.9.9.9", true), second;

	r.conf.max_connections_per_address = 1;
	rig_send(fd, v4, sizeof(v4) - 1);
	ck_assert_int_eq(rig_state(fd), CONN_HANDSHAKE);
	ck_assert(rig_conn(fd)->counted);
	second = rig_connect_from("10.9.9.9", true);
	rig_send(second, v4, sizeof(v4) - 1);
	ck_assert_int_eq(rig_state(second), CONN_GONE);
	ck_assert_uint_eq(STAT(refused_address), 1);
	/* It has left: there is room. */
	close(fd);
	rig_turn();
	second = rig_connect_from("10.9.9.9", true);
	rig_send(second, v4, sizeof(v4) - 1);
	ck_assert_int_eq(rig_state(second), CONN_HANDSHAKE);
}
END_TEST

TCase *
header_tests(void)
{
	TCase *t = tcase_create("header");

	tcase_add_loop_test(t, header_in_two_pieces, 1, (int)sizeof(v4) - 1);
	tcase_add_test(t, header_of_version_6);
	tcase_add_test(t, balancer_speaks_for_itself);
	tcase_add_test(t, wrong_header_closes);
	tcase_add_test(t, end_within_the_header);
	tcase_add_test(t, no_memory_for_a_header);
	tcase_add_test(t, admission_of_the_address_behind);
	return t;
}
