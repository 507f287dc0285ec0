#include "config.h"

#include "master/master.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "common/clock.h"
#include "common/db_clock.h"
#include "master/metrics.h"

static int64_t
heartbeat_age(const struct worker_proc *p, const struct shm_worker *shm)
{
	if (atomic_load(&shm->heartbeat) != p->heartbeat)
		return 0;
	return p->heartbeat_ms != 0 ? clock_mono_ms() - p->heartbeat_ms : -1;
}

static bool
fill_worker(struct master *m, int slot, int block, struct metrics_worker *w)
{
	struct master_slot *ms = &m->slots[slot];
	const struct worker_proc *p = &ms->proc[block];
	enum occupant_state state = ms->sup.occupant[block].state;

	memset(w, 0, sizeof(*w));
	w->slot = slot;
	w->current = block == ms->sup.current;
	w->restarts = ms->restarts;
	w->heartbeat_age_ms = -1;
	w->failure = state == OCCUPANT_READY ? "" : ms->failure;
	if (p->pid == 0) {
		w->state = ms->sup.mode == SLOT_WAITING ? "waiting" : "down";
		return w->current && slot < m->conf->workers;
	}
	w->pid = p->pid;
	w->state = occupant_state_name(state);
	w->generation = p->generation;
	w->shm = &m->shm.slots[slot].block[block];
	w->accepting = slot_accepting(&ms->sup, block);
	w->heartbeat_age_ms = heartbeat_age(p, w->shm);
	return true;
}

static void
fill_view(struct master *m, struct metrics_view *v, struct metrics_worker *workers,
    const char **names, struct stats *total)
{
	int i, b;

	memset(v, 0, sizeof(*v));
	v->version = PACKAGE_VERSION;
	v->gateway_id = m->conf->gateway_id;
	v->synchronous_commit = conf_synchronous_commit(m->conf);
	v->retention = (struct metrics_retention){.positions = m->conf->retention_days,
	    .raw = m->conf->raw_retention_days,
	    .commands = m->conf->command_retention_days,
	    .messages = m->conf->message_retention_days,
	    .sessions = m->conf->session_retention_days};
	v->pid = getpid();
	v->generation = m->generation;
	v->start_wall_ms = m->start_wall_ms;
	v->uptime_ms = clock_mono_ms() - m->start_ms;
	v->stopping = m->phase == MASTER_STOPPING;
	v->reload_success = m->reload.success;
	v->reload_error = m->reload.error;
	v->reload_finished_ms = m->reload.finished_wall_ms;
	v->reload_asked = m->reload.asked;
	v->reload_answered = m->reload.answered;
	v->reload_wall_ms = m->reload.wall_ms;
	v->restarts = atomic_load(&m->shm.header->restarts);
	v->hangs = atomic_load(&m->shm.header->hangs);
	v->loans = atomic_load(&m->shm.header->loans);
	v->denied_calls = atomic_load(&m->shm.header->denied_calls);
	v->log_dropped = atomic_load(&m->shm.header->log_dropped);
	v->clock_known = db_clock_ahead_us(&v->clock_ahead_us);
	shm_total(&m->shm, total);
	v->total = total;
	for (i = 0; i < m->listen.naddr; i++)
		names[i] = m->listen.name[i];
	v->listen = names;
	v->nlisten = m->listen.naddr;
	v->workers = workers;
	for (i = 0; i < m->nslots; i++)
		for (b = 0; b < SLOT_BLOCKS; b++)
			if (fill_worker(m, i, b, &workers[v->nworkers]))
				v->nworkers++;
}

static int
serve_view(const struct metrics_view *v, const char *path, struct evbuffer *body, const char **type)
{
	char reason[SHM_REASON + 32];

	if (strcmp(path, "/metrics") == 0) {
		*type = "text/plain; version=0.0.4; charset=utf-8";
		metrics_prometheus(v, body);
		return 200;
	}
	if (strcmp(path, "/status") == 0) {
		*type = "application/json";
		return metrics_status(v, body) ? 200 : 503;
	}
	if (metrics_ready(v, reason, sizeof(reason))) {
		evbuffer_add_printf(body, "ready\n");
		return 200;
	}
	evbuffer_add_printf(body, "%s\n", reason);
	return 503;
}

int
status_serve(void *arg, const char *path, struct evbuffer *body, const char **type)
{
	const char *names[CONF_MAX_BIND];
	struct metrics_worker *workers;
	struct metrics_view view;
	struct stats total;
	struct master *m = arg;
	int status;

	if (strcmp(path, "/healthz") == 0) {
		evbuffer_add_printf(body, "ok\n");
		return 200;
	}
	if (strcmp(path, "/metrics") != 0 && strcmp(path, "/status") != 0 &&
	    strcmp(path, "/readyz") != 0) {
		evbuffer_add_printf(body, "there are /metrics /healthz /readyz /status\n");
		return 404;
	}
	workers = calloc((size_t)m->nslots * SLOT_BLOCKS, sizeof(*workers));
	if (workers == NULL)
		return 503;
	fill_view(m, &view, workers, names, &total);
	status = serve_view(&view, path, body, type);
	free(workers);
	return status;
}
