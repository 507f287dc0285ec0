#include "config.h"

#include "master/master.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <event2/event.h>

#include "shm/addresses.h"
#include "common/clock.h"
#include "common/ipc.h"
#include "common/log.h"
#include "master/worker_channel.h"
#include "master/http.h"
#include "master/sd_notify.h"

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
	if (m->successor.control && !handover_say(m->from.control, "failed %d %s", status, why))
		log_debug("the predecessor does not hear why");
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

void
master_stop(struct master *m)
{
	int64_t deadline = clock_mono_ms() + m->conf->drain_timeout_ms;
	struct slot_actions out;
	int i;

	m->phase = MASTER_STOPPING;
	reload_forget(m);
	upgrade_stop(m, deadline);
	if (m->upgrade.state != UPGRADE_DONE)
		notify_stopping();
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

void
master_fail(struct master *m, int status, const char *why)
{
	fail(m, status, why);
	/* Beside a predecessor some may have been ready before others failed, and serve trackers.
	 */
	if (m->from.present)
		master_stop(m);
	else
		kill_all(m);
}

void
master_in_charge(struct master *m)
{
	char status[64];
	int i, ready = 0;

	for (i = 0; i < m->conf->workers; i++)
		ready += m->slots[i].sup.occupant[m->slots[i].sup.current].state == OCCUPANT_READY;
	m->phase = MASTER_RUNNING;
	snprintf(status, sizeof(status), "ready: %d workers, generation %u", ready, m->generation);
	log_info("%s", status);
	notify_ready(status);
	daemon_ready(&m->daemon);
}

/* A predecessor serves as long as it must: its successor doesn't try twice. */
static bool
gives_up(const struct master *m)
{
	int i;

	for (i = 0; m->from.present && i < m->conf->workers; i++)
		if (m->slots[i].sup.mode == SLOT_WAITING || m->slots[i].sup.mode == SLOT_FAILED)
			return true;
	return (m->background || m->from.present) && clock_mono_ms() - m->start_ms >= START_MS;
}

/* Some failed for good: those that are ready carry on, unless there is none. */
static void
start_advance(struct master *m)
{
	const char *why = "";
	int i, ready = 0, failed = 0, all = m->conf->workers;
	char text[CONF_ERR];

	if (m->successor.ready)
		return;
	for (i = 0; i < all; i++) {
		const struct master_slot *ms = &m->slots[i];

		ready += ms->sup.occupant[ms->sup.current].state == OCCUPANT_READY;
		failed += ms->sup.mode == SLOT_FAILED;
		if (ms->failure[0] != '\0')
			why = ms->failure;
	}
	if (failed == all) {
		snprintf(text, sizeof(text), "no worker can start: %s",
		    *why != '\0' ? why : "wrong configuration; see the log");
		master_fail(m, 2, text);
	} else if (ready + failed == all && !(failed > 0 && m->from.present)) {
		if (m->from.present)
			successor_ready(m);
		else
			master_in_charge(m);
	} else if (gives_up(m)) {
		snprintf(text, sizeof(text), "%d of %d workers did not get ready%s%s", all - ready,
		    all, *why != '\0' ? ": " : "", why);
		master_fail(m, failed > 0 ? 2 : 1, text);
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
	due = m->upgrade.deadline_ms < due ? m->upgrade.deadline_ms : due;
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
	upgrade_advance(m);
	adopt_advance(m);
	spawn_orphans(m);
	for (i = 0; i < m->nslots; i++)
		living += !slot_empty(&m->slots[i].sup);
	/* A successor that isn't in charge is waited for: it must not be left to itself. */
	living += m->upgrade.pid != 0 && m->upgrade.state != UPGRADE_DONE;
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
	if (m->phase == MASTER_STOPPING && !m->asked_to_stop && m->upgrade.state == UPGRADE_DONE) {
		log_info("%s: draining already, pid %ld is in charge", strsignal(signal),
		    (long)m->upgrade.pid);
	} else if (m->phase == MASTER_STOPPING) {
		log_warn("%s again: stopping at once", strsignal(signal));
		kill_all(m);
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

			if (p->pid != 0 && !spawn_tell(p, IPC_REOPEN_LOG, 0, 0, -1))
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
	return m->tick != NULL && m->wake != NULL && event_add(m->tick, &second) == 0 &&
	       (m->control_socket.fd == -1 ||
		   (m->control = control_new(m, m->control_socket.fd)) != NULL);
}

bool
master_serve_http(struct master *m)
{
	if (m->metrics_fd == -1)
		return true;
	m->http = http_new(m->base, m->metrics_fd, status_serve, m);
	if (m->http == NULL)
		return false;
	m->metrics_fd = -1;
	return true;
}

void
master_add_slots(struct master *m, int n)
{
	int i, b;

	for (i = m->nslots; i < n; i++) {
		slot_init(&m->slots[i].sup);
		/* The block beside the one that a predecessor's worker has. */
		if (m->from.present && i < m->from.nslots)
			m->slots[i].sup.current = !m->from.block[i];
		for (b = 0; b < SLOT_BLOCKS; b++) {
			m->slots[i].proc[b].master = m;
			m->slots[i].proc[b].slot = i;
			m->slots[i].proc[b].block = b;
			m->slots[i].proc[b].control = -1;
		}
	}
	if (n > m->nslots)
		m->nslots = n;
	if (atomic_load(&m->shm.header->used) < (uint32_t)m->nslots)
		atomic_store(&m->shm.header->used, (uint32_t)m->nslots);
}

/* A predecessor's memory, if it has our layout: counters, devices and sessions go on. */
static bool
take_memory(struct master *m)
{
	const char *why;

	if (!m->from.present)
		return false;
	if (shm_attach(&m->shm, m->from.memory, (uint32_t)m->conf->max_devices, &why)) {
		m->from.memory = -1;
		m->successor.same_memory = true;
		m->count = &m->shm.header->master[!m->from.side];
		return true;
	}
	log_warn("upgrade: the shared memory can't be taken over: %s; counters start at zero", why);
	close(m->from.memory);
	m->from.memory = -1;
	return false;
}

static bool
prepare(struct master *m)
{
	bool first;

	m->generation = m->from.present ? m->from.generation + 1 : 1;
	m->start_ms = clock_mono_ms();
	m->start_wall_ms = clock_wall_ms();
	m->reload.success = true;
	m->reload.wall_ms = m->start_wall_ms;
	/* Room for as many workers as a reload may ask for; it costs nothing until it is used. */
	if (!take_memory(m)) {
		if (!shm_create(&m->shm, SHM_MAX_SLOTS, (uint32_t)m->conf->max_devices)) {
			fail(m, 1, "no memory for TELEM_MAX_DEVICES");
			return false;
		}
		m->count = &m->shm.header->master[0];
	}
	first = m->count == &m->shm.header->master[0];
	m->other_count = &m->shm.header->master[first ? 1 : 0];
	m->slots = calloc((size_t)m->shm.nslots, sizeof(*m->slots));
	if (m->slots == NULL || !add_events(m) || !successor_begin(m) ||
	    (!m->from.present && !master_serve_http(m))) {
		fail(m, 1, "out of memory or descriptors at the start");
		return false;
	}
	master_add_slots(m, m->listen.nslots);
	return true;
}

/* Not a worker of ours. A slot that we don't know has no worker of ours at all. */
static bool
is_others(const void *arg, int slot, int block)
{
	const struct master *m = arg;

	return slot >= m->nslots || block != m->slots[slot].sup.current;
}

void
master_add_other(const struct master *m, struct stats *sum)
{
	int used = master_has_other(m) ? (int)atomic_load(&m->shm.header->used) : 0;
	struct stats other;

	shm_read_master(&m->shm, m->other_count, used, is_others, m, &other);
	stats_sum(sum, &other, true);
}

void
master_other_gone(struct master *m)
{
	int i, b, used = (int)atomic_load(&m->shm.header->used);
	struct shm_worker *w;

	for (i = 0; i < used && i < m->shm.nslots; i++)
		for (b = 0; b < SHM_BLOCKS; b++) {
			if (!is_others(m, i, b))
				continue;
			w = &m->shm.slots[i].block[b];
			shm_retire(m->count, w);
			addresses_clear(m->shm.addresses, shm_owner(i, b));
			/* Of one with memory of its own nothing is known. */
			if (i < m->nslots)
				m->slots[i].orphaned[b] =
				    !m->successor.same_memory || atomic_load(&w->unclean) != 0;
			atomic_store(&w->unclean, 0);
		}
}

static void
release(struct master *m)
{
	int i;

	http_free(m->http);
	control_free(m->control);
	upgrade_forget(m);
	successor_forget(m);
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
	if (m->shm.header != NULL)
		shm_destroy(&m->shm);
}

int
master_run(struct master *m)
{
	struct slot_actions out;
	int i;

	m->upgrade = (struct upgrade){.control = -1, .life = -1, .deadline_ms = SLOT_NEVER};
	m->life[0] = m->life[1] = -1;
	(void)signal(SIGPIPE, SIG_IGN);
	if (prepare(m)) {
		for (i = 0; i < m->conf->workers; i++) {
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
