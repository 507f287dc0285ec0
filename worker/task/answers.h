/*
 * Commands whose answers were stored: who listens to telematics_command_status is told of them from here, as a
 * transaction that notifies waits at its commit for all others that do, and nobody's records may.
 */
#ifndef WORKER_TASK_ANSWERS_H
#define WORKER_TASK_ANSWERS_H

#include <stdint.h>

#include "worker/task/jobs.h"

struct answers;

/* NULL: no memory. */
struct answers *answers_new(void) __attribute__((warn_unused_result));
void answers_free(struct answers *);
struct job *answers_job(struct answers *);

/* The command has ended by its answer, and that is committed. Who misses one looks at the table all the same. */
void answers_stored(struct answers *, int64_t command_id);

#endif
