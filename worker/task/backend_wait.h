/*
 * What the other connection's backend waits for, when a batch gets no answer (worker/store): asked of
 * pg_stat_activity, for the log line and /readyz. The first job of the round, as it is asked for when the
 * rest may be stuck as well.
 */
#ifndef WORKER_TASK_BACKEND_WAIT_H
#define WORKER_TASK_BACKEND_WAIT_H

#include "worker/task/jobs.h"

struct backend_wait;

/* NULL: no memory. `said` is called once per question, if the database answers it. */
struct backend_wait *backend_wait_new(void *ctx, void (*said)(void *ctx, const char *what))
    __attribute__((warn_unused_result));
void backend_wait_free(struct backend_wait *);
struct job *backend_wait_job(struct backend_wait *);

/* A question that has not been answered yet is replaced. */
void backend_wait_ask(struct backend_wait *, const struct pg_backend *);

#endif
