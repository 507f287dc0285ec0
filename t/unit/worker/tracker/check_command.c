/*
 * The pure parts of commands: the state machine of the one in flight (every state, every
 * input), the back-off, the heap of times.
 */
#include <check.h>
#include <signal.h>
#include <stdlib.h>

#include "proto/message.h"
#include "proto/stream.h"
#include "worker/tracker/command.h"
#include "worker/tracker/wakeups.h"

#define ID 77
#define OTHER 78
#define DEADLINE 1000

static struct command
in_state(enum command_state state)
{
	struct command c = {0};

	if (state == COMMAND_IDLE)
		return c;
	ck_assert_int_eq(command_claimed(&c, ID, 1, CODEC_12, DEADLINE, false), COMMAND_DO_NOTHING);
	if (state == COMMAND_CLAIMED)
		return c;
	ck_assert_int_eq(command_moment(&c), COMMAND_DO_SEND);
	if (state == COMMAND_ANSWERED)
		ck_assert(command_answer(&c, CODEC_12, MESSAGE_RESPONSE));
	ck_assert_int_eq(c.state, state);
	return c;
}

/* Timed out once on this connection, and idle. */
static struct command
late(void)
{
	struct command c = in_state(COMMAND_SENT);

	ck_assert_int_eq(command_tick(&c, DEADLINE), COMMAND_DO_RETURN);
	ck_assert_int_eq(c.late_id, ID);
	return c;
}

/* What callers must not do ends the program at once. */
static void
leave(int signal)
{
	exit(signal);
}

START_TEST(goes_at_once_on_a_quiet_connection)
{
	struct command c = {0};

	ck_assert_int_eq(command_claimed(&c, ID, 3, CODEC_14, DEADLINE, true), COMMAND_DO_SEND);
	ck_assert_int_eq(c.state, COMMAND_SENT);
	ck_assert_int_eq(c.id, ID);
	ck_assert_int_eq(c.attempt, 3);
}
END_TEST

START_TEST(a_moment_sends_only_what_is_claimed)
{
	struct command c = in_state((enum command_state)_i);
	enum command_action want = _i == COMMAND_CLAIMED ? COMMAND_DO_SEND : COMMAND_DO_NOTHING;

	ck_assert_int_eq(command_moment(&c), want);
	ck_assert_int_eq(c.state, _i == COMMAND_CLAIMED ? COMMAND_SENT : _i);
}
END_TEST

START_TEST(an_answer_belongs_to_what_was_sent)
{
	struct command c = in_state((enum command_state)_i);

	ck_assert_int_eq(command_answer(&c, CODEC_12, MESSAGE_RESPONSE), _i == COMMAND_SENT);
	ck_assert_int_eq(c.state, _i == COMMAND_SENT ? COMMAND_ANSWERED : _i);
}
END_TEST

START_TEST(only_a_response_of_its_codec_is_an_answer)
{
	struct command c = in_state(COMMAND_SENT);

	ck_assert(!command_answer(&c, CODEC_14, MESSAGE_RESPONSE));
	ck_assert(!command_answer(&c, CODEC_12, MESSAGE_COMMAND));
	ck_assert(!command_answer(&c, CODEC_12, 0x0d)); /* a camera */
	ck_assert(command_answer(&c, CODEC_12, MESSAGE_NACK));
}
END_TEST

START_TEST(with_a_time_stamp_it_comes_in_codec_13)
{
	struct command c = in_state(COMMAND_SENT);

	ck_assert(command_answer(&c, CODEC_13, MESSAGE_RESPONSE));
	/* Late, it can't be told from other messages in that codec. */
	c = late();
	ck_assert(!command_answer(&c, CODEC_13, MESSAGE_RESPONSE));
}
END_TEST

START_TEST(time_is_over_for_what_has_no_answer)
{
	struct command c = in_state((enum command_state)_i);
	bool waits = _i == COMMAND_CLAIMED || _i == COMMAND_SENT;
	enum command_action want = _i == COMMAND_SENT ? COMMAND_DO_RETURN : COMMAND_DO_GIVE_BACK;

	ck_assert_int_eq(command_tick(&c, DEADLINE - 1), COMMAND_DO_NOTHING);
	ck_assert_int_eq(c.state, _i);
	ck_assert_int_eq(command_tick(&c, DEADLINE), waits ? want : COMMAND_DO_NOTHING);
	ck_assert_int_eq(c.state, waits ? COMMAND_IDLE : _i);
	/* What never went out can't be answered late. */
	ck_assert_int_eq(c.late_id, _i == COMMAND_SENT ? ID : 0);
	ck_assert_int_eq(command_tick(&c, DEADLINE), COMMAND_DO_NOTHING);
}
END_TEST

START_TEST(a_lost_connection_returns_what_has_no_answer)
{
	struct command c = in_state((enum command_state)_i);

	static const enum command_action want[] = {[COMMAND_IDLE] = COMMAND_DO_NOTHING,
	    [COMMAND_CLAIMED] = COMMAND_DO_GIVE_BACK,
	    [COMMAND_SENT] = COMMAND_DO_RETURN,
	    [COMMAND_ANSWERED] = COMMAND_DO_NOTHING};

	ck_assert_int_eq(command_lost(&c), want[_i]);
	ck_assert_int_eq(command_lost(&c), COMMAND_DO_NOTHING);
}
END_TEST

START_TEST(stored_makes_room_for_the_next)
{
	struct command c = in_state((enum command_state)_i);

	command_stored(&c);
	ck_assert_int_eq(c.state, _i == COMMAND_ANSWERED ? COMMAND_IDLE : _i);
	ck_assert_int_eq(command_may_claim(&c), _i == COMMAND_ANSWERED || _i == COMMAND_IDLE);
}
END_TEST

START_TEST(a_late_answer_ends_what_timed_out)
{
	struct command c = late();

	ck_assert(!command_answer(&c, CODEC_14, MESSAGE_RESPONSE));
	ck_assert(command_answer(&c, CODEC_12, MESSAGE_RESPONSE));
	ck_assert_int_eq(c.id, ID);
	ck_assert_int_eq(c.attempt, 1);
	ck_assert_int_eq(c.state, COMMAND_ANSWERED);
	/* None is missing: another may go on this connection. */
	ck_assert_int_eq(c.late_id, 0);
	ck_assert(!command_answer(&c, CODEC_12, MESSAGE_RESPONSE));
	command_stored(&c);
	command_claimed(&c, OTHER, 1, CODEC_12, 2 * DEADLINE, true);
	ck_assert(command_answer(&c, CODEC_12, MESSAGE_RESPONSE));
	ck_assert_int_eq(c.id, OTHER);
}
END_TEST

START_TEST(a_late_answer_saves_the_next_attempt)
{
	struct command c = late();

	/* Claimed again, and not yet sent: the first answer will do. */
	command_claimed(&c, ID, 2, CODEC_12, 2 * DEADLINE, false);
	ck_assert(command_answer(&c, CODEC_12, MESSAGE_RESPONSE));
	ck_assert_int_eq(c.attempt, 2);
	ck_assert_int_eq(command_moment(&c), COMMAND_DO_NOTHING);
	ck_assert_int_eq(c.late_id, 0);
}
END_TEST

START_TEST(copies_and_answers_are_counted)
{
	struct command c = late();

	command_claimed(&c, ID, 2, CODEC_12, 2 * DEADLINE, true);
	ck_assert(command_answer(&c, CODEC_12, MESSAGE_RESPONSE));
	command_stored(&c);
	/* One of two is still missing: no other may go, and it would be nobody's. */
	ck_assert_int_eq(c.late_id, ID);
	ck_assert(!command_answer(&c, CODEC_12, MESSAGE_RESPONSE));
	ck_assert_int_eq(c.state, COMMAND_IDLE);
	ck_assert_int_eq(c.late_id, 0);
}
END_TEST

START_TEST(what_could_not_be_written_was_not_sent)
{
	struct command c = in_state(COMMAND_SENT);

	command_unsent(&c);
	ck_assert(!command_answer(&c, CODEC_12, MESSAGE_RESPONSE));
	ck_assert_int_eq(command_lost(&c), COMMAND_DO_GIVE_BACK);
}
END_TEST

START_TEST(unsent_without_being_sent)
{
	struct command c = in_state(COMMAND_CLAIMED);

	signal(SIGABRT, leave);
	command_unsent(&c);
}
END_TEST

START_TEST(an_answer_to_an_earlier_connection)
{
	struct command c = in_state((enum command_state)_i);

	/* Its first attempt is not sent yet: the answer is to something else. */
	ck_assert(!command_answer_to_earlier(&c));
	c.attempt = 2;
	ck_assert_int_eq(command_answer_to_earlier(&c), _i == COMMAND_CLAIMED);
	ck_assert_int_eq(c.state, _i == COMMAND_CLAIMED ? COMMAND_ANSWERED : _i);
}
END_TEST

START_TEST(another_copy_of_an_earlier_answer_is_nobodys)
{
	struct command c = in_state(COMMAND_CLAIMED);

	c.attempt = 2;
	c.codec = CODEC_12;
	c.missing = 1;
	ck_assert(command_answer_to_earlier(&c));
	ck_assert(!command_answer(&c, CODEC_12, MESSAGE_RESPONSE));
	ck_assert_int_eq(c.missing, 0);
	ck_assert_int_eq(c.state, COMMAND_ANSWERED);
}
END_TEST

START_TEST(backoff_doubles_and_jitters_within_bounds)
{
	static const struct {
		int timeout;
		int32_t attempt;
		int64_t base;
	} cases[] = {{45000, 1, 45000}, {45000, 2, 90000}, {45000, 3, 180000}, {100, 1, 100},
	    {100, 10, 51200}, {600000, 3, 2400000}, {600000, 4, 3600000}, {600000, 100, 3600000},
	    {100, 100, 3600000}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t low = command_backoff_ms(cases[i].timeout, cases[i].attempt, 0);
		int64_t high = command_backoff_ms(cases[i].timeout, cases[i].attempt, UINT32_MAX);
		int64_t most = cases[i].base * 6 / 5;

		ck_assert_int_eq(low, cases[i].base * 4 / 5);
		ck_assert_int_le(high, most < 3600000 ? most : 3600000);
		ck_assert_int_ge(high, (most < 3600000 ? most : 3600000) - 1);
		ck_assert_int_le(
		    command_backoff_ms(cases[i].timeout, cases[i].attempt, UINT32_MAX / 2), high);
	}
}
END_TEST

START_TEST(times_come_in_order)
{
	struct wakeups l = {0};
	uint64_t token, seed = 1;
	int64_t at[3000], last = INT64_MIN;

	ck_assert(!wakeups_take(&l, INT64_MAX, &token));
	ck_assert_int_eq(wakeups_next(&l), INT64_MAX);
	for (size_t i = 0; i < 3000; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
		at[i] = (int64_t)(seed >> 40) % 1000;
		ck_assert(wakeups_add(&l, i, at[i]));
	}
	int64_t first = wakeups_next(&l);
	ck_assert(!wakeups_take(&l, first - 1, &token));
	for (size_t i = 0; i < 3000; i++) {
		int64_t next = wakeups_next(&l);

		ck_assert(wakeups_take(&l, 1000, &token));
		ck_assert_int_eq(at[token], next);
		ck_assert_int_le(last, next);
		at[token] = -1; /* each comes once */
		last = next;
	}
	ck_assert(!wakeups_take(&l, INT64_MAX, &token));
	wakeups_free(&l);
}
END_TEST

START_TEST(claimed_while_another_is_in_flight)
{
	struct command c = in_state(COMMAND_SENT);

	signal(SIGABRT, leave);
	command_claimed(&c, OTHER, 1, CODEC_12, DEADLINE, false);
}
END_TEST

START_TEST(claimed_while_another_may_be_answered_late)
{
	struct command c = late();

	signal(SIGABRT, leave);
	command_claimed(&c, OTHER, 1, CODEC_12, DEADLINE, false);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("command");
	TCase *t = tcase_create("command");
	SRunner *r;
	int failed;

	tcase_add_test(t, goes_at_once_on_a_quiet_connection);
	tcase_add_loop_test(t, a_moment_sends_only_what_is_claimed, 0, 4);
	tcase_add_loop_test(t, an_answer_belongs_to_what_was_sent, 0, 4);
	tcase_add_test(t, only_a_response_of_its_codec_is_an_answer);
	tcase_add_loop_test(t, time_is_over_for_what_has_no_answer, 0, 4);
	tcase_add_loop_test(t, a_lost_connection_returns_what_has_no_answer, 0, 4);
	tcase_add_loop_test(t, stored_makes_room_for_the_next, 0, 4);
	tcase_add_test(t, with_a_time_stamp_it_comes_in_codec_13);
	tcase_add_test(t, a_late_answer_ends_what_timed_out);
	tcase_add_test(t, a_late_answer_saves_the_next_attempt);
	tcase_add_test(t, copies_and_answers_are_counted);
	tcase_add_test(t, what_could_not_be_written_was_not_sent);
	tcase_add_loop_test(t, an_answer_to_an_earlier_connection, 0, 4);
	tcase_add_test(t, another_copy_of_an_earlier_answer_is_nobodys);
	tcase_add_test(t, backoff_doubles_and_jitters_within_bounds);
	tcase_add_test(t, times_come_in_order);
	tcase_add_exit_test(t, unsent_without_being_sent, SIGABRT);
	tcase_add_exit_test(t, claimed_while_another_is_in_flight, SIGABRT);
	tcase_add_exit_test(t, claimed_while_another_may_be_answered_late, SIGABRT);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
