/*
 * Upgrades of the master (SIGUSR2), and reloads with another number of workers: the real program
 * with workers that only pretend.
 */
#include "config.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "t/unit/master/check_master.h"

/* Upgrades and waits until the successor is in charge and alone; nobody is refused meanwhile. */
static void
upgrade(int port)
{
	pid_t old = master;

	ck_assert_int_eq(kill(old, SIGUSR2), 0);
	while (in_charge() == old || in_charge() == 0 || !settled()) {
		ck_assert_int_ge(who_answers(port), 0);
		usleep(STEP_US);
	}
	master = in_charge();
	wait_for(access(socket_path, F_OK) == 0);
	/* It becomes ours, as an orphan does. */
	ck_assert_int_eq(wait_status(old), 0);
	wait_for(logged("the predecessor and its workers have left"));
}

START_TEST(upgrades)
{
	double connections;
	int port, i;

	run();
	port = tracker_port();
	for (i = 0; i < 50; i++)
		ck_assert_int_ge(who_answers(port), 0);
	upgrade(port);
	ck_assert_int_eq(generation(), 2);
	ck_assert_int_eq(tracker_port(), port);
	connections = metric("telematics_tcp_connections_total");
	ck_assert_double_ge(connections, 50);
	ck_assert_double_eq(metric("telematics_worker_restarts_total"), 0);
	/* The next one: also from a successor, and with what it has counted. */
	upgrade(port);
	ck_assert_int_eq(generation(), 3);
	ck_assert_double_ge(metric("telematics_tcp_connections_total"), connections);
	/* And a reload, now that all blocks are its own. */
	ck_assert_int_eq(kill(master, SIGHUP), 0);
	wait_for(generation() == 4 && settled());
	ck_assert(!logged("not known"));
	stop();
}
END_TEST

/* The predecessor goes on: a configuration that is wrong, workers that fail, a successor killed. */
START_TEST(upgrade_that_fails)
{
	int port, i;

	run();
	port = tracker_port();
	configure("ready", "TELEM_NONSENSE=1\n");
	ck_assert_int_eq(kill(master, SIGUSR2), 0);
	wait_for(logged("the new program can't start: ") && logged("conf:9: "));
	wait_for(logged("generation 1 goes on as before"));
	configure("exit", "");
	ck_assert_int_eq(kill(master, SIGUSR2), 0);
	wait_for(logged("did not get ready: told to fail; pid"));
	ck_assert_int_eq(in_charge(), master);
	/* Other memory: counters start anew, and that is said. */
	configure("ready", "TELEM_MAX_DEVICES=2000\n");
	for (i = 0; i < 20; i++)
		ck_assert_int_ge(who_answers(port), 0);
	upgrade(port);
	ck_assert(logged("TELEM_MAX_DEVICES has changed; counters start at zero"));
	ck_assert_int_eq(generation(), 2);
	configure("exit", "TELEM_MAX_DEVICES=2000\n");
	ck_assert_int_eq(kill(master, SIGUSR2), 0);
	wait_for(logged("generation 2 goes on as before"));
	ck_assert(settled());
	configure("ready", "TELEM_MAX_DEVICES=2000\n");
	upgrade(port);
	stop();
}
END_TEST

/* A stop while the successor starts takes both away. */
START_TEST(stop_during_an_upgrade)
{
	run();
	configure("never", "");
	ck_assert_int_eq(kill(master, SIGUSR2), 0);
	wait_for(logged("starts beside us") && logged("to take over"));
	stop();
}
END_TEST

/* The predecessor killed while the successor starts: that one goes on by itself. */
START_TEST(predecessor_dies)
{
	pid_t old, stopped;

	run();
	stopped = worker(0, "ready");
	ck_assert_int_eq(kill(stopped, SIGSTOP), 0);
	ck_assert_int_eq(kill(master, SIGUSR2), 0);
	wait_for(logged("to take over"));
	old = master;
	ck_assert_int_eq(kill(old, SIGKILL), 0);
	wait_for(in_charge() != old && in_charge() != 0);
	master = in_charge();
	ck_assert_int_eq(generation(), 2);
	ck_assert(!logged("predecessor and its workers have left"));
	ck_assert_int_eq(kill(stopped, SIGCONT), 0);
	wait_for(logged("predecessor and its workers have left"));
	stop();
}
END_TEST

static pid_t
parent_of(pid_t pid)
{
	char path[64];
	int parent = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	f = fopen(path, "r");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%*d (%*[^)]) %*c %d", &parent) != 1)
		parent = 0;
	fclose(f);
	return parent;
}

/*
 * A service manager waits for its own children alone (we are it, to orphans), and kills what is left
 * behind the main process: so the successor is its child before it is in charge, and stays until its
 * predecessor has drained.
 */
START_TEST(successor_is_the_managers_child)
{
	pid_t old, next;

	configure("stuck", "TELEM_DRAIN_TIMEOUT_MS=2000\n");
	run();
	old = master;
	ck_assert_int_eq(kill(old, SIGUSR2), 0);
	wait_for(in_charge() != old && in_charge() != 0);
	next = in_charge();
	ck_assert_int_eq(parent_of(next), getpid());
	ck_assert_int_eq(waitpid(old, NULL, WNOHANG), 0);
	ck_assert_int_eq(kill(next, SIGTERM), 0);
	ck_assert_int_eq(wait_status(old), 0);
	ck_assert_int_eq(wait_status(next), 0);
	master = 0;
	wait_for(reaped_all());
	ck_assert(logged("the predecessor and its workers have left"));
	ck_assert_int_eq(access(pid_path, F_OK), -1);
}
END_TEST

/* The master's child with that name, or 0. */
static pid_t
child_named(const char *comm)
{
	char path[96], name[32];
	long pid;
	FILE *list, *f;
	pid_t found = 0;

	snprintf(path, sizeof(path), "/proc/%ld/task/%ld/children", (long)master, (long)master);
	list = fopen(path, "r");
	while (list != NULL && found == 0 && fscanf(list, "%ld", &pid) == 1) {
		snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
		f = fopen(path, "r");
		if (f != NULL && fscanf(f, "%31s", name) == 1 && strcmp(name, comm) == 0)
			found = (pid_t)pid;
		if (f != NULL)
			fclose(f);
	}
	if (list != NULL)
		fclose(list);
	return found;
}

/* The go-between killed while the successor starts: that one is ended, and the next upgrade works. */
START_TEST(go_between_dies)
{
	int port;

	run();
	port = tracker_port();
	configure("never", "");
	ck_assert_int_eq(kill(master, SIGUSR2), 0);
	wait_for(logged("to take over") && child_named("gateway-upgrade") != 0);
	/* Others mean the daemon. */
	ck_assert_int_eq(kill(child_named("gateway-upgrade"), SIGTERM), 0);
	ck_assert_int_eq(kill(child_named("gateway-upgrade"), SIGUSR2), 0);
	ck_assert_int_eq(kill(child_named("gateway-upgrade"), SIGKILL), 0);
	wait_for(logged("waits for the new program was killed; pid"));
	/* It may end before it could say so: then the workers are told what it left. */
	wait_for(logged("stopped before it was ready") || logged("told to clean up after owner"));
	ck_assert_int_eq(in_charge(), master);
	ck_assert_int_eq(generation(), 1);
	configure("ready", "");
	upgrade(port);
	stop();
}
END_TEST

START_TEST(workers_come_and_go_by_reload)
{
	bool seen[NWORKERS + 2] = {false};
	int port, i, left, slot;

	run();
	port = tracker_port();
	for (int workers = 5; workers > 0; workers -= 4) {
		char more[64];

		snprintf(more, sizeof(more), "TELEM_LOG_LEVEL=debug\n");
		configure_workers(workers, more);
		i = generation();
		ck_assert_int_eq(kill(master, SIGHUP), 0);
		while (generation() == i || ready_workers() != workers)
			ck_assert_int_ge(who_answers(port), 0);
		if (workers == 1)
			break;
		for (left = workers; left > 0;) {
			slot = who_answers(port);
			ck_assert_int_ge(slot, 0);
			left -= !seen[slot];
			seen[slot] = true;
		}
	}
	/* One worker has the sockets of five slots. */
	for (i = 0; i < 100; i++)
		ck_assert_int_eq(who_answers(port), 0);
	ck_assert_double_eq(metric("telematics_slot_adoptions_total"), 0);
	/* And after an upgrade as well. */
	ck_assert_int_eq(kill(master, SIGUSR2), 0);
	wait_for(logged("the predecessor and its workers have left"));
	wait_status(master);
	master = in_charge();
	for (i = 0; i < 100; i++)
		ck_assert_int_eq(who_answers(port), 0);
	stop();
}
END_TEST

void
add_upgrade_tests(TCase *tc)
{
	tcase_add_test(tc, upgrades);
	tcase_add_test(tc, upgrade_that_fails);
	tcase_add_test(tc, stop_during_an_upgrade);
	tcase_add_test(tc, predecessor_dies);
	tcase_add_test(tc, successor_is_the_managers_child);
	tcase_add_test(tc, go_between_dies);
	tcase_add_test(tc, workers_come_and_go_by_reload);
}
