/*
 * What a worker is made of: the parts, and the operations that they are handed of each other. Nothing is forwarded
 * here but what belongs to the worker itself.
 */
#include <stdlib.h>

#include "common/clock.h"
#include "common/db_clock.h"
#include "common/ipc.h"
#include "common/log.h"
#include "worker/names.h"
#include "worker/net/admission.h"
#include "worker/store/store.h"
#include "worker/task/answers.h"
#include "worker/task/backend_wait.h"
#include "worker/task/commands.h"
#include "worker/task/dead_workers.h"
#include "worker/task/devices.h"
#include "worker/task/gateways.h"
#include "worker/task/jobs.h"
#include "worker/task/live.h"
#include "worker/task/partitions.h"
#include "worker/task/raw_requests.h"
#include "worker/task/rejected.h"
#include "worker/task/retention.h"
#include "worker/task/rhythm.h"
#include "worker/task/session_ends.h"
#include "worker/task/sessions.h"
#include "worker/tracker/trackers.h"
#include "worker/worker_impl.h"

/* All workers come up at about the same time: the server would refuse the last of them. */
static void
warn_of_connections(struct worker *w)
{
	/* And one for the upkeep. */
	int needed = 2 * w->env->conf->workers + 1, most = store_server_connections(w->store);

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

/* The store's connection doesn't answer: the other one finds out why, if it can. */
static void
store_stalled(void *arg, const struct pg_backend *backend)
{
	struct worker *w = arg;

	if (w->jobs == NULL)
		return;
	backend_wait_ask(w->backend_wait, backend);
	jobs_hurry(w->jobs);
}

static void
backend_waits(void *arg, const char *what)
{
	struct worker *w = arg;

	store_waits_for(w->store, what);
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

static void
moved(void *arg, int from_batch, uint32_t from, int to_batch, uint32_t to)
{
	struct worker *w = arg;

	trackers_moved(w->trackers, from_batch, from, to_batch, to);
}

static void
answered(void *arg, int64_t command_id)
{
	struct worker *w = arg;

	answers_stored(w->answers, command_id);
}

bool
parts_start(struct worker *w)
{
	const struct worker_env *env = w->env;
	const struct conf *conf = env->conf;
	struct registry *registry = env->shm->registry;
	struct stats *stats = &w->shm->stats;
	int64_t born = registry_new_session(registry, w->owner, db_clock_us());

	w->names = names_new(w->base, env->channel_fd);
	if (w->names == NULL)
		return false;
	w->admission = admission_new(conf, env->shm, stats, w->owner);
	w->trackers = trackers_new(&(struct trackers_config){.base = w->base,
	    .conf = conf,
	    .stats = stats,
	    .registry = registry,
	    .crc_ledger = env->shm->crc_ledger,
	    .announcements = &env->shm->header->announcements,
	    .admission = w->admission,
	    .owner = w->owner});
	w->devices = devices_new(&(struct devices_config){.registry = registry,
	    .stats = stats,
	    .allow_unknown_imei = conf->allow_unknown_imei,
	    .ctx = w->trackers,
	    .answer = trackers_answer});
	w->gateways = gateways_new(registry, env->shm->header, conf->gateway_id);
	w->sessions = sessions_new(registry, env->shm->header, conf->gateway_id);
	w->live = live_new(&(struct live_config){.registry = registry,
	    .stats = stats,
	    .owner = w->owner,
	    .gateway_id = conf->gateway_id,
	    .worker = env->slot,
	    .nworkers = (unsigned)conf->workers,
	    .last_ping_interval_s = conf->last_ping_interval_s,
	    .interval_ms = &w->shm->live_interval_ms,
	    .ctx = w->sessions,
	    .written = sessions_written});
	w->rejected = rejected_new(stats);
	w->dead_workers = dead_workers_new(&(struct dead_workers_config){.registry = registry,
	    .gateway_id = conf->gateway_id,
	    .worker = env->slot,
	    .nworkers = env->nslots,
	    .born_session = born});
	w->partitions = partitions_new(&(struct partitions_config){.base = w->base,
	    .url = conf->database_url,
	    .names = names_ops(w->names),
	    .registry = registry,
	    .retention_days = conf->retention_days,
	    .raw_retention_days = conf->raw_retention_days,
	    .connects = &stats->db_connects});
	w->retention = env->slot == 0
			   ? retention_new(conf->command_retention_days,
				 conf->message_retention_days, conf->session_retention_days)
			   : retention_new(0, 0, 0);
	w->rhythm = rhythm_new(env->slot == 0);
	w->session_ends = session_ends_new(conf->gateway_id);
	w->answers = answers_new();
	w->raw_requests = raw_requests_new(env->slot == 0);
	struct commands_config commands = {.registry = registry,
	    .stats = stats,
	    .timeout_ms = conf->command_timeout_ms,
	    .max_attempts = conf->command_max_attempts,
	    .max_length = conf->command_max_length};
	trackers_serve_commands(w->trackers, &commands);
	w->commands = commands_new(&commands);
	if (w->admission == NULL || w->trackers == NULL || w->devices == NULL || w->live == NULL ||
	    w->rejected == NULL || w->dead_workers == NULL || w->partitions == NULL ||
	    w->retention == NULL || w->rhythm == NULL || w->session_ends == NULL ||
	    w->answers == NULL || w->raw_requests == NULL || w->commands == NULL ||
	    w->gateways == NULL || w->sessions == NULL ||
	    (w->backend_wait = backend_wait_new(w, backend_waits)) == NULL)
		return false;
	dead_workers_add(w->dead_workers, w->owner);
	/* Also after the death of a whole gateway, which may have left rows of both our blocks. */
	if (!env->sibling_alive)
		dead_workers_add(w->dead_workers, shm_owner(env->slot, !env->block));
	w->store = store_new(&(struct store_config){.base = w->base,
	    .url = conf->database_url,
	    .names = names_ops(w->names),
	    .setup_sql = gateways_enter_sql(w->gateways),
	    .registry = registry,
	    .owner = w->owner,
	    .shm = w->shm,
	    .live = w->live,
	    .gather_ms = conf->gather_ms,
	    .limits = {.records = (uint32_t)conf->batch_records,
		.bytes = (size_t)conf->worker_memory_mb * 1024 * 1024 / 4},
	    .synchronous_commit = conf_synchronous_commit(conf),
	    .raw_copies = conf->ingest_raw == INGEST_RAW_ALL,
	    .ctx = w,
	    .stored = stored,
	    .finished = finished,
	    .room = room,
	    .moved = moved,
	    .up = store_up,
	    .down = store_down,
	    .stalled = store_stalled,
	    .answered = answered});
	struct job *const jobs[] = {backend_wait_job(w->backend_wait), devices_job(w->devices),
	    live_job(w->live), rejected_job(w->rejected), dead_workers_job(w->dead_workers),
	    retention_job(w->retention), commands_job(w->commands), sessions_job(w->sessions),
	    session_ends_job(w->session_ends), answers_job(w->answers), gateways_job(w->gateways),
	    raw_requests_job(w->raw_requests), rhythm_job(w->rhythm)};
	w->jobs = jobs_new(w->base, conf->database_url, names_ops(w->names),
	    conf_synchronous_commit(conf), jobs, sizeof(jobs) / sizeof(jobs[0]),
	    &stats->db_connects);
	if (w->store == NULL || w->jobs == NULL)
		return false;
	trackers_attach(w->trackers, &(struct trackers_parts){.store = w->store,
					 .devices = w->devices,
					 .live = w->live,
					 .session_ends = w->session_ends,
					 .rejected = w->rejected,
					 .commands = w->commands});
	return true;
}

void
parts_free(struct worker *w)
{
	if (w->store != NULL)
		trackers_free(w->trackers);
	jobs_free(w->jobs);
	store_free(w->store);
	commands_free(w->commands);
	retention_free(w->retention);
	rhythm_free(w->rhythm);
	session_ends_free(w->session_ends);
	answers_free(w->answers);
	raw_requests_free(w->raw_requests);
	backend_wait_free(w->backend_wait);
	gateways_free(w->gateways);
	sessions_free(w->sessions);
	partitions_free(w->partitions);
	/* Behind all that have a connection. */
	names_free(w->names);
	dead_workers_free(w->dead_workers);
	rejected_free(w->rejected);
	live_free(w->live);
	devices_free(w->devices);
	admission_free(w->admission);
}
