/* What a simulated tracker says to which command, and that it says something to any bytes. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "proto/message.h"
#include "tool/sim/answer.h"

#define IMEI UINT64_C(352093081452251)

static struct sim_road road;

static void
setup(void)
{
	sim_road_init(&road, 1, 0);
}

static const struct {
	const char *command, *answer; /* starts so */
} texts[] = {
    {"getinfo", "INI:2023/11/14 21:13 RTC:2023/11/14 22:13 RST:2 "},
    {"getver", "Ver:03.18.14_04 GPS:AXN_5.10_3333 Hw:FMB120 Mod:15 IMEI:352093081452251 "
	       "Init:2023/11/14 21:13 Uptime:3600 MAC:60BDD0"},
    {"getstatus", "Data Link: 1 GPRS: 1 Phone: 0 SIM: 0 OP: 24602 Signal: "},
    {"getgps", "GPS:1 Sat:"},
    {"getio", "DI1:1 DI2:0 DI3:0 AIN1:0 AIN2:16924 DO1:0 DO2:1"},
    {"getparam 2005", "Param ID:2005 Val:5027"},
    {"getparam 2001", "Param ID:2001 Val:internet"},
    {"setparam 2001:web", "Param ID:2001 New Val:web"},
    {"setdigout 1?0", "DOUT1:1 Timeout:INFINITY DOUT2:Ignored DOUT3:0 Timeout:INFINITY"},
    {"setdigout 1 10", "DOUT1:1 Timeout:INFINITY"},
    {"cpureset", "CPU reset"},
    {"", "Unknown"},
    {"getinf", "Unknown"},
    {"getinfo ", "Unknown"},
    {"getinfo2", "Unknown"},
    {"GETINFO", "Unknown"},
    {" getinfo", "Unknown"},
    {"getparam", "Unknown"},
    {"getparam ", "Unknown"},
    {"getparam 123456", "Unknown"},
    {"getparam 1x", "Unknown"},
    {"setparam 2001", "Unknown"},
    {"setparam :x", "Unknown"},
    {"setdigout 2", "Unknown"},
    {"setdigout 11111", "Unknown"},
    {"setdigout 1x", "Unknown"},
    {"%s%n", "Unknown"},
};

static size_t
say(const void *command, size_t n, char out[SIM_ANSWER_MAX])
{
	const struct sim_answer_facts facts = {
	    .imei = IMEI, .now_ms = INT64_C(1700000000000), .uptime_ms = 3600000, .road = &road};

	return sim_answer_text(&facts, command, n, out);
}

START_TEST(texts_of_answers)
{
	const char *command = texts[_i].command, *expected = texts[_i].answer;
	char out[SIM_ANSWER_MAX + 1] = {0};
	size_t n = say(command, strlen(command), out);

	out[n] = '\0';
	ck_assert_uint_eq(strlen(out), n);
	ck_assert_msg(strncmp(out, expected, strlen(expected)) == 0, "%s: %s", command, out);
}
END_TEST

/* Any bytes of any length: an answer within its bounds, which is text. */
START_TEST(any_command)
{
	char out[SIM_ANSWER_MAX], command[2 * SIM_ANSWER_MAX];
	size_t text_len;

	ck_assert_uint_eq(say("getinfo\0", 8, out), strlen("Unknown command or invalid format"));
	for (size_t n = 0; n <= sizeof(command); n++) {
		memset(command, 'x', sizeof(command));
		if (n > 14)
			memcpy(command, "setparam 1:yyy", 14);
		ck_assert_uint_le(say(command, n, out), SIM_ANSWER_MAX);
		ck_assert_uint_gt(say(command, n, out), 0);
		ck_assert(message_is_text((uint8_t *)out, say(command, n, out), &text_len));
	}
	road.blind = true;
	ck_assert_uint_gt(say("getgps", 6, out), 12);
	ck_assert_int_eq(strncmp(out, "GPS:0 Sat:0 ", 12), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sim_answer");
	TCase *tc = tcase_create("answer");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, texts_of_answers, 0, (int)(sizeof(texts) / sizeof(texts[0])));
	tcase_add_test(tc, any_command);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
