/*
 * The operator's socket: its place in the file system, and its clients. The master is only as much of
 * one as they need: an event loop, and workers that are the ends of socket pairs.
 */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/clock.h"
#include "common/ipc.h"
#include "common/trace_request.h"
#include "master/trace_clients.h"
#include "master/master.h"

#define IMEI UINT64_C(350000000000001)
#define REQUEST "trace 350000000000001 60 bytes"

static char dir[64], path[96], err[CONF_ERR];
static struct master m;
static struct master_slot slots[2];
static int worker_end[2];

static void
setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/check_control.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/control.sock", dir);
	memset(&m, 0, sizeof(m));
	memset(slots, 0, sizeof(slots));
	m.operator_socket.fd = -1;
	m.slots = slots;
	m.nslots = 2;
	for (int i = 0; i < 2; i++) {
		int fd[2];

		for (int b = 0; b < SLOT_BLOCKS; b++)
			slots[i].proc[b].channel = -1;
		ck_assert(ipc_pair(fd));
		slots[i].proc[0].pid = 1;
		slots[i].proc[0].slot = i;
		slots[i].proc[0].channel = fd[0];
		worker_end[i] = fd[1];
	}
	m.base = event_base_new();
	ck_assert_ptr_nonnull(m.base);
}

static void
teardown(void)
{
	trace_clients_free(m.trace_clients);
	operator_socket_remove(&m.operator_socket);
	for (int i = 0; i < 2; i++) {
		close(slots[i].proc[0].channel);
		close(worker_end[i]);
	}
	event_base_free(m.base);
	unlink(path);
	ck_assert_int_eq(rmdir(dir), 0);
}

static void
serve(void)
{
	ck_assert_msg(operator_socket_open(&m.operator_socket, path, false, err), "%s", err);
	m.trace_clients = trace_clients_new(&m, m.operator_socket.fd);
	ck_assert_ptr_nonnull(m.trace_clients);
}

static void
turn(void)
{
	for (int i = 0; i < 8; i++)
		ck_assert_int_ne(event_base_loop(m.base, EVLOOP_NONBLOCK), -1);
}

static int
dial(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

static int
ask(const char *request)
{
	int fd = dial();

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(send(fd, request, strlen(request), 0), (ssize_t)strlen(request));
	turn();
	return fd;
}

/* The next event is of that name, and `member` of it, if any, holds that text in JSON. */
static void
hears(int fd, const char *name, const char *text)
{
	char packet[1024];
	ssize_t n = recv(fd, packet, sizeof(packet) - 1, 0);
	json_t *event;

	ck_assert_msg(n > 0, "no event %s: %s", name, strerror(errno));
	packet[n] = '\0';
	event = json_loads(packet, 0, NULL);
	ck_assert_msg(event != NULL, "no JSON: %s", packet);
	ck_assert_str_eq(json_string_value(json_object_get(event, "event")), name);
	ck_assert_msg(strstr(packet, text) != NULL, "%s is not in %s", text, packet);
	json_decref(event);
}

static void
hears_the_end(int fd)
{
	char byte;

	ck_assert_int_eq(recv(fd, &byte, 1, 0), 0);
	close(fd);
}

/* The worker has been given a client's descriptor; returns its copy. */
static int
was_told(int worker)
{
	struct ipc_msg msg;
	struct trace_request request;
	int64_t until;
	int fd;

	ck_assert_int_eq(ipc_recv(worker_end[worker], &msg, &fd), 1);
	ck_assert_uint_eq(msg.type, IPC_TRACE);
	ck_assert_int_ne(fd, -1);
	ck_assert(trace_request_from_ipc(&msg, &request, &until));
	ck_assert_uint_eq(request.imei, IMEI);
	ck_assert(request.bytes);
	ck_assert_int_gt(until, clock_mono_ms());
	ck_assert_int_le(until, clock_mono_ms() + 60000);
	return fd;
}

static bool
is_quiet(int worker)
{
	struct ipc_msg msg;
	int fd;

	return ipc_recv(worker_end[worker], &msg, &fd) == 0;
}

START_TEST(the_socket_is_for_owner_and_group)
{
	mode_t old = umask(0);
	struct stat st;
	char beside[128];

	serve();
	ck_assert_int_eq(umask(old), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	ck_assert_int_eq(st.st_mode & 07777, 0660);
	ck_assert_int_eq(st.st_uid, geteuid());
	snprintf(beside, sizeof(beside), "%s.new", path);
	ck_assert_int_eq(access(beside, F_OK), -1);
	trace_clients_free(m.trace_clients);
	m.trace_clients = NULL;
	operator_socket_remove(&m.operator_socket);
	ck_assert_int_eq(access(path, F_OK), -1);
	operator_socket_remove(&m.operator_socket);
}
END_TEST

START_TEST(no_socket_is_well)
{
	ck_assert(operator_socket_open(&m.operator_socket, "none", false, err));
	ck_assert_int_eq(m.operator_socket.fd, -1);
}
END_TEST

START_TEST(a_dead_ones_socket_is_replaced)
{
	struct operator_socket dead = {.fd = -1};

	ck_assert(operator_socket_open(&dead, path, false, err));
	close(dead.fd);
	ck_assert_int_eq(dial(), -1);
	serve();
	close(dial());
	/* What it made is no longer there: nothing to be removed. */
	dead.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	operator_socket_remove(&dead);
	ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

START_TEST(a_living_ones_socket_is_left_alone)
{
	struct operator_socket other = {.fd = -1};

	serve();
	ck_assert(!operator_socket_open(&other, path, false, err));
	ck_assert_ptr_nonnull(strstr(err, "running already"));
	ck_assert_int_eq(other.fd, -1);
	close(dial());
	/* But for the one that takes over: the old one then removes nothing. */
	ck_assert_msg(operator_socket_open(&other, path, true, err), "%s", err);
	trace_clients_free(m.trace_clients);
	m.trace_clients = NULL;
	operator_socket_remove(&m.operator_socket);
	ck_assert_int_eq(access(path, F_OK), 0);
	operator_socket_remove(&other);
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

/* As after an upgrade: the new master's socket stands there, the old one leaves it alone. */
START_TEST(a_successor_takes_over)
{
	struct operator_socket old = {.fd = -1};
	struct conf *conf = calloc(1, sizeof(*conf));
	int fd;

	ck_assert_ptr_nonnull(conf);
	m.conf = conf;
	strcpy(conf->control_socket, "none");
	trace_clients_take_over(&m); /* none is wanted */
	ck_assert_ptr_null(m.trace_clients);
	snprintf(conf->control_socket, sizeof(conf->control_socket), "%s/none/control.sock", dir);
	trace_clients_take_over(&m); /* none can be had */
	ck_assert_ptr_null(m.trace_clients);
	ck_assert(operator_socket_open(&old, path, false, err));
	snprintf(conf->control_socket, sizeof(conf->control_socket), "%s", path);
	trace_clients_take_over(&m);
	ck_assert_ptr_nonnull(m.trace_clients);
	operator_socket_remove(&old);
	fd = ask(REQUEST);
	hears(fd, "tracing", "\"workers\":2");
	close(was_told(0));
	close(was_told(1));
	close(fd);
	free(conf);
}
END_TEST

START_TEST(places_that_are_no_good)
{
	char nowhere[128];
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fclose(f);
	ck_assert(!operator_socket_open(&m.operator_socket, path, false, err));
	ck_assert_ptr_nonnull(strstr(err, "is not a socket"));
	ck_assert_int_eq(access(path, F_OK), 0);
	snprintf(nowhere, sizeof(nowhere), "%s/none/control.sock", dir);
	ck_assert(!operator_socket_open(&m.operator_socket, nowhere, false, err));
	ck_assert_ptr_nonnull(strstr(err, "No such file"));
	ck_assert_int_eq(m.operator_socket.fd, -1);
}
END_TEST

/* Another group than the daemon's own: one that it is in, or any if it is root. */
START_TEST(for_a_group)
{
	struct operator_socket s = {.fd = -1};
	struct group *gr;
	gid_t mine[64];
	int n = getgroups(64, mine);
	bool found = false;
	struct stat st;

	ck_assert(!operator_socket_for_group(&s, "no-such-group-here", err));
	ck_assert_ptr_nonnull(strstr(err, "no group \"no-such-group-here\""));
	ck_assert(operator_socket_for_group(&s, "", err));
	ck_assert(!s.has_group);
	while (!found && (gr = getgrent()) != NULL) {
		found = gr->gr_gid != getegid() && geteuid() == 0;
		for (int i = 0; i < n; i++)
			found |= gr->gr_gid == mine[i] && gr->gr_gid != getegid();
	}
	if (found) {
		ck_assert_msg(operator_socket_for_group(&s, gr->gr_name, err), "%s", err);
		ck_assert_msg(operator_socket_open(&s, path, false, err), "%s", err);
		ck_assert_int_eq(stat(path, &st), 0);
		ck_assert_uint_eq(st.st_gid, gr->gr_gid);
		ck_assert_uint_eq(st.st_mode & 0777, 0660);
		operator_socket_remove(&s);
	}
	endgrent();
	if (geteuid() == 0)
		return;
	/* Not in it: there is no socket rather than one for others. */
	s.has_group = true;
	s.group = 0;
	ck_assert(!operator_socket_open(&s, path, false, err));
	ck_assert_ptr_nonnull(strstr(err, "no member of TELEM_CONTROL_GROUP"));
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

START_TEST(every_worker_gets_the_client)
{
	int fd, copy;

	serve();
	fd = ask(REQUEST);
	hears(fd, "tracing", "\"workers\":2,\"workers_missed\":0");
	copy = was_told(0);
	ck_assert_int_eq(send(copy, "{\"event\":\"x\"}", 13, 0), 13);
	hears(fd, "x", "");
	close(copy);
	close(was_told(1));
	/* One that starts later gets it too, and nobody else anything again. */
	trace_clients_greet(m.trace_clients, &slots[1].proc[0]);
	close(was_told(1));
	ck_assert(is_quiet(0));
	close(fd);
	turn();
	trace_clients_greet(m.trace_clients, &slots[1].proc[0]);
	ck_assert(is_quiet(1));
}
END_TEST

START_TEST(a_worker_that_hears_nothing_is_counted)
{
	int fd;

	serve();
	slots[1].proc[1].pid = 1; /* hangs: its channel is closed */
	fd = ask(REQUEST);
	hears(fd, "tracing", "\"workers\":2,\"workers_missed\":1");
	close(fd);
	close(was_told(0));
	close(was_told(1));
}
END_TEST

START_TEST(the_end_is_told)
{
	int fd, copy;

	serve();
	fd = ask("trace 350000000000001 1 bytes");
	hears(fd, "tracing", "\"seconds\":1");
	copy = was_told(0);
	close(was_told(1));
	ck_assert_int_ne(event_base_loop(m.base, EVLOOP_ONCE), -1);
	hears(fd, "end", "the time is over");
	/* Although workers hold it still. */
	hears_the_end(fd);
	close(copy);
	fd = ask(REQUEST);
	hears(fd, "tracing", "");
	trace_clients_free(m.trace_clients);
	m.trace_clients = NULL;
	hears(fd, "end", "the gateway has stopped");
	hears_the_end(fd);
	close(was_told(0));
	close(was_told(1));
}
END_TEST

START_TEST(what_is_no_request_is_refused)
{
	int fd;

	serve();
	fd = ask("trace me");
	hears(fd, "error", "the only requests are");
	hears_the_end(fd);
	fd = ask(REQUEST);
	hears(fd, "tracing", "");
	close(was_told(0));
	close(was_told(1));
	ck_assert_int_eq(send(fd, REQUEST, strlen(REQUEST), 0), (ssize_t)strlen(REQUEST));
	turn();
	hears(fd, "error", "only one request");
	hears_the_end(fd);
	fd = dial();
	turn();
	ck_assert_int_ne(event_base_loop(m.base, EVLOOP_ONCE), -1);
	hears(fd, "error", "no request came");
	hears_the_end(fd);
	ck_assert(is_quiet(0));
}
END_TEST

START_TEST(there_are_not_too_many)
{
	int fd[TRACE_MAX_CLIENTS], more;

	serve();
	for (int i = 0; i < TRACE_MAX_CLIENTS; i++) {
		fd[i] = dial();
		turn();
	}
	more = dial();
	turn();
	hears(more, "error", "16 clients");
	hears_the_end(more);
	close(fd[0]);
	turn();
	more = ask(REQUEST);
	hears(more, "tracing", "");
	close(was_told(0));
	close(was_told(1));
	close(more);
	for (int i = 1; i < TRACE_MAX_CLIENTS; i++)
		close(fd[i]);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("operator_socket");
	TCase *tc = tcase_create("operator_socket");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_socket_is_for_owner_and_group);
	tcase_add_test(tc, no_socket_is_well);
	tcase_add_test(tc, a_dead_ones_socket_is_replaced);
	tcase_add_test(tc, a_living_ones_socket_is_left_alone);
	tcase_add_test(tc, a_successor_takes_over);
	tcase_add_test(tc, places_that_are_no_good);
	tcase_add_test(tc, for_a_group);
	tcase_add_test(tc, every_worker_gets_the_client);
	tcase_add_test(tc, a_worker_that_hears_nothing_is_counted);
	tcase_add_test(tc, the_end_is_told);
	tcase_add_test(tc, what_is_no_request_is_refused);
	tcase_add_test(tc, there_are_not_too_many);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
