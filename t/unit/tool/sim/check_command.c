/*
 * How a simulated tracker takes and answers commands, on a fake clock, with a socket pair for its
 * connection: pieces of frames, frames that are not commands, the order of answers, late ones, too many,
 * pieces that go out with pauses, a full socket, a lost connection.
 */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/message.h"
#include "proto/stream.h"
#include "tool/sim/sim.h"

#define IMEI UINT64_C(352093081452251)
#define START_MS 1000000

static struct sim *s;
static struct sim_tracker *t;
static int gateway; /* its end of the connection */
static uint8_t frame[2048], got[64 * 1024];
static size_t got_len;

static void
setup(void)
{
	int fd[2];

	s = calloc(1, sizeof(*s));
	ck_assert_ptr_nonnull(s);
	s->tracker = t = calloc(1, sizeof(*t));
	ck_assert_ptr_nonnull(t);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	s->acked_log.fd = s->sent_log.fd = s->command_log.fd = -1;
	s->opt.seed = 1;
	s->opt.command_delay_ms[0] = s->opt.command_delay_ms[1] = 100;
	s->opt.command_late_by_ms = 5000;
	s->start_ns = (uint64_t)START_MS * 1000000;
	s->now_ms = START_MS;
	s->wall_ms = INT64_C(1700000000000) - START_MS;
	t->imei = IMEI;
	t->fd = fd[0];
	t->state = SIM_UP;
	sim_road_init(&t->road, 1, 0);
	gateway = fd[1];
	got_len = 0;
}

static void
teardown(void)
{
	sim_command_free(t);
	close(t->fd);
	close(gateway);
	free(t);
	free(s);
}

static enum sim_command_result
take(const uint8_t *p, size_t n, size_t *used)
{
	enum sim_command_result r = sim_command_take(s, t, p, n, used);

	ck_assert_uint_le(*used, n);
	return r;
}

/* A command as it comes, behind its preamble. */
static void
command_in(uint8_t codec, uint64_t imei, const char *text)
{
	size_t n = message_write_command(codec, imei, text, strlen(text), frame, sizeof(frame)),
	       used;

	ck_assert_uint_gt(n, 4);
	ck_assert_int_eq(take(frame + 4, n - 4, &used), SIM_COMMAND_WHOLE);
	ck_assert_uint_eq(used, n - 4);
	ck_assert(!sim_command_begun(t));
}

/* Sends what is due at that time. */
static enum sim_command_sent
send_at(int64_t ms)
{
	s->now_ms = START_MS + ms;
	return sim_command_send(s, t);
}

static void
receive(void)
{
	ssize_t n = recv(gateway, got + got_len, sizeof(got) - got_len, MSG_DONTWAIT);

	if (n > 0)
		got_len += (size_t)n;
}

/* The oldest answer that has come; false: none is whole. */
static bool
next_answer(struct message *m)
{
	static uint8_t body[2048];
	struct message_walk walk;
	struct stream_item item;

	receive();
	if (stream_next(got, got_len, true, &item) != STREAM_FRAME)
		return false;
	ck_assert(item.crc_ok);
	ck_assert_uint_le(item.body_len, sizeof(body));
	memcpy(body, item.body, item.body_len);
	ck_assert_int_eq(message_open(&walk, body, item.body_len), MESSAGE_OK);
	ck_assert_int_eq(message_next(&walk, m), MESSAGE_OK);
	got_len -= item.len;
	memmove(got, got + item.len, got_len);
	return true;
}

static void
answer_is(uint8_t codec, uint8_t type, const char *text)
{
	struct message m;

	ck_assert(next_answer(&m));
	ck_assert_uint_eq(m.codec, codec);
	ck_assert_uint_eq(m.type, type);
	ck_assert_uint_eq(m.imei, codec == CODEC_14 ? IMEI : 0);
	ck_assert_msg(m.payload_len == strlen(text) && memcmp(m.payload, text, m.payload_len) == 0,
	    "%.*s", (int)m.payload_len, (const char *)m.payload);
}

START_TEST(cut_at_every_byte)
{
	size_t n = message_write_command(CODEC_12, 0, "getparam 7", 10, frame, sizeof(frame)) - 4;

	/* Behind it the ACK of the next frame, which is not its own. */
	memcpy(frame + 4 + n, "\0\0\0\5", 4);
	for (size_t first = 1; first < n; first++) {
		size_t used;

		ck_assert_int_eq(take(frame + 4, first, &used), SIM_COMMAND_MORE);
		ck_assert_uint_eq(used, first);
		ck_assert(sim_command_begun(t));
		ck_assert_int_eq(take(frame + 4 + first, n + 4 - first, &used), SIM_COMMAND_WHOLE);
		ck_assert_uint_eq(used, n - first);
		ck_assert_uint_eq(s->count.commands_received, first);
		ck_assert_int_eq(send_at((int64_t)first * 100), SIM_COMMAND_NONE_DUE);
		answer_is(CODEC_12, MESSAGE_RESPONSE, "Param ID:7 Val:0");
	}
}
END_TEST

/* Several commands in one frame are several commands. */
START_TEST(two_in_a_frame)
{
	static const uint8_t two[] = {0, 0, 0, 31, CODEC_12, 2, 5, 0, 0, 0, 10, 'g', 'e', 't', 'p',
	    'a', 'r', 'a', 'm', ' ', '1', 5, 0, 0, 0, 3, 'a', 'b', 'c', 2};
	uint8_t whole[64] = {0};
	struct stream_item item;
	size_t n = sizeof(two) + 4, used;

	memcpy(whole + 4, two, sizeof(two));
	whole[7] = (uint8_t)(sizeof(two) - 4);
	/* The CRC by trial: no writer makes such frames. */
	for (unsigned crc = 0; crc < 65536; crc++) {
		whole[n + 2] = (uint8_t)(crc >> 8);
		whole[n + 3] = (uint8_t)crc;
		if (stream_next(whole, n + 4, true, &item) == STREAM_FRAME && item.crc_ok)
			break;
	}
	ck_assert_int_eq(take(whole + 4, n, &used), SIM_COMMAND_WHOLE);
	ck_assert_uint_eq(s->count.commands_received, 2);
	ck_assert_int_eq(send_at(100), SIM_COMMAND_NONE_DUE);
	answer_is(CODEC_12, MESSAGE_RESPONSE, "Param ID:1 Val:0");
	answer_is(CODEC_12, MESSAGE_RESPONSE, "Unknown command or invalid format");
}
END_TEST

static void
is_bad(size_t n)
{
	uint64_t before = s->count.commands_bad;
	size_t used;

	ck_assert_int_eq(take(frame + 4, n - 4, &used), SIM_COMMAND_BAD);
	ck_assert_uint_eq(s->count.commands_bad, before + 1);
	ck_assert_uint_eq(s->count.commands_received, 0);
	sim_command_forget(s, t);
	ck_assert(!sim_command_begun(t));
}

START_TEST(no_commands_at_all)
{
	char text[SIM_COMMAND_FRAME_MAX] = {0};
	size_t n, used, longest = SIM_COMMAND_FRAME_MAX - FRAME_OVERHEAD - 8;

	n = message_write_command(CODEC_12, 0, "getinfo", 7, frame, sizeof(frame));
	frame[n - 1] ^= 1;
	is_bad(n);
	is_bad(message_write(CODEC_12, MESSAGE_RESPONSE, 0, "x", 1, frame, sizeof(frame)));
	/* Codec 13 and 15 are no commands, 8 is no message; no message is no command. */
	memcpy(frame, "\0\0\0\0\0\0\0\3\x0d\0\0\0\0\xc3\x91", 15);
	is_bad(15);
	memcpy(frame, "\0\0\0\0\0\0\0\3\x08\0\0\0\0\xc2\x81", 15);
	is_bad(15);
	memcpy(frame, "\0\0\0\0\0\0\0\3\x0c\0\0\0\0\x03\xc0", 15);
	is_bad(15);
	memcpy(frame, "\0\0\0\0\0\0\0\2", 8);
	is_bad(8);
	memcpy(frame, "\0\0\0\0\xff\xff\xff\xff", 8);
	is_bad(8);
	/* The longest that is taken, and one byte more, which its length tells. */
	n = message_write_command(CODEC_12, 0, text, longest + 1, frame, sizeof(frame));
	ck_assert_uint_eq(n, SIM_COMMAND_FRAME_MAX + 1);
	is_bad(8);
	n = message_write_command(CODEC_12, 0, text, longest, frame, sizeof(frame));
	ck_assert_int_eq(take(frame + 4, n - 4, &used), SIM_COMMAND_WHOLE);
}
END_TEST

START_TEST(delay_and_order)
{
	command_in(CODEC_12, 0, "getparam 1");
	s->now_ms += 30;
	command_in(CODEC_14, IMEI, "getparam 2");
	ck_assert(sim_command_waits(t));
	ck_assert_uint_eq(s->answers_waiting, 2);
	ck_assert_int_eq(sim_command_next_ms(s, t), START_MS + 100);
	ck_assert_int_eq(send_at(99), SIM_COMMAND_NONE_DUE);
	ck_assert(!sim_command_due(s, t));
	ck_assert_int_eq(send_at(100), SIM_COMMAND_NONE_DUE);
	answer_is(CODEC_12, MESSAGE_RESPONSE, "Param ID:1 Val:0");
	ck_assert_int_eq(sim_command_next_ms(s, t), START_MS + 130);
	ck_assert_int_eq(send_at(130), SIM_COMMAND_NONE_DUE);
	answer_is(CODEC_14, MESSAGE_RESPONSE, "Param ID:2 Val:0");
	ck_assert_int_eq(sim_command_next_ms(s, t), INT64_MAX);
	ck_assert_uint_eq(s->count.commands_answered, 2);
	ck_assert_uint_eq(s->answers_waiting, 0);
}
END_TEST

/* However their delays fall, answers keep the order of the commands. */
START_TEST(random_delays)
{
	int64_t least = INT64_MAX, most = 0;

	s->opt.command_delay_ms[0] = 50;
	s->opt.command_delay_ms[1] = 80;
	for (int i = 0; i < 300; i++) {
		int64_t delay;

		s->now_ms = START_MS + i * 1000;
		command_in(CODEC_12, 0, "getparam 1");
		delay = sim_command_next_ms(s, t) - s->now_ms;
		least = delay < least ? delay : least;
		most = delay > most ? delay : most;
		command_in(CODEC_12, 0, "getparam 2");
		ck_assert_int_eq(send_at(i * 1000 + 80), SIM_COMMAND_NONE_DUE);
		answer_is(CODEC_12, MESSAGE_RESPONSE, "Param ID:1 Val:0");
		answer_is(CODEC_12, MESSAGE_RESPONSE, "Param ID:2 Val:0");
	}
	ck_assert_int_eq(least, 50);
	ck_assert_int_eq(most, 80);
}
END_TEST

/* A late answer is overtaken by those of later commands. */
START_TEST(late)
{
	s->opt.command_late = 100;
	command_in(CODEC_12, 0, "getparam 1");
	s->opt.command_late = 0;
	command_in(CODEC_12, 0, "getparam 2");
	ck_assert_int_eq(send_at(100), SIM_COMMAND_NONE_DUE);
	answer_is(CODEC_12, MESSAGE_RESPONSE, "Param ID:2 Val:0");
	ck_assert_int_eq(sim_command_next_ms(s, t), START_MS + 5100);
	ck_assert_int_eq(send_at(5100), SIM_COMMAND_NONE_DUE);
	answer_is(CODEC_12, MESSAGE_RESPONSE, "Param ID:1 Val:0");
	ck_assert_uint_eq(s->count.commands_late, 1);
	ck_assert_uint_eq(s->count.commands_answered, 2);
}
END_TEST

START_TEST(too_many)
{
	for (int i = 0; i < SIM_ANSWERS + 2; i++)
		command_in(CODEC_12, 0, "getio");
	ck_assert_uint_eq(s->count.commands_received, SIM_ANSWERS + 2);
	ck_assert_uint_eq(s->count.commands_dropped, 2);
	sim_command_unasked(s, t);
	ck_assert_uint_eq(s->answers_waiting, SIM_ANSWERS);
}
END_TEST

START_TEST(lost_connection)
{
	size_t used;

	command_in(CODEC_12, 0, "getinfo");
	sim_command_unasked(s, t);
	ck_assert_int_eq(take((const uint8_t *)"\0\0\0", 3, &used), SIM_COMMAND_MORE);
	sim_command_forget(s, t);
	ck_assert(!sim_command_begun(t));
	ck_assert(!sim_command_waits(t));
	ck_assert_uint_eq(s->answers_waiting, 0);
	ck_assert_uint_eq(s->count.commands_dropped, 1);
	ck_assert_int_eq(send_at(100), SIM_COMMAND_NONE_DUE);
	/* On the next one it goes on. */
	command_in(CODEC_12, 0, "getparam 3");
	ck_assert_int_eq(send_at(200), SIM_COMMAND_NONE_DUE);
	answer_is(CODEC_12, MESSAGE_RESPONSE, "Param ID:3 Val:0");
	/* And is noticed when it is gone. */
	command_in(CODEC_12, 0, "getinfo");
	shutdown(t->fd, SHUT_WR);
	ck_assert_int_eq(send_at(300), SIM_COMMAND_LOST);
}
END_TEST

START_TEST(never_and_hang_up)
{
	s->opt.command_silent = 100;
	command_in(CODEC_12, 0, "getinfo");
	ck_assert(!sim_command_waits(t));
	ck_assert_uint_eq(s->count.commands_silent, 1);
	s->opt.command_silent = 0;
	s->opt.command_hangup = s->opt.command_late = 100;
	command_in(CODEC_12, 0, "getinfo");
	ck_assert_int_eq(send_at(99), SIM_COMMAND_NONE_DUE);
	ck_assert_int_eq(send_at(100), SIM_COMMAND_HANG_UP);
	ck_assert_uint_eq(s->count.commands_hung_up, 1);
	ck_assert(!sim_command_waits(t));
	ck_assert_uint_eq(got_len, 0);
}
END_TEST

START_TEST(refused)
{
	command_in(CODEC_14, IMEI + 1, "getver");
	ck_assert_int_eq(send_at(100), SIM_COMMAND_NONE_DUE);
	answer_is(CODEC_14, MESSAGE_NACK, "");
	ck_assert_uint_eq(s->count.commands_nacked, 1);
	ck_assert_uint_eq(s->count.commands_answered, 0);
}
END_TEST

/* Pieces with pauses, each a part of the frame; the next answer only behind the last piece. */
START_TEST(in_pieces)
{
	int64_t ms = 100;
	int pieces = 1;

	s->opt.command_split = 100;
	command_in(CODEC_12, 0, "getparam 1");
	command_in(CODEC_12, 0, "getparam 2");
	while (s->count.commands_answered < 2) {
		enum sim_command_sent sent = send_at(ms);

		if (sent == SIM_COMMAND_NONE_DUE)
			break;
		ck_assert_int_eq(sent, SIM_COMMAND_BLOCKED);
		ck_assert_int_ge(t->resume_ms, s->now_ms + 20);
		ck_assert_int_le(t->resume_ms, s->now_ms + 40);
		ck_assert(sim_command_partly_sent(t));
		ms = t->resume_ms - START_MS;
		pieces++;
	}
	ck_assert_int_ge(pieces, 3);
	answer_is(CODEC_12, MESSAGE_RESPONSE, "Param ID:1 Val:0");
	answer_is(CODEC_12, MESSAGE_RESPONSE, "Param ID:2 Val:0");
	ck_assert(!sim_command_partly_sent(t));
}
END_TEST

START_TEST(full_socket)
{
	static const uint8_t filling[4096] = {0xff};
	struct message m;

	command_in(CODEC_12, 0, "getparam 1");
	while (send(t->fd, filling, sizeof(filling), MSG_DONTWAIT) > 0)
		;
	ck_assert_int_eq(send_at(100), SIM_COMMAND_BLOCKED);
	ck_assert(sim_command_due(s, t));
	/* The timer must not wait for it: the socket will tell. */
	ck_assert_int_eq(sim_command_next_ms(s, t), INT64_MAX);
	while (recv(gateway, got, sizeof(got), MSG_DONTWAIT) > 0)
		;
	ck_assert_int_eq(send_at(200), SIM_COMMAND_NONE_DUE);
	ck_assert(next_answer(&m));
}
END_TEST

START_TEST(unasked)
{
	sim_command_unasked(s, t);
	ck_assert(sim_command_due(s, t));
	ck_assert_int_eq(send_at(0), SIM_COMMAND_NONE_DUE);
	answer_is(CODEC_12, MESSAGE_RESPONSE, "Unsolicited message");
	ck_assert_uint_eq(s->count.unsolicited, 1);
	ck_assert_uint_eq(s->count.commands_answered, 0);
}
END_TEST

/* The same seed gives the same fates, whenever the commands come. */
START_TEST(same_seed)
{
	uint64_t silent = 0;

	s->opt.command_silent = 50;
	for (int run = 0; run < 2; run++) {
		uint64_t fates = 0;

		for (int i = 0; i < 64; i++) {
			uint64_t before = s->count.commands_silent;

			s->now_ms += run * 7;
			command_in(CODEC_12, 0, "getinfo");
			fates = fates << 1 | (s->count.commands_silent - before);
			sim_command_forget(s, t);
		}
		ck_assert(run == 0 || fates == silent);
		silent = fates;
		sim_command_free(t);
	}
	ck_assert_uint_ne(silent, 0);
	ck_assert_uint_ne(silent, UINT64_MAX);
}
END_TEST

START_TEST(log_line)
{
	char path[] = "check_sim_command.XXXXXX", line[128] = {0};
	int fd = mkstemp(path);

	ck_assert_int_ne(fd, -1);
	ck_assert(sim_log_open(&s->command_log, path));
	command_in(CODEC_12, 0, "a\tb\\c\x80 d");
	/* It is there at once. */
	ck_assert_int_gt(read(fd, line, sizeof(line) - 1), 0);
	ck_assert_str_eq(line, "1700000000000\t352093081452251\t1\ta\\x09b\\x5cc\\x80 d\n");
	ck_assert(sim_log_close(&s->command_log));
	close(fd);
	unlink(path);
}
END_TEST

static TCase *
cases(void)
{
	TCase *tc = tcase_create("command");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, cut_at_every_byte);
	tcase_add_test(tc, two_in_a_frame);
	tcase_add_test(tc, no_commands_at_all);
	tcase_add_test(tc, delay_and_order);
	tcase_add_test(tc, random_delays);
	tcase_add_test(tc, late);
	tcase_add_test(tc, too_many);
	tcase_add_test(tc, lost_connection);
	tcase_add_test(tc, never_and_hang_up);
	tcase_add_test(tc, refused);
	tcase_add_test(tc, in_pieces);
	tcase_add_test(tc, full_socket);
	tcase_add_test(tc, unasked);
	tcase_add_test(tc, same_seed);
	tcase_add_test(tc, log_line);
	return tc;
}

int
main(void)
{
	Suite *suite = suite_create("sim_command");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, cases());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
