/*
 * Whole runs of `tgctl sim` against a small gateway that sends commands: behind an ACK and behind
 * the 01 in one segment, cut at every byte, several in a row, for another tracker, spoilt. All
 * that came must be in the report and in the log; no frame may break, and every record arrive.
 */
#include <check.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proto/message.h"
#include "proto/stream.h"
#include "t/unit/tool/sim/run.h"

#define SMALL "--trackers 20 --frames 30 --records 4 "
#define RECORDS 2400
#define COMMAND(...) ((struct sim_server_faults){.command = {.codec = CODEC_12, __VA_ARGS__}})

/* Every command is booked once, in the report and in the log. */
static void
check_books(const json_t *r)
{
	struct sim_run_ledger log = sim_run_load(sim_rig.commands);

	ck_assert_int_eq(sim_run_number(r, "answers_waiting"), 0);
	ck_assert_int_eq(sim_run_number(r, "commands_received"),
	    sim_run_number(r, "commands_answered") + sim_run_number(r, "commands_nacked") +
		sim_run_number(r, "commands_silent") + sim_run_number(r, "commands_hung_up") +
		sim_run_number(r, "commands_dropped"));
	ck_assert_int_eq(sim_run_number(r, "commands_received"), (long long)log.n);
	ck_assert_int_eq(sim_rig.server.counts->broken, 0);
	sim_run_free(&log);
}

static json_t *
run(struct sim_server_faults faults, const char *options)
{
	json_t *r = sim_run(faults, options, RECORDS);

	check_books(r);
	return r;
}

static const struct sim_server_answer *
answer(int i)
{
	ck_assert_int_lt(i, SIM_SERVER_ANSWERS);
	ck_assert_int_lt(i, sim_rig.server.counts->answers);
	return &sim_rig.server.counts->answer[i];
}

static void
answers_are(const char *start, uint8_t type, int64_t least_ms)
{
	for (int i = 0; i < sim_rig.server.counts->answers; i++) {
		ck_assert_uint_eq(answer(i)->type, type);
		ck_assert(!answer(i)->unasked);
		ck_assert_int_ge(answer(i)->ms, least_ms);
		ck_assert_msg(
		    strncmp(answer(i)->text, start, strlen(start)) == 0, "%s", answer(i)->text);
	}
}

START_TEST(behind_the_ack)
{
	json_t *r =
	    run(COMMAND(.text = "getinfo", .each = 1, .burst = 1), SMALL "--command-delay 1..20");
	struct sim_run_ledger log = sim_run_load(sim_rig.commands);
	char imei[24], text[24];
	long long ms, number;

	ck_assert_int_eq(sim_run_number(r, "commands_answered"), 20);
	ck_assert_int_eq(sim_run_number(r, "commands_late"), 0);
	ck_assert_int_eq(sim_run_number(r, "connections"), 20);
	ck_assert_int_eq(sim_rig.server.counts->answers, 20);
	answers_are("INI:", MESSAGE_RESPONSE, 0);
	for (size_t i = 0; i < log.n; i++) {
		ck_assert_int_eq(
		    sscanf(log.line[i], "%lld\t%23s\t%lld\t%23s\n", &ms, imei, &number, text), 4);
		ck_assert_int_gt(ms, 1500000000000);
		ck_assert_int_eq(strncmp(imei, "3500000000000", 13), 0);
		ck_assert_int_ge(number, 1);
		ck_assert_int_le(number, 20);
		ck_assert_str_eq(text, "getinfo");
	}
	sim_run_free(&log);
	json_decref(r);
}
END_TEST

/* ACK and command are 31 bytes: 60 connections cut them at each, some twice. */
START_TEST(cut_at_every_byte)
{
	json_t *r = sim_run(COMMAND(.text = "getinfo", .each = 1, .burst = 1, .cut = true),
	    "--trackers 60 --frames 10 --records 4 --command-delay 0", RECORDS);

	check_books(r);
	ck_assert_int_eq(sim_run_number(r, "commands_answered"), 60);
	ck_assert_int_eq(sim_run_number(r, "connections"), 60);
	json_decref(r);
}
END_TEST

START_TEST(byte_by_byte)
{
	struct sim_server_faults faults = COMMAND(.text = "getver", .each = 3, .burst = 3);
	json_t *r;

	faults.stutter = 1;
	faults.command.codec = CODEC_14;
	r = run(faults, SMALL "--command-delay 0..5 --window 3 --split");
	ck_assert_int_eq(sim_run_number(r, "commands_answered"), 60);
	for (int i = 0; i < 60; i++) {
		char imei[24];

		snprintf(imei, sizeof(imei), "IMEI:%llu ", (unsigned long long)answer(i)->imei);
		ck_assert_uint_eq(answer(i)->codec, CODEC_14);
		ck_assert_uint_ge(answer(i)->imei, 350000000000000);
		ck_assert_ptr_nonnull(strstr(answer(i)->text, imei));
	}
	json_decref(r);
}
END_TEST

START_TEST(several_in_a_row)
{
	json_t *r =
	    run(COMMAND(.text = "getgps", .each = 2, .burst = 2), SMALL "--command-delay 9");

	ck_assert_int_eq(sim_run_number(r, "commands_answered"), 40);
	answers_are("GPS:", MESSAGE_RESPONSE, 8);
	json_decref(r);
	/* More than wait at a time: the rest is dropped. */
	r = run(COMMAND(.text = "getgps", .each = 6, .burst = 6), SMALL "--command-delay 50");
	ck_assert_int_eq(sim_run_number(r, "commands_answered"), 80);
	ck_assert_int_eq(sim_run_number(r, "commands_dropped"), 40);
	json_decref(r);
}
END_TEST

START_TEST(for_another_tracker)
{
	struct sim_server_faults faults =
	    COMMAND(.text = "getver", .each = 1, .burst = 1, .foreign = true);
	json_t *r;

	faults.command.codec = CODEC_14;
	r = run(faults, SMALL "--command-delay 0");
	ck_assert_int_eq(sim_run_number(r, "commands_nacked"), 20);
	ck_assert_int_eq(sim_run_number(r, "commands_answered"), 0);
	answers_are("", MESSAGE_NACK, 0);
	ck_assert_str_eq(answer(0)->text, "");
	json_decref(r);
}
END_TEST

START_TEST(silent_and_old)
{
	struct sim_server_faults faults = COMMAND(.text = "getinfo", .each = 1, .burst = 1);
	json_t *r = run(faults, SMALL "--command-silent 100");

	ck_assert_int_eq(sim_run_number(r, "commands_silent"), 20);
	ck_assert_int_eq(sim_rig.server.counts->answers, 0);
	json_decref(r);
	r = run(faults, SMALL "--no-commands");
	ck_assert_int_eq(sim_run_number(r, "commands_silent"), 20);
	ck_assert_int_eq(sim_rig.server.counts->answers, 0);
	json_decref(r);
	r = run(faults, SMALL "--command-silent 40 --command-delay 0");
	ck_assert_int_gt(sim_run_number(r, "commands_silent"), 0);
	ck_assert_int_gt(sim_run_number(r, "commands_answered"), 0);
	json_decref(r);
}
END_TEST

/* A tracker that has sent everything waits for its late answers. */
START_TEST(late)
{
	struct sim_server_faults faults =
	    COMMAND(.text = "getio", .each = 1, .burst = 1, .at_once = true);
	json_t *r =
	    run(faults, SMALL "--command-delay 20..40 --command-late 100 --command-late-by 300");

	ck_assert_int_eq(sim_run_number(r, "commands_late"), 20);
	ck_assert_int_eq(sim_run_number(r, "commands_answered"), 20);
	answers_are("DI1:", MESSAGE_RESPONSE, 319);
	json_decref(r);
	/* The end of the run doesn't wait longer for them than for an ACK. */
	sim_server_start(&sim_rig.server, &faults, sim_rig.seen, sim_rig.said);
	r = sim_run_finish(sim_run_start("--trackers 20 --idle --command-late 100 --duration 2 "
					 "--ack-timeout 0.1"),
	    0);
	sim_server_stop(&sim_rig.server);
	ck_assert_int_eq(sim_run_number(r, "commands_received"), 20);
	ck_assert_int_eq(sim_run_number(r, "answers_waiting"), 20);
	ck_assert_int_eq(sim_rig.server.counts->answers, 0);
	json_decref(r);
}
END_TEST

/* Pieces of answers between whole frames, under load. */
START_TEST(in_pieces)
{
	json_t *r = run(COMMAND(.text = "getver", .each = 2, .burst = 1),
	    SMALL "--command-split 100 --command-delay 0..10 --window 4");

	ck_assert_int_ge(sim_run_number(r, "commands_answered"), 20);
	ck_assert_int_ge(sim_rig.server.counts->split, 20);
	answers_are("Ver:", MESSAGE_RESPONSE, 19);
	json_decref(r);
}
END_TEST

START_TEST(hangs_up)
{
	json_t *r = run(COMMAND(.text = "cpureset", .each = 1, .burst = 1),
	    SMALL "--command-hangup 100 --command-delay 1");

	ck_assert_int_ge(sim_run_number(r, "commands_hung_up"), 20);
	ck_assert_int_eq(sim_run_number(r, "hangups"), sim_run_number(r, "commands_hung_up"));
	ck_assert_int_ge(sim_run_number(r, "connections"), 20);
	ck_assert_int_eq(sim_run_number(r, "resets"), 0);
	ck_assert_int_eq(sim_rig.server.counts->answers, 0);
	json_decref(r);
}
END_TEST

/* Without frames of their own, trackers answer behind the 01 and ever after. */
START_TEST(idle)
{
	struct sim_server_faults faults =
	    COMMAND(.text = "getstatus", .each = 5, .burst = 1, .at_once = true);
	int waited = 0;
	json_t *r;
	pid_t pid;

	sim_server_start(&sim_rig.server, &faults, sim_rig.seen, sim_rig.said);
	pid =
	    sim_run_start("--trackers 30 --idle --command-delay 1..20 --ping 5 --command-split 50");
	while (sim_rig.server.counts->answers < 150 && waited++ < 30000)
		usleep(1000);
	kill(pid, SIGTERM);
	r = sim_run_finish(pid, 0);
	sim_server_stop(&sim_rig.server);
	check_books(r);
	ck_assert_int_eq(sim_run_number(r, "commands_answered"), 150);
	ck_assert_int_eq(sim_run_number(r, "connections"), 30);
	ck_assert_int_gt(sim_run_number(r, "pings"), 100);
	answers_are("Data Link:", MESSAGE_RESPONSE, 0);
	json_decref(r);
}
END_TEST

START_TEST(spoilt)
{
	json_t *r = run(COMMAND(.text = "getinfo", .each = 1, .burst = 1, .spoilt = 7),
	    SMALL "--command-delay 0");

	ck_assert_int_eq(sim_run_number(r, "commands_bad"), 7);
	ck_assert_int_eq(sim_run_number(r, "commands_answered"), 20);
	ck_assert_int_eq(sim_run_number(r, "connections"), 27);
	json_decref(r);
}
END_TEST

START_TEST(unasked)
{
	json_t *r = run((struct sim_server_faults){0}, SMALL "--unsolicited 20 --window 2");

	ck_assert_int_gt(sim_run_number(r, "unsolicited"), 50);
	/* The server may still have the last ones to read. */
	for (int i = 0;
	     i < 5000 && sim_rig.server.counts->answers < sim_run_number(r, "unsolicited"); i++)
		(void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	ck_assert_int_eq(sim_run_number(r, "unsolicited"), sim_rig.server.counts->answers);
	for (int i = 0; i < sim_rig.server.counts->answers; i++)
		ck_assert(answer(i)->unasked);
	ck_assert_str_eq(answer(0)->text, "Unsolicited message");
	json_decref(r);
}
END_TEST

START_TEST(wrong_arguments)
{
	const char *const bad[] = {"--command-delay x", "--command-delay 5..2",
	    "--command-delay ..5", "--command-delay 1..", "--command-delay 1...5",
	    "--command-delay 1.5", "--command-delay 1111111111111111111111111",
	    "--command-late 101", "--command-late-by 0", "--unsolicited -1"};

	sim_rig.server.port = 1;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(sim_run_exit_code(bad[i]) == 2, "%s", bad[i]);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sim_command_fleet");
	TCase *tc = tcase_create("commands");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, sim_run_setup, sim_run_teardown);
	tcase_add_test(tc, behind_the_ack);
	tcase_add_test(tc, cut_at_every_byte);
	tcase_add_test(tc, byte_by_byte);
	tcase_add_test(tc, several_in_a_row);
	tcase_add_test(tc, for_another_tracker);
	tcase_add_test(tc, silent_and_old);
	tcase_add_test(tc, late);
	tcase_add_test(tc, in_pieces);
	tcase_add_test(tc, hangs_up);
	tcase_add_test(tc, idle);
	tcase_add_test(tc, spoilt);
	tcase_add_test(tc, unasked);
	tcase_add_test(tc, wrong_arguments);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
