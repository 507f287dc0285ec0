/*
 * Sessions that another gateway has taken over (doc/design.md, Sessions). The statement that opens
 * a session tells the gateway that held the older one; here it is heard. What may have been missed is asked
 * for: of all sessions after a reconnect or when another gateway appears, and of each one when it is written.
 *
 * A session that is lost leaves the directory (registry_session_lost()), and the worker that has it closes it.
 */
#ifndef WORKER_TASK_SESSIONS_H
#define WORKER_TASK_SESSIONS_H

#include <stdint.h>

#include "shm/area.h"
#include "shm/registry.h"
#include "worker/task/jobs.h"

struct sessions;

/* NULL when memory is short. */
struct sessions *sessions_new(struct registry *, const struct shm_header *, const char *gateway_id)
    __attribute__((warn_unused_result));
void sessions_free(struct sessions *);
struct job *sessions_job(struct sessions *);

/* For live.h: the live row of this session was written. */
void sessions_written(void *sessions, uint32_t entry, int64_t session_id);

#endif
