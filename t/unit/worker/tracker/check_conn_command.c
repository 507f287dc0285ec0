/* Commands on a connection: when one may be asked for, its bytes, its answer, and all that goes wrong. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/message.h"
#include "t/unit/worker/tracker/rig.h"
#include "worker/tracker/command.h"
#include "worker/tracker/conn_command.h"
#include "worker/tracker/trackers_impl.h"

#define ID 77

/* "cmd" by codec 12, as it goes over the wire. */
#define SENT_CMD \
	"00000000000000" \
	"0b0c010500000003636d6401" \
	"0000"

static const struct over *
last_over(void)
{
	ck_assert_uint_gt(r.novers, 0);
	return &r.overs[r.novers - 1];
}

/* A session that was acknowledged once: commands may go. */
static int
ready(void)
{
	int fd = rig_open_session(IMEI);

	FRAME(fd, 1, 0);
	memory_commit(r.store);
	HEARS(fd, "00000001");
	return fd;
}

static bool
claim(int fd, int64_t id, int32_t attempt)
{
	const struct command_claim c = {.id = id,
	    .attempt = attempt,
	    .codec = CODEC_12,
	    .deadline_ms = rig_now() + 30000,
	    .text = "cmd",
	    .len = 3};

	return r.commands.claimed(r.commands.ctx, rig_token(fd), &c);
}

/* The frame of the command was sent, and nothing else. */
static void
hears_command(int fd)
{
	const char *hex = rig_heard(fd);

	ck_assert_msg(strncmp(hex, SENT_CMD, 38) == 0 && strlen(hex) == 46, "%s", hex);
}

static void
answer(int fd, uint8_t type)
{
	rig_send_frame(fd, rig_message(CODEC_12, type, "done"));
}

START_TEST(asked_for_at_the_first_ack)
{
	int fd = ready();

	ck_assert_uint_eq(r.checks, 1);
	ck_assert(!r.surely);
	ck_assert_uint_eq(r.checked, rig_token(fd));
	/* Once; the next ACK is no news. */
	FRAME(fd, 1, 10);
	memory_commit(r.store);
	ck_assert_uint_eq(r.checks, 1);
	/* The timer of the quiet ones asks surely, once it may. */
	rig_pass(2100);
	ck_assert_uint_eq(r.checks, 2);
	ck_assert(r.surely);
}
END_TEST

START_TEST(asked_for_when_it_is_quiet)
{
	int fd = rig_open_session(IMEI);

	rig_pass(1000);
	rig_send(fd, "\xff", 1);
	rig_pass(1100);
	ck_assert_uint_eq(r.checks, 0);
	rig_pass(1000);
	ck_assert_uint_eq(r.checks, 1);
	ck_assert(!r.surely);
	ck_assert(rig_conn(fd)->commandable);
}
END_TEST

START_TEST(not_while_a_frame_is_under_way)
{
	int fd = rig_open_session(IMEI);

	FRAME(fd, 1, 0);
	rig_pass(2100);
	ck_assert_uint_eq(r.checks, 0);
	rig_pass(2100);
	ck_assert_uint_eq(r.checks, 0);
	close(fd);
	rig_turn();
	rig_pass(2100);
	ck_assert_uint_eq(r.checks, 0);
}
END_TEST

/* Whose turn it is: known, ready, with the newest session, not asked for already. */
START_TEST(wanted_and_asking)
{
	struct command_asker a;
	int fd = rig_open_session(IMEI), newer;

	ck_assert_uint_eq(r.commands.want(r.commands.ctx, STRANGER), 0);
	ck_assert_uint_eq(r.commands.want(r.commands.ctx, IMEI + 1), 0);
	ck_assert_uint_eq(r.commands.want(r.commands.ctx, IMEI), 0);
	ck_assert(!r.commands.asker(r.commands.ctx, rig_token(fd), &a));
	ck_assert(!r.commands.asker(r.commands.ctx, 0, &a));
	FRAME(fd, 1, 0);
	memory_commit(r.store);
	ck_assert_uint_eq(r.commands.want(r.commands.ctx, IMEI), rig_token(fd));
	ck_assert_uint_eq(r.commands.want(r.commands.ctx, IMEI), 0);
	ck_assert(r.commands.asker(r.commands.ctx, rig_token(fd), &a));
	ck_assert_uint_eq(a.imei, IMEI);
	ck_assert_int_eq(a.device_id, DEVICE_ID(IMEI));
	ck_assert_int_eq(a.session_id, rig_conn(fd)->session_id);
	ck_assert_int_eq(a.late_id, 0);
	ck_assert_uint_eq(a.codecs, CODEC_MAY_ALL);
	newer = rig_open_session(IMEI);
	ck_assert(!r.commands.asker(r.commands.ctx, rig_token(fd), &a));
	ck_assert_uint_eq(r.commands.want(r.commands.ctx, IMEI), 0);
	ck_assert_int_eq(rig_state(newer), CONN_OPEN);
}
END_TEST

/* Its place is another's by now, who must not get its commands. */
START_TEST(wanted_by_a_device_that_has_gone)
{
	int fd = ready(), other;
	uint32_t index = rig_conn(fd)->seat.index;

	close(fd);
	rig_turn();
	other = rig_open_session(IMEI + 1);
	rig_conn(other)->commandable = true;
	ck_assert_uint_eq(rig_conn(other)->seat.index, index);
	ck_assert_uint_eq(r.commands.want(r.commands.ctx, IMEI), 0);
	ck_assert_uint_eq(r.commands.want(r.commands.ctx, IMEI + 1), rig_token(other));
}
END_TEST

START_TEST(asked_for_already)
{
	int fd;

	r.commands_busy = true;
	fd = ready();
	ck_assert(rig_conn(fd)->command_asked);
	ck_assert_uint_eq(r.commands.want(r.commands.ctx, IMEI), 0);
	r.commands.again(r.commands.ctx, rig_token(fd), 0);
	ck_assert_uint_eq(r.checks, 1);
}
END_TEST

/* Claimed, sent, answered, stored: and the next one is asked for. */
START_TEST(answered)
{
	static const uint8_t types[] = {MESSAGE_RESPONSE, MESSAGE_NACK};
	int fd = ready();
	const struct frame *f;

	ck_assert(claim(fd, ID, 1));
	hears_command(fd);
	/* Not another one meanwhile. */
	ck_assert(!claim(fd, ID + 1, 1));
	ck_assert_uint_eq(r.commands.want(r.commands.ctx, IMEI), 0);
	/* What is no answer: another type, another codec, no message at all. */
	answer(fd, MESSAGE_COMMAND);
	rig_send_frame(fd, rig_message(CODEC_14, MESSAGE_RESPONSE, "no"));
	ck_assert_int_eq(store_filling(r.store)->frames[0].command.id, 0);
	ck_assert_int_eq(store_filling(r.store)->frames[1].command.id, 0);
	answer(fd, types[_i]);
	f = &store_filling(r.store)->frames[2];
	ck_assert_int_eq(f->command.id, ID);
	ck_assert_int_eq(f->command.attempt, 1);
	ck_assert_uint_eq(f->command.conn, rig_token(fd));
	/* One answer is enough. */
	answer(fd, types[_i]);
	ck_assert_int_eq(store_filling(r.store)->frames[3].command.id, 0);
	r.checks = 0;
	memory_commit(r.store);
	ck_assert_uint_eq(r.checks, 1);
	ck_assert(r.surely);
	ck_assert_ptr_null(rig_conn(fd)->command);
	ck_assert_uint_eq(r.novers, 0);
	rig_pass(31000);
	ck_assert_uint_eq(r.novers, 0);
}
END_TEST

START_TEST(answer_that_cannot_be_stored)
{
	int fd = ready();

	ck_assert(claim(fd, ID, 1));
	answer(fd, MESSAGE_RESPONSE);
	memory_begin(r.store);
	memory_refuse(r.store, 0);
	memory_commit_rows(r.store);
	memory_commit_rest(r.store);
	ck_assert_uint_eq(r.novers, 1);
	ck_assert_int_eq(last_over()->how, COMMAND_UNSTORABLE);
	ck_assert_uint_eq(last_over()->token, rig_token(fd));
}
END_TEST

/* Right behind an ACK, if frames are under way; or when what came was no whole frame. */
START_TEST(sent_behind_an_ack)
{
	int fd = ready();
	struct bytes f = rig_frame(1, 100);

	rig_send_frame(fd, f);
	ck_assert(claim(fd, ID, 1));
	HEARS(fd, "");
	memory_commit(r.store);
	ck_assert(strncmp(rig_heard(fd), "00000001" SENT_CMD, 46) == 0);
}
END_TEST

START_TEST(sent_when_it_is_quiet_again)
{
	int fd = ready();

	rig_send(fd, "\0", 1);
	ck_assert(claim(fd, ID, 1));
	HEARS(fd, "");
	/* What it began is its IMEI once more. */
	rig_send(fd, "\017350000000000001", IMEI_PACKET - 1);
	ck_assert(strncmp(rig_heard(fd), "01" SENT_CMD, 40) == 0);
}
END_TEST

START_TEST(no_answer_in_time)
{
	int fd = ready();
	struct command_asker a;

	ck_assert(claim(fd, ID, 2));
	hears_command(fd);
	rig_pass(29000);
	ck_assert_uint_eq(r.novers, 0);
	rig_pass(1100);
	ck_assert_uint_eq(r.novers, 1);
	ck_assert_int_eq(last_over()->how, COMMAND_UNANSWERED);
	ck_assert_int_eq(last_over()->id, ID);
	ck_assert_int_eq(last_over()->attempt, 2);
	ck_assert_int_ge(last_over()->delay_ms, 48000);
	ck_assert_int_le(last_over()->delay_ms, 72000);
	ck_assert_uint_eq(last_over()->token, rig_token(fd));
	/* From now on that one or none. */
	ck_assert(r.commands.asker(r.commands.ctx, rig_token(fd), &a));
	ck_assert_int_eq(a.late_id, ID);
	/* It is asked for again when the delay is over. */
	r.checks = 0;
	rig_pass(last_over()->delay_ms + 100);
	ck_assert_uint_ge(r.checks, 1);
	/* A late answer ends it, whether it is claimed again or not. */
	if (_i == 1) {
		FRAME(fd, 1, 500);
		ck_assert(claim(fd, ID, 3));
	}
	answer(fd, MESSAGE_RESPONSE);
	const struct frame *f = &store_filling(r.store)->frames[_i];
	ck_assert_int_eq(f->command.id, ID);
	ck_assert_int_eq(f->command.attempt, 2 + _i);
	memory_commit(r.store);
	HEARS(fd, _i == 1 ? "00000001" : "");
	/* No copy is unanswered: another may go. */
	ck_assert_ptr_null(rig_conn(fd)->command);
}
END_TEST

/* Sent twice and answered once: the second answer must not be taken for another command's. */
START_TEST(a_copy_that_is_not_answered_yet)
{
	int fd = ready();
	struct command_asker a;

	ck_assert(claim(fd, ID, 1));
	rig_pass(31000);
	ck_assert(claim(fd, ID, 2));
	(void)rig_heard(fd);
	answer(fd, MESSAGE_RESPONSE);
	memory_commit(r.store);
	ck_assert(r.commands.asker(r.commands.ctx, rig_token(fd), &a));
	ck_assert_int_eq(a.late_id, ID);
	answer(fd, MESSAGE_RESPONSE);
	ck_assert_uint_eq(store_filling(r.store)->frames[0].command.conn, 0);
	ck_assert(r.commands.asker(r.commands.ctx, rig_token(fd), &a));
	ck_assert_int_eq(a.late_id, 0);
}
END_TEST

/* On a connection on which nothing was sent: the database, or what is claimed once more, knows what it answers. */
START_TEST(an_answer_to_an_earlier_connection)
{
	int fd = ready();

	if (_i > 0) {
		FRAME(fd, 1, 500);
		ck_assert(claim(fd, ID, _i));
	}
	answer(fd, MESSAGE_RESPONSE);
	const struct frame *f = &store_filling(r.store)->frames[_i > 0];
	ck_assert_uint_eq(f->command.conn, rig_token(fd));
	ck_assert_int_eq(f->command.id, _i == 2 ? ID : 0);
	memory_commit(r.store);
	ck_assert_uint_eq(r.novers, 0);
	/* Once anything was sent, it belongs to that. */
	if (_i != 0)
		return;
	ck_assert(claim(fd, ID, 1));
	answer(fd, MESSAGE_RESPONSE);
	answer(fd, MESSAGE_RESPONSE);
	ck_assert_int_eq(store_filling(r.store)->frames[0].command.id, ID);
	ck_assert_uint_eq(store_filling(r.store)->frames[1].command.conn, 0);
}
END_TEST

START_TEST(never_sent_in_time)
{
	int fd = ready();
	struct command_asker a;

	FRAME(fd, 1, 100);
	ck_assert(claim(fd, ID, 1));
	rig_pass(31000);
	ck_assert_int_eq(last_over()->how, COMMAND_UNSENT);
	HEARS(fd, "");
	/* No byte went out: no late answer can come. */
	ck_assert(r.commands.asker(r.commands.ctx, rig_token(fd), &a));
	ck_assert_int_eq(a.late_id, 0);
}
END_TEST

START_TEST(connection_lost)
{
	int fd = ready();

	/* Claimed, or sent; with the answer under way it needs no connection. */
	if (_i == 0)
		FRAME(fd, 1, 100);
	ck_assert(claim(fd, ID, 1));
	if (_i == 2)
		answer(fd, MESSAGE_RESPONSE);
	conn_close(rig_conn(fd), CLOSE_DRAIN);
	ck_assert_uint_eq(r.novers, _i == 2 ? 0 : 1);
	if (_i != 2) {
		ck_assert_int_eq(last_over()->how, _i == 0 ? COMMAND_UNSENT : COMMAND_DISCONNECTED);
		ck_assert_uint_eq(last_over()->token, 0);
		ck_assert_int_eq(last_over()->delay_ms, 0);
	}
	ck_assert(!claim(fd, ID + 1, 1));
	close(fd);
	rig_turn();
	memory_commit(r.store);
	ck_assert_uint_eq(r.novers, _i == 2 ? 0 : 1);
	ck_assert(!claim(fd, ID + 1, 1));
}
END_TEST

START_TEST(command_that_nobody_takes)
{
	int fd = ready();

	shutdown(fd, SHUT_RD);
	ck_assert(claim(fd, ID, 1));
	ck_assert_int_eq(rig_state(fd), CONN_GONE);
	ck_assert_int_eq(last_over()->how, COMMAND_UNSENT);
	ck_assert_uint_eq(STAT(conn_active), 0);
}
END_TEST

/* Behind an ACK that went out, the command doesn't: and it is not asked for another. */
START_TEST(socket_full_behind_an_ack)
{
	int fd = ready(), fill = 0;

	FRAME(fd, 1, 100);
	ck_assert(claim(fd, ID, 1));
	while (conn_send(rig_conn(fd), "x", 1))
		fill++;
	ck_assert_int_gt(fill, 0);
	memory_commit(r.store);
	ck_assert_int_eq(rig_state(fd), CONN_GONE);
	ck_assert_int_eq(last_over()->how, COMMAND_UNSENT);
}
END_TEST

/* A text that is too long for any frame; a codec that has no commands. */
START_TEST(command_that_cannot_be_sent)
{
	static char text[5000];
	int fd = ready();
	struct command_claim c = {.id = ID,
	    .attempt = 1,
	    .codec = _i == 0 ? CODEC_12 : CODEC_13,
	    .deadline_ms = rig_now() + 30000,
	    .text = text,
	    .len = _i == 0 ? sizeof(text) : 5};

	memset(text, 'x', sizeof(text));
	ck_assert(r.commands.claimed(r.commands.ctx, rig_token(fd), &c));
	ck_assert_uint_eq(r.novers, 1);
	ck_assert_int_eq(last_over()->how, COMMAND_UNSENDABLE);
	ck_assert_uint_eq(last_over()->token, rig_token(fd));
	HEARS(fd, "");
	ck_assert(claim(fd, ID + 1, 1));
}
END_TEST

START_TEST(blocked_by_a_late_answer)
{
	int fd = ready();

	ck_assert(claim(fd, ID, 1));
	hears_command(fd);
	rig_pass(31000);
	r.commands.blocked(r.commands.ctx, rig_token(fd));
	HEARS(fd, ".");
	ck_assert_int_eq(rig_conn(fd)->reason, CLOSE_LATE_ANSWER);
	r.commands.blocked(r.commands.ctx, 0);
}
END_TEST

/* Its next command isn't due before. */
START_TEST(again_later)
{
	int fd = ready();

	rig_pass(2100);
	r.checks = 0;
	r.commands.again(r.commands.ctx, rig_token(fd), rig_now() + 5000);
	rig_pass(4000);
	ck_assert_uint_eq(r.checks, 0);
	rig_pass(1100);
	ck_assert_uint_eq(r.checks, 1);
	r.commands.again(r.commands.ctx, rig_token(fd), 0);
	ck_assert_uint_eq(r.checks, 2);
	r.commands.again(r.commands.ctx, 0, 0);
	ck_assert_uint_eq(r.checks, 2);
}
END_TEST

TCase *
command_tests(void)
{
	TCase *t = tcase_create("command");

	tcase_add_test(t, asked_for_at_the_first_ack);
	tcase_add_test(t, asked_for_when_it_is_quiet);
	tcase_add_test(t, not_while_a_frame_is_under_way);
	tcase_add_test(t, wanted_and_asking);
	tcase_add_test(t, wanted_by_a_device_that_has_gone);
	tcase_add_test(t, asked_for_already);
	tcase_add_loop_test(t, answered, 0, 2);
	tcase_add_test(t, answer_that_cannot_be_stored);
	tcase_add_test(t, sent_behind_an_ack);
	tcase_add_test(t, sent_when_it_is_quiet_again);
	tcase_add_loop_test(t, no_answer_in_time, 0, 2);
	tcase_add_test(t, a_copy_that_is_not_answered_yet);
	tcase_add_loop_test(t, an_answer_to_an_earlier_connection, 0, 3);
	tcase_add_test(t, never_sent_in_time);
	tcase_add_loop_test(t, connection_lost, 0, 3);
	tcase_add_test(t, command_that_nobody_takes);
	tcase_add_test(t, socket_full_behind_an_ack);
	tcase_add_loop_test(t, command_that_cannot_be_sent, 0, 2);
	tcase_add_test(t, blocked_by_a_late_answer);
	tcase_add_test(t, again_later);
	return t;
}
