/*
 * Inside of a worker's process: what worker.c (start, loop, drain, end) and parts.c (what it is made of) share.
 */
#ifndef WORKER_WORKER_IMPL_H
#define WORKER_WORKER_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/area.h"
#include "worker/worker.h"

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
	struct rhythm *rhythm;
	struct session_ends *session_ends;
	struct answers *answers;
	struct raw_requests *raw_requests;
	struct commands *commands;
	struct backend_wait *backend_wait;
	struct gateways *gateways;
	struct sessions *sessions;
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

/* Makes all of them and hands them each other's operations. False: no memory. */
bool parts_start(struct worker *) __attribute__((warn_unused_result));
/* Those that were made. */
void parts_free(struct worker *);

#endif
