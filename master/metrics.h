/*
 * What operators see: the counters as Prometheus text, and the state of the
 * gateway as JSON. Both are made from one view, which the master fills.
 */
#ifndef MASTER_METRICS_H
#define MASTER_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "shm/area.h"
#include "shm/stats.h"

struct evbuffer;

/* One occupant of a slot, or (pid 0) a slot without any. */
struct metrics_worker {
	int slot;
	pid_t pid;
	const char *state; /* "starting" "ready" "draining" "killed" "waiting" "down" */
	bool current;	   /* false: of an old generation, or of the next one */
	bool accepting;
	uint32_t generation;
	int64_t heartbeat_age_ms;     /* -1: none yet */
	uint64_t restarts;	      /* of the slot */
	const char *failure;	      /* why the last one did not start, or "" */
	const struct shm_worker *shm; /* NULL without an occupant */
};

/* Days that things are kept (gateway.conf(5), TELEM_..._RETENTION_DAYS); 0: for ever. */
struct metrics_retention {
	int positions, raw, commands, messages, sessions;
};

struct metrics_view {
	const char *version, *gateway_id, *synchronous_commit;
	pid_t pid;
	uint32_t generation;
	int64_t start_wall_ms, uptime_ms;
	bool stopping;
	bool reload_success; /* of the last one; why not, or ""; when, or 0 */
	const char *reload_error;
	int64_t reload_finished_ms;
	uint32_t reload_asked,
	    reload_answered;	/* those that came before the last decided one began */
	int64_t reload_wall_ms; /* of the last configuration taken */
	uint64_t restarts, hangs, loans, log_dropped, denied_calls;
	bool clock_known; /* the database's */
	int64_t clock_ahead_us;
	const char *const *listen;
	int nlisten;
	struct metrics_retention retention;
	const struct stats *total; /* of shm_total() */
	const struct metrics_worker *workers;
	int nworkers;
};

void metrics_prometheus(const struct metrics_view *, struct evbuffer *out);

/* False if out of memory. */
bool metrics_status(const struct metrics_view *, struct evbuffer *out)
    __attribute__((warn_unused_result));

/* True while a worker accepts and its database answers; else `reason` says why not. */
bool metrics_ready(const struct metrics_view *, char *reason, size_t size)
    __attribute__((warn_unused_result));

#endif
