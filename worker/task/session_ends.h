/*
 * Sessions that have ended: each becomes a row of device_sessions, many in one statement. A ledger for people:
 * what doesn't fit while the database is away is left out, with a line in the log.
 */
#ifndef WORKER_TASK_SESSION_ENDS_H
#define WORKER_TASK_SESSION_ENDS_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/task/jobs.h"

struct session_ends;

struct session_end {
	int64_t device_id;
	int64_t session_id; /* may be provisional (shm/registry.h) */
	int64_t ended_ms;   /* wall, as session_id is */
	uint32_t records;   /* that it brought */
	uint8_t family, addr[16];
	const char *reason; /* a word for device_sessions.reason, static text */
};

/* NULL: no memory. */
struct session_ends *session_ends_new(const char *gateway_id) __attribute__((warn_unused_result));
void session_ends_free(struct session_ends *);
struct job *session_ends_job(struct session_ends *);

void session_ends_add(struct session_ends *, const struct session_end *);
/* Some are not written yet. */
bool session_ends_pending(const struct session_ends *);

#endif
