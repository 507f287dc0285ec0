/*
 * Whole runs of `tgctl sim` against a small gateway that is late, counts wrongly, refuses,
 * closes, resets or keeps silent. After each run the simulator's ledgers are
 * compared with what the gateway wrote down: nothing acknowledged that the gateway
 * did not acknowledge, nothing seen that was not sent, no line twice, and, when
 * the run ended well, nothing missing.
 */
#include <check.h>
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t/unit/tool/sim/run.h"
#include "t/unit/tool/sim/server.h"

#define NO_FAULTS ((struct sim_server_faults){0})
#define SMALL "--trackers 20 --frames 30 --records 4 "

START_TEST(plain)
{
	const char *const codecs[] = {"8", "8e", "16", "mix"};
	char options[128];
	json_t *r;

	snprintf(options, sizeof(options), SMALL "--codec %s --window %d", codecs[_i], 1 + _i);
	r = sim_run(NO_FAULTS, options, 2400);
	ck_assert_int_eq(sim_run_number(r, "connections"), 20);
	ck_assert_int_eq(sim_run_number(r, "handshakes"), 20);
	ck_assert_int_eq(sim_run_number(r, "frames_resent"), 0);
	ck_assert_int_eq(sim_run_number(json_object_get(r, "latency_us"), "count"), 600);
	json_decref(r);
}
END_TEST

START_TEST(in_pieces_and_in_one)
{
	json_decref(sim_run(NO_FAULTS, "--trackers 10 --frames 10 --split --window 2", 500));
	ck_assert_int_gt(sim_rig.server.counts->split, 50);
	json_decref(sim_run(NO_FAULTS, "--trackers 10 --frames 10 --glue --window 4", 500));
	ck_assert_int_eq(sim_rig.server.counts->glued, 10);
}
END_TEST

START_TEST(late_and_in_single_bytes)
{
	struct sim_server_faults faults = {.late_ms = 20, .stutter = 1};
	json_t *r = sim_run(faults, "--trackers 30 --frames 5 --window 3", 750);

	ck_assert_int_ge(sim_run_number(json_object_get(r, "latency_us"), "p50"), 19000);
	ck_assert_int_eq(sim_run_number(r, "frames_resent"), 0);
	json_decref(r);
}
END_TEST

START_TEST(wrong_counts)
{
	struct sim_server_faults faults = {.partial_every = 37};
	json_t *r = sim_run(faults, SMALL "--window 3", 2400);

	ck_assert_int_gt(sim_run_number(r, "wrong_acks"), 10);
	ck_assert_int_gt(sim_run_number(r, "frames_resent"), 10);
	json_decref(r);
}
END_TEST

/* An ACK of 0 records looks like the preamble of a command, until nothing follows. */
START_TEST(counts_of_zero)
{
	struct sim_server_faults faults = {.zero_every = 53};
	json_t *r = sim_run(faults, SMALL "--ack-timeout 0.2", 2400);

	ck_assert_int_gt(sim_run_number(r, "wrong_acks"), 10);
	ck_assert_int_eq(sim_run_number(r, "timeouts"), sim_run_number(r, "wrong_acks"));
	ck_assert_int_eq(sim_run_number(r, "commands_received"), 0);
	ck_assert_int_gt(sim_run_number(r, "frames_resent"), 10);
	json_decref(r);
}
END_TEST

START_TEST(closes_and_resets)
{
	struct sim_server_faults faults = {.close_every = 31, .reset_every = 47};
	json_t *r = sim_run(faults, SMALL "--window 2", 2400);

	ck_assert_int_gt(sim_run_number(r, "resets") + sim_run_number(r, "closes"), 20);
	ck_assert_int_gt(sim_run_number(r, "frames_resent"), 20);
	json_decref(r);
}
END_TEST

/* An ACK and then the end, as a gateway that drains does: nothing lost, and no reset of it. */
START_TEST(acknowledged_then_closed)
{
	struct sim_server_faults faults = {.ack_close_every = 10};
	json_t *r = sim_run(faults, SMALL, 2400);

	ck_assert_int_ge(sim_run_number(r, "closes"), 20);
	ck_assert_int_eq(sim_run_number(r, "resets"), 0);
	ck_assert_int_eq(sim_run_number(r, "frames_resent"), 0);
	json_decref(r);
}
END_TEST

/* More trackers than descriptors: the others wait for their turn. */
START_TEST(out_of_descriptors)
{
	json_t *r;

	sim_rig.descriptors = 40;
	r = sim_run(NO_FAULTS, "--trackers 100 --frames 3 --records 2", 600);
	sim_rig.descriptors = 0;
	ck_assert_int_gt(sim_run_number(r, "no_descriptor"), 0);
	ck_assert_int_eq(sim_run_number(r, "handshakes"), 100);
	json_decref(r);
}
END_TEST

START_TEST(imeis_from_a_file)
{
	struct sim_run_ledger a;
	char options[160];
	FILE *f = fopen(sim_rig.imeis, "w");

	ck_assert_ptr_nonnull(f);
	fputs("123456789012345\n\n000000000000007\r\n", f);
	fclose(f);
	snprintf(options, sizeof(options), "--imei-file %s --frames 1 --records 1", sim_rig.imeis);
	json_decref(sim_run(NO_FAULTS, options, 2));
	a = sim_run_load(sim_rig.acked);
	ck_assert_int_eq(strncmp(a.line[0], "000000000000007\t", 16), 0);
	ck_assert_int_eq(strncmp(a.line[1], "123456789012345\t", 16), 0);
	sim_run_free(&a);
}
END_TEST

START_TEST(silence)
{
	struct sim_server_faults faults = {.mute_every = 101};
	json_t *r = sim_run(faults, SMALL "--ack-timeout 0.1", 2400);

	ck_assert_int_gt(sim_run_number(r, "timeouts"), 3);
	json_decref(r);
}
END_TEST

START_TEST(its_own_faults)
{
	json_t *r = sim_run(NO_FAULTS, SMALL "--bad-crc 5", 2400);

	ck_assert_int_gt(sim_run_number(r, "spoilt"), 5);
	ck_assert_int_eq(sim_rig.server.counts->bad_crc, sim_run_number(r, "spoilt"));
	json_decref(r);
	r = sim_run(NO_FAULTS, SMALL "--duplicate 20 --window 2", 2400);
	ck_assert_int_gt(sim_run_number(r, "duplicates"), 50);
	ck_assert_int_eq(sim_rig.server.counts->frames, 600 + sim_run_number(r, "duplicates"));
	json_decref(r);
	r = sim_run(NO_FAULTS, SMALL "--reconnect-every 7", 2400);
	ck_assert_int_ge(sim_run_number(r, "hangups"), 60);
	ck_assert_int_ge(sim_run_number(r, "frames_resent"), 60);
	json_decref(r);
}
END_TEST

START_TEST(refused)
{
	struct sim_server_faults faults = {
	    .refuse_imei = 350000000000003, .refuse_times = 1, .drop_imei_times = 4};
	json_t *r;

	sim_server_start(&sim_rig.server, &faults, sim_rig.seen, sim_rig.said);
	r = sim_run_finish(sim_run_start("--trackers 5 --frames 4"), 1);
	sim_server_stop(&sim_rig.server);
	ck_assert_uint_eq(sim_run_audit(false), 4 * 4 * 5);
	ck_assert_int_eq(sim_run_number(r, "refused"), 1);
	ck_assert_int_eq(sim_run_number(r, "unanswered"), 4);
	json_decref(r);

	faults.refuse_times = 3;
	r = sim_run(faults, "--trackers 5 --frames 4 --retry-refused", 100);
	ck_assert_int_eq(sim_run_number(r, "refused"), 3);
	json_decref(r);
}
END_TEST

/* The same seed and start give the same records, whatever the gateway did meanwhile. */
START_TEST(same_seed_same_records)
{
	const char *options = SMALL "--seed 5 --start-time 1700000000000 --no-fix 10 "
				    "--clock-wrong 30 --codec mix --backlog 2";
	struct sim_server_faults faults = {.close_every = 23};
	struct sim_run_ledger first, second;
	char text[256];

	json_decref(sim_run(NO_FAULTS, options, 2560));
	first = sim_run_load(sim_rig.acked);
	json_decref(sim_run(faults, options, 2560));
	second = sim_run_load(sim_rig.acked);
	ck_assert_uint_eq(sim_run_beyond(&first, &second), 0);
	sim_run_free(&second);
	snprintf(text, sizeof(text), "%s --seed 6", options);
	json_decref(sim_run(NO_FAULTS, text, 2560));
	second = sim_run_load(sim_rig.acked);
	ck_assert_uint_eq(sim_run_beyond(&first, &second), 2560);
	sim_run_free(&first);
	sim_run_free(&second);
}
END_TEST

/* Timestamps of one tracker grow with every record, and a backlog lies in the past. */
START_TEST(timestamps_grow)
{
	char imei[17], line[128];
	long long before = 0, first = 0, ms;
	FILE *f;

	json_decref(sim_run(NO_FAULTS, "--trackers 1 --frames 40 --backlog 10 --window 2", 250));
	f = fopen(sim_rig.acked, "r");
	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		ck_assert_int_eq(sscanf(line, "%16s %lld", imei, &ms), 2);
		ck_assert_str_eq(imei, "350000000000000");
		ck_assert_int_gt(ms, before);
		before = ms;
		if (first == 0)
			first = ms;
	}
	fclose(f);
	ck_assert_int_ge(before - first, 50 * 1000);
}
END_TEST

START_TEST(paced)
{
	json_t *r;

	sim_server_start(&sim_rig.server, &NO_FAULTS, sim_rig.seen, sim_rig.said);
	r = sim_run_finish(sim_run_start("--trackers 20 --rate 2000 --records 2 --duration 1"), 0);
	ck_assert_int_gt(sim_run_number(r, "records_acked"), 1000);
	ck_assert_int_le(sim_run_number(r, "records_acked"), 2100);
	json_decref(r);
	r = sim_run_finish(
	    sim_run_start("--trackers 20 --interval 100 --records 1 --duration 1"), 0);
	ck_assert_int_gt(sim_run_number(r, "records_acked"), 100);
	ck_assert_int_le(sim_run_number(r, "records_acked"), 220);
	json_decref(r);
	sim_server_stop(&sim_rig.server);
}
END_TEST

START_TEST(idle_pings_and_handshakes)
{
	json_t *r;

	sim_server_start(&sim_rig.server, &NO_FAULTS, sim_rig.seen, sim_rig.said);
	r = sim_run_finish(sim_run_start("--trackers 50 --idle --ping 50 --duration 0.5"), 0);
	ck_assert_int_eq(sim_run_number(r, "connected"), 50);
	ck_assert_int_gt(sim_run_number(r, "pings"), 50);
	ck_assert_int_eq(sim_run_number(r, "frames_sent"), 0);
	json_decref(r);
	r = sim_run_finish(sim_run_start("--trackers 10 --handshake-only --frames 20"), 0);
	ck_assert_int_eq(sim_run_number(r, "handshakes"), 200);
	ck_assert_int_eq(sim_run_number(json_object_get(r, "latency_us"), "count"), 200);
	json_decref(r);
	sim_server_stop(&sim_rig.server);
	ck_assert_int_eq(sim_rig.server.counts->handshakes, 250);
	ck_assert_int_gt(sim_rig.server.counts->pings, 50);
	ck_assert_int_eq(sim_rig.server.counts->broken, 0);
}
END_TEST

/* Ctrl-C or SIGTERM in full swing: every record that was reported is in the ledger. */
START_TEST(ended_by_a_signal)
{
	json_t *r;
	pid_t pid;
	int waited = 0;

	sim_server_start(&sim_rig.server, &NO_FAULTS, sim_rig.seen, sim_rig.said);
	pid = sim_run_start("--trackers 20 --window 4");
	while (sim_rig.server.counts->acked < 2000 && waited++ < 20000)
		usleep(1000);
	kill(pid, _i == 0 ? SIGTERM : SIGINT);
	r = sim_run_finish(pid, 1);
	sim_server_stop(&sim_rig.server);
	ck_assert_uint_eq(sim_run_audit(false), sim_run_number(r, "records_acked"));
	ck_assert_int_gt(sim_run_number(r, "records_acked"), 5000);
	json_decref(r);
}
END_TEST

/* No gateway at all: it keeps trying until it is told to end. */
START_TEST(nobody_there)
{
	json_t *r;

	sim_server_start(&sim_rig.server, &NO_FAULTS, sim_rig.seen, sim_rig.said);
	sim_server_stop(&sim_rig.server);
	r = sim_run_finish(sim_run_start("--trackers 5 --duration 0.5"), 1);
	ck_assert_int_gt(sim_run_number(r, "failed_connects"), 10);
	ck_assert_int_eq(sim_run_number(r, "records_acked"), 0);
	json_decref(r);
}
END_TEST

START_TEST(wrong_arguments)
{
	const char *const bad[] = {"--records 256", "--records 0", "--records", "--codec 12",
	    "--nonsense", "--host 192.0.2.1", "extra", "--records 255 --io 100",
	    "--idle --handshake-only", "--imei-base 12345", "--imei-base 35000000000000x",
	    "--trackers 1e3x", "--rate nan", "--imei-base 999999999999999 --trackers 2"};

	sim_rig.server.port = 1;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(sim_run_exit_code(bad[i]) == 2, "%s: exit %d", bad[i],
		    sim_run_exit_code(bad[i]));
	ck_assert_int_eq(sim_run_exit_code("--help"), 0);
	ck_assert_int_eq(sim_run_exit_code("--imei-file /nonexistent"), 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sim_fleet");
	TCase *tc = tcase_create("fleet");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, sim_run_setup, sim_run_teardown);
	tcase_add_loop_test(tc, plain, 0, 4);
	tcase_add_test(tc, in_pieces_and_in_one);
	tcase_add_test(tc, late_and_in_single_bytes);
	tcase_add_test(tc, wrong_counts);
	tcase_add_test(tc, counts_of_zero);
	tcase_add_test(tc, closes_and_resets);
	tcase_add_test(tc, acknowledged_then_closed);
	tcase_add_test(tc, out_of_descriptors);
	tcase_add_test(tc, imeis_from_a_file);
	tcase_add_test(tc, silence);
	tcase_add_test(tc, its_own_faults);
	tcase_add_test(tc, refused);
	tcase_add_test(tc, same_seed_same_records);
	tcase_add_test(tc, timestamps_grow);
	tcase_add_test(tc, paced);
	tcase_add_test(tc, idle_pings_and_handshakes);
	tcase_add_loop_test(tc, ended_by_a_signal, 0, 2);
	tcase_add_test(tc, nobody_there);
	tcase_add_test(tc, wrong_arguments);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
