/*
 * The live row (design §3): device_online and devices.last_ping follow within a
 * second, at most once a second a device, folded, in transactions of their own. All
 * of it is derived from what is committed; nothing here may delay an ACK.
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

/*
 * A committed position, as the row encoder made it (row.h): `row` is one binary
 * COPY tuple. Its fields are picked from there when it is kept.
 */
struct live_config {
	struct registry *registry;
	struct stats *stats;
	uint32_t owner; /* shm_owner() of this worker */
	const char *gateway_id;
	int worker; /* slot number */
};

struct live *live_new(const struct live_config *);
void live_free(struct live *);
struct task *live_task(struct live *);

/* The session of `entry` began; or ended (offline unless a newer one stands there). */
void live_connected(struct live *, uint32_t entry, int64_t device_id, const struct live_session *);
void live_disconnected(
    struct live *, uint32_t entry, int64_t device_id, int64_t session_id, int64_t wall_ms);

/*
 * A position was committed (stored or duplicate). Called for the newest
 * trustworthy record of a device in a batch, and for the newest of these that is valid, which
 * may be the same. `trusted_row` is the tuple of the newest trustworthy record,
 * `valid_row` that of the newest trustworthy with a fix, or NULL. Copied if kept.
 */
void live_position(struct live *, uint32_t entry, int64_t device_id, const uint8_t *trusted_row,
    const uint8_t *valid_row, int64_t seen_wall_ms);

/* Something was heard of the device (any committed frame): last_ping, last_seen_at. */
void live_seen(struct live *, uint32_t entry, int64_t device_id, int64_t seen_wall_ms);

/* True while rows wait to be written. */
bool live_pending(const struct live *);

#endif
