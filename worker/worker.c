#include "worker/worker_impl.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/db_clock.h"
#include "common/ipc.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/sandbox.h"
#include "common/trace_request.h"
#include "worker/names.h"
#include "worker/net/accept.h"
#include "worker/store/store.h"
#include "worker/task/backend_wait.h"
#include "worker/task/commands.h"
#include "worker/task/gateways.h"
#include "worker/task/dead_workers.h"
#include "worker/task/devices.h"
#include "worker/task/jobs.h"
#include "worker/task/live.h"
#include "worker/task/partitions.h"
#include "worker/task/rejected.h"
#include "worker/task/retention.h"
#include "worker/task/session_ends.h"
#include "worker/tracker/trackers.h"

#define TICK_MS 200
#define MEMORY_EVERY_MS 1000

static void
leave(struct worker *w, int status)
{
	w->status = status;
	event_base_loopbreak(w->base);
}

/*
 * Stops accepting, lets what is in flight be stored and answered, writes the live
 * rows, leaves. Without a master nobody accepts what is queued on our socket: take it along.
 */
static void
drain(struct worker *w, bool take_queued)
{
	int64_t now = clock_mono_ms();

	if (w->draining)
		return;
	w->draining = true;
	w->drain_until_ms = now + w->env->conf->drain_timeout_ms;
	log_info("draining: %u connections", trackers_count(w->trackers));
	atomic_store(&w->shm->accepting, 0);
	acceptor_stop(w->acceptor, take_queued);
	commands_drain(w->commands);
	gateways_drain(w->gateways);
	registry_stop_leading(w->env->shm->registry);
	trackers_drain(w->trackers, now, w->env->conf->drain_timeout_ms);
}

static bool
is_drained(struct worker *w, int64_t now)
{
	/* The live rows are derived, and commands come due again by themselves: while the database
	 * is away they are not waited for. */
	if (trackers_count(w->trackers) == 0 && store_is_idle(w->store) &&
	    (!jobs_is_up(w->jobs) ||
		(!live_pending(w->live) && !session_ends_pending(w->session_ends) &&
		    !commands_pending(w->commands))))
		return true;
	if (now < w->drain_until_ms)
		return false;
	log_warn("drain time is over: %u connections are closed unanswered",
	    trackers_count(w->trackers));
	return true;
}

/* What is shared would be counted once for each worker, and the registry is large. */
static void
note_memory(struct stats *stats)
{
	uint64_t resident, shared;

	if (memory_read(&resident, &shared))
		stats_set(&stats->memory, resident > shared ? resident - shared : 0);
}

/* The C library may have another way; if not, this is why something doesn't work. */
static void
say_denied(void)
{
	int number = sandbox_take_denied();

	if (number != -1)
		log_warn("system call %d is not allowed here (TELEM_SECCOMP)", number);
}

static void
tick_cb(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	int64_t now = clock_mono_ms();

	(void)fd, (void)what;
	atomic_fetch_add_explicit(&w->shm->heartbeat, 1, memory_order_relaxed);
	trackers_tick(w->trackers, now);
	say_denied();
	log_tick(now);
	if (now >= w->memory_due_ms) {
		note_memory(&w->shm->stats);
		w->memory_due_ms = now + MEMORY_EVERY_MS;
	}
	if (w->draining && is_drained(w, now)) {
		if (!w->master_gone &&
		    !ipc_send(w->env->channel_fd, &(struct ipc_msg){.type = IPC_DRAINED}, -1))
			log_debug("the master did not hear that we have drained");
		leave(w, 0);
	}
}

/* Somebody follows a device; the descriptor is ours from now on. */
static void
follow(struct worker *w, const struct ipc_msg *m, int fd)
{
	struct trace_request request;
	int64_t until_ms;

	if (trace_request_from_ipc(m, &request, &until_ms)) {
		trackers_follow(w->trackers, &request, until_ms, fd);
		return;
	}
	log_warn("a request to trace a device can't be read");
	close(fd);
}

static void
take_message(struct worker *w, const struct ipc_msg *m, int passed_fd)
{
	switch (m->type) {
	case IPC_DRAIN:
		drain(w, m->value != 0);
		break;
	case IPC_REOPEN_LOG:
		if (!log_reopen())
			log_error("the log file can't be opened again: %s", strerror(errno));
		break;
	case IPC_LEND:
		if (passed_fd < 0 || w->draining)
			break;
		if (m->slot != IPC_RETIRED_SOCKETS)
			log_debug("accepting for slot %u too", m->slot);
		if (!acceptor_add(w->acceptor, (int)m->slot, passed_fd))
			log_error("can't accept for slot %u too: %s", m->slot, strerror(errno));
		return;
	case IPC_TAKE_BACK:
		acceptor_release(w->acceptor, (int)m->slot, m->value != 0);
		break;
	case IPC_TRACE:
		if (passed_fd >= 0)
			follow(w, m, passed_fd);
		return;
	case IPC_RESOLVED:
		names_answer(w->names, m);
		break;
	case IPC_CLEAN_UP:
		dead_workers_add(w->dead_workers, (uint32_t)m->value);
		break;
	default:
		log_warn("unknown message %u from the master", m->type);
	}
	if (passed_fd >= 0)
		close(passed_fd);
}

static void
channel_cb(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	struct ipc_msg m;
	int passed, got;

	(void)what;
	while ((got = ipc_recv(fd, &m, &passed)) == 1)
		take_message(w, &m, passed);
	if (got == 0)
		return;
	log_error("the master is gone: this worker drains and leaves");
	w->master_gone = true;
	event_del(w->channel_ev);
	drain(w, true);
}

static void
signal_cb(evutil_socket_t signal, short what, void *arg)
{
	struct worker *w = arg;

	(void)signal, (void)what;
	/* A service manager may signal the whole group: it is the master who cuts a drain short. */
	if (w->draining && w->master_gone)
		leave(w, 0);
	else
		drain(w, w->master_gone);
}

static bool
start_events(struct worker *w)
{
	struct timeval tv = {.tv_usec = TICK_MS * 1000};
	sigset_t none;

	signal(SIGPIPE, SIG_IGN);
	/* The master handles these; a worker that gets one from the terminal's group must not die
	 * of it. */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	w->base = event_base_new();
	if (w->base == NULL)
		return false;
	w->tick_ev = event_new(w->base, -1, EV_PERSIST, tick_cb, w);
	w->channel_ev = event_new(w->base, w->env->channel_fd, EV_READ | EV_PERSIST, channel_cb, w);
	w->term_ev = evsignal_new(w->base, SIGTERM, signal_cb, w);
	if (w->tick_ev == NULL || w->channel_ev == NULL || w->term_ev == NULL ||
	    event_add(w->tick_ev, &tv) == -1 || event_add(w->channel_ev, NULL) == -1 ||
	    event_add(w->term_ev, NULL) == -1)
		return false;
	sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL) == 0;
}

static bool
start_accepting(struct worker *w)
{
	const char *why;

	w->acceptor = acceptor_new(&(struct acceptor_config){.base = w->base,
	    .stats = &w->shm->stats,
	    .admission = w->admission,
	    .ctx = w->trackers,
	    .accepted = trackers_open,
	    .refused = trackers_refused});
	if (w->acceptor == NULL)
		return false;
	if (w->env->conf->seccomp &&
	    (why = sandbox_filter(&w->env->shm->header->denied_calls)) != NULL)
		log_debug("no filter of system calls: %s", why);
	for (int i = 0; i < w->env->nlisten; i++)
		if (!acceptor_add(w->acceptor, w->env->slot, w->env->listen_fds[i]))
			return false;
	atomic_store(&w->shm->accepting, 1);
	return ipc_send(w->env->channel_fd, &(struct ipc_msg){.type = IPC_READY}, -1);
}

static void
stop(struct worker *w)
{
	atomic_store(&w->shm->accepting, 0);
	acceptor_free(w->acceptor);
	parts_free(w);
	struct event *events[] = {w->tick_ev, w->channel_ev, w->term_ev};
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i] != NULL)
			event_free(events[i]);
	if (w->base != NULL)
		event_base_free(w->base);
	close(w->env->channel_fd);
	log_flush();
}

int
worker_main(const struct worker_env *env)
{
	struct worker w = {.env = env,
	    .shm = &env->shm->slots[env->slot].block[env->block],
	    .owner = shm_owner(env->slot, env->block)};
	char ident[32];

	db_clock_share(&env->shm->header->clock);
	snprintf(ident, sizeof(ident), "worker %d", env->slot);
	log_set_ident(ident);
	if (!sandbox_no_new_privs() || !start_events(&w) || !parts_start(&w) ||
	    !start_accepting(&w)) {
		struct ipc_msg failed = {.type = IPC_START_FAILED};

		snprintf(failed.text, sizeof(failed.text), "can't start: %s", strerror(errno));
		log_error("%s", failed.text);
		if (!ipc_send(env->channel_fd, &failed, -1))
			log_error("the master is gone");
		w.status = 1;
	} else {
		log_debug("ready");
		if (event_base_dispatch(w.base) == -1) {
			log_error("event loop: %s", strerror(errno));
			w.status = 1;
		}
	}
	stop(&w);
	return w.status;
}
