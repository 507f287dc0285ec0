/*
 * The live row (doc/design.md, Live row): device_online follows within a second, at most once per second
 * per device, folded, in transactions of their own; up to ten seconds where it would take more than a quarter of
 * PostgreSQL's work. devices.last_ping follows at an interval while a device is online. All of it is
 * derived from what is committed; nothing here may delay an ACK.
 *
 * Memory is held only for devices that have something to write.
 */
#ifndef WORKER_TASK_LIVE_H
#define WORKER_TASK_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/registry.h"
#include "shm/stats.h"
#include "worker/task/jobs.h"

struct live;

/* Where a session comes from: written to device_online when it opens. */
struct live_session {
	int64_t session_id;
	int64_t connected_at;	 /* wall, ms */
	const char *remote_addr; /* numeric address without port */
};

struct live_config {
	struct registry *registry;
	struct stats *stats;
	uint32_t owner; /* shm_owner() of this worker */
	const char *gateway_id;
	int worker;	   /* slot number */
	unsigned nworkers; /* that share what live rows may cost */
	int last_ping_interval_s;
	/* Is told how far apart the rows of a device are. May be NULL. */
	_Atomic uint32_t *interval_ms;
	/* The row of a session that began was written. May be NULL. */
	void *ctx;
	void (*written)(void *ctx, uint32_t entry, int64_t session_id);
};

struct live *live_new(const struct live_config *) __attribute__((warn_unused_result));
void live_free(struct live *);
struct job *live_job(struct live *);

/*
 * The session of `entry` began; or ended (offline unless a newer one stands there). `reason`: a word for
 * disconnect_reason, static text.
 */
void live_connected(struct live *, uint32_t entry, int64_t device_id, const struct live_session *);
void live_disconnected(struct live *, uint32_t entry, int64_t device_id, int64_t session_id,
    int64_t wall_ms, const char *reason);

/*
 * What was committed of one device, stored or found there already. The store shows its records from
 * the newest to the oldest to live_look(), until that needs no more of them; then live_stored()
 * moves the device's row. Zeroed but for the three first members.
 */
struct live_device {
	uint32_t entry;
	int64_t device_id;
	int64_t seen_ms;	/* wall: when the last of it arrived */
	const uint8_t *trusted; /* tuple of the newest record whose clock can be trusted */
	const uint8_t *fix;	/* and of the newest of these that has a fix; may be the same */
	const uint8_t *ahead, *ahead_fix; /* the same of records that lie ahead of the clock */
};

/* A record's tuple (pg/row.h) and the arrival of its frame. True: older ones change nothing. */
bool live_look(struct live_device *, const uint8_t *tuple, int64_t received_ms)
    __attribute__((warn_unused_result));
/* The tuples are copied if they are kept. */
void live_stored(struct live *, const struct live_device *);

/* Something was heard of the device (any committed frame): last_ping, last_seen_at. */
void live_seen(struct live *, uint32_t entry, int64_t device_id, int64_t seen_wall_ms);

/* True while rows wait to be written. */
bool live_pending(const struct live *);

#endif
