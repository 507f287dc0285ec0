#include "worker/worker.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/ipc.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/sandbox.h"
#include "common/trace_request.h"
#include "worker/names.h"
#include "worker/net/accept.h"
#include "worker/store/store.h"
#include "worker/task/commands.h"
#include "worker/task/dead_workers.h"
#include "worker/task/devices.h"
#include "worker/task/jobs.h"
#include "worker/task/live.h"
#include "worker/task/partitions.h"
#include "worker/task/rejected.h"
#include "worker/task/retention.h"
#include "worker/tracker/trackers.h"

#define TICK_MS 200
#define MEMORY_EVERY_MS 1000

struct worker {
	const struct worker_env *env;
	struct shm_worker *shm;
	uint32_t owner;
	struct event_base *base;
	struct event *tick_ev, *channel_ev, *term_ev;
	struct trackers *trackers;
	struct admission *admission;
	struct acceptor *acceptor;
	struct store *store;
	struct devices *devices;
	struct live *live;
	struct rejected *rejected;
	struct dead_workers *dead_workers;
	struct partitions *partitions;
	struct retention *retention;
	struct commands *commands;
	struct jobs *jobs;
	struct names *names;
	bool master_gone;
	bool draining;
	bool connections_checked;
	bool contact; /* the master knows that the database answers */
	int64_t drain_until_ms;
	int64_t memory_due_ms; /* when it is measured again */
	int status;
};

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
	registry_stop_leading(w->env->shm->registry);
	trackers_drain(w->trackers, now, w->env->conf->drain_timeout_ms);
}

static bool
is_drained(struct worker *w, int64_t now)
{
	/* The live rows are derived, and commands come due again by themselves: while the database
	 * is away they are not waited for. */
	if (trackers_count(w->trackers) == 0 && store_is_idle(w->store) &&
	    (!jobs_is_up(w->jobs) || (!live_pending(w->live) && !commands_pending(w->commands))))
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
		trackers_follow(w->trackers, request.imei, request.bytes, until_ms, fd);
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

/* All workers come up at about the same time: the server would refuse the last of them. */
static void
warn_of_connections(struct worker *w)
{
	int needed = 2 * w->env->conf->workers, most = store_server_connections(w->store);

	if (w->env->slot != 0 || w->connections_checked || most == 0)
		return;
	w->connections_checked = true;
	if (needed > most)
		log_warn(
		    "%d workers need %d database connections, the server takes %d in all: lower "
		    "TELEM_WORKERS or raise max_connections",
		    w->env->conf->workers, needed, most);
}

static void
store_up(void *arg)
{
	struct worker *w = arg;

	if (!w->contact &&
	    !ipc_send(w->env->channel_fd, &(struct ipc_msg){.type = IPC_CONTACT}, -1))
		log_debug("the master did not hear that the database answers");
	w->contact = true;
	warn_of_connections(w);
}

static void
store_down(void *arg)
{
	struct worker *w = arg;

	if (w->store != NULL)
		trackers_store_down(w->trackers);
}

static void
stored(void *arg, struct batch *b)
{
	struct worker *w = arg;

	trackers_stored(w->trackers, b);
}

static void
finished(void *arg, struct batch *b)
{
	struct worker *w = arg;

	trackers_finished(w->trackers, b);
}

static void
room(void *arg)
{
	struct worker *w = arg;

	trackers_room(w->trackers);
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
start_parts(struct worker *w)
{
	const struct worker_env *env = w->env;
	const struct conf *conf = env->conf;
	struct registry *registry = env->shm->registry;
	struct stats *stats = &w->shm->stats;
	int64_t born = registry_new_session(registry, w->owner, clock_wall_us());

	w->names = names_new(w->base, env->channel_fd);
	if (w->names == NULL)
		return false;
	w->admission = admission_new(conf, env->shm, stats, w->owner);
	w->trackers = trackers_new(&(struct trackers_config){.base = w->base,
	    .conf = conf,
	    .stats = stats,
	    .registry = registry,
	    .crc_ledger = env->shm->crc_ledger,
	    .admission = w->admission,
	    .owner = w->owner});
	w->devices = devices_new(&(struct devices_config){.registry = registry,
	    .stats = stats,
	    .allow_unknown_imei = conf->allow_unknown_imei,
	    .ctx = w->trackers,
	    .answer = trackers_answer});
	w->live = live_new(&(struct live_config){.registry = registry,
	    .stats = stats,
	    .owner = w->owner,
	    .gateway_id = conf->gateway_id,
	    .worker = env->slot});
	w->rejected = rejected_new(stats);
	w->dead_workers = dead_workers_new(&(struct dead_workers_config){.registry = registry,
	    .gateway_id = conf->gateway_id,
	    .worker = env->slot,
	    .nworkers = env->nslots,
	    .born_session = born});
	w->partitions = partitions_new(conf->retention_days, conf->raw_retention_days);
	w->retention = env->slot == 0 ? retention_new(conf->command_retention_days,
					    conf->message_retention_days)
				      : retention_new(0, 0);
	struct commands_config commands = {.registry = registry,
	    .stats = stats,
	    .timeout_ms = conf->command_timeout_ms,
	    .max_attempts = conf->command_max_attempts,
	    .max_length = conf->command_max_length};
	trackers_serve_commands(w->trackers, &commands);
	w->commands = commands_new(&commands);
	if (w->admission == NULL || w->trackers == NULL || w->devices == NULL || w->live == NULL ||
	    w->rejected == NULL || w->dead_workers == NULL || w->partitions == NULL ||
	    w->retention == NULL || w->commands == NULL)
		return false;
	dead_workers_add(w->dead_workers, w->owner);
	/* Also after the death of a whole gateway, which may have left rows of both our blocks. */
	if (!env->sibling_alive)
		dead_workers_add(w->dead_workers, shm_owner(env->slot, !env->block));
	w->store = store_new(&(struct store_config){.base = w->base,
	    .url = conf->database_url,
	    .names = names_ops(w->names),
	    .registry = registry,
	    .shm = w->shm,
	    .live = w->live,
	    .limits = {.records = (uint32_t)conf->batch_records,
		.bytes = (size_t)conf->worker_memory_mb * 1024 * 1024 / 4},
	    .raw_copies = conf->ingest_raw == INGEST_RAW_ALL,
	    .ctx = w,
	    .stored = stored,
	    .finished = finished,
	    .room = room,
	    .up = store_up,
	    .down = store_down});
	struct job *const jobs[] = {devices_job(w->devices), live_job(w->live),
	    rejected_job(w->rejected), dead_workers_job(w->dead_workers),
	    partitions_job(w->partitions), retention_job(w->retention), commands_job(w->commands)};
	w->jobs = jobs_new(w->base, conf->database_url, names_ops(w->names), jobs,
	    sizeof(jobs) / sizeof(jobs[0]), &stats->db_connects);
	if (w->store == NULL || w->jobs == NULL)
		return false;
	trackers_attach(w->trackers, &(struct trackers_parts){.store = w->store,
					 .devices = w->devices,
					 .live = w->live,
					 .rejected = w->rejected,
					 .commands = w->commands});
	return true;
}

static bool
start_accepting(struct worker *w)
{
	const char *why;

	w->acceptor = acceptor_new(&(struct acceptor_config){.base = w->base,
	    .stats = &w->shm->stats,
	    .admission = w->admission,
	    .ctx = w->trackers,
	    .accepted = trackers_open});
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
	if (w->store != NULL)
		trackers_free(w->trackers);
	jobs_free(w->jobs);
	store_free(w->store);
	names_free(w->names);
	commands_free(w->commands);
	retention_free(w->retention);
	partitions_free(w->partitions);
	dead_workers_free(w->dead_workers);
	rejected_free(w->rejected);
	live_free(w->live);
	devices_free(w->devices);
	admission_free(w->admission);
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

	snprintf(ident, sizeof(ident), "worker %d", env->slot);
	log_set_ident(ident);
	if (!sandbox_no_new_privs() || !start_events(&w) || !start_parts(&w) ||
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
