/* Messages to the service manager, received on a real datagram socket. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "master/sd_notify.h"

static char dir[64], path[96];
static int fd;

static void
bind_to(const char *name, size_t len)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	memcpy(un.sun_path, name, len);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&un,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
	    0);
}

/* What was sent, or "" if nothing was. */
static const char *
received(void)
{
	static char text[1024];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void
setup(void)
{
	strcpy(dir, "/tmp/check_notify.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/socket", dir);
	fd = -1;
}

static void
teardown(void)
{
	if (fd != -1)
		close(fd);
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unlink(path);
	(void)rmdir(dir);
}

START_TEST(all_states)
{
	long long usec = 0;

	bind_to(path, strlen(path) + 1);
	ck_assert_int_eq(setenv("NOTIFY_SOCKET", path, 1), 0);
	sd_notify_ready("ready: 4 workers");
	ck_assert_str_eq(received(), "READY=1\nSTATUS=ready: 4 workers");
	sd_notify_reloading();
	ck_assert_int_eq(
	    sscanf(received(), "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reloading", &usec), 1);
	ck_assert(usec > 0);
	sd_notify_stopping();
	ck_assert_str_eq(received(), "STOPPING=1\nSTATUS=draining");
	sd_notify_main_pid(4711);
	ck_assert_str_eq(received(), "MAINPID=4711");
}
END_TEST

START_TEST(abstract_name)
{
	char name[96];
	size_t len = (size_t)snprintf(name, sizeof(name), "@check_notify.%ld", (long)getpid());

	ck_assert_int_eq(setenv("NOTIFY_SOCKET", name, 1), 0);
	name[0] = '\0';
	bind_to(name, len);
	ck_assert(sd_notify_send("READY=%d", 1));
	ck_assert_str_eq(received(), "READY=1");
}
END_TEST

START_TEST(nobody_listens)
{
	char text[600];

	ck_assert(sd_notify_send("READY=1"));
	ck_assert_int_eq(setenv("NOTIFY_SOCKET", "", 1), 0);
	ck_assert(sd_notify_send("READY=1"));
	ck_assert_int_eq(setenv("NOTIFY_SOCKET", path, 1), 0);
	ck_assert(!sd_notify_send("READY=1"));
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_int_eq(setenv("NOTIFY_SOCKET", "relative", 1), 0);
	ck_assert(!sd_notify_send("READY=1"));
	ck_assert_int_eq(errno, EINVAL);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	text[0] = '/';
	ck_assert_int_eq(setenv("NOTIFY_SOCKET", text, 1), 0);
	ck_assert(!sd_notify_send("READY=1"));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(setenv("NOTIFY_SOCKET", path, 1), 0);
	ck_assert(!sd_notify_send("%s", text));
	ck_assert_int_eq(errno, EMSGSIZE);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("notify");
	TCase *tc = tcase_create("notify");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, all_states);
	tcase_add_test(tc, abstract_name);
	tcase_add_test(tc, nobody_listens);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
