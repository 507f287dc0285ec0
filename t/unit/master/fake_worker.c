/*
 * A worker without trackers and database, for the tests of the master: it beats, obeys the
 * master's messages, and answers each connection with "slot pid\n". How it behaves comes
 * from the configuration, so that a reload can change it: DATABASE_URL=dbname=MODE.
 *
 *   exit    says why and leaves before being ready
 *   never   is never ready
 *   away    doesn't reach the database
 *   late    reaches it after half a second
 *   stuck   doesn't leave when asked to drain
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/trace_request.h"
#include "common/ipc.h"
#include "common/log.h"
#include "worker/worker.h"

#define MAX_FDS 64

struct fake {
	const struct worker_env *env;
	struct shm_worker *shm;
	struct pollfd fds[MAX_FDS]; /* the first is the worker channel */
	int slot[MAX_FDS];
	int n;
	bool draining;
};

static bool
mode(const struct fake *f, const char *name)
{
	return strstr(f->env->conf->database_url, name) != NULL;
}

static void
add(struct fake *f, int fd, int slot)
{
	if (f->n == MAX_FDS) {
		close(fd);
		return;
	}
	f->fds[f->n] = (struct pollfd){.fd = fd, .events = POLLIN};
	f->slot[f->n++] = slot;
}

static void
drop(struct fake *f, int slot)
{
	int i, n = 1;

	for (i = 1; i < f->n; i++) {
		if (slot != -1 && f->slot[i] != slot) {
			f->fds[n] = f->fds[i];
			f->slot[n++] = f->slot[i];
		} else {
			close(f->fds[i].fd);
		}
	}
	f->n = n;
}

static void
tell(struct fake *f, enum ipc_type type, const char *text)
{
	struct ipc_msg msg = {.type = type};

	snprintf(msg.text, sizeof(msg.text), "%s", text);
	if (!ipc_send(f->env->channel_fd, &msg, -1))
		log_warn("the master does not hear: %s", strerror(errno));
}

/* Shows that it has the client's descriptor and knows which device to follow. */
static void
trace(const struct fake *f, const struct ipc_msg *msg, int fd)
{
	struct trace_request request;
	char text[128];
	int64_t until;

	if (fd == -1 || !trace_request_from_ipc(msg, &request, &until))
		return;
	snprintf(text, sizeof(text), "{\"event\":\"fake\",\"worker\":%d,\"imei\":\"%llu\"}",
	    f->env->slot, (unsigned long long)request.imei);
	(void)send(fd, text, strlen(text), MSG_NOSIGNAL);
	close(fd);
}

/* Returns an exit status, or -1 to go on. */
static int
obey(struct fake *f, const struct ipc_msg *msg, int fd)
{
	switch (msg->type) {
	case IPC_DRAIN:
		atomic_store(&f->shm->accepting, 0);
		drop(f, -1);
		f->draining = true;
		if (mode(f, "stuck"))
			return -1;
		tell(f, IPC_DRAINED, "");
		return 0;
	case IPC_LEND:
		add(f, fd, (int)msg->slot);
		return -1;
	case IPC_TAKE_BACK:
		drop(f, (int)msg->slot);
		return -1;
	case IPC_REOPEN_LOG:
		return log_reopen() ? -1 : 1;
	case IPC_TRACE:
		trace(f, msg, fd);
		return -1;
	case IPC_CLEAN_UP:
		log_info("told to clean up after owner %llu", (unsigned long long)msg->value);
		return -1;
	default:
		return 1;
	}
}

static int
channel(struct fake *f)
{
	struct ipc_msg msg;
	int r, fd, status;

	while ((r = ipc_recv(f->env->channel_fd, &msg, &fd)) == 1) {
		status = obey(f, &msg, fd);
		if (status != -1)
			return status;
	}
	return r == -1 ? 0 : -1;
}

static void
serve(struct fake *f, int listen_fd)
{
	char text[64];
	int fd = accept(listen_fd, NULL, NULL);

	if (fd == -1)
		return;
	stats_begin(&f->shm->stats);
	stats_add(&f->shm->stats.connections, 1);
	stats_end(&f->shm->stats);
	snprintf(text, sizeof(text), "%d %ld\n", f->env->slot, (long)getpid());
	(void)send(fd, text, strlen(text), MSG_NOSIGNAL);
	close(fd);
}

static int
loop(struct fake *f)
{
	int i, status;

	for (;;) {
		if (poll(f->fds, (nfds_t)f->n, 50) == -1 && errno != EINTR)
			return 1;
		atomic_fetch_add(&f->shm->heartbeat, 1);
		if (f->fds[0].revents != 0) {
			status = channel(f);
			if (status != -1)
				return status;
		}
		for (i = 1; i < f->n; i++)
			if ((f->fds[i].revents & POLLIN) != 0)
				serve(f, f->fds[i].fd);
	}
}

int
worker_main(const struct worker_env *env)
{
	struct fake f = {.env = env, .shm = &env->shm->slots[env->slot].block[env->block]};
	sigset_t none;
	int i;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	add(&f, env->channel_fd, -1);
	for (i = 0; i < env->nlisten; i++)
		add(&f, env->listen_fds[i], env->slot);
	if (mode(&f, "exit")) {
		tell(&f, IPC_START_FAILED, "told to fail");
		return 1;
	}
	if (mode(&f, "never"))
		return loop(&f);
	atomic_store(&f.shm->accepting, 1);
	tell(&f, IPC_READY, "");
	if (mode(&f, "late"))
		usleep(500000);
	if (!mode(&f, "away")) {
		stats_set(&f.shm->stats.db_up, 1);
		tell(&f, IPC_CONTACT, "");
	}
	return loop(&f);
}
