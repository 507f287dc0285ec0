#include "config.h"

#include "master/master.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <event2/event.h>

#include "common/clock.h"
#include "common/ipc.h"
#include "common/log.h"
#include "master/control.h"
#include "master/http.h"

#define START_MS 20000 /* the command that started a background daemon waits no longer */

const char *
master_log_file(const struct master *m, const struct conf *conf)
{
	if (conf->log_file[0] != '\0')
		return conf->log_file;
	return m->background ? "syslog" : NULL;
}

/* Says why to everybody who listens: the log, and the operator at the terminal. */
static void
fail(struct master *m, int status, const char *why)
{
	log_error("%s", why);
	if (m->background)
		daemon_failed(&m->daemon, status, why);
	else if (master_log_file(m, m->conf) != NULL)
		fprintf(stderr, "telematics-gateway: %s\n", why);
	m->exit_status = status;
}

static void
kill_all(struct master *m)
{
	struct slot_actions out;
	int i;

	m->phase = MASTER_STOPPING;
	for (i = 0; i < m->nslots; i++) {
		slot_kill(&m->slots[i].sup, &out);
		spawn_actions(m, i, &out);
	}
}

static void
begin_stop(struct master *m)
{
	int64_t deadline = clock_mono_ms() + m->conf->drain_timeout_ms;
	struct slot_actions out;
	int i;

	m->phase = MASTER_STOPPING;
	reload_forget(m);
	for (i = 0; i < m->nslots; i++) {
		slot_stop(&m->slots[i].sup, deadline, &out);
		spawn_actions(m, i, &out);
	}
	/*
	 * From now on only the workers hold the sockets: when they close them, newcomers are
	 * refused and can go elsewhere, instead of waiting in a queue that nobody serves.
	 */
	listen_close(&m->listen);
}

/* Some failed for good: those that are ready carry on, unless there is none. */
static void
start_advance(struct master *m)
{
	const char *why = "";
	int i, ready = 0, failed = 0;
	char text[CONF_ERR];

	for (i = 0; i < m->nslots; i++) {
		const struct master_slot *ms = &m->slots[i];

		ready += ms->sup.occupant[ms->sup.current].state == OCCUPANT_READY;
		failed += ms->sup.mode == SLOT_FAILED;
		if (ms->failure[0] != '\0')
			why = ms->failure;
	}
	if (failed == m->nslots) {
		snprintf(text, sizeof(text), "no worker can start: %s",
		    *why != '\0' ? why : "wrong configuration; see the log");
		fail(m, 2, text);
		kill_all(m);
	} else if (ready + failed == m->nslots) {
		m->phase = MASTER_RUNNING;
		log_info("ready: %d workers, generation %u", ready, m->generation);
		daemon_ready(&m->daemon);
	} else if (m->background && clock_mono_ms() - m->start_ms >= START_MS) {
		snprintf(text, sizeof(text), "%d of %d workers did not get ready%s%s",
		    m->nslots - ready, m->nslots, *why != '\0' ? ": " : "", why);
		fail(m, 1, text);
		kill_all(m);
	}
}

static void
set_wake(struct master *m)
{
	int64_t due = SLOT_NEVER, in;
	struct timeval tv;
	int i;

	for (i = 0; i < m->nslots; i++) {
		in = slot_due(&m->slots[i].sup);
		due = in < due ? in : due;
	}
	(void)evtimer_del(m->wake);
	if (due == SLOT_NEVER)
		return;
	in = due - clock_mono_ms();
	in = in > 0 ? in : 0;
	tv.tv_sec = (time_t)(in / 1000);
	tv.tv_usec = (suseconds_t)(in % 1000) * 1000;
	(void)evtimer_add(m->wake, &tv);
}

void
master_advance(struct master *m)
{
	int i, living = 0;

	if (m->phase == MASTER_STARTING)
		start_advance(m);
	reload_advance(m);
	adopt_advance(m);
	spawn_orphans(m);
	for (i = 0; i < m->nslots; i++)
		living += !slot_empty(&m->slots[i].sup);
	if (m->phase == MASTER_STOPPING && living == 0)
		(void)event_base_loopbreak(m->base);
	set_wake(m);
}

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
		fail(m, m->background ? 1 : 0, "stopped before it was ready");
	if (m->phase == MASTER_STOPPING) {
		log_warn("%s again: stopping at once", strsignal(signal));
		kill_all(m);
	} else {
		log_info(
		    "%s: draining, at most %d ms", strsignal(signal), m->conf->drain_timeout_ms);
		begin_stop(m);
	}
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

			if (p->pid != 0 && !spawn_tell(p, IPC_REOPEN_LOG, 0, 0, -1))
				log_warn("worker %d (pid %ld) can't be told to open the log again",
				    i, (long)p->pid);
		}
}

/* An operator who expects an upgrade from it learns that this release has none. */
static void
on_upgrade(evutil_socket_t signal, short what, void *arg)
{
	(void)signal;
	(void)what;
	(void)arg;
	log_warn("SIGUSR2 has no meaning in this release; nothing is changed");
}

static bool
add_events(struct master *m)
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

	m->base = event_base_new();
	if (m->base == NULL)
		return false;
	for (i = 0; i < MASTER_SIGNALS; i++) {
		m->signals[i] = evsignal_new(m->base, list[i].number, list[i].fn, m);
		if (m->signals[i] == NULL || evsignal_add(m->signals[i], NULL) == -1)
			return false;
	}
	m->tick = event_new(m->base, -1, EV_PERSIST, on_tick, m);
	m->wake = evtimer_new(m->base, on_wake, m);
	if (m->tick == NULL || m->wake == NULL || event_add(m->tick, &second) == -1)
		return false;
	if (m->control_socket.fd != -1 &&
	    (m->control = control_new(m, m->control_socket.fd)) == NULL)
		return false;
	if (m->metrics_fd == -1)
		return true;
	m->http = http_new(m->base, m->metrics_fd, status_serve, m);
	if (m->http == NULL)
		return false;
	m->metrics_fd = -1;
	return true;
}

static bool
prepare(struct master *m)
{
	int i, b;

	m->nslots = m->conf->workers;
	m->generation = 1;
	m->start_ms = clock_mono_ms();
	m->start_wall_ms = clock_wall_ms();
	m->reload.success = true;
	m->reload.wall_ms = m->start_wall_ms;
	if (!shm_create(&m->shm, m->nslots, (uint32_t)m->conf->max_devices)) {
		fail(m, 1, "no memory for TELEM_MAX_DEVICES and TELEM_WORKERS");
		return false;
	}
	m->slots = calloc((size_t)m->nslots, sizeof(*m->slots));
	if (m->slots == NULL || !add_events(m)) {
		fail(m, 1, "out of memory or descriptors at the start");
		return false;
	}
	for (i = 0; i < m->nslots; i++) {
		slot_init(&m->slots[i].sup);
		for (b = 0; b < SLOT_BLOCKS; b++) {
			m->slots[i].proc[b].master = m;
			m->slots[i].proc[b].slot = i;
			m->slots[i].proc[b].block = b;
			m->slots[i].proc[b].control = -1;
		}
	}
	return true;
}

static void
release(struct master *m)
{
	int i;

	http_free(m->http);
	control_free(m->control);
	for (i = 0; i < MASTER_SIGNALS; i++)
		if (m->signals[i] != NULL)
			event_free(m->signals[i]);
	if (m->tick != NULL)
		event_free(m->tick);
	if (m->wake != NULL)
		event_free(m->wake);
	if (m->base != NULL)
		event_base_free(m->base);
	reload_forget(m);
	free(m->slots);
	if (m->shm.slots != NULL)
		shm_destroy(&m->shm);
}

int
master_run(struct master *m)
{
	struct slot_actions out;
	int i;

	(void)signal(SIGPIPE, SIG_IGN);
	if (prepare(m)) {
		for (i = 0; i < m->nslots; i++) {
			slot_start(&m->slots[i].sup, clock_mono_ms(), &out);
			spawn_actions(m, i, &out);
		}
		master_advance(m);
		if (event_base_dispatch(m->base) == -1)
			fail(m, 1, "the event loop failed");
	}
	release(m);
	log_info("stopped");
	log_flush();
	return m->exit_status;
}
