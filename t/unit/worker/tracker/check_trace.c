/* What those who follow a device are told of its connections: the events of a day, and what is there. */
#include <jansson.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/ipc.h"
#include "proto/message.h"
#include "t/unit/worker/tracker/rig.h"
#include "worker/tracker/trackers_impl.h"

static int
follow_as(const struct trace_request *request)
{
	int fd[2];

	ck_assert(ipc_pair(fd));
	trackers_follow(r.t, request, rig_now() + 60000, fd[1]);
	return fd[0];
}

static int
follow(uint64_t imei, bool bytes)
{
	return follow_as(&(struct trace_request){.imei = imei, .bytes = bytes});
}

/* The next event of that name, as text; those before it are dropped. */
static const char *
event(int fd, const char *name)
{
	static char packet[8192 + 1];
	ssize_t n;

	while ((n = recv(fd, packet, sizeof(packet) - 1, MSG_DONTWAIT)) > 0) {
		json_t *e = json_loadb(packet, (size_t)n, 0, NULL);
		bool found;

		ck_assert_msg(e != NULL, "no JSON: %.*s", (int)n, packet);
		found = strcmp(json_string_value(json_object_get(e, "event")), name) == 0;
		json_decref(e);
		packet[n] = '\0';
		if (found)
			return packet;
	}
	ck_abort_msg("no event %s", name);
	return NULL;
}

#define TELLS(fd, name, part) \
	do { \
		const char *told = event(fd, name); \
		ck_assert_msg(strstr(told, part) != NULL, "%s", told); \
	} while (0)

START_TEST(events_of_a_session)
{
	int watch = follow(IMEI, true), fd = rig_open_session(IMEI);
	const uint8_t counts[] = {CODEC_8, 2, 1};

	TELLS(watch, "connected", "\"peer\":\"192.0.2.1:4000\"");
	TELLS(watch, "in", "\"hex\":\"000f333530303030303030303030303031\"");
	TELLS(watch, "accepted", "\"device_id\":100");
	TELLS(watch, "out", "\"hex\":\"01\"");
	rig_send(fd, "\xff", 1);
	TELLS(watch, "ping", "ping");
	FRAME(fd, 2, 0);
	TELLS(watch, "frame", "\"records\":2");
	FRAME(fd, 2, 0);
	TELLS(watch, "frame_again", "\"bytes\"");
	rig_send_frame(fd, rig_wrap(counts, 3));
	TELLS(watch, "frame", "\"verdict\":\"quarantine\",\"reason\":\"count\"");
	rig_send_frame(fd, rig_message(CODEC_12, MESSAGE_RESPONSE, "x"));
	TELLS(watch, "frame", "\"verdict\":\"message\",\"reason\":null");
	memory_commit(r.store);
	TELLS(watch, "stored", "\"stored\":2,\"duplicate\":0,\"quarantined\":0");
	TELLS(watch, "ack", "\"count\":2");
	TELLS(watch, "quarantined", "\"records\":2,\"reason\":\"count\"");
	TELLS(watch, "ack", "\"count\":2");
	TELLS(watch, "message_stored", "\"bytes\"");
	rig_send(fd, "\1\2\3\4", 4);
	TELLS(watch, "closed",
	    "\"why\":\"stream out of step: no zero preamble\",\"reason\":\"out_of_step\"");
}
END_TEST

START_TEST(wrong_crc_and_refusal)
{
	int watch = follow(IMEI, false), stranger = follow(STRANGER, false),
	    fd = rig_open_session(IMEI);

	rig_send_frame(fd, rig_spoil(rig_frame(1, 0)));
	TELLS(watch, "frame", "\"crc_ok\":false,\"verdict\":\"close\",\"reason\":\"crc\"");
	TELLS(watch, "closed", "wrong CRC");
	memory_commit(r.store);
	TELLS(watch, "copied", "\"reason\":\"crc\"");
	fd = rig_connect();
	rig_say_imei(fd, STRANGER);
	TELLS(stranger, "refused", "\"why\":\"IMEI not in devices\",\"reason\":\"unknown\"");
}
END_TEST

START_TEST(take_over_and_pause)
{
	int watch = follow(IMEI, false), fd = rig_open_session(IMEI);

	for (uint32_t i = 0; i < 4; i++)
		FRAME(fd, 30, i * 100);
	TELLS(watch, "paused", "paused");
	rig_conn(fd)->addr[15] = 1;
	for (int i = 0; i < 5; i++) {
		fd = rig_connect();
		rig_conn(fd)->addr[15] = (uint8_t)i;
		rig_say_imei(fd, IMEI);
	}
	TELLS(watch, "takes_over", "takes_over");
	TELLS(watch, "flaps", "\"changes\"");
}
END_TEST

START_TEST(command)
{
	int watch = follow(IMEI, true), fd = rig_open_session(IMEI);
	const struct command_claim claim = {.id = 7,
	    .attempt = 1,
	    .codec = CODEC_12,
	    .deadline_ms = rig_now() + 30000,
	    .text = "secret",
	    .len = 6};

	ck_assert(r.commands.claimed(r.commands.ctx, rig_token(fd), &claim));
	TELLS(watch, "command_sent", "\"id\":7,\"attempt\":1,\"codec\":12,\"bytes\":26");
	rig_send_frame(fd, rig_message(CODEC_12, MESSAGE_NACK, "x"));
	TELLS(watch, "command_answered", "\"id\":7,\"attempt\":1,\"nack\":true");
	memory_commit(r.store);
	ck_assert(r.commands.claimed(r.commands.ctx, rig_token(fd), &claim));
	close(fd);
	rig_turn();
	TELLS(watch, "command_failed", "\"why\":\"no answer before the connection was lost\"");
}
END_TEST

/* Rows that were stored already, and one that was refused; its connection is gone by then. */
START_TEST(rows_by_what_became_of_them)
{
	int watch = follow(IMEI, false), fd = rig_open_session(IMEI);

	FRAME(fd, 4, 0);
	FRAME(fd, 2, 3);
	memory_begin(r.store);
	memory_storing(r.store)->frames[0].again = 2;
	memory_refuse(r.store, 0);
	close(fd);
	rig_turn();
	memory_commit_rows(r.store);
	memory_commit_rest(r.store);
	TELLS(watch, "stored", "\"stored\":1,\"duplicate\":2,\"quarantined\":1");
	TELLS(watch, "stored", "\"stored\":1,\"duplicate\":1,\"quarantined\":0");
	/* More than there are rows: as far as it can. */
	fd = rig_open_session(IMEI);
	FRAME(fd, 2, 50);
	memory_begin(r.store);
	memory_storing(r.store)->frames[0].again = 9;
	memory_commit(r.store);
	TELLS(watch, "stored", "\"stored\":0,\"duplicate\":2,\"quarantined\":0");
}
END_TEST

/* Of a connection that is gone only the IMEI is left. */
START_TEST(stored_for_nobody)
{
	int watch, fd = rig_open_session(IMEI);

	FRAME(fd, 2, 0);
	memory_begin(r.store);
	memory_down(r.store);
	shutdown(fd, SHUT_WR);
	rig_turn();
	ck_assert_int_eq(rig_state(fd), CONN_GONE);
	memory_up(r.store);
	watch = follow(IMEI, false);
	memory_commit(r.store);
	ck_assert_ptr_null(strstr(event(watch, "stored"), "peer"));
}
END_TEST

START_TEST(what_is_open_already)
{
	int fd = rig_open_session(IMEI), watch, other;
	struct bytes f = rig_frame(1, 0);

	rig_open_session(IMEI + 1);
	rig_send_frame(fd, f);
	rig_send(fd, f.p, 5);
	other = follow(IMEI, false);
	watch = follow(IMEI, true);
	TELLS(other, "present", "\"in_flight\":1,\"paused\":false");
	TELLS(watch, "present", "\"in_flight\":1,\"paused\":false");
	TELLS(watch, "in", "\"hex\":\"0000000000\"");
	/* And nothing of another's. */
	ck_assert_int_eq(recv(watch, f.p, 1, MSG_DONTWAIT), -1);
	ck_assert_int_eq(recv(other, f.p, 1, MSG_DONTWAIT), -1);
	/* Its time is over. */
	rig_pass(61000);
	ck_assert_uint_eq(r.t->followers.n, 0);
}
END_TEST

/* An address is followed from the first byte, whoever it turns out to be; its IMEI packet is told once. */
START_TEST(an_address)
{
	const struct trace_request here = {
	    .whom = TRACE_PEER, .address = "192.0.2.1", .bytes = true};
	const struct trace_request elsewhere = {.whom = TRACE_PEER, .address = "192.0.2.2"};
	int watch = follow_as(&here), other = follow_as(&elsewhere), fd = rig_open_session(IMEI);

	TELLS(watch, "opened", "\"peer\":\"192.0.2.1:4000\"");
	TELLS(watch, "in", "\"hex\":\"000f333530303030303030303030303031\"");
	TELLS(watch, "connected", "\"imei\":\"350000000000001\"");
	TELLS(watch, "accepted", "\"device_id\":100");
	TELLS(watch, "out", "\"hex\":\"01\"");
	close(fd);
	rig_turn();
	TELLS(watch, "closed", "\"reason\":\"peer\"");
	ck_assert_str_eq(rig_heard(other), "");
}
END_TEST

START_TEST(strangers)
{
	int watch = follow_as(&(struct trace_request){.whom = TRACE_UNIDENTIFIED}),
	    known = rig_open_session(IMEI), fd = rig_connect();

	rig_send(fd, "GET / HTTP/1.1\r\n", 16);
	TELLS(watch, "unidentified",
	    "\"what\":\"http\",\"first_bytes\":\"474554202f20485454502f312e310d0a\"");
	TELLS(watch, "closed", "\"reason\":\"handshake\"");
	rig_send(known, "\xff", 1);
	ck_assert_str_eq(rig_heard(watch), "");
}
END_TEST

START_TEST(closed_by_the_operator)
{
	int fd = rig_open_session(IMEI), other = rig_open_session(IMEI + 1),
	    watch = follow_as(&(struct trace_request){.imei = IMEI, .close = true});

	TELLS(watch, "closed", "\"reason\":\"operator\"");
	HEARS(fd, ".");
	HEARS(other, "");
	ck_assert_str_eq(r.ended_for, "operator");
}
END_TEST

START_TEST(too_many)
{
	int fd[2];

	for (int i = 0; i < TRACE_MAX_CLIENTS; i++)
		follow(IMEI, false);
	ck_assert(ipc_pair(fd));
	trackers_follow(r.t, &(struct trace_request){.imei = IMEI}, rig_now() + 60000, fd[1]);
	ck_assert_uint_eq(r.t->followers.n, TRACE_MAX_CLIENTS);
	HEARS(fd[0], ".");
}
END_TEST

TCase *
trace_tests(void)
{
	TCase *t = tcase_create("trace");

	tcase_add_test(t, events_of_a_session);
	tcase_add_test(t, wrong_crc_and_refusal);
	tcase_add_test(t, take_over_and_pause);
	tcase_add_test(t, command);
	tcase_add_test(t, rows_by_what_became_of_them);
	tcase_add_test(t, stored_for_nobody);
	tcase_add_test(t, what_is_open_already);
	tcase_add_test(t, an_address);
	tcase_add_test(t, strangers);
	tcase_add_test(t, closed_by_the_operator);
	tcase_add_test(t, too_many);
	return t;
}
