#include "config.h"

#include "master/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "master/descriptors.h"

struct report {
	int status;
	char why[508];
};

/* The command: waits for one report, or for the end of the daemon without any. */
static void
wait_for_report(int fd)
{
	struct report r;
	ssize_t n;

	do
		n = read(fd, &r, sizeof(r));
	while (n == -1 && errno == EINTR);
	if (n != (ssize_t)sizeof(r)) {
		fprintf(stderr, "telematics-gateway: the daemon died while starting\n");
		_exit(1);
	}
	r.why[sizeof(r.why) - 1] = '\0';
	if (r.why[0] != '\0')
		fprintf(stderr, "telematics-gateway: %s\n", r.why);
	_exit(r.status);
}

bool
daemon_start(struct daemon *d)
{
	int fd[2];
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC) == -1)
		return false;
	fflush(NULL);
	pid = fork();
	if (pid == -1) {
		close(fd[0]);
		close(fd[1]);
		return false;
	}
	if (pid > 0) {
		close(fd[1]);
		wait_for_report(fd[0]);
	}
	/* What the caller's shell had open (locks, pipes) is not ours to hold for life. */
	if (!descriptors_close_all_but(&fd[1], 1))
		log_warn("closing what the caller had open: %s", strerror(errno));
	/* A session of its own, then a child that leads none: it can't get a terminal any more. */
	if (setsid() == -1)
		_exit(1);
	pid = fork();
	if (pid != 0)
		_exit(pid == -1 ? 1 : 0);
	(void)umask(022);
	d->report_fd = fd[1];
	return true;
}

static void
send_report(struct daemon *d, int status, const char *why)
{
	struct report r = {.status = status};

	snprintf(r.why, sizeof(r.why), "%s", why);
	/* Less than PIPE_BUF: whole or not at all. If the command is gone, nobody wants it. */
	while (write(d->report_fd, &r, sizeof(r)) == -1 && errno == EINTR)
		;
	close(d->report_fd);
	d->report_fd = -1;
}

void
daemon_detach(void)
{
	int fd, i;

	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd == -1 || chdir("/") == -1) {
		log_warn("leaving the terminal: %s", strerror(errno));
		if (fd == -1)
			return;
	}
	for (i = 0; i <= 2; i++)
		(void)dup2(fd, i);
	if (fd > 2)
		close(fd);
}

void
daemon_ready(struct daemon *d)
{
	if (d->report_fd != -1)
		send_report(d, 0, "");
}

void
daemon_failed(struct daemon *d, int status, const char *why)
{
	if (d->report_fd != -1)
		send_report(d, status, why);
	else
		fprintf(stderr, "telematics-gateway: %s\n", why);
}

void
daemon_raise_fd_limit(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1 || rl.rlim_cur == rl.rlim_max)
		return;
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		log_warn("raising the limit of descriptors: %s", strerror(errno));
}
