/*
 * Addresses of host names, for the workers' connections to PostgreSQL. A name server may be silent for
 * as long as it likes, so a process of its own waits for it: the resolver, the only child of the master
 * that isn't a worker. It is started by the first question; a configuration without host names has none.
 *
 * Workers ask the master, which asks the resolver, one question per name at a time. What was found last
 * is kept: it is the answer where the resolver finds nothing, or nothing in time.
 */
#include "config.h"

#include "master/master.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/clock.h"
#include "common/ipc.h"
#include "common/log.h"
#include "master/descriptors.h"
#include "master/resolver.h"

#define PATIENCE_MS 1000 /* then the last known addresses are the answer */
#define HANG_MS 60000	 /* then it won't come back */
#define RESPAWN_MS 1000

/* A worker that waits. */
struct asker {
	int slot, block;
	uint32_t serial;
	uint64_t value; /* its own number for the question */
};

struct name {
	char host[RESOLVER_NAME];
	char addresses[IPC_TEXT]; /* as found last, or "" */
	bool asked;		  /* the resolver is at it */
	int64_t asked_ms;
	bool said_stale; /* the log says that old addresses are in use */
	struct asker *askers;
	int naskers;
};

struct resolver {
	struct master *master;
	pid_t pid; /* 0: none */
	int channel;
	struct event *event, *timer;
	int64_t spawned_ms;
	struct name names[RESOLVER_NAMES];
	int nnames;
};

static void
close_channel(struct resolver *r)
{
	if (r->event != NULL)
		event_free(r->event);
	r->event = NULL;
	if (r->channel != -1)
		close(r->channel);
	r->channel = -1;
}

/* ---- answers ---- */

static void
tell(struct resolver *r, const struct asker *a, const char *addresses, const char *why)
{
	struct ipc_msg msg = {.type = IPC_RESOLVED, .value = a->value};
	struct worker_proc *p = &r->master->slots[a->slot].proc[a->block];

	if (p->pid == 0 || p->serial != a->serial || p->channel == -1)
		return;
	msg.slot = *addresses == '\0' ? IPC_NO_ADDRESS : 0;
	snprintf(msg.text, sizeof(msg.text), "%s", *addresses != '\0' ? addresses : why);
	if (!ipc_send(p->channel, &msg, -1))
		log_debug("worker %d (pid %ld) does not hear an address", p->slot, (long)p->pid);
}

static void
answer(struct resolver *r, struct name *n, const char *why)
{
	if (*why != '\0' && n->addresses[0] != '\0' && n->naskers > 0 && !n->said_stale) {
		log_warn("host \"%s\": %s; its last known addresses are used: %s", n->host, why,
		    n->addresses);
		n->said_stale = true;
	}
	for (int i = 0; i < n->naskers; i++)
		tell(r, &n->askers[i], n->addresses, why);
	free(n->askers);
	n->askers = NULL;
	n->naskers = 0;
}

static void
set_timer(struct resolver *r)
{
	int64_t now = clock_mono_ms(), due = INT64_MAX;
	struct timeval tv;

	for (int i = 0; i < r->nnames; i++) {
		const struct name *n = &r->names[i];
		int64_t at = n->asked_ms + (n->naskers > 0 ? PATIENCE_MS : HANG_MS);

		if (n->asked && at < due)
			due = at;
	}
	(void)evtimer_del(r->timer);
	if (due == INT64_MAX)
		return;
	due = due > now ? due - now : 0;
	tv.tv_sec = (time_t)(due / 1000);
	tv.tv_usec = (suseconds_t)(due % 1000) * 1000;
	(void)evtimer_add(r->timer, &tv);
}

static void
on_answer(struct resolver *r, const struct ipc_msg *msg)
{
	struct name *n;

	if (msg->type != IPC_RESOLVED || msg->value >= (uint64_t)r->nnames)
		return;
	n = &r->names[msg->value];
	n->asked = false;
	if (msg->slot == IPC_NO_ADDRESS) {
		answer(r, n, msg->text);
		return;
	}
	if (n->said_stale)
		log_info("host \"%s\" is found again: %s", n->host, msg->text);
	n->said_stale = false;
	snprintf(n->addresses, sizeof(n->addresses), "%s", msg->text);
	answer(r, n, "");
}

static void
on_channel(evutil_socket_t fd, short what, void *arg)
{
	struct resolver *r = arg;
	struct ipc_msg msg;
	int got, passed;

	(void)what;
	while ((got = ipc_recv(fd, &msg, &passed)) == 1) {
		if (passed != -1)
			close(passed);
		on_answer(r, &msg);
	}
	/* How it ended is told by SIGCHLD. */
	if (got == -1)
		close_channel(r);
	set_timer(r);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct resolver *r = arg;
	int64_t now = clock_mono_ms();

	(void)fd, (void)what;
	for (int i = 0; i < r->nnames; i++) {
		struct name *n = &r->names[i];

		if (!n->asked)
			continue;
		if (now - n->asked_ms >= PATIENCE_MS)
			answer(r, n, "the name server does not answer");
		if (now - n->asked_ms >= HANG_MS && r->pid != 0) {
			log_warn("the resolver (pid %ld) has been at \"%s\" for %d s; killing it",
			    (long)r->pid, n->host, HANG_MS / 1000);
			(void)kill(r->pid, SIGKILL);
			n->asked_ms = now;
		}
	}
	set_timer(r);
}

/* ---- the process ---- */

static void __attribute__((noreturn)) child(struct master *m, int channel)
{
	int keep[2] = {channel, log_keep_descriptor()};
	bool filter = m->conf->seccomp;
	pid_t parent = getppid();

	spawn_begin_child(m, "telematics-gateway: resolver", "gateway-names");
	log_set_ident("resolver");
	explicit_bzero(m->conf, sizeof(*m->conf));
	log_count_drops(NULL);
	shm_destroy(&m->shm);
	if (!descriptors_close_all_but(keep, 2))
		_exit(1);
	_exit(resolver_main(channel, parent, filter));
}

static bool
start(struct resolver *r)
{
	sigset_t all, old;
	int fd[2];

	if (!ipc_pair(fd))
		return false;
	r->event = event_new(r->master->base, fd[0], EV_READ | EV_PERSIST, on_channel, r);
	r->channel = fd[0];
	if (r->event == NULL || event_add(r->event, NULL) == -1) {
		close_channel(r);
		close(fd[1]);
		return false;
	}
	fflush(NULL);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	r->pid = fork();
	if (r->pid == 0)
		child(r->master, fd[1]);
	sigprocmask(SIG_SETMASK, &old, NULL);
	close(fd[1]);
	r->spawned_ms = clock_mono_ms();
	if (r->pid == -1) {
		r->pid = 0;
		close_channel(r);
		return false;
	}
	log_debug("the resolver (pid %ld) starts", (long)r->pid);
	return true;
}

/* One that has just died is not replaced at once. */
static bool
is_there(struct resolver *r)
{
	if (r->channel != -1)
		return true;
	if (r->pid != 0 || (r->spawned_ms != 0 && clock_mono_ms() - r->spawned_ms < RESPAWN_MS))
		return false;
	if (start(r))
		return true;
	log_error("the resolver can't be started: %s", strerror(errno));
	return false;
}

void
resolver_ended(struct master *m, int status)
{
	struct resolver *r = m->resolver;

	r->pid = 0;
	close_channel(r);
	if (m->phase != MASTER_STOPPING)
		log_error("the resolver has ended (%s %d)",
		    WIFSIGNALED(status) ? "signal" : "status",
		    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	for (int i = 0; i < r->nnames; i++) {
		r->names[i].asked = false;
		answer(r, &r->names[i], "the resolver has ended");
	}
	set_timer(r);
}

bool
resolver_is(const struct master *m, pid_t pid)
{
	return m->resolver != NULL && m->resolver->pid == pid;
}

/* ---- questions ---- */

static struct name *
find_name(struct resolver *r, const char *host)
{
	struct name *n;

	for (int i = 0; i < r->nnames; i++)
		if (strcmp(r->names[i].host, host) == 0)
			return &r->names[i];
	/* A configuration names a few; a reload may bring others. Of one that is asked for the number is out. */
	for (int i = 0; i < r->nnames && r->nnames == RESOLVER_NAMES; i++)
		if (!r->names[i].asked && r->names[i].naskers == 0) {
			n = &r->names[i];
			*n = (struct name){.asked = false};
			snprintf(n->host, sizeof(n->host), "%s", host);
			return n;
		}
	if (r->nnames == RESOLVER_NAMES)
		return NULL;
	n = &r->names[r->nnames++];
	snprintf(n->host, sizeof(n->host), "%s", host);
	return n;
}

static bool
add_asker(struct name *n, const struct asker *a)
{
	struct asker *more = realloc(n->askers, ((size_t)n->naskers + 1) * sizeof(*more));

	if (more == NULL)
		return false;
	more[n->naskers++] = *a;
	n->askers = more;
	return true;
}

static void
ask_resolver(struct resolver *r, struct name *n)
{
	struct ipc_msg msg = {.type = IPC_RESOLVE, .value = (uint64_t)(n - r->names)};

	if (n->asked)
		return;
	snprintf(msg.text, sizeof(msg.text), "%s", n->host);
	if (is_there(r) && ipc_send(r->channel, &msg, -1)) {
		n->asked = true;
		n->asked_ms = clock_mono_ms();
	} else {
		answer(r, n, "the resolver does not run");
	}
}

void
resolver_ask(struct worker_proc *p, const struct ipc_msg *msg)
{
	struct asker a = {
	    .slot = p->slot, .block = p->block, .serial = p->serial, .value = msg->value};
	struct resolver *r = p->master->resolver;
	struct name *n = NULL;

	if (strlen(msg->text) < RESOLVER_NAME)
		n = find_name(r, msg->text);
	if (n == NULL || !add_asker(n, &a)) {
		tell(r, &a, "", "too many names, or a name too long");
		return;
	}
	ask_resolver(r, n);
	/* It has been at it for a while: nobody waits for that again. */
	if (n->asked && clock_mono_ms() - n->asked_ms >= PATIENCE_MS)
		answer(r, n, "the name server does not answer");
	set_timer(r);
}

/* ---- the master ---- */

bool
resolver_begin(struct master *m)
{
	m->resolver = calloc(1, sizeof(*m->resolver));
	if (m->resolver == NULL)
		return false;
	m->resolver->master = m;
	m->resolver->channel = -1;
	m->resolver->timer = evtimer_new(m->base, on_timer, m->resolver);
	for (int i = 0; i < m->from.nnames; i++) {
		struct name *n = find_name(m->resolver, m->from.names[i].host);

		if (n != NULL)
			snprintf(
			    n->addresses, sizeof(n->addresses), "%s", m->from.names[i].addresses);
	}
	return m->resolver->timer != NULL;
}

int
resolver_known(const struct master *m, struct handover_name names[RESOLVER_NAMES])
{
	int n = 0;

	for (int i = 0; i < m->resolver->nnames; i++) {
		if (m->resolver->names[i].addresses[0] == '\0')
			continue;
		snprintf(names[n].host, sizeof(names[n].host), "%s", m->resolver->names[i].host);
		snprintf(names[n].addresses, sizeof(names[n].addresses), "%s",
		    m->resolver->names[i].addresses);
		n++;
	}
	return n;
}

void
resolver_end(struct master *m)
{
	struct resolver *r = m->resolver;

	if (r == NULL)
		return;
	close_channel(r);
	if (r->pid != 0) {
		(void)kill(r->pid, SIGKILL);
		while (waitpid(r->pid, NULL, 0) == -1 && errno == EINTR)
			;
	}
	for (int i = 0; i < r->nnames; i++)
		free(r->names[i].askers);
	if (r->timer != NULL)
		event_free(r->timer);
	free(r);
	m->resolver = NULL;
}
