/*
 * The master as a process: the real program with workers that only pretend
 * (fake_worker.c). Kills, reloads, stops, loans, descriptors, the background. Waits for
 * conditions, seen over HTTP and in /proc, never for times.
 */
#include "config.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t/unit/master/check_master.h"

START_TEST(serves_and_stops)
{
	bool seen[NWORKERS] = {false};
	int i, slot, port, left = NWORKERS;

	run();
	port = tracker_port();
	ck_assert_int_gt(port, 0);
	/* The kernel spreads connections: in the end every slot has had one. */
	for (i = 0; left > 0; i++) {
		slot = who_answers(port);
		ck_assert_int_ge(slot, 0);
		ck_assert_int_lt(i, 1000);
		left -= !seen[slot];
		seen[slot] = true;
	}
	ck_assert_int_eq(code_of("/healthz"), 200);
	ck_assert_double_eq(metric("telematics_tcp_connections_total"), i);
	ck_assert_double_eq(metric("telematics_workers{state=\"ready\"}"), NWORKERS);
	ck_assert_int_eq(code_of("/nothing"), 404);
	stop();
	ck_assert_int_eq(who_answers(port), -1);
}
END_TEST

START_TEST(killed_worker_is_replaced)
{
	pid_t old;
	int port, i;

	run();
	port = tracker_port();
	for (i = 0; i < 20; i++)
		ck_assert_int_ge(who_answers(port), 0);
	old = worker(1, "ready");
	ck_assert_int_gt(old, 0);
	ck_assert_int_eq(kill(old, SIGKILL), 0);
	/* Nobody is refused or reset meanwhile: the queue waits for the replacement. */
	for (i = 0; i < 200; i++)
		ck_assert_int_ge(who_answers(port), 0);
	wait_for(replacement(1, old) > 0);
	ck_assert_double_eq(metric("telematics_worker_restarts_total"), 1);
	ck_assert_double_eq(metric("telematics_tcp_connections_total"), 220);
	ck_assert(logged("was killed by signal 9"));
	stop();
}
END_TEST

/* The sockets of a process as "socket:[n]", with commas. */
static void
sockets_of(pid_t pid, char *out, size_t size)
{
	char path[320], link[128];
	struct dirent *e;
	ssize_t n;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%ld/fd", (long)pid);
	d = opendir(path);
	ck_assert_msg(d != NULL, "%s: %s\n%s", path, strerror(errno), log_text());
	*out = '\0';
	while ((e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "/proc/%ld/fd/%s", (long)pid, e->d_name);
		n = readlink(path, link, sizeof(link) - 1);
		if (n <= 0)
			continue;
		link[n] = '\0';
		if (strncmp(link, "socket:", 7) == 0 || strncmp(link, "pipe:", 5) == 0 ||
		    strncmp(link, pid_path, strlen(pid_path)) == 0)
			snprintf(out + strlen(out), size - strlen(out), "%s,", link);
	}
	closedir(d);
}

/* A client of the control socket, which every worker is given (and closes at once). */
static int
follow(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct timeval limit = {.tv_sec = PATIENCE_MS / 1000};
	const char *request = "trace 350000000000001 60";
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", socket_path);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	ck_assert_int_eq(send(fd, request, strlen(request), 0), (ssize_t)strlen(request));
	return fd;
}

/* Reads `n` events that workers have sent. */
static void
hear(int fd, int n)
{
	char text[1024];
	ssize_t r;

	while (n > 0) {
		r = recv(fd, text, sizeof(text) - 1, 0);
		ck_assert_msg(r > 0, "no event: %s", strerror(errno));
		text[r] = '\0';
		n -= strstr(text, "\"fake\"") != NULL;
	}
}

/* How many of the first's sockets are the second's, too. */
static int
shared_sockets(pid_t first, pid_t second)
{
	char of_first[4096], of_second[4096], *p, *save = NULL;
	int n = 0;

	sockets_of(first, of_first, sizeof(of_first));
	sockets_of(second, of_second, sizeof(of_second));
	for (p = strtok_r(of_first, ",", &save); p != NULL; p = strtok_r(NULL, ",", &save))
		n += strncmp(p, "socket:", 7) == 0 && strstr(of_second, p) != NULL;
	return n;
}

/*
 * A replacement, forked while clients of metrics and operator's socket are connected, has nothing
 * but its own.
 */
START_TEST(workers_hold_nothing_foreign)
{
	char mine[4096], others[4096], *p, *save = NULL;
	int client, follower, i;
	pid_t old, new;

	run();
	follower = follow();
	hear(follower, NWORKERS);
	client = dial(metrics_port);
	ck_assert_int_ne(client, -1);
	ck_assert_int_eq(code_of("/healthz"), 200);
	old = worker(0, "ready");
	ck_assert_int_eq(kill(old, SIGKILL), 0);
	wait_for((new = replacement(0, old)) > 0);
	hear(follower, 1);
	/* Its listener, of which the master keeps a copy; the client that it was given is closed behind the event. */
	wait_for(shared_sockets(new, master) == 1);
	sockets_of(new, mine, sizeof(mine));
	for (i = 1; i < NWORKERS; i++) {
		sockets_of(worker(i, "ready"), others, sizeof(others));
		for (p = strtok_r(others, ",", &save); p; p = strtok_r(NULL, ",", &save))
			if (strncmp(p, "socket:", 7) == 0)
				ck_assert_msg(strstr(mine, p) == NULL, "%s of worker %d", p, i);
	}
	ck_assert_ptr_null(strstr(mine, pid_path));
	close(client);
	close(follower);
	stop();
}
END_TEST

START_TEST(workers_leave_without_a_master)
{
	int i;

	run();
	ck_assert_int_eq(kill(master, SIGKILL), 0);
	ck_assert_int_eq(wait_status(master), -SIGKILL);
	master = 0;
	for (i = 0; i < NWORKERS; i++)
		ck_assert_int_eq(wait_status(-1), 0);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
	/* The lock went with the master: its pidfile is no hindrance. */
	ck_assert_int_eq(access(pid_path, F_OK), 0);
	run();
	stop();
}
END_TEST

START_TEST(reload_replaces_the_generation)
{
	pid_t old[NWORKERS];
	int i, port;

	run();
	port = tracker_port();
	for (i = 0; i < NWORKERS; i++)
		old[i] = worker(i, "ready");
	configure("ready", "TELEM_IDLE_TIMEOUT_S=77\nTELEM_MAX_DEVICES=2000\n");
	ck_assert_int_eq(kill(master, SIGHUP), 0);
	while (generation() != 2 || !settled())
		ck_assert_int_ge(who_answers(port), 0);
	for (i = 0; i < NWORKERS; i++)
		ck_assert_int_ne(worker(i, "ready"), old[i]);
	ck_assert_double_eq(metric("telematics_reload_success"), 1);
	ck_assert_double_eq(metric("telematics_worker_restarts_total"), 0);
	ck_assert(logged("TELEM_MAX_DEVICES keeps its value"));
	ck_assert(!logged("TELEM_WORKERS keeps its value"));
	stop();
}
END_TEST

START_TEST(bad_reload_changes_nothing)
{
	pid_t old;

	run();
	old = worker(0, "ready");
	configure("ready", "TELEM_NONSENSE=1\n");
	ck_assert_int_eq(kill(master, SIGHUP), 0);
	wait_for(metric("telematics_reload_success") == 0);
	ck_assert(logged("/conf:9: "));
	ck_assert_int_eq(generation(), 1);
	ck_assert_int_eq(worker(0, "ready"), old);
	/* Good to read, but its workers don't start. */
	configure("exit", "");
	ck_assert_int_eq(kill(master, SIGHUP), 0);
	wait_for(logged("generation 1 goes on"));
	wait_for(settled());
	ck_assert_int_eq(worker(0, "ready"), old);
	ck_assert_double_eq(metric("telematics_reload_success"), 0);
	/* And a good one after them. */
	configure("ready", "");
	ck_assert_int_eq(kill(master, SIGHUP), 0);
	wait_for(generation() == 2 && settled());
	ck_assert_double_eq(metric("telematics_reload_success"), 1);
	stop();
}
END_TEST

START_TEST(many_reloads_at_once)
{
	int i, port;

	run();
	port = tracker_port();
	/* Several may come as one, if the master is busy elsewhere: until it must have been two. */
	for (i = 0; i < 60 || generation() <= 2; i++) {
		ck_assert_int_eq(kill(master, SIGHUP), 0);
		ck_assert_int_ge(who_answers(port), 0);
	}
	wait_for(generation() > 2 && settled());
	ck_assert_double_eq(metric("telematics_reload_success"), 1);
	ck_assert_double_eq(metric("telematics_worker_restarts_total"), 0);
	stop();
}
END_TEST

START_TEST(second_signal_stops_at_once)
{
	configure("stuck", "TELEM_DRAIN_TIMEOUT_MS=600000\n");
	run();
	ck_assert_int_eq(kill(master, SIGTERM), 0);
	wait_for(code_of("/readyz") == 503 && logged("draining"));
	ck_assert_int_eq(code_of("/healthz"), 200);
	ck_assert_int_eq(kill(master, SIGINT), 0);
	ck_assert_int_eq(wait_status(master), 0);
	master = 0;
	ck_assert_int_eq(access(pid_path, F_OK), -1);
}
END_TEST

START_TEST(drain_is_bounded)
{
	configure("stuck", "TELEM_DRAIN_TIMEOUT_MS=200\n");
	run();
	stop();
	ck_assert(logged("has not finished draining"));
}
END_TEST

/* Draining workers that don't leave hold up the next reload only until their time is over. */
START_TEST(stop_during_a_reload)
{
	configure("stuck", "TELEM_DRAIN_TIMEOUT_MS=600000\n");
	run();
	configure("ready", "TELEM_DRAIN_TIMEOUT_MS=300\n");
	ck_assert_int_eq(kill(master, SIGHUP), 0);
	wait_for(generation() == 2);
	ck_assert(!settled());
	ck_assert_int_eq(kill(master, SIGHUP), 0);
	wait_for(logged("after the one that is under way"));
	stop();
}
END_TEST

START_TEST(sockets_of_a_stopped_worker_are_lent)
{
	pid_t stopped;
	int i, port;

	run();
	port = tracker_port();
	stopped = worker(2, "ready");
	ck_assert_int_eq(kill(stopped, SIGSTOP), 0);
	wait_for(metric("telematics_slot_adoptions_total") == 1);
	/* A third of these is queued on its socket. */
	for (i = 0; i < 60; i++) {
		int slot = who_answers(port);

		ck_assert_int_ge(slot, 0);
		ck_assert_int_ne(slot, 2);
	}
	ck_assert_int_eq(kill(stopped, SIGCONT), 0);
	wait_for(logged("worker 2 accepts for itself again"));
	wait_for(who_answers(port) == 2);
	ck_assert_int_eq(worker(2, "ready"), stopped);
	stop();
}
END_TEST

START_TEST(worker_that_fails_is_tried_again)
{
	configure("exit", "");
	master = start("-f");
	wait_for(metric("telematics_worker_restarts_total") >= NWORKERS);
	ck_assert_int_eq(code_of("/readyz"), 503);
	stop();
}
END_TEST

START_TEST(log_is_opened_again)
{
	char moved[128];

	run();
	snprintf(moved, sizeof(moved), "%s.1", log_path);
	ck_assert_int_eq(rename(log_path, moved), 0);
	ck_assert_int_eq(kill(master, SIGUSR1), 0);
	wait_for(logged("log file opened again"));
	stop();
}
END_TEST

START_TEST(background)
{
	FILE *f;
	long pid = 0;

	/* The command returns when all is ready, not before. */
	ck_assert_int_eq(wait_status(start("-c")), 2);
	ck_assert_int_eq(wait_status(start("--")), 0);
	ck_assert_int_eq(code_of("/readyz"), 200);
	ck_assert(settled());
	f = fopen(pid_path, "r");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%ld", &pid), 1);
	fclose(f);
	master = (pid_t)pid;
	ck_assert_int_eq(getsid(master) == getsid(0), 0);
	/* A second one does not get beside it. */
	ck_assert_int_eq(wait_status(start("--")), 1);
	ck_assert_int_eq(wait_status(start("-f")), 1);
	ck_assert(settled());
	stop();
}
END_TEST

START_TEST(background_that_fails)
{
	configure("ready", "TELEM_GATEWAY_PORT=70000\n");
	ck_assert_int_eq(wait_status(start("--")), 2);
	configure("ready", "METRICS_BIND=192.0.2.1\n");
	ck_assert_int_eq(wait_status(start("--")), 1);
	/* The command hears of the failure before the process has cleared up and left. */
	for (int i = 0; i < 1000 && access(pid_path, F_OK) == 0; i++)
		usleep(10000);
	ck_assert_int_eq(access(pid_path, F_OK), -1);
}
END_TEST

/* In little address space: limits that are off map nothing, and what doesn't fit is said. */
START_TEST(little_address_space)
{
#ifndef __SANITIZE_ADDRESS__
	struct rlimit before, little;

	ck_assert_int_eq(getrlimit(RLIMIT_AS, &before), 0);
	little = (struct rlimit){.rlim_cur = 512 << 20, .rlim_max = before.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &little), 0);
	configure("ready", "TELEM_MAX_DEVICES=16000000\n");
	ck_assert_int_eq(wait_status(start("-f")), 1);
	ck_assert(logged("MB of shared memory, most of it for TELEM_MAX_DEVICES=16000000, "
			 "can't be mapped: Cannot allocate memory"));
	configure("ready", "TELEM_MAX_CONNECTIONS_PER_ADDRESS=9\n");
	run();
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &before), 0);
	stop();
#endif
}
END_TEST

START_TEST(arguments)
{
	ck_assert_int_eq(wait_status(start("-V")), 0);
	ck_assert_int_eq(wait_status(start("-h")), 0);
	ck_assert_int_eq(wait_status(start("--help")), 0);
	ck_assert_int_eq(wait_status(start("-t")), 0);
	ck_assert_int_eq(wait_status(start("-T")), 0);
	ck_assert_int_eq(wait_status(start("-x")), 2);
	ck_assert_int_eq(wait_status(start("word")), 2);
	configure("ready", "TELEM_USER=no such user\n");
	ck_assert_int_eq(wait_status(start("-t")), 2);
	configure("ready", "word\n");
	ck_assert_int_eq(wait_status(start("-t")), 2);
	ck_assert_int_eq(access(pid_path, F_OK), -1);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *suite = suite_create("master");
	TCase *tc = tcase_create("master");
	SRunner *runner;
	int failed;

	(void)argc;
	snprintf(program, sizeof(program), "%s/fake_gateway", dirname(argv[0]));
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, serves_and_stops);
	tcase_add_test(tc, killed_worker_is_replaced);
	tcase_add_test(tc, workers_hold_nothing_foreign);
	tcase_add_test(tc, workers_leave_without_a_master);
	tcase_add_test(tc, reload_replaces_the_generation);
	tcase_add_test(tc, bad_reload_changes_nothing);
	tcase_add_test(tc, many_reloads_at_once);
	tcase_add_test(tc, second_signal_stops_at_once);
	tcase_add_test(tc, drain_is_bounded);
	tcase_add_test(tc, stop_during_a_reload);
	tcase_add_test(tc, sockets_of_a_stopped_worker_are_lent);
	tcase_add_test(tc, worker_that_fails_is_tried_again);
	tcase_add_test(tc, log_is_opened_again);
	add_upgrade_tests(tc);
	add_contact_tests(tc);
	tcase_add_test(tc, background);
	tcase_add_test(tc, background_that_fails);
	tcase_add_test(tc, little_address_space);
	tcase_add_test(tc, arguments);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
