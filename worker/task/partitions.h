/*
 * Partitions and retention (doc/design.md, Partitions and retention), by one worker of all gateways
 * at a time, under an advisory lock: partitions for the past 35 days and 7 ahead, rows that fell
 * into the default partition moved into a day's new one, old partitions and old raw rows dropped.
 * The SQL lives in functions of the migrations; here is only when.
 */
#ifndef WORKER_TASK_PARTITIONS_H
#define WORKER_TASK_PARTITIONS_H

#include "worker/task/jobs.h"

struct partitions;

struct partitions *partitions_new(int retention_days, int raw_retention_days)
    __attribute__((warn_unused_result));
void partitions_free(struct partitions *);
struct job *partitions_job(struct partitions *);

#endif
