/*
 * What a worker gives up: in a child, as it can't be taken back. Denied calls answer EPERM, the
 * ordinary ones work as before.
 */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/sandbox.h"

#define SKIPPED 77

static long
status_line(const char *name)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	long value = -1;

	if (f == NULL)
		return -1;
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			value = strtol(line + strlen(name) + 1, NULL, 10);
	fclose(f);
	return value;
}

static bool
denied(long number)
{
	errno = 0;
	return syscall(number, 0L, 0L, 0L, 0L, 0L, 0L) == -1 && errno == EPERM;
}

/* Exit status: 0, SKIPPED, or the number of the line that found something wrong. */
#define expect(x) \
	do { \
		if (!(x)) \
			_exit(__LINE__ % 76 + 1); \
	} while (0)

static void __attribute__((noreturn)) child(void)
{
	struct addrinfo *res = NULL;
	const char *why;
	int fd;

	expect(harden_no_new_privs());
	expect(status_line("NoNewPrivs:") == 1);
	why = harden_filter();
	if (why != NULL) {
		fprintf(stderr, "no filter here: %s\n", why);
		_exit(SKIPPED);
	}
	expect(status_line("Seccomp:") == 2);
	expect(denied(SYS_execve) && denied(SYS_ptrace) && denied(SYS_mount));
	expect(denied(SYS_bpf) && denied(SYS_setresuid) && denied(SYS_setuid));
	expect(denied(SYS_init_module) && denied(SYS_keyctl) && denied(SYS_open_by_handle_at));
	expect(denied(SYS_unshare) && denied(SYS_kexec_load) && denied(SYS_perf_event_open));
#ifdef __x86_64__
	/* The last instruction but one, and an x32 call, which passes the list by. */
	expect(denied(0x40000000L + SYS_getpid));
#endif
	expect(getpid() > 0 && kill(getpid(), 0) == 0);
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	expect(fd >= 0 && write(fd, "x", 1) == 1 && close(fd) == 0);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	expect(fd >= 0 && close(fd) == 0);
	expect(getaddrinfo("127.0.0.1", "5432", NULL, &res) == 0);
	freeaddrinfo(res);
	free(malloc((size_t)64 << 20));
	_exit(0);
}

START_TEST(given_up_for_good)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		child();
	ck_assert_int_ne(pid, -1);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	if (WEXITSTATUS(status) != SKIPPED)
		ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("harden");
	TCase *tc = tcase_create("harden");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, given_up_for_good);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
