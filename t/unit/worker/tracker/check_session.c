/* What items and answers mean in every state, which state follows which, every reason, every verdict. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "shm/registry.h"
#include "worker/tracker/session.h"

#define IMEI UINT64_C(356307042441013)

static struct session_step
item(enum conn_state state, enum stream_result result)
{
	return session_item(state, IMEI, result, &(struct stream_item){.len = 1});
}

static struct session_step
say_imei(enum conn_state state, uint64_t imei)
{
	return session_item(state, IMEI, STREAM_IMEI, &(struct stream_item){.imei = imei});
}

START_TEST(answers_of_a_lookup)
{
	static const struct {
		enum lookup_answer answer;
		enum session_action action;
		enum close_reason reason;
	} cases[] = {
	    {LOOKUP_KNOWN, SESSION_WELCOME, 0},
	    {LOOKUP_UNKNOWN, SESSION_CLOSE, CLOSE_UNKNOWN},
	    {LOOKUP_DISABLED, SESSION_CLOSE, CLOSE_DISABLED},
	    {LOOKUP_UNAVAILABLE, SESSION_CLOSE, CLOSE_UNAVAILABLE},
	    {LOOKUP_FULL, SESSION_CLOSE, CLOSE_REGISTRY_FULL},
	};

	for (int state = 0; state < CONN_STATES; state++) {
		struct session_step step = session_answer(state, cases[_i].answer);

		ck_assert_int_eq(
		    step.action, state == CONN_ASKING ? cases[_i].action : SESSION_NOTHING);
		if (step.action == SESSION_CLOSE)
			ck_assert_int_eq(step.reason, cases[_i].reason);
	}
}
END_TEST

/* What each kind of item means, before the IMEI and after it. */
START_TEST(items)
{
	static const struct {
		enum stream_result result;
		struct session_step handshake, open;
	} cases[] = {
	    {STREAM_MORE, {SESSION_NOTHING, 0}, {SESSION_NOTHING, 0}},
	    {STREAM_PING, {SESSION_NOTHING, 0}, {SESSION_NOTHING, 0}},
	    {STREAM_FRAME, {SESSION_CLOSE, CLOSE_HANDSHAKE}, {SESSION_TAKE_FRAME, 0}},
	    {STREAM_BAD_IMEI, {SESSION_CLOSE, CLOSE_HANDSHAKE}, {SESSION_CLOSE, CLOSE_HANDSHAKE}},
	    {STREAM_BAD_PREAMBLE, {SESSION_CLOSE, CLOSE_OUT_OF_STEP},
		{SESSION_CLOSE, CLOSE_OUT_OF_STEP}},
	    {STREAM_BAD_LENGTH, {SESSION_CLOSE, CLOSE_LENGTH}, {SESSION_CLOSE, CLOSE_LENGTH}},
	    {(enum stream_result)99, {SESSION_NOTHING, 0}, {SESSION_NOTHING, 0}},
	};

	for (int state = 0; state < CONN_STATES; state++) {
		struct session_step got = item(state, cases[_i].result), want = {0};

		if (state == CONN_HANDSHAKE)
			want = cases[_i].handshake;
		else if (state == CONN_OPEN)
			want = cases[_i].open;
		ck_assert_int_eq(got.action, want.action);
		if (got.action == SESSION_CLOSE)
			ck_assert_int_eq(got.reason, want.reason);
	}
}
END_TEST

START_TEST(imei)
{
	ck_assert_int_eq(say_imei(CONN_HANDSHAKE, IMEI).action, SESSION_LOOK_UP);
	ck_assert_int_eq(say_imei(CONN_OPEN, IMEI).action, SESSION_WELCOME_AGAIN);
	ck_assert_int_eq(say_imei(CONN_OPEN, IMEI + 1).action, SESSION_CLOSE);
	ck_assert_int_eq(say_imei(CONN_OPEN, IMEI + 1).reason, CLOSE_OTHER_IMEI);
	ck_assert_int_eq(say_imei(CONN_ASKING, IMEI).action, SESSION_NOTHING);
	ck_assert_int_eq(say_imei(CONN_CLOSING, IMEI).action, SESSION_NOTHING);
}
END_TEST

START_TEST(answers_that_nobody_knows)
{
	ck_assert_int_eq(session_answer(CONN_ASKING, (enum lookup_answer)99).action, SESSION_CLOSE);
}
END_TEST

/* Which state may follow which: all that closes goes through CLOSING, once. */
START_TEST(states)
{
	static const char *const may[CONN_STATES] = {
	    /*		     HEAD HAND ASK OPEN PAUSE CLOSING LINGER GONE */
	    [CONN_HEADER] = "01000100",
	    [CONN_HANDSHAKE] = "00100100",
	    [CONN_ASKING] = "00010100",
	    [CONN_OPEN] = "00001100",
	    [CONN_PAUSED] = "00010100",
	    [CONN_CLOSING] = "00000011",
	    [CONN_LINGERING] = "00000001",
	    [CONN_GONE] = "00000000",
	};

	for (int from = 0; from < CONN_STATES; from++)
		for (int to = 0; to < CONN_STATES; to++)
			ck_assert_msg(state_may_follow(from, to) == (may[from][to] == '1'),
			    "%d to %d", from, to);
}
END_TEST

START_TEST(every_reason_is_whole)
{
	struct stats stats = {0};

	for (int why = 0; why < CLOSE_COUNT; why++) {
		const struct close_row *row = &close_rows[why];

		ck_assert(row->name != NULL && row->text != NULL);
		/* One word, as programs read it; and no two alike. */
		ck_assert(strspn(row->name, "abcdefghijklmnopqrstuvwxyz_") == strlen(row->name));
		for (int other = 0; other < why; other++)
			ck_assert_str_ne(row->name, close_rows[other].name);
		close_count(&stats, why);
	}
	ck_assert_uint_eq(stats_get(&stats.seq), 0);
	ck_assert_uint_eq(stats_get(&stats.err_length), 1);
	ck_assert_uint_eq(stats_get(&stats.timeout_idle), 1);
	/* Counted with the frame. */
	ck_assert_uint_eq(stats_get(&stats.err_crc), 0);
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
    {"unknown codec of a model that may use one",
	{.codec = 0x07, .count1 = 4, .crc_ok = true, .codecs = CODEC_MAY_8},
	{VERDICT_QUARANTINE, "unknown_codec", false, 0}},
    {"unknown codec of a model that may use none",
	{.codec = 0xff, .count1 = 4, .crc_ok = true, .codecs = 0},
	{VERDICT_QUARANTINE, "unknown_codec", false, 0}},
    {"unknown codec, wrong CRC, second time",
	{.codec = 0x07, .count1 = 4, .crc_arrivals = 2, .codecs = CODEC_MAY_ALL},
	{VERDICT_CLOSE, "crc", false, 0}},
    {"unknown codec, wrong CRC, third time",
	{.codec = 0x07, .count1 = 4, .crc_arrivals = 3, .codecs = CODEC_MAY_ALL},
	{VERDICT_QUARANTINE, "crc", false, 0}},
    {"a message of a model that may use all but its codec",
	{.codec = CODEC_14,
	    .count1 = 1,
	    .crc_ok = true,
	    .codecs = CODEC_MAY_ALL & ~(uint32_t)CODEC_MAY_14},
	{VERDICT_QUARANTINE, "codec", false, 0}},
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

	tcase_add_loop_test(tc, answers_of_a_lookup, 0, 5);
	tcase_add_loop_test(tc, items, 0, 7);
	tcase_add_test(tc, imei);
	tcase_add_test(tc, answers_that_nobody_knows);
	tcase_add_test(tc, states);
	tcase_add_test(tc, every_reason_is_whole);
	tcase_add_loop_test(tc, judges, 0, (int)(sizeof(judgements) / sizeof(judgements[0])));
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
