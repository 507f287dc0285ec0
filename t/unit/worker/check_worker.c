/*
 * A worker from its start to its end: what it tells its master, what it does when that tells it something, and what
 * its parts tell each other, with a real PostgreSQL behind it and trackers in front.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/db_clock.h"
#include "common/trace_request.h"
#include "shm/registry.h"
#include "t/unit/worker/worker_rig.h"

/* A descriptor that is handed over: the other end sees when the worker has closed it. */
static int
hand_over(const struct ipc_msg *m)
{
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	rig_tell(m, fd[1]);
	close(fd[1]);
	return fd[0];
}

START_TEST(from_start_to_end)
{
	int fd;

	rig_start_well();
	ck_assert_int_eq(atomic_load(&r.self->accepting), 1);
	fd = rig_session(r.port, RIG_IMEI);
	rig_send_frame(fd, 2, 0);
	ck_assert_str_eq(rig_read(fd, 4), "00000002");
	ck_assert_str_eq(VALUE("SELECT count(*) FROM device_positions WHERE device_id = 1"), "2");
	UNTIL(SAYS(
	    "true gw 0", "SELECT online || ' ' || gateway || ' ' || worker FROM device_online"));
	uint64_t beats = atomic_load(&r.self->heartbeat);
	UNTIL(atomic_load(&r.self->heartbeat) > beats);
	ck_assert_uint_gt(stats_get(&r.self->stats.memory), 1000000);
	rig_drain();
	/* The tracker was closed, and its live row says so before the worker leaves. */
	ck_assert_str_eq(rig_read(fd, 1), ".");
	ck_assert_str_eq(
	    VALUE("SELECT online || ' ' || disconnect_reason FROM device_online"), "false drain");
	ck_assert(rig_logged("draining: 1 connections"));
	ck_assert(!rig_logged("max_connections"));
}
END_TEST

START_TEST(more_workers_than_connections)
{
	r.conf.workers = 500;
	rig_start_well();
	UNTIL(rig_logged("500 workers need 1001 database connections, the server takes "));
	rig_drain();
}
END_TEST

/* Nothing can be accepted on what is not a socket. */
START_TEST(a_start_that_fails)
{
	struct ipc_msg m;
	int file = open("/dev/null", O_RDONLY);

	r.env.listen_fds = &file;
	rig_start();
	m = rig_hear(IPC_START_FAILED);
	ck_assert_ptr_nonnull(strstr(m.text, "can't start: "));
	ck_assert_int_eq(rig_join(), 1);
	ck_assert(rig_logged(m.text));
	ck_assert_int_eq(atomic_load(&r.self->accepting), 0);
	close(file);
}
END_TEST

START_TEST(sockets_of_others)
{
	int port, later, lent = rig_listen(&port), retired = rig_listen(&later);
	int fd;

	rig_start_well();
	rig_tell(&(struct ipc_msg){.type = IPC_LEND, .slot = 1}, lent);
	rig_tell(&(struct ipc_msg){.type = IPC_LEND, .slot = IPC_RETIRED_SOCKETS}, retired);
	close(lent);
	close(retired);
	fd = rig_session(port, RIG_IMEI);
	close(fd);
	rig_tell(&(struct ipc_msg){.type = IPC_TAKE_BACK, .slot = 1}, -1);
	/* The last copy is closed: nobody listens there any more. */
	UNTIL((fd = rig_dial(port)) == -1 || close(fd) != 0);
	/* A message without its socket lends nothing. */
	rig_tell(&(struct ipc_msg){.type = IPC_LEND, .slot = 1}, -1);
	fd = rig_session(later, RIG_IMEI);
	ck_assert(rig_logged("accepting for slot 1 too"));
	rig_drain();
	ck_assert_str_eq(rig_read(fd, 1), ".");
	ck_assert_int_eq(rig_dial(later), -1);
}
END_TEST

START_TEST(a_device_is_followed)
{
	struct trace_request request = {.whom = TRACE_IMEI, .imei = RIG_IMEI};
	char event[TRACE_EVENT_TEXT] = "";
	struct ipc_msg m;
	int fd[2];

	rig_start_well();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd), 0);
	trace_request_to_ipc(&request, clock_mono_ms() + 60000, &m);
	rig_tell(&m, fd[1]);
	close(fd[1]);
	/* Behind it in the same channel: it is closed, so the other is followed by now. */
	m = (struct ipc_msg){.type = IPC_TRACE, .text = "whom?"};
	int refused = hand_over(&m);
	ck_assert_str_eq(rig_read(refused, 1), ".");
	ck_assert(rig_logged("a request to trace a device can't be read"));
	rig_tell(&(struct ipc_msg){.type = IPC_TRACE}, -1);
	rig_session(r.port, RIG_IMEI);
	ck_assert_int_gt(recv(fd[0], event, sizeof(event) - 1, 0), 0);
	ck_assert_ptr_nonnull(strstr(event, "350000000000001"));
	rig_drain();
}
END_TEST

/* What a dead worker left goes offline. */
START_TEST(another_worker_is_cleaned_up)
{
	const struct ipc_msg m = {.type = IPC_CLEAN_UP, .value = shm_owner(1, 0)};
	int64_t session;

	session = registry_new_session(r.shm.registry, shm_owner(1, 0), clock_wall_us());
	rig_start_well();
	SQL("INSERT INTO device_online (device_id, online, session_id, gateway, worker)"
	    " VALUES (1, true, %lld, 'gw', 1)",
	    (long long)session);
	rig_tell(&m, -1);
	UNTIL(SAYS("f", "SELECT online FROM device_online"));
	rig_drain();
}
END_TEST

START_TEST(the_log_is_opened_again)
{
	char moved[160];

	rig_start_well();
	snprintf(moved, sizeof(moved), "%s.1", r.log);
	ck_assert_int_eq(rename(r.log, moved), 0);
	rig_tell(&(struct ipc_msg){.type = IPC_REOPEN_LOG}, -1);
	/* Neither is known, and both do no harm. */
	rig_tell(&(struct ipc_msg){.type = IPC_RESOLVED, .value = 77}, -1);
	int closed = hand_over(&(struct ipc_msg){.type = 99});
	ck_assert_str_eq(rig_read(closed, 1), ".");
	ck_assert(rig_logged("unknown message 99 from the master"));
	/* A folder that is gone: the log goes where it went. */
	char folder[160];
	snprintf(folder, sizeof(folder), "%s.gone", r.folder);
	ck_assert_int_eq(rename(r.folder, folder), 0);
	rig_tell(&(struct ipc_msg){.type = IPC_REOPEN_LOG}, -1);
	rig_drain();
	ck_assert_int_eq(rename(folder, r.folder), 0);
	ck_assert(rig_logged("the log file can't be opened again: "));
}
END_TEST

/* A frame that the database does not take: its table is locked by the test. */
static int
stuck(void)
{
	int fd = rig_session(r.port, RIG_IMEI);

	SQL("BEGIN; LOCK TABLE device_positions");
	rig_send_frame(fd, 1, 0);
	UNTIL(SAYS("t", "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted"));
	return fd;
}

START_TEST(a_drain_that_takes_too_long)
{
	int fd, lent;

	r.conf.drain_timeout_ms = 1500;
	rig_start_well();
	fd = stuck();
	rig_tell(&(struct ipc_msg){.type = IPC_DRAIN}, -1);
	/* Once is enough, and it takes no more sockets. */
	rig_tell(&(struct ipc_msg){.type = IPC_DRAIN}, -1);
	lent = hand_over(&(struct ipc_msg){.type = IPC_LEND, .slot = 1});
	ck_assert_str_eq(rig_read(lent, 1), ".");
	(void)rig_hear(IPC_DRAINED);
	ck_assert_int_eq(rig_join(), 0);
	ck_assert_str_eq(rig_read(fd, 1), ".");
	SQL("ROLLBACK");
	ck_assert(rig_logged("drain time is over: 1 connections are closed unanswered"));
	ck_assert_uint_eq(stats_get(&r.self->stats.acks), 0);
}
END_TEST

/* It takes what is queued along, and leaves. */
START_TEST(the_master_dies)
{
	int fd;

	rig_start_well();
	fd = rig_session(r.port, RIG_IMEI);
	close(r.master);
	r.master = -1;
	ck_assert_int_eq(rig_join(), 0);
	ck_assert_str_eq(rig_read(fd, 1), ".");
	ck_assert(rig_logged("the master is gone: this worker drains and leaves"));
}
END_TEST

/* Without a master a signal cuts the drain short. */
START_TEST(a_signal_ends_the_drain)
{
	int fd;

	r.conf.drain_timeout_ms = 3600000;
	rig_start_well();
	fd = stuck();
	close(r.master);
	r.master = -1;
	UNTIL(rig_logged("draining: 1 connections"));
	ck_assert_int_eq(kill(getpid(), SIGTERM), 0);
	ck_assert_int_eq(rig_join(), 0);
	ck_assert_str_eq(rig_read(fd, 1), ".");
	SQL("ROLLBACK");
}
END_TEST

START_TEST(a_signal_begins_a_drain)
{
	rig_start_well();
	ck_assert_int_eq(kill(getpid(), SIGTERM), 0);
	(void)rig_hear(IPC_DRAINED);
	ck_assert_int_eq(rig_join(), 0);
}
END_TEST

/* The tracker waits, and is answered when the database is back. */
START_TEST(the_database_goes_and_comes)
{
	int fd;

	rig_start_well();
	fd = stuck();
	SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
	    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
	    " AND backend_type = 'client backend'");
	UNTIL(rig_logged("database (store connection)"));
	SQL("ROLLBACK");
	ck_assert_str_eq(rig_read(fd, 4), "00000001");
	ck_assert_str_eq(VALUE("SELECT count(*) FROM device_positions"), "1");
	rig_drain();
}
END_TEST

/* Somebody holds a row of its history: the frame moves aside, and is answered when he lets go. */
START_TEST(a_device_is_locked)
{
	int fd, other;

	SQL("INSERT INTO devices (id, imei) VALUES (2, '350000000000002')");
	rig_start_well();
	fd = rig_session(r.port, RIG_IMEI);
	rig_send_frame(fd, 1, 0);
	ck_assert_str_eq(rig_read(fd, 4), "00000001");
	SQL("BEGIN; DELETE FROM device_positions");
	/* The same on a new connection. */
	fd = rig_session(r.port, RIG_IMEI);
	rig_send_frame(fd, 1, 0);
	UNTIL(stats_get(&r.self->stats.blocked_devices) == 1);
	other = rig_session(r.port, RIG_IMEI + 1);
	rig_send_frame(other, 3, 0);
	ck_assert_str_eq(rig_read(other, 4), "00000003");
	SQL("ROLLBACK");
	ck_assert_str_eq(rig_read(fd, 4), "00000001");
	ck_assert_str_eq(VALUE("SELECT count(*) FROM device_positions"), "4");
	UNTIL(stats_get(&r.self->stats.blocked_devices) == 0);
	rig_drain();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("worker");
	TCase *t = tcase_create("worker");
	SRunner *runner;
	int failed;

	pg_fixture_start();
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, rig_open, rig_close);
	tcase_add_test(t, from_start_to_end);
	tcase_add_test(t, more_workers_than_connections);
	tcase_add_test(t, a_start_that_fails);
	tcase_add_test(t, sockets_of_others);
	tcase_add_test(t, a_device_is_followed);
	tcase_add_test(t, another_worker_is_cleaned_up);
	tcase_add_test(t, the_log_is_opened_again);
	tcase_add_test(t, a_drain_that_takes_too_long);
	tcase_add_test(t, the_master_dies);
	tcase_add_test(t, a_signal_ends_the_drain);
	tcase_add_test(t, a_signal_begins_a_drain);
	tcase_add_test(t, the_database_goes_and_comes);
	tcase_add_test(t, a_device_is_locked);
	suite_add_tcase(s, t);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	pg_fixture_stop();
	return failed == 0 ? 0 : 1;
}
