/*
 * The rhythm of devices (device_rhythm): how long the pauses between their records are. It is computed anew from the
 * history, some devices a turn; see pg/sql/rhythm_step.sql.
 */
#ifndef WORKER_TASK_RHYTHM_H
#define WORKER_TASK_RHYTHM_H

#include "worker/task/jobs.h"

struct rhythm;

/* One worker of a gateway is enough: the others are not `active`. NULL: no memory. */
struct rhythm *rhythm_new(bool active) __attribute__((warn_unused_result));
void rhythm_free(struct rhythm *);
struct job *rhythm_job(struct rhythm *);

#endif
