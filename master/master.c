#include "config.h"

#include "master/master.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/clock.h"
#include "common/log.h"
#include "master/http.h"
#include "master/sd_notify.h"
#include "master/trace_clients.h"

const char *
master_log_file(const struct master *m, const struct conf *conf)
{
	if (conf->log_file[0] != '\0')
		return conf->log_file;
	return m->background ? "syslog" : NULL;
}

/* To everybody who listens: the log, the predecessor, and the operator at the terminal. */
void
master_say_failed(struct master *m, int status, const char *why)
{
	log_error("%s", why);
	if (m->successor.talking && !handover_say(m->from.talk, "failed %d %s", status, why))
		log_debug("the predecessor does not hear why");
	if (m->background)
		daemon_failed(&m->daemon, status, why);
	else if (master_log_file(m, m->conf) != NULL)
		fprintf(stderr, "telematics-gateway: %s\n", why);
	m->exit_status = status;
}

void
master_kill(struct master *m)
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
	contact_forget(m);
	reload_forget(m);
	upgrade_stop(m, deadline);
	if (m->upgrade.state != UPGRADE_DONE)
		sd_notify_stopping();
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
master_in_charge(struct master *m)
{
	char status[64];
	int i, ready = 0;

	for (i = 0; i < m->conf->workers; i++)
		ready += m->slots[i].sup.occupant[m->slots[i].sup.current].state == OCCUPANT_READY;
	m->phase = MASTER_RUNNING;
	snprintf(status, sizeof(status), "ready: %d workers, generation %u", ready, m->generation);
	log_info("%s", status);
	sd_notify_ready(status);
	daemon_ready(&m->daemon);
}

/* A predecessor serves as long as it must: its successor doesn't try twice. */
static bool
gives_up(const struct master *m)
{
	int i;

	for (i = 0; m->from.present && i < m->conf->workers; i++)
		if (m->slots[i].sup.mode == SLOT_WAITING)
			return true;
	return (m->background || m->from.present) &&
	       clock_mono_ms() - m->start_ms >= MASTER_START_MS;
}

static void
start_advance(struct master *m)
{
	int i, ready = 0, all = m->conf->workers;
	const char *why = "";
	char text[CONF_ERR];

	if (m->successor.ready)
		return;
	for (i = 0; i < all; i++) {
		const struct master_slot *ms = &m->slots[i];

		ready += ms->sup.occupant[ms->sup.current].state == OCCUPANT_READY;
		if (ms->failure[0] != '\0')
			why = ms->failure;
	}
	if (ready == all) {
		if (!contact_made(m, all, false))
			return;
		if (m->from.present)
			successor_ready(m);
		else
			master_in_charge(m);
	} else if (gives_up(m)) {
		snprintf(text, sizeof(text), "%d of %d workers did not get ready%s%s", all - ready,
		    all, *why != '\0' ? ": " : "", why);
		master_say_failed(m, 1, text);
		/* Beside a predecessor some were ready before others failed, and serve trackers. */
		if (m->from.present)
			master_stop(m);
		else
			master_kill(m);
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
	due = contact_due(m) < due ? contact_due(m) : due;
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
	lend_advance(m);
	cleanup_advance(m);
	for (i = 0; i < m->nslots; i++)
		living += !slot_empty(&m->slots[i].sup);
	/* A successor that isn't in charge is waited for: it must not be left to itself. */
	living += m->upgrade.pid != 0 && m->upgrade.state != UPGRADE_DONE;
	/* So is a predecessor that drains: a service manager kills what the main process leaves behind. */
	living += m->successor.in_charge && m->successor.alive && !m->at_once;
	if (m->phase == MASTER_STOPPING && living == 0)
		(void)event_base_loopbreak(m->base);
	set_wake(m);
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
			m->slots[i].proc[b].channel = -1;
		}
	}
	if (n > m->nslots)
		m->nslots = n;
	if (atomic_load(&m->shm.header->used) < (uint32_t)m->nslots)
		atomic_store(&m->shm.header->used, (uint32_t)m->nslots);
}

static bool
prepare(struct master *m)
{
	m->generation = m->from.present ? m->from.generation + 1 : 1;
	m->start_ms = clock_mono_ms();
	m->start_wall_ms = clock_wall_ms();
	m->reload.success = true;
	m->reload.wall_ms = m->start_wall_ms;
	if (!memory_begin(m))
		return false;
	log_count_drops(&m->shm.header->log_dropped);
	m->slots = calloc((size_t)m->shm.nslots, sizeof(*m->slots));
	m->base = event_base_new();
	if (m->slots == NULL || m->base == NULL || !signals_begin(m) || !successor_begin(m) ||
	    !resolver_begin(m) || (!m->from.present && !master_serve_http(m)) ||
	    (m->operator_socket.fd != -1 &&
		(m->trace_clients = trace_clients_new(m, m->operator_socket.fd)) == NULL)) {
		master_say_failed(m, 1, "out of memory or descriptors at the start");
		return false;
	}
	master_add_slots(m, m->listen.nslots);
	return true;
}

static void
release(struct master *m)
{
	http_free(m->http);
	trace_clients_free(m->trace_clients);
	upgrade_forget(m);
	successor_forget(m);
	resolver_end(m);
	signals_end(m);
	if (m->base != NULL)
		event_base_free(m->base);
	reload_forget(m);
	free(m->slots);
	log_count_drops(NULL);
	if (m->shm.header != NULL)
		shm_destroy(&m->shm);
}

/* libevent would write to standard error, whoever reads that. */
static void
on_libevent(int severity, const char *text)
{
	log_write(severity >= EVENT_LOG_WARN ? LOG_WARN_ : LOG_DEBUG_, NULL, "libevent: %s", text);
}

int
master_run(struct master *m)
{
	struct slot_actions out;
	int i;

	m->upgrade =
	    (struct upgrade){.report = -1, .talk = -1, .life = -1, .deadline_ms = SLOT_NEVER};
	m->life[0] = m->life[1] = -1;
	(void)signal(SIGPIPE, SIG_IGN);
	event_set_log_callback(on_libevent);
	if (prepare(m)) {
		for (i = 0; i < m->conf->workers; i++) {
			slot_start(&m->slots[i].sup, clock_mono_ms(), &out);
			spawn_actions(m, i, &out);
		}
		master_advance(m);
		if (event_base_dispatch(m->base) == -1)
			master_say_failed(m, 1, "the event loop failed");
	}
	release(m);
	log_info("stopped");
	log_flush();
	return m->exit_status;
}
