/* The session state machine and the judgement of frames: every state, every input, every verdict.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "shm/registry.h"
#include "worker/tracker/session.h"

#define IMEI UINT64_C(356307042441013)

static enum session_action
say_imei(struct session *s, uint64_t imei)
{
	return session_item(s, STREAM_IMEI, &(struct stream_item){.imei = imei});
}

static struct session
open_session(void)
{
	struct session s;

	session_init(&s);
	ck_assert_int_eq(say_imei(&s, IMEI), SESSION_DO_LOOK_UP);
	ck_assert_int_eq(session_answer(&s, LOOKUP_KNOWN), SESSION_DO_WELCOME);
	ck_assert_int_eq(s.state, SESSION_OPEN);
	return s;
}

START_TEST(handshake_answers)
{
	static const struct {
		enum lookup_answer answer;
		enum session_action action;
		enum session_why why;
	} cases[] = {
	    {LOOKUP_KNOWN, SESSION_DO_WELCOME, WHY_NONE},
	    {LOOKUP_UNKNOWN, SESSION_DO_REFUSE_UNKNOWN, WHY_UNKNOWN},
	    {LOOKUP_DISABLED, SESSION_DO_REFUSE_DISABLED, WHY_DISABLED},
	    {LOOKUP_UNAVAILABLE, SESSION_DO_CLOSE, WHY_UNAVAILABLE},
	};
	struct session s;

	session_init(&s);
	ck_assert_int_eq(say_imei(&s, IMEI), SESSION_DO_LOOK_UP);
	ck_assert_int_eq(s.state, SESSION_ASKING);
	ck_assert_uint_eq(s.imei, IMEI);
	ck_assert_int_eq(session_answer(&s, cases[_i].answer), cases[_i].action);
	ck_assert_int_eq(s.why, cases[_i].why);
	ck_assert_int_eq(s.state, cases[_i].why == WHY_NONE ? SESSION_OPEN : SESSION_CLOSING);
	/* An answer that comes twice changes nothing. */
	ck_assert_int_eq(session_answer(&s, LOOKUP_KNOWN), SESSION_DO_NOTHING);
}
END_TEST

START_TEST(pings_are_consumed_in_every_state)
{
	struct session s;
	struct stream_item ping = {.len = 1};

	session_init(&s);
	ck_assert_int_eq(session_item(&s, STREAM_PING, &ping), SESSION_DO_NOTHING);
	ck_assert_int_eq(s.state, SESSION_NEW);
	s = open_session();
	ck_assert_int_eq(session_item(&s, STREAM_PING, &ping), SESSION_DO_NOTHING);
	ck_assert_int_eq(s.state, SESSION_OPEN);
	ck_assert_int_eq(session_item(&s, STREAM_MORE, &ping), SESSION_DO_NOTHING);
}
END_TEST

START_TEST(frame_before_the_imei_closes)
{
	struct session s;

	session_init(&s);
	ck_assert_int_eq(
	    session_item(&s, STREAM_FRAME, &(struct stream_item){0}), SESSION_DO_CLOSE);
	ck_assert_int_eq(s.why, WHY_BAD_HANDSHAKE);
}
END_TEST

START_TEST(nothing_is_taken_while_asking_or_closing)
{
	struct session s;

	session_init(&s);
	say_imei(&s, IMEI);
	ck_assert_int_eq(
	    session_item(&s, STREAM_FRAME, &(struct stream_item){0}), SESSION_DO_NOTHING);
	ck_assert_int_eq(s.state, SESSION_ASKING);
	ck_assert(session_close(&s, WHY_DRAIN));
	ck_assert(!session_close(&s, WHY_PEER));
	ck_assert_int_eq(s.why, WHY_DRAIN);
	ck_assert_int_eq(
	    session_item(&s, STREAM_IMEI, &(struct stream_item){.imei = IMEI}), SESSION_DO_NOTHING);
	ck_assert_int_eq(session_answer(&s, LOOKUP_KNOWN), SESSION_DO_NOTHING);
}
END_TEST

START_TEST(second_imei)
{
	struct session s = open_session();

	ck_assert_int_eq(say_imei(&s, IMEI), SESSION_DO_WELCOME_AGAIN);
	ck_assert_int_eq(s.state, SESSION_OPEN);
	ck_assert_int_eq(say_imei(&s, IMEI + 1), SESSION_DO_CLOSE);
	ck_assert_int_eq(s.why, WHY_OTHER_IMEI);
	ck_assert_uint_eq(s.imei, IMEI);
}
END_TEST

START_TEST(open_session_takes_frames_and_closes_on_garbage)
{
	static const struct {
		enum stream_result result;
		enum session_action action;
		enum session_why why;
	} cases[] = {
	    {STREAM_FRAME, SESSION_DO_TAKE_FRAME, WHY_NONE},
	    {STREAM_BAD_PREAMBLE, SESSION_DO_CLOSE, WHY_BAD_PREAMBLE},
	    {STREAM_BAD_LENGTH, SESSION_DO_CLOSE, WHY_BAD_LENGTH},
	    {STREAM_BAD_IMEI, SESSION_DO_CLOSE, WHY_BAD_HANDSHAKE},
	};
	struct session s = open_session();

	ck_assert_int_eq(
	    session_item(&s, cases[_i].result, &(struct stream_item){0}), cases[_i].action);
	ck_assert_int_eq(s.why, cases[_i].why);
}
END_TEST

START_TEST(waits_and_their_timeouts)
{
	struct session s;

	session_init(&s);
	ck_assert_int_eq(session_waits_for(&s, true), WAIT_HANDSHAKE);
	say_imei(&s, IMEI);
	ck_assert_int_eq(session_waits_for(&s, false), WAIT_HANDSHAKE);
	s = open_session();
	ck_assert_int_eq(session_waits_for(&s, false), WAIT_IDLE);
	ck_assert_int_eq(session_waits_for(&s, true), WAIT_FRAME);
	ck_assert_int_eq(session_timeout_why(WAIT_HANDSHAKE), WHY_TIMEOUT_HANDSHAKE);
	ck_assert_int_eq(session_timeout_why(WAIT_FRAME), WHY_TIMEOUT_FRAME);
	ck_assert_int_eq(session_timeout_why(WAIT_IDLE), WHY_TIMEOUT_IDLE);
}
END_TEST

START_TEST(every_reason_has_words)
{
	for (int why = 0; why < WHY_COUNT; why++)
		ck_assert_ptr_nonnull(session_why_text(why));
	ck_assert_str_eq(session_why_text(WHY_COUNT), "unknown");
}
END_TEST

/* One row a kind of frame: what came in, what becomes of it. */
static const struct {
	const char *name;
	struct frame_facts facts;
	struct verdict verdict;
} judgements[] = {
    {"good", {.codec = CODEC_8, .count1 = 3, .crc_ok = true, .codecs = CODEC_MAY_ALL},
	{VERDICT_STORE, NULL, true, 3}},
    {"no records", {.codec = CODEC_8E, .count1 = 0, .crc_ok = true, .codecs = CODEC_MAY_ALL},
	{VERDICT_STORE, NULL, true, 0}},
    {"counts differ",
	{.codec = CODEC_16,
	    .count1 = 2,
	    .crc_ok = true,
	    .codecs = CODEC_MAY_ALL,
	    .avl = AVL_BAD_COUNT},
	{VERDICT_QUARANTINE, "count", true, 2}},
    {"records don't fit",
	{.codec = CODEC_8,
	    .count1 = 9,
	    .crc_ok = true,
	    .codecs = CODEC_MAY_ALL,
	    .avl = AVL_BAD_STRUCTURE},
	{VERDICT_QUARANTINE, "structure", true, 9}},
    {"codec 8 not allowed", {.codec = CODEC_8, .count1 = 1, .crc_ok = true, .codecs = CODEC_MAY_8E},
	{VERDICT_QUARANTINE, "codec", true, 1}},
    {"codec 8E not allowed",
	{.codec = CODEC_8E, .count1 = 1, .crc_ok = true, .codecs = CODEC_MAY_8 | CODEC_MAY_16},
	{VERDICT_QUARANTINE, "codec", true, 1}},
    {"codec 16 not allowed",
	{.codec = CODEC_16, .count1 = 1, .crc_ok = true, .codecs = CODEC_MAY_8},
	{VERDICT_QUARANTINE, "codec", true, 1}},
    {"wrong CRC, first time",
	{.codec = CODEC_8, .count1 = 1, .crc_arrivals = 1, .codecs = CODEC_MAY_ALL},
	{VERDICT_CLOSE, "crc", false, 0}},
    {"wrong CRC, second time",
	{.codec = CODEC_8, .count1 = 1, .crc_arrivals = 2, .codecs = CODEC_MAY_ALL},
	{VERDICT_CLOSE, "crc", false, 0}},
    {"wrong CRC, third time",
	{.codec = CODEC_8, .count1 = 5, .crc_arrivals = 3, .codecs = CODEC_MAY_ALL},
	{VERDICT_QUARANTINE, "crc", true, 5}},
    {"wrong CRC in a message, third time",
	{.codec = CODEC_12, .count1 = 1, .crc_arrivals = 3, .codecs = CODEC_MAY_ALL},
	{VERDICT_QUARANTINE, "crc", false, 0}},
    {"unknown codec", {.codec = 0x07, .count1 = 4, .crc_ok = true, .codecs = CODEC_MAY_ALL},
	{VERDICT_QUARANTINE, "unknown_codec", false, 0}},
    {"message", {.codec = CODEC_12, .count1 = 1, .crc_ok = true, .codecs = CODEC_MAY_ALL},
	{VERDICT_MESSAGE, NULL, false, 0}},
    {"malformed message",
	{.codec = CODEC_13,
	    .count1 = 1,
	    .crc_ok = true,
	    .codecs = CODEC_MAY_ALL,
	    .message = MESSAGE_BAD_STRUCTURE},
	{VERDICT_QUARANTINE, "message", false, 0}},
    {"codec 12 not allowed",
	{.codec = CODEC_12, .count1 = 1, .crc_ok = true, .codecs = CODEC_MAY_8},
	{VERDICT_QUARANTINE, "codec", false, 0}},
    {"codec 13 not allowed",
	{.codec = CODEC_13, .count1 = 1, .crc_ok = true, .codecs = CODEC_MAY_8},
	{VERDICT_QUARANTINE, "codec", false, 0}},
    {"codec 14 not allowed",
	{.codec = CODEC_14, .count1 = 1, .crc_ok = true, .codecs = CODEC_MAY_8},
	{VERDICT_QUARANTINE, "codec", false, 0}},
    {"codec 15 not allowed",
	{.codec = CODEC_15, .count1 = 1, .crc_ok = true, .codecs = CODEC_MAY_8},
	{VERDICT_QUARANTINE, "codec", false, 0}},
};

START_TEST(judges)
{
	struct verdict got = session_judge(&judgements[_i].facts);
	const struct verdict *want = &judgements[_i].verdict;

	ck_assert_msg(got.what == want->what, "%s: %d", judgements[_i].name, got.what);
	if (want->reason == NULL)
		ck_assert_msg(got.reason == NULL, "%s", judgements[_i].name);
	else
		ck_assert_str_eq(got.reason, want->reason);
	ck_assert_msg(got.ack == want->ack, "%s", judgements[_i].name);
	ck_assert_msg(got.count == want->count, "%s: %u", judgements[_i].name, got.count);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("session");
	TCase *tc = tcase_create("session");
	SRunner *runner = srunner_create(suite);

	tcase_add_loop_test(tc, handshake_answers, 0, 4);
	tcase_add_test(tc, pings_are_consumed_in_every_state);
	tcase_add_test(tc, frame_before_the_imei_closes);
	tcase_add_test(tc, nothing_is_taken_while_asking_or_closing);
	tcase_add_test(tc, second_imei);
	tcase_add_loop_test(tc, open_session_takes_frames_and_closes_on_garbage, 0, 4);
	tcase_add_test(tc, waits_and_their_timeouts);
	tcase_add_test(tc, every_reason_has_words);
	tcase_add_loop_test(tc, judges, 0, (int)(sizeof(judgements) / sizeof(judgements[0])));
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
