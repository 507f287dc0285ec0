/*
 * What a process gives up: in a child, as it can't be taken back. What is not allowed fails, is counted and
 * told, and kills nobody; ordinary calls work as before.
 */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/sandbox.h"

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

static _Atomic uint64_t counted;

static bool
fails(long number, int error)
{
	errno = 0;
	return syscall(number, 0L, 0L, 0L, 0L, 0L, 0L) == -1 && errno == error;
}

/* Counted, and told once. */
static bool
denied(long number, int error)
{
	uint64_t before = atomic_load(&counted);

	return fails(number, error) && atomic_load(&counted) == before + 1 &&
	       sandbox_take_denied() == (int)number && sandbox_take_denied() == -1;
}

static void *
idle(void *arg)
{
	return arg;
}

/* Exit status: 0, SKIPPED, or the number of the line that found something wrong. */
#define expect(x) \
	do { \
		if (!(x)) \
			_exit(__LINE__ % 76 + 1); \
	} while (0)

static void
check_denied(void)
{
	pthread_t thread;

	expect(denied(SYS_ptrace, EPERM) && denied(SYS_mount, EPERM) && denied(SYS_bpf, EPERM));
	expect(denied(SYS_setresuid, EPERM) && denied(SYS_unshare, EPERM) &&
	       denied(SYS_keyctl, EPERM));
	expect(denied(SYS_ftruncate, EPERM) && denied(SYS_unlinkat, EPERM));
	expect(denied(SYS_prctl, EPERM) && denied(SYS_kill, EPERM));
	expect(denied(SYS_kexec_load, ENOSYS) && denied(SYS_memfd_create, ENOSYS));
	expect(denied(SYS_listen, ENOSYS));
	/* Newer than anything. */
	expect(denied(4000, ENOSYS));
	/* By arguments: a socket of another kind, another process. */
	expect(socket(AF_PACKET, SOCK_RAW, 0) == -1 && errno == EPERM);
	expect(sandbox_take_denied() == SYS_socket);
	expect(syscall(SYS_tgkill, getppid(), getppid(), 0) == -1 && errno == EPERM);
	expect(sandbox_take_denied() == SYS_tgkill);
	expect(
	    prlimit(getppid(), RLIMIT_NOFILE, NULL, &(struct rlimit){0}) == -1 && errno == EPERM);
	expect(sandbox_take_denied() == SYS_prlimit64);
	/* Nothing makes a process, whoever asks and with whatever signals blocked. */
	expect(
	    fails(SYS_execve, EPERM) && fork() == -1 && vfork() == -1 && fails(SYS_clone3, ENOSYS));
	expect(system("true") != 0);
	expect(popen("true", "r") == NULL);
	expect(pthread_create(&thread, NULL, idle, NULL) != 0);
#ifdef __x86_64__
	/* An x32 call, which passes the list by. */
	expect(fails(0x40000000L + SYS_getpid, EPERM));
#endif
}

static void __attribute__((noreturn)) child(void)
{
	struct addrinfo *res = NULL;
	struct rlimit limit;
	const char *why;
	int fd;

	expect(sandbox_no_new_privs());
	expect(status_line("NoNewPrivs:") == 1);
	why = sandbox_filter(&counted);
	if (why != NULL) {
		fprintf(stderr, "no filter here: %s\n", why);
		_exit(SKIPPED);
	}
	expect(status_line("Seccomp:") == 2);
	check_denied();
	expect(getpid() > 0 && raise(SIGCHLD) == 0);
	expect(prlimit(0, RLIMIT_NOFILE, NULL, &limit) == 0);
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	expect(fd >= 0 && write(fd, "x", 1) == 1 && close(fd) == 0);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	expect(fd >= 0 && close(fd) == 0);
	expect(getaddrinfo("127.0.0.1", "5432", NULL, &res) == 0);
	freeaddrinfo(res);
	expect(getaddrinfo("localhost", "5432", NULL, &res) == 0);
	freeaddrinfo(res);
	expect(getpwuid(getuid()) != NULL || errno == 0 || errno == ENOENT);
	free(malloc((size_t)64 << 20));
	/* All of that is on the list. */
	expect(sandbox_take_denied() == -1);
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
	ck_assert_msg(WIFEXITED(status), "killed by %d", WTERMSIG(status));
	if (WEXITSTATUS(status) != SKIPPED)
		ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

START_TEST(nobody_looks_in)
{
	char path[64];
	int fd, status;
	pid_t pid = fork();

	if (pid == 0) {
		/* Root may look into everything. */
		expect(geteuid() != 0 || setresuid(65534, 65534, 65534) == 0);
		expect(sandbox_dumpable(true) && prctl(PR_GET_DUMPABLE) == 1);
		expect(sandbox_dumpable(false));
		if (prctl(PR_GET_DUMPABLE) == 1)
			_exit(SKIPPED);
		snprintf(path, sizeof(path), "/proc/%d/mem", getpid());
		pid = fork();
		if (pid == 0)
			_exit(open(path, O_RDONLY) == -1 && errno == EACCES ? 0 : 1);
		expect(waitpid(pid, &status, 0) == pid && status == 0);
		/* Its own it may still see. */
		fd = open("/proc/self/fd/2", O_WRONLY);
		expect(fd != -1 || errno == ENXIO || errno == EACCES);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	if (WEXITSTATUS(status) != SKIPPED)
		ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sandbox");
	TCase *tc = tcase_create("sandbox");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, given_up_for_good);
	tcase_add_test(tc, nobody_looks_in);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
