/*
 * What a dead worker left behind (doc/design.md, Live row): its sessions are marked offline, and
 * positions that it had committed but not yet moved to device_online are moved, from
 * device_positions itself.
 */
#ifndef WORKER_TASK_DEAD_WORKERS_H
#define WORKER_TASK_DEAD_WORKERS_H

#include <stdint.h>

#include "shm/registry.h"
#include "worker/task/jobs.h"

struct dead_workers;

struct dead_workers_config {
	struct registry *registry;
	const char *gateway_id;
	int worker;   /* our slot */
	int nworkers; /* slot 0 also cleans up after slots that are not used any more */
	/* A session id drawn at our start: older ones of such slots are dead. */
	int64_t born_session;
};

struct dead_workers *dead_workers_new(const struct dead_workers_config *)
    __attribute__((warn_unused_result));
void dead_workers_free(struct dead_workers *);
struct job *dead_workers_job(struct dead_workers *);

/*
 * The occupant `owner` (shm_owner()) of a slot is dead: clean up what it left, in the registry at
 * once, in the database when it answers. Called at our own start for our own owner number (a
 * predecessor had it), and when the master says so.
 */
void dead_workers_add(struct dead_workers *, uint32_t owner);

#endif
