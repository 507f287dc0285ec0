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
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t/unit/sim_server.h"
#include "tool/commands.h"

#define ARGS 48

struct ledger {
	size_t n;
	char **line;
};

static char dir[64], seen[96], said[96], acked[96], sent[96], out[96], imeis[96];
static rlim_t descriptors; /* limit of the simulator, 0: as it is */
static struct sim_server server;

static void
setup(void)
{
	snprintf(dir, sizeof(dir), "check_sim.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(seen, sizeof(seen), "%s/seen", dir);
	snprintf(said, sizeof(said), "%s/said", dir);
	snprintf(acked, sizeof(acked), "%s/acked", dir);
	snprintf(sent, sizeof(sent), "%s/sent", dir);
	snprintf(out, sizeof(out), "%s/out", dir);
	snprintf(imeis, sizeof(imeis), "%s/imeis", dir);
}

static void
teardown(void)
{
	const char *files[] = {seen, said, acked, sent, out, imeis};

	for (size_t i = 0; i < 6; i++)
		unlink(files[i]);
	rmdir(dir);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The sorted lines of a file. */
static struct ledger
load(const char *path)
{
	struct ledger l = {0, NULL};
	size_t room = 0;
	char line[128];
	FILE *f = fopen(path, "r");

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (l.n == room) {
			room = room * 2 + 1024;
			l.line = realloc(l.line, room * sizeof(*l.line));
			ck_assert_ptr_nonnull(l.line);
		}
		ck_assert_ptr_nonnull(strchr(line, '\n'));
		l.line[l.n++] = strdup(line);
	}
	fclose(f);
	if (l.n > 0)
		qsort(l.line, l.n, sizeof(*l.line), by_text);
	return l;
}

static void
free_ledger(struct ledger *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->line[i]);
	free(l->line);
}

static size_t
repeated(const struct ledger *l)
{
	size_t n = 0;

	for (size_t i = 1; i < l->n; i++)
		n += strcmp(l->line[i - 1], l->line[i]) == 0;
	return n;
}

/* Lines of a that are not in b. */
static size_t
beyond(const struct ledger *a, const struct ledger *b)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n; i++)
		n += b->n == 0 ||
		     bsearch(&a->line[i], b->line, b->n, sizeof(*b->line), by_text) == NULL;
	return n;
}

/* Holds after every run; returns the lines of the acked ledger. */
static size_t
audit(bool complete)
{
	struct ledger a = load(acked), s = load(sent), e = load(seen), d = load(said);
	size_t n = a.n;

	ck_assert_uint_eq(repeated(&a), 0);
	ck_assert_uint_eq(repeated(&s), 0);
	ck_assert_uint_eq(beyond(&a, &d), 0);
	ck_assert_uint_eq(beyond(&e, &s), 0);
	if (complete) {
		ck_assert_uint_eq(beyond(&d, &a), 0);
		ck_assert_uint_eq(beyond(&s, &a), 0);
	}
	ck_assert_int_eq(server.counts->broken, 0);
	free_ledger(&a);
	free_ledger(&s);
	free_ledger(&e);
	free_ledger(&d);
	return n;
}

/* Starts the simulator in a child. Its options follow, separated by blanks. */
static pid_t
start(const char *options)
{
	char text[512], port[8], *argv[ARGS], *save;
	int argc = 0;
	pid_t pid;

	snprintf(text, sizeof(text), "%s", options);
	snprintf(port, sizeof(port), "%d", server.port);
	pid = fork();
	ck_assert_int_ne(pid, -1);
	if (pid > 0)
		return pid;
	argv[argc++] = (char[]){"sim"};
	argv[argc++] = (char[]){"--port"};
	argv[argc++] = port;
	argv[argc++] = (char[]){"--acked-log"};
	argv[argc++] = acked;
	argv[argc++] = (char[]){"--sent-log"};
	argv[argc++] = sent;
	argv[argc++] = (char[]){"--json"};
	argv[argc++] = (char[]){"--quiet"};
	for (char *p = strtok_r(text, " ", &save); p != NULL; p = strtok_r(NULL, " ", &save))
		argv[argc++] = p;
	argv[argc] = NULL;
	if (descriptors > 0)
		setrlimit(RLIMIT_NOFILE, &(struct rlimit){descriptors, descriptors});
	if (freopen(out, "w", stdout) == NULL)
		_exit(3);
	argc = cmd_sim(argc, argv);
	fflush(stdout);
	_exit(argc);
}

/* Waits for it. The report, to be freed by the caller. */
static json_t *
finish(pid_t pid, int code)
{
	int status;
	json_t *report;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	report = json_load_file(out, 0, NULL);
	ck_assert_msg(WEXITSTATUS(status) == code, "exit %d, not %d: %s", WEXITSTATUS(status), code,
	    report != NULL ? json_dumps(report, 0) : "(no report)");
	ck_assert_ptr_nonnull(report);
	ck_assert(json_boolean_value(json_object_get(report, "ok")) == (code == 0));
	return report;
}

static long long
number(const json_t *report, const char *key)
{
	const json_t *v = json_object_get(report, key);

	ck_assert_msg(json_is_integer(v), "no %s in the report", key);
	return json_integer_value(v);
}

/* A run that must end well with this many records. */
static json_t *
run(struct sim_server_faults faults, const char *options, long long records)
{
	json_t *report;

	sim_server_start(&server, &faults, seen, said);
	report = finish(start(options), 0);
	sim_server_stop(&server);
	ck_assert_uint_eq(audit(true), records);
	ck_assert_int_eq(number(report, "records_acked"), records);
	ck_assert_int_eq(number(report, "records_sent"), records);
	ck_assert_int_eq(number(report, "in_flight"), 0);
	return report;
}

#define NO_FAULTS ((struct sim_server_faults){0})
#define SMALL "--trackers 20 --frames 30 --records 4 "

START_TEST(plain)
{
	const char *const codecs[] = {"8", "8e", "16", "mix"};
	char options[128];
	json_t *r;

	snprintf(options, sizeof(options), SMALL "--codec %s --window %d", codecs[_i], 1 + _i);
	r = run(NO_FAULTS, options, 2400);
	ck_assert_int_eq(number(r, "connections"), 20);
	ck_assert_int_eq(number(r, "handshakes"), 20);
	ck_assert_int_eq(number(r, "frames_resent"), 0);
	ck_assert_int_eq(number(json_object_get(r, "latency_us"), "count"), 600);
	json_decref(r);
}
END_TEST

START_TEST(in_pieces_and_in_one)
{
	json_decref(run(NO_FAULTS, "--trackers 10 --frames 10 --split --window 2", 500));
	ck_assert_int_gt(server.counts->split, 50);
	json_decref(run(NO_FAULTS, "--trackers 10 --frames 10 --glue --window 4", 500));
	ck_assert_int_eq(server.counts->glued, 10);
}
END_TEST

START_TEST(late_and_in_single_bytes)
{
	struct sim_server_faults faults = {.late_ms = 20, .stutter = 1};
	json_t *r = run(faults, "--trackers 30 --frames 5 --window 3", 750);

	ck_assert_int_ge(number(json_object_get(r, "latency_us"), "p50"), 19000);
	ck_assert_int_eq(number(r, "frames_resent"), 0);
	json_decref(r);
}
END_TEST

START_TEST(wrong_counts)
{
	struct sim_server_faults faults = {.partial_every = 37, .zero_every = 53};
	json_t *r = run(faults, SMALL "--window 3", 2400);

	ck_assert_int_gt(number(r, "wrong_acks"), 20);
	ck_assert_int_gt(number(r, "frames_resent"), 20);
	json_decref(r);
}
END_TEST

START_TEST(closes_and_resets)
{
	struct sim_server_faults faults = {.close_every = 31, .reset_every = 47};
	json_t *r = run(faults, SMALL "--window 2", 2400);

	ck_assert_int_gt(number(r, "resets") + number(r, "closes"), 20);
	ck_assert_int_gt(number(r, "frames_resent"), 20);
	json_decref(r);
}
END_TEST

/* An ACK and then the end, as a gateway that drains does: nothing lost, and no reset of it. */
START_TEST(acknowledged_then_closed)
{
	struct sim_server_faults faults = {.ack_close_every = 10};
	json_t *r = run(faults, SMALL, 2400);

	ck_assert_int_ge(number(r, "closes"), 20);
	ck_assert_int_eq(number(r, "resets"), 0);
	ck_assert_int_eq(number(r, "frames_resent"), 0);
	json_decref(r);
}
END_TEST

/* More trackers than descriptors: the others wait for their turn. */
START_TEST(out_of_descriptors)
{
	json_t *r;

	descriptors = 40;
	r = run(NO_FAULTS, "--trackers 100 --frames 3 --records 2", 600);
	descriptors = 0;
	ck_assert_int_gt(number(r, "no_descriptor"), 0);
	ck_assert_int_eq(number(r, "handshakes"), 100);
	json_decref(r);
}
END_TEST

START_TEST(imeis_from_a_file)
{
	struct ledger a;
	char options[160];
	FILE *f = fopen(imeis, "w");

	ck_assert_ptr_nonnull(f);
	fputs("123456789012345\n\n000000000000007\r\n", f);
	fclose(f);
	snprintf(options, sizeof(options), "--imei-file %s --frames 1 --records 1", imeis);
	json_decref(run(NO_FAULTS, options, 2));
	a = load(acked);
	ck_assert_int_eq(strncmp(a.line[0], "000000000000007\t", 16), 0);
	ck_assert_int_eq(strncmp(a.line[1], "123456789012345\t", 16), 0);
	free_ledger(&a);
}
END_TEST

START_TEST(silence)
{
	struct sim_server_faults faults = {.mute_every = 101};
	json_t *r = run(faults, SMALL "--ack-timeout 0.1", 2400);

	ck_assert_int_gt(number(r, "timeouts"), 3);
	json_decref(r);
}
END_TEST

START_TEST(its_own_faults)
{
	json_t *r = run(NO_FAULTS, SMALL "--bad-crc 5", 2400);

	ck_assert_int_gt(number(r, "spoilt"), 5);
	ck_assert_int_eq(server.counts->bad_crc, number(r, "spoilt"));
	json_decref(r);
	r = run(NO_FAULTS, SMALL "--duplicate 20 --window 2", 2400);
	ck_assert_int_gt(number(r, "duplicates"), 50);
	ck_assert_int_eq(server.counts->frames, 600 + number(r, "duplicates"));
	json_decref(r);
	r = run(NO_FAULTS, SMALL "--reconnect-every 7", 2400);
	ck_assert_int_ge(number(r, "hangups"), 60);
	ck_assert_int_ge(number(r, "frames_resent"), 60);
	json_decref(r);
}
END_TEST

START_TEST(refused)
{
	struct sim_server_faults faults = {
	    .refuse_imei = 350000000000003, .refuse_times = 1, .drop_imei_times = 4};
	json_t *r;

	sim_server_start(&server, &faults, seen, said);
	r = finish(start("--trackers 5 --frames 4"), 1);
	sim_server_stop(&server);
	ck_assert_uint_eq(audit(false), 4 * 4 * 5);
	ck_assert_int_eq(number(r, "refused"), 1);
	ck_assert_int_eq(number(r, "unanswered"), 4);
	json_decref(r);

	faults.refuse_times = 3;
	r = run(faults, "--trackers 5 --frames 4 --retry-refused", 100);
	ck_assert_int_eq(number(r, "refused"), 3);
	json_decref(r);
}
END_TEST

/* The same seed and start give the same records, whatever the gateway did meanwhile. */
START_TEST(same_seed_same_records)
{
	const char *options = SMALL "--seed 5 --start-time 1700000000000 --no-fix 10 "
				    "--clock-wrong 30 --codec mix --backlog 2";
	struct sim_server_faults faults = {.close_every = 23};
	struct ledger first, second;
	char text[256];

	json_decref(run(NO_FAULTS, options, 2560));
	first = load(acked);
	json_decref(run(faults, options, 2560));
	second = load(acked);
	ck_assert_uint_eq(beyond(&first, &second), 0);
	free_ledger(&second);
	snprintf(text, sizeof(text), "%s --seed 6", options);
	json_decref(run(NO_FAULTS, text, 2560));
	second = load(acked);
	ck_assert_uint_eq(beyond(&first, &second), 2560);
	free_ledger(&first);
	free_ledger(&second);
}
END_TEST

/* Timestamps of one tracker grow with every record, and a backlog lies in the past. */
START_TEST(timestamps_grow)
{
	char imei[17], line[128];
	long long before = 0, first = 0, ms;
	FILE *f;

	json_decref(run(NO_FAULTS, "--trackers 1 --frames 40 --backlog 10 --window 2", 250));
	f = fopen(acked, "r");
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

	sim_server_start(&server, &NO_FAULTS, seen, said);
	r = finish(start("--trackers 20 --rate 2000 --records 2 --duration 1"), 0);
	ck_assert_int_gt(number(r, "records_acked"), 1000);
	ck_assert_int_le(number(r, "records_acked"), 2100);
	json_decref(r);
	r = finish(start("--trackers 20 --interval 100 --records 1 --duration 1"), 0);
	ck_assert_int_gt(number(r, "records_acked"), 100);
	ck_assert_int_le(number(r, "records_acked"), 220);
	json_decref(r);
	sim_server_stop(&server);
}
END_TEST

START_TEST(idle_pings_and_handshakes)
{
	json_t *r;

	sim_server_start(&server, &NO_FAULTS, seen, said);
	r = finish(start("--trackers 50 --idle --ping 50 --duration 0.5"), 0);
	ck_assert_int_eq(number(r, "connected"), 50);
	ck_assert_int_gt(number(r, "pings"), 50);
	ck_assert_int_eq(number(r, "frames_sent"), 0);
	json_decref(r);
	r = finish(start("--trackers 10 --handshake-only --frames 20"), 0);
	ck_assert_int_eq(number(r, "handshakes"), 200);
	ck_assert_int_eq(number(json_object_get(r, "latency_us"), "count"), 200);
	json_decref(r);
	sim_server_stop(&server);
	ck_assert_int_eq(server.counts->handshakes, 250);
	ck_assert_int_gt(server.counts->pings, 50);
	ck_assert_int_eq(server.counts->broken, 0);
}
END_TEST

/* Ctrl-C or SIGTERM in full swing: every record that was reported is in the ledger. */
START_TEST(ended_by_a_signal)
{
	json_t *r;
	pid_t pid;
	int waited = 0;

	sim_server_start(&server, &NO_FAULTS, seen, said);
	pid = start("--trackers 20 --window 4");
	while (server.counts->acked < 2000 && waited++ < 20000)
		usleep(1000);
	kill(pid, _i == 0 ? SIGTERM : SIGINT);
	r = finish(pid, 1);
	sim_server_stop(&server);
	ck_assert_uint_eq(audit(false), number(r, "records_acked"));
	ck_assert_int_gt(number(r, "records_acked"), 5000);
	json_decref(r);
}
END_TEST

/* No gateway at all: it keeps trying until it is told to end. */
START_TEST(nobody_there)
{
	json_t *r;

	sim_server_start(&server, &NO_FAULTS, seen, said);
	sim_server_stop(&server);
	r = finish(start("--trackers 5 --duration 0.5"), 1);
	ck_assert_int_gt(number(r, "failed_connects"), 10);
	ck_assert_int_eq(number(r, "records_acked"), 0);
	json_decref(r);
}
END_TEST

static int
exit_code(const char *options)
{
	int status;
	pid_t pid = start(options);

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(wrong_arguments)
{
	const char *const bad[] = {"--records 256", "--records 0", "--records", "--codec 12",
	    "--nonsense", "--host 192.0.2.1", "extra", "--records 255 --io 100",
	    "--idle --handshake-only", "--imei-base 12345", "--imei-base 35000000000000x",
	    "--trackers 1e3x", "--rate nan", "--imei-base 999999999999999 --trackers 2"};

	server.port = 1;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(exit_code(bad[i]) == 2, "%s: exit %d", bad[i], exit_code(bad[i]));
	ck_assert_int_eq(exit_code("--help"), 0);
	ck_assert_int_eq(exit_code("--imei-file /nonexistent"), 1);
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
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, plain, 0, 4);
	tcase_add_test(tc, in_pieces_and_in_one);
	tcase_add_test(tc, late_and_in_single_bytes);
	tcase_add_test(tc, wrong_counts);
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
