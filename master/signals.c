/* What happens to the master by itself: signals, and the ticks of the clock. */
#include "config.h"

#include "master/master.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/clock.h"
#include "common/ipc.h"
#include "common/log.h"

static void
see(struct master *m, struct worker_proc *p, struct slot_sight *seen)
{
	const struct shm_worker *w = &m->shm.slots[p->slot].block[p->block];

	seen->heartbeat = atomic_load(&w->heartbeat);
	seen->accepting = atomic_load(&w->accepting) != 0;
	if (seen->heartbeat != p->heartbeat) {
		p->heartbeat = seen->heartbeat;
		p->heartbeat_ms = clock_mono_ms();
	}
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct slot_sight seen[SLOT_BLOCKS];
	struct master *m = arg;
	struct slot_actions out;
	int i, b;

	(void)fd;
	(void)what;
	log_tick(clock_mono_ms());
	for (i = 0; i < m->nslots; i++) {
		for (b = 0; b < SLOT_BLOCKS; b++)
			see(m, &m->slots[i].proc[b], &seen[b]);
		slot_tick(&m->slots[i].sup, seen, clock_mono_ms(), &out);
		spawn_actions(m, i, &out);
	}
	master_advance(m);
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct slot_actions out;
	struct master *m = arg;
	int i;

	(void)fd;
	(void)what;
	for (i = 0; i < m->nslots; i++) {
		slot_wake(&m->slots[i].sup, clock_mono_ms(), &out);
		spawn_actions(m, i, &out);
	}
	master_advance(m);
}

static void
on_stop(evutil_socket_t signal, short what, void *arg)
{
	struct master *m = arg;

	(void)what;
	if (m->phase == MASTER_STARTING)
		master_say_failed(m, m->background ? 1 : 0, "stopped before it was ready");
	if (m->phase == MASTER_STOPPING && !m->asked_to_stop && m->upgrade.state == UPGRADE_DONE) {
		log_info("%s: draining already, pid %ld is in charge", strsignal(signal),
		    (long)m->upgrade.pid);
	} else if (m->phase == MASTER_STOPPING) {
		log_warn("%s again: stopping at once", strsignal(signal));
		m->at_once = true;
		master_kill(m);
	} else {
		log_info(
		    "%s: draining, at most %d ms", strsignal(signal), m->conf->drain_timeout_ms);
		master_stop(m);
	}
	m->asked_to_stop = true;
	master_advance(m);
}

static void
on_child(evutil_socket_t signal, short what, void *arg)
{
	(void)signal;
	(void)what;
	spawn_reap(arg);
	master_advance(arg);
}

static void
on_hangup(evutil_socket_t signal, short what, void *arg)
{
	(void)signal;
	(void)what;
	reload_request(arg);
	master_advance(arg);
}

static void
on_reopen_log(evutil_socket_t signal, short what, void *arg)
{
	struct master *m = arg;
	int i, b;

	(void)signal;
	(void)what;
	if (log_reopen())
		log_info("log file opened again");
	else
		log_error(
		    "opening the log file again: %s; going on with the old one", strerror(errno));
	for (i = 0; i < m->nslots; i++)
		for (b = 0; b < SLOT_BLOCKS; b++) {
			struct worker_proc *p = &m->slots[i].proc[b];

			if (p->pid != 0 && !worker_channel_tell(p, IPC_REOPEN_LOG, 0, 0, -1))
				log_warn("worker %d (pid %ld) can't be told to open the log again",
				    i, (long)p->pid);
		}
}

static void
on_upgrade(evutil_socket_t signal, short what, void *arg)
{
	(void)signal;
	(void)what;
	upgrade_request(arg);
	master_advance(arg);
}

bool
signals_begin(struct master *m)
{
	static const struct {
		int number;
		event_callback_fn fn;
	} list[MASTER_SIGNALS] = {
	    {SIGCHLD, on_child},
	    {SIGHUP, on_hangup},
	    {SIGTERM, on_stop},
	    {SIGINT, on_stop},
	    {SIGUSR1, on_reopen_log},
	    {SIGUSR2, on_upgrade},
	};
	struct timeval second = {.tv_sec = 1};
	int i;

	for (i = 0; i < MASTER_SIGNALS; i++) {
		m->signals[i] = evsignal_new(m->base, list[i].number, list[i].fn, m);
		if (m->signals[i] == NULL || evsignal_add(m->signals[i], NULL) == -1)
			return false;
	}
	m->tick = event_new(m->base, -1, EV_PERSIST, on_tick, m);
	m->wake = evtimer_new(m->base, on_wake, m);
	return m->tick != NULL && m->wake != NULL && event_add(m->tick, &second) == 0;
}

void
signals_end(struct master *m)
{
	int i;

	for (i = 0; i < MASTER_SIGNALS; i++)
		if (m->signals[i] != NULL)
			event_free(m->signals[i]);
	if (m->tick != NULL)
		event_free(m->tick);
	if (m->wake != NULL)
		event_free(m->wake);
}
