/*
 * Listening sockets: which are opened, with what options, and what the operator is told
 * when they can't be. Loopback only, ports chosen by the kernel.
 */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "master/listen.h"

static char err[CONF_ERR];

static int
port_of(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	return ss.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&ss)->sin6_port)
					: ntohs(((struct sockaddr_in *)&ss)->sin_port);
}

static bool
option(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int value = 0;

	ck_assert_int_eq(getsockopt(fd, level, name, &value, &len), 0);
	return value != 0;
}

static bool
have_ipv6(void)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	bool ok = fd != -1 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0;

	if (fd != -1)
		close(fd);
	return ok;
}

START_TEST(one_port_for_all_slots)
{
	struct listen_set set;
	char name[LISTEN_NAME];
	int i, port;

	ck_assert_msg(listen_open(&set, "127.0.0.1", 0, 4, err), "%s", err);
	ck_assert_int_eq(set.naddr, 1);
	port = port_of(*listen_slot(&set, 0));
	ck_assert_int_gt(port, 0);
	for (i = 0; i < 4; i++) {
		int fd = *listen_slot(&set, i);

		ck_assert_int_eq(port_of(fd), port);
		ck_assert(option(fd, SOL_SOCKET, SO_REUSEPORT));
		ck_assert(option(fd, SOL_SOCKET, SO_REUSEADDR));
		ck_assert(option(fd, SOL_SOCKET, SO_ACCEPTCONN));
		ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
		ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	}
	snprintf(name, sizeof(name), "127.0.0.1:%d", port);
	ck_assert_str_eq(set.name[0], name);
	listen_close(&set);
	listen_close(&set);
}
END_TEST

START_TEST(several_addresses)
{
	struct listen_set set;
	const int *fds;

	if (!have_ipv6())
		return;
	ck_assert_msg(listen_open(&set, " 127.0.0.1, [::1] ,127.0.0.2", 0, 2, err), "%s", err);
	ck_assert_int_eq(set.naddr, 3);
	fds = listen_slot(&set, 1);
	ck_assert_int_eq(port_of(fds[0]), port_of(fds[1]));
	ck_assert_int_eq(port_of(fds[0]), port_of(fds[2]));
	ck_assert(option(fds[1], IPPROTO_IPV6, IPV6_V6ONLY));
	ck_assert_int_eq(strncmp(set.name[1], "[::1]:", 6), 0);
	listen_close(&set);
}
END_TEST

START_TEST(overlapping_addresses_are_ours)
{
	struct listen_set first, set;
	int port;

	/* Find a free port, then ask for it by an address and by all addresses at once. */
	ck_assert(listen_open(&first, "127.0.0.1", 0, 1, err));
	port = port_of(*listen_slot(&first, 0));
	listen_close(&first);
	ck_assert_msg(listen_open(&set, "0.0.0.0,127.0.0.1", port, 2, err), "%s", err);
	listen_close(&set);
}
END_TEST

START_TEST(second_instance_is_refused)
{
	struct listen_set first, second;
	char name[LISTEN_NAME + 16];
	int port;

	ck_assert(listen_open(&first, "127.0.0.1", 0, 2, err));
	port = port_of(*listen_slot(&first, 0));
	ck_assert(!listen_open(&second, "127.0.0.1", port, 2, err));
	snprintf(name, sizeof(name), "127.0.0.1:%d is in use", port);
	ck_assert_msg(strncmp(err, name, strlen(name)) == 0, "%s", err);
	ck_assert_ptr_nonnull(strstr(err, "TELEM_GATEWAY_PORT"));
	/* All addresses include ours. */
	ck_assert(!listen_open(&second, "0.0.0.0", port, 2, err));
	listen_close(&first);
	ck_assert_msg(listen_open(&second, "127.0.0.1", port, 2, err), "%s", err);
	listen_close(&second);
}
END_TEST

START_TEST(bad_addresses_are_explained)
{
	struct listen_set set;

	ck_assert(!listen_open(&set, "localhost", 0, 1, err));
	ck_assert_str_eq(err, "localhost is not a numeric IPv4 or IPv6 address");
	ck_assert(!listen_open(&set, "127.0.0.1,,127.0.0.2", 0, 1, err));
	ck_assert(!listen_open(&set, "", 0, 1, err));
	ck_assert(!listen_open(&set, "192.0.2.1", 0, 1, err));
	ck_assert_msg(strstr(err, "no such address") != NULL, "%s", err);
	ck_assert(!listen_open(&set,
	    "127.0.0.1,127.0.0.1,127.0.0.1,127.0.0.1,127.0.0.1,127.0.0.1,127.0.0.1,127.0.0.1,"
	    "127.0.0.1,127.0.0.1,127.0.0.1,127.0.0.1,127.0.0.1,127.0.0.1,127.0.0.1,127.0.0.1,"
	    "127.0.0.1",
	    0, 1, err));
	ck_assert_msg(strstr(err, "more than") != NULL, "%s", err);
}
END_TEST

/* A connection in the queue of a listening socket; -1 if it is refused. */
static int
dial(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ne(fd, -1);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	close(fd);
	return -1;
}

START_TEST(more_and_fewer_slots)
{
	struct listen_set set, next;
	int first, port, extra;

	ck_assert(listen_open(&set, "127.0.0.1", 0, 1, err));
	first = *listen_slot(&set, 0);
	port = port_of(first);
	ck_assert_msg(listen_change(&next, &set, "127.0.0.1", port, 3, err), "%s", err);
	ck_assert_int_eq(*listen_slot(&next, 0), first);
	extra = *listen_slot(&next, 2);
	ck_assert_int_eq(port_of(extra), port);
	listen_commit(&set, &next);
	ck_assert_int_eq(set.nslots, 3);
	ck_assert_int_eq(set.nretired, 0);
	/* Fewer: all are kept. With port 0 as well. */
	ck_assert_msg(listen_change(&next, &set, "127.0.0.1", 0, 1, err), "%s", err);
	ck_assert_int_eq(next.nslots, 3);
	ck_assert_int_eq(*listen_slot(&next, 2), extra);
	listen_commit(&set, &next);
	ck_assert_int_eq(*listen_slot(&set, 0), first);
	listen_close(&set);
	ck_assert_int_eq(fcntl(extra, F_GETFD), -1);
}
END_TEST

START_TEST(addresses_come_and_go)
{
	struct listen_set set, next;
	int kept, gone, port;

	ck_assert(listen_open(&set, "127.0.0.1,127.0.0.2", 0, 2, err));
	kept = listen_slot(&set, 1)[0];
	gone = listen_slot(&set, 1)[1];
	port = port_of(kept);
	ck_assert_msg(listen_change(&next, &set, "127.0.0.3,127.0.0.1", port, 2, err), "%s", err);
	ck_assert_int_eq(listen_slot(&next, 1)[1], kept);
	ck_assert_int_ne(listen_slot(&next, 1)[0], -1);
	listen_commit(&set, &next);
	ck_assert_int_eq(set.nretired, 2);
	ck_assert(set.retired[0] == gone || set.retired[1] == gone);
	ck_assert_int_ne(fcntl(gone, F_GETFD), -1);
	ck_assert_ptr_null(next.fd);
	/* All addresses, where one of them is ours already; slots out of use get none. */
	ck_assert_msg(listen_change(&next, &set, "0.0.0.0", port, 1, err), "%s", err);
	ck_assert_int_eq(next.nslots, 2);
	ck_assert_int_eq(*listen_slot(&next, 1), -1);
	listen_commit(&set, &next);
	ck_assert_int_eq(set.nretired, 6);
	listen_close(&set);
	ck_assert_int_eq(fcntl(gone, F_GETFD), -1);
}
END_TEST

START_TEST(change_that_fails_changes_nothing)
{
	struct listen_set set, other, next;
	int fd, port;

	ck_assert(listen_open(&set, "127.0.0.1", 0, 2, err));
	ck_assert(listen_open(&other, "127.0.0.1", 0, 1, err));
	fd = *listen_slot(&set, 1);
	port = port_of(*listen_slot(&other, 0));
	ck_assert(!listen_change(&next, &set, "127.0.0.1", port, 2, err));
	ck_assert_ptr_nonnull(strstr(err, "is in use"));
	ck_assert(!listen_change(&next, &set, "192.0.2.1", 0, 2, err));
	ck_assert(!listen_change(&next, &set, "nonsense", 0, 2, err));
	ck_assert_int_eq(*listen_slot(&set, 1), fd);
	ck_assert_int_ne(fcntl(fd, F_GETFD), -1);
	/* One that is given up loses nobody: what it opened stays. */
	ck_assert(listen_change(&next, &set, "127.0.0.1,127.0.0.2", 0, 3, err));
	fd = listen_slot(&next, 2)[0];
	listen_abort(&set, &next);
	ck_assert_int_eq(set.naddr, 1);
	ck_assert_int_eq(set.nslots, 3);
	ck_assert_int_eq(*listen_slot(&set, 2), fd);
	ck_assert_int_eq(set.nretired, 3);
	listen_abort(&set, &next);
	listen_close(&set);
	listen_close(&other);
}
END_TEST

START_TEST(inherited_sockets)
{
	struct listen_set set, heir, next;
	char name[LISTEN_NAME];
	int fds[4], port, client, bad[2], i;

	ck_assert(listen_open(&set, "127.0.0.1,127.0.0.2", 0, 2, err));
	port = port_of(*listen_slot(&set, 0));
	client = dial(port);
	ck_assert_int_ne(client, -1);
	for (i = 0; i < 4; i++) {
		fds[i] = dup(set.fd[i]);
		ck_assert_int_ne(fds[i], -1);
	}
	listen_close(&set);
	ck_assert_msg(listen_inherit(&heir, fds, 2, 2, err), "%s", err);
	snprintf(name, sizeof(name), "127.0.0.2:%d", port);
	ck_assert_str_eq(heir.name[1], name);
	ck_assert_int_ne(fcntl(fds[3], F_GETFD) & FD_CLOEXEC, 0);
	/* They are what the configuration wants, in another order. */
	ck_assert(listen_change(&next, &heir, "127.0.0.2,127.0.0.1", port, 2, err));
	ck_assert_int_eq(listen_slot(&next, 0)[0], fds[1]);
	listen_commit(&heir, &next);
	ck_assert_int_eq(heir.nretired, 0);
	ck_assert(accept(fds[0], NULL, NULL) != -1 || accept(fds[2], NULL, NULL) != -1);
	close(client);
	listen_close(&heir);
	/* What is none of ours is refused. */
	bad[0] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	bad[1] = -1;
	ck_assert(!listen_inherit(&heir, bad, 1, 1, err));
	ck_assert_ptr_nonnull(strstr(err, "not a socket of the predecessor"));
	listen_close(&heir);
	ck_assert(!listen_inherit(&heir, &bad[1], 1, 1, err));
	listen_close(&heir);
}
END_TEST

/* Sockets that root opened let the user whom the master becomes open more beside them. */
START_TEST(given_to_the_user)
{
	struct listen_set set, next;

	if (geteuid() != 0)
		return;
	ck_assert(listen_open(&set, "127.0.0.1", 0, 1, err));
	listen_give(&set, 65534, 65534);
	ck_assert_int_eq(seteuid(65534), 0);
	ck_assert_msg(listen_change(&next, &set, "127.0.0.1", 0, 2, err), "%s", err);
	ck_assert_int_eq(seteuid(0), 0);
	listen_commit(&set, &next);
	listen_close(&set);
}
END_TEST

START_TEST(metrics_socket_is_alone)
{
	char name[LISTEN_NAME];
	int fd = listen_metrics("127.0.0.1", 0, name, err);
	int port;

	ck_assert_int_ne(fd, -1);
	port = port_of(fd);
	ck_assert(!option(fd, SOL_SOCKET, SO_REUSEPORT));
	ck_assert_int_eq(listen_metrics("127.0.0.1", port, name, err), -1);
	ck_assert_msg(strstr(err, "METRICS_PORT") != NULL, "%s", err);
	ck_assert(listen_is_metrics(fd, "127.0.0.1", port, name));
	ck_assert(!listen_is_metrics(fd, "127.0.0.2", port, name));
	ck_assert(!listen_is_metrics(fd, "127.0.0.1", port + 1, name));
	close(fd);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("listen");
	TCase *tc = tcase_create("listen");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, one_port_for_all_slots);
	tcase_add_test(tc, several_addresses);
	tcase_add_test(tc, overlapping_addresses_are_ours);
	tcase_add_test(tc, second_instance_is_refused);
	tcase_add_test(tc, bad_addresses_are_explained);
	tcase_add_test(tc, more_and_fewer_slots);
	tcase_add_test(tc, addresses_come_and_go);
	tcase_add_test(tc, change_that_fails_changes_nothing);
	tcase_add_test(tc, inherited_sockets);
	tcase_add_test(tc, given_to_the_user);
	tcase_add_test(tc, metrics_socket_is_alone);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
