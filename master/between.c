/*
 * The processes of an upgrade: the old master forks a go-between, and that the successor.
 *
 * A service manager waits for its own children only: were the main process another's, a stop would kill what
 * it should wait for. Once the go-between is gone the successor is a child of process 1 (or of the nearest
 * subreaper: a manager of its own). Until then the go-between tells how the successor ended. It has nothing to
 * do with any signal and blocks them all; what ends it is the successor's end, between_let_go(), and the
 * old master's death.
 */
#include "config.h"

#include "master/master.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "master/descriptors.h"
#include "master/title.h"

/* The environment without a handover of our own start, and with the new one at its end. */
static char **
environment(char entry[64], int fd)
{
	size_t n = 0, i;
	char **env;

	while (environ[n] != NULL)
		n++;
	env = calloc(n + 2, sizeof(*env));
	if (env == NULL)
		return NULL;
	for (i = 0; i < n; i++)
		env[i] = environ[i];
	snprintf(entry, 64, HANDOVER_ENV "=%d", fd);
	env[n] = entry;
	return env;
}

/* In the child: everything but what is handed over. */
static void
close_others(const struct handover *h, int text_fd)
{
	int *keep = calloc(HANDOVER_SINGLE + (size_t)(h->naddr * h->nslots) + 1, sizeof(*keep)), n;

	/* All of ours are closed by execve() at the latest: what is left open then is another's. */
	if (keep == NULL)
		return;
	n = handover_descriptors(h, keep);
	keep[n++] = text_fd;
	if (!descriptors_close_all_but(keep, n))
		log_debug("upgrade: closing what is not handed over: %s", strerror(errno));
	free(keep);
}

static void __attribute__((noreturn))
execute(const struct master *m, const struct handover *h, int text_fd, int report)
{
	static const int list[] = {SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGCHLD, SIGPIPE};
	struct sigaction sa = {.sa_handler = SIG_DFL};
	const char *argv[5];
	char entry[64], **env;
	const pid_t pid = getpid();
	sigset_t none;
	size_t i;
	int n = 0;

	/* Before all else: a successor that nobody knows would take charge one day. */
	if (write(report, &pid, sizeof(pid)) != sizeof(pid))
		_exit(1);
	argv[n++] = m->program;
	if (!m->background)
		argv[n++] = "-f";
	if (m->conf_file != NULL) {
		argv[n++] = "-c";
		argv[n++] = m->conf_file;
	}
	argv[n] = NULL;
	for (i = 0; i < sizeof(list) / sizeof(*list); i++)
		(void)sigaction(list[i], &sa, NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	close_others(h, text_fd);
	handover_cloexec(h, false);
	(void)fcntl(text_fd, F_SETFD, 0);
	env = environment(entry, text_fd);
	if (env != NULL)
		(void)execve(m->program, (char *const *)argv, env);
	if (!handover_say(
		h->talk, "failed 1 %.300s can't be executed: %s", m->program, strerror(errno)))
		_exit(127);
	_exit(1);
}

static void __attribute__((noreturn))
stand_between(const struct master *m, const struct handover *h, int text_fd, int report)
{
	pid_t master = getppid(), pid;
	int keep[1] = {report}, status = 0;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != master)
		_exit(1);
	pid = fork();
	if (pid == 0)
		execute(m, h, text_fd, report);
	if (pid == -1) {
		pid = -errno;
		_exit(write(report, &pid, sizeof(pid)) == sizeof(pid) ? 0 : 1);
	}
	title_set("telematics-gateway: upgrade", "gateway-upgrade");
	/* What the successor has is closed by its end, not by ours. */
	if (!descriptors_close_all_but(keep, 1))
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	_exit(write(report, &status, sizeof(status)) == sizeof(status) ? 0 : 1);
}

bool
between_start(struct master *m, const struct handover *h, int text_fd)
{
	struct upgrade *u = &m->upgrade;
	int report[2], saved;
	sigset_t all, old;
	pid_t pid = 0;

	if (pipe2(report, O_CLOEXEC) == -1)
		return false;
	fflush(NULL);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	u->between = fork();
	if (u->between == 0)
		stand_between(m, h, text_fd, report[1]);
	saved = errno;
	close(report[1]);
	/* A fork's time. It ends without an answer if both are dead. */
	if (u->between != -1 && read(report[0], &pid, sizeof(pid)) != sizeof(pid))
		pid = -ECHILD;
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (u->between != -1 && pid > 0 && fcntl(report[0], F_SETFL, O_NONBLOCK) == 0) {
		u->pid = pid;
		u->report = report[0];
		return true;
	}
	close(report[0]);
	errno = u->between == -1 ? saved : -pid;
	return false;
}

bool
between_told(struct upgrade *u, int *status)
{
	bool told = read(u->report, status, sizeof(*status)) == sizeof(*status);

	close(u->report);
	u->report = -1;
	u->between = 0;
	return told;
}

bool
between_let_go(struct upgrade *u, int *status)
{
	(void)kill(u->between, SIGKILL);
	while (waitpid(u->between, NULL, 0) == -1 && errno == EINTR)
		;
	return !between_told(u, status);
}
