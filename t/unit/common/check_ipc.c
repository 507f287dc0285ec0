/*
 * Messages between master and worker (common/ipc.h): whole or not at all, descriptors that come
 * along, and how the death of a peer shows.
 */
#include "common/ipc.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int fd[2];

static void
setup(void)
{
	ck_assert(ipc_pair(fd));
}

static void
teardown(void)
{
	close(fd[0]);
	close(fd[1]);
}

START_TEST(pair)
{
	for (int i = 0; i < 2; i++) {
		ck_assert_int_ne(fcntl(fd[i], F_GETFD) & FD_CLOEXEC, 0);
		ck_assert_int_ne(fcntl(fd[i], F_GETFL) & O_NONBLOCK, 0);
	}
}
END_TEST

START_TEST(messages_stay_apart)
{
	struct ipc_msg out = {.type = IPC_READY}, in;
	int got;

	ck_assert_int_eq(ipc_recv(fd[0], &in, &got), 0);
	for (uint32_t i = 0; i < 5; i++) {
		out.slot = i;
		out.value = UINT64_MAX - i;
		(void)memset(out.text, 'a' + (int)i, sizeof(out.text));
		ck_assert(ipc_send(fd[1], &out, -1));
	}
	for (uint32_t i = 0; i < 5; i++) {
		ck_assert_int_eq(ipc_recv(fd[0], &in, &got), 1);
		ck_assert_int_eq(got, -1);
		ck_assert_uint_eq(in.type, IPC_READY);
		ck_assert_uint_eq(in.slot, i);
		ck_assert_uint_eq(in.value, UINT64_MAX - i);
		/* Too long a text is cut, never read past its end. */
		ck_assert_uint_eq(strlen(in.text), sizeof(in.text) - 1);
		ck_assert_int_eq(in.text[0], 'a' + (int)i);
	}
	ck_assert_int_eq(ipc_recv(fd[0], &in, &got), 0);
}
END_TEST

START_TEST(descriptor)
{
	struct ipc_msg m = {.type = IPC_LEND, .slot = 3}, in;
	int p[2], got;
	char c = 0;

	ck_assert_int_eq(pipe(p), 0);
	ck_assert(ipc_send(fd[0], &m, p[1]));
	close(p[1]);
	ck_assert_int_eq(ipc_recv(fd[1], &in, &got), 1);
	ck_assert_uint_eq(in.slot, 3);
	ck_assert_int_ne(got, -1);
	ck_assert_int_ne(fcntl(got, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_eq(write(got, "x", 1), 1);
	ck_assert_int_eq(read(p[0], &c, 1), 1);
	ck_assert_int_eq(c, 'x');
	close(got);
	/* That was the last writer: nothing was left open on the way. */
	ck_assert_int_eq(read(p[0], &c, 1), 0);
	close(p[0]);
	/* A message behind one with a descriptor doesn't get it. */
	ck_assert(ipc_send(fd[0], &m, -1));
	ck_assert_int_eq(ipc_recv(fd[1], &in, &got), 1);
	ck_assert_int_eq(got, -1);
}
END_TEST

START_TEST(dead_peer)
{
	struct ipc_msg m = {.type = IPC_DRAINED}, in;
	int got, status;
	pid_t pid = fork();

	if (pid == 0) {
		close(fd[0]);
		_exit(ipc_send(fd[1], &m, -1) ? 0 : 1);
	}
	close(fd[1]);
	fd[1] = -1;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	/* What it said last still arrives, then the end shows, again and again. */
	ck_assert_int_eq(ipc_recv(fd[0], &in, &got), 1);
	ck_assert_uint_eq(in.type, IPC_DRAINED);
	ck_assert_int_eq(ipc_recv(fd[0], &in, &got), -1);
	ck_assert_int_eq(ipc_recv(fd[0], &in, &got), -1);
	ck_assert_int_eq(got, -1);
	/* An error, and no SIGPIPE. */
	ck_assert(!ipc_send(fd[0], &m, -1));
	ck_assert_int_eq(errno, EPIPE);
}
END_TEST

START_TEST(full_queue)
{
	struct ipc_msg m = {.type = IPC_DRAIN}, in;
	int sent = 0, got, received = 0;

	while (sent < 100000 && ipc_send(fd[0], &m, -1))
		sent++;
	ck_assert_int_gt(sent, 1);
	ck_assert_int_lt(sent, 100000);
	ck_assert_int_eq(errno, EAGAIN);
	while (ipc_recv(fd[1], &in, &got) == 1)
		received++;
	ck_assert_int_eq(received, sent);
	ck_assert(ipc_send(fd[0], &m, -1));
}
END_TEST

/* A peer of another make: too short, too long, with more descriptors than one. */
START_TEST(broken_peer)
{
	struct ipc_msg in;
	char big[sizeof(in) + 1] = {0};
	int got;

	ck_assert_int_eq(send(fd[0], big, sizeof(in) - 1, 0), sizeof(in) - 1);
	ck_assert_int_eq(ipc_recv(fd[1], &in, &got), -1);
	ck_assert_int_eq(send(fd[0], big, sizeof(big), 0), sizeof(big));
	ck_assert_int_eq(ipc_recv(fd[1], &in, &got), -1);
	ck_assert_int_eq(got, -1);
}
END_TEST

START_TEST(surplus_descriptors_are_closed)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(3 * sizeof(int))];
	} control = {0};
	struct ipc_msg m = {.type = IPC_LEND}, in;
	struct iovec iov = {.iov_base = &m, .iov_len = sizeof(m)};
	struct msghdr hdr = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.room,
	    .msg_controllen = sizeof(control.room)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&hdr);
	int p[2], got;
	char byte;

	ck_assert_int_eq(pipe(p), 0);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(3 * sizeof(int));
	for (size_t i = 0; i < 3; i++)
		memcpy(CMSG_DATA(c) + i * sizeof(int), &p[1], sizeof(int));
	ck_assert_int_eq(sendmsg(fd[0], &hdr, 0), sizeof(m));
	close(p[1]);
	ck_assert_int_eq(ipc_recv(fd[1], &in, &got), 1);
	ck_assert_int_ne(got, -1);
	close(got);
	ck_assert_int_eq(read(p[0], &byte, 1), 0);
	close(p[0]);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("ipc");
	TCase *t = tcase_create("ipc");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, pair);
	tcase_add_test(t, messages_stay_apart);
	tcase_add_test(t, descriptor);
	tcase_add_test(t, dead_peer);
	tcase_add_test(t, full_queue);
	tcase_add_test(t, broken_peer);
	tcase_add_test(t, surplus_descriptors_are_closed);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
