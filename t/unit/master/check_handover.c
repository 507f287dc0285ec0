/* What a master hands to its successor: written, read back, refused when it is anything else. */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "master/handover.h"

#define NADDR 2
#define NSLOTS 3

static char err[CONF_ERR];
static int fds[NADDR * NSLOTS], blocks[NSLOTS] = {0, 1, 1};
static int pair[2], life[2], own[2], other;

static struct handover
sample(void)
{
	struct handover h = {.talk = pair[1],
	    .life = life[0],
	    .own_life = {own[0], own[1]},
	    .pidfile = {.path = "/run/a folder/gw.pid", .fd = other},
	    .metrics = -1,
	    .memory = other,
	    .background = true,
	    .instance = INT64_C(4611686018427387904),
	    .generation = 4000000000u,
	    .naddr = NADDR,
	    .nslots = NSLOTS,
	    .fds = fds,
	    .block = blocks,
	    .nnames = 2,
	    .names = {{"db.example", "192.0.2.1 2001:db8::1"}, {"db2.example", "192.0.2.2"}}};

	return h;
}

static void
setup(void)
{
	int i;

	ck_assert_int_eq(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	ck_assert_int_eq(pipe2(life, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(own, O_CLOEXEC), 0);
	other = open("/dev/null", O_RDWR | O_CLOEXEC);
	ck_assert_int_gt(other, 2);
	for (i = 0; i < NADDR * NSLOTS; i++)
		fds[i] = i == 5 ? -1 : fcntl(other, F_DUPFD_CLOEXEC, 100);
}

START_TEST(there_and_back)
{
	struct handover h = sample(), r;
	int fd = handover_write(&h);

	ck_assert_int_ne(fd, -1);
	ck_assert_msg(handover_read(&r, fd, err), "%s", err);
	ck_assert(r.present && r.background);
	ck_assert_int_eq(r.talk, h.talk);
	ck_assert_int_eq(r.instance, h.instance);
	ck_assert_int_eq(r.life, h.life);
	ck_assert_int_eq(r.own_life[0], own[0]);
	ck_assert_int_eq(r.own_life[1], own[1]);
	ck_assert_int_eq(r.pidfile.fd, other);
	ck_assert_str_eq(r.pidfile.path, h.pidfile.path);
	ck_assert_int_eq(r.metrics, -1);
	ck_assert_int_eq(r.memory, other);
	ck_assert_uint_eq(r.generation, 4000000000u);
	ck_assert_int_eq(r.naddr, NADDR);
	ck_assert_int_eq(r.nslots, NSLOTS);
	ck_assert_int_eq(memcmp(r.fds, fds, sizeof(fds)), 0);
	ck_assert_int_eq(memcmp(r.block, blocks, sizeof(blocks)), 0);
	ck_assert_int_eq(r.nnames, 2);
	ck_assert_str_eq(r.names[0].host, "db.example");
	ck_assert_str_eq(r.names[0].addresses, "192.0.2.1 2001:db8::1");
	ck_assert_str_eq(r.names[1].host, "db2.example");
	ck_assert_str_eq(r.names[1].addresses, "192.0.2.2");
	handover_cloexec(&r, false);
	ck_assert_int_eq(fcntl(pair[1], F_GETFD), 0);
	ck_assert_int_eq(fcntl(fds[0], F_GETFD), 0);
	handover_cloexec(&r, true);
	ck_assert_int_eq(fcntl(pair[1], F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
	handover_forget(&r);
	ck_assert(!r.present);
	ck_assert_int_eq(r.talk, -1);
	/* Without a pidfile. */
	h.pidfile.fd = -1;
	fd = handover_write(&h);
	ck_assert_msg(handover_read(&r, fd, err), "%s", err);
	ck_assert_int_eq(r.pidfile.fd, -1);
	handover_forget(&r);
}
END_TEST

static bool
reads(const char *text, size_t len)
{
	struct handover r;
	int fd = memfd_create("text", MFD_CLOEXEC);
	bool ok;

	ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
	ok = handover_read(&r, fd, err);
	ck_assert_int_eq(r.present, ok);
	handover_forget(&r);
	close(fd);
	return ok;
}

/* Every shorter text, every descriptor that isn't open, every number out of range. */
START_TEST(anything_else_is_refused)
{
	struct handover h = sample();
	char text[4096], *p;
	h.nnames = 0; /* behind the end nothing is needed */
	int fd = handover_write(&h);
	ssize_t len = pread(fd, text, sizeof(text) - 1, 0);

	ck_assert_int_gt(len, 0);
	text[len] = '\0';
	ck_assert(reads(text, (size_t)len));
	/* Behind the end stands what older releases don't say. */
	p = strstr(text, "end\n");
	ck_assert_ptr_nonnull(p);
	ck_assert(reads(text, (size_t)(p + 4 - text)));
	for (ssize_t n = 0; n < p + 3 - text; n++)
		ck_assert_msg(!reads(text, (size_t)n), "the first %zd of %zd bytes", n, len);
	ck_assert_ptr_nonnull(strstr(err, "can't be read"));
	p = strstr(text, "handover 2");
	p[9] = '9';
	ck_assert(!reads(text, (size_t)len));
	ck_assert_ptr_nonnull(strstr(err, "restart instead"));
	p[9] = '2';
	p = strstr(text, "sockets 2 3");
	p[8] = '0';
	ck_assert(!reads(text, (size_t)len));
	p[8] = '2';
	p[10] = '0';
	ck_assert(!reads(text, (size_t)len));
	p[10] = '3';
	p = strstr(text, "slot 1");
	p[5] = '2';
	ck_assert(!reads(text, (size_t)len));
	p[5] = '1';
	ck_assert(reads(text, (size_t)len));
	close(fds[2]);
	ck_assert(!reads(text, (size_t)len));
}
END_TEST

START_TEST(by_the_environment)
{
	struct handover h = sample(), r;
	char value[16];

	ck_assert_int_eq(unsetenv(HANDOVER_ENV), 0);
	ck_assert(handover_take(&r, err));
	ck_assert(!r.present);
	ck_assert_int_eq(r.talk, -1);
	snprintf(value, sizeof(value), "%d", handover_write(&h));
	ck_assert_int_eq(setenv(HANDOVER_ENV, value, 1), 0);
	ck_assert_msg(handover_take(&r, err), "%s", err);
	ck_assert(r.present);
	ck_assert_ptr_null(getenv(HANDOVER_ENV));
	handover_forget(&r);
	for (const char *const *bad = (const char *const[]){"", "x", "-1", "1", "99999", NULL};
	     *bad; bad++) {
		ck_assert_int_eq(setenv(HANDOVER_ENV, *bad, 1), 0);
		ck_assert_msg(!handover_take(&r, err), "%s", *bad);
		ck_assert(!r.present);
		ck_assert_ptr_null(getenv(HANDOVER_ENV));
	}
}
END_TEST

START_TEST(talk)
{
	char text[HANDOVER_SAYS], longer[HANDOVER_SAYS * 2];

	ck_assert_int_eq(handover_hear(pair[0], text), 0);
	ck_assert(handover_say(pair[1], "failed %d %s", 2, "for a reason"));
	ck_assert(handover_say(pair[1], "ready"));
	ck_assert_int_eq(handover_hear(pair[0], text), 1);
	ck_assert_str_eq(text, "failed 2 for a reason");
	ck_assert_int_eq(handover_hear(pair[0], text), 1);
	ck_assert_str_eq(text, "ready");
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	ck_assert(handover_say(pair[1], "%s", longer));
	ck_assert_int_eq(handover_hear(pair[0], text), 1);
	ck_assert_uint_eq(strlen(text), HANDOVER_SAYS - 1);
	close(pair[1]);
	ck_assert_int_eq(handover_hear(pair[0], text), -1);
	ck_assert(!handover_say(pair[0], "go"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("handover");
	TCase *tc = tcase_create("handover");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, there_and_back);
	tcase_add_test(tc, anything_else_is_refused);
	tcase_add_test(tc, by_the_environment);
	tcase_add_test(tc, talk);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
