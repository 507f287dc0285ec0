/* A child keeps the descriptors of a list and no others (master/descriptors.h), by either way. */
#include "master/descriptors.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) != -1;
}

/* In a child whose descriptors for libcheck are closed. */
#define must(expr) \
	do { \
		if (!(expr)) \
			_exit(__LINE__ & 0xff); \
	} while (0)

static int
open_at(int fd)
{
	must(dup2(STDERR_FILENO, fd) == fd);
	return fd;
}

/* From 3 on: how many are open. */
static int
count(void)
{
	int n = 0;

	for (int fd = 3; fd < 1024; fd++)
		n += is_open(fd);
	return n;
}

static void __attribute__((noreturn)) keeps_the_list(void)
{
	int keep[] = {open_at(900), -1, open_at(40), open_at(41), open_at(40), STDOUT_FILENO};

	open_at(39);
	open_at(42);
	open_at(1000);
	must(descriptors_close_all_but(keep, 6));
	must(is_open(40) && is_open(41) && is_open(900));
	must(is_open(STDIN_FILENO) && is_open(STDOUT_FILENO) && is_open(STDERR_FILENO));
	must(count() == 3);
	/* From the first number on; and none at all. */
	keep[0] = open_at(3);
	must(descriptors_close_all_but(keep, 1));
	must(count() == 1);
	must(descriptors_close_all_but(keep, 0));
	must(count() == 0);
	_exit(0);
}

static void
ends_well(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

START_TEST(by_ranges)
{
	pid_t pid = fork();

	if (pid == 0)
		keeps_the_list();
	ends_well(pid);
}
END_TEST

/* A kernel without close_range(), or a filter that doesn't know it. */
START_TEST(by_list)
{
#ifdef SYS_close_range
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = 4, .filter = code};

	pid_t pid = fork();

	if (pid == 0) {
		must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
		/* Where filters are forbidden this shows the other way once more. */
		(void)prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
		keeps_the_list();
	}
	ends_well(pid);
#endif
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("descriptors");
	TCase *tc = tcase_create("descriptors");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, by_ranges);
	tcase_add_test(tc, by_list);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
