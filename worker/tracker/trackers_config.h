/* What the trackers of a worker are given to work with. */
#ifndef WORKER_TRACKER_TRACKERS_CONFIG_H
#define WORKER_TRACKER_TRACKERS_CONFIG_H

#include <stdint.h>

#include "common/conf.h"
#include "shm/crc_ledger.h"
#include "shm/registry.h"
#include "shm/stats.h"
#include "worker/net/admission.h"
#include "worker/store/store.h"
#include "worker/task/commands.h"
#include "worker/task/devices.h"
#include "worker/task/live.h"
#include "worker/task/rejected.h"
#include "worker/task/session_ends.h"

struct event_base;

struct trackers_config {
	struct event_base *base;
	const struct conf *conf;
	struct stats *stats;
	struct registry *registry;
	struct crc_ledger *crc_ledger;
	struct admission *admission;
	/* Raised when others have taken this gateway for dead: all sessions are written again. */
	const _Atomic uint32_t *announcements;
	uint32_t owner; /* shm_owner() */
};

struct trackers_parts {
	struct store *store;
	struct devices *devices;
	struct live *live;
	struct session_ends *session_ends;
	struct rejected *rejected;
	struct commands *commands;
};

#endif
