/*
 * The ledger of refused IMEIs, rejected_devices (doc/design.md, Handshake): folded per IMEI,
 * written within 2 s, bounded in memory and in the table, so that a scanner can't fill it. Over its
 * bound the table loses the rows that were seen once and longest ago first.
 */
#ifndef WORKER_TASK_REJECTED_H
#define WORKER_TASK_REJECTED_H

#include <stdint.h>

#include "shm/stats.h"
#include "worker/task/jobs.h"

struct rejected;

struct rejected *rejected_new(struct stats *) __attribute__((warn_unused_result));
void rejected_free(struct rejected *);
struct job *rejected_job(struct rejected *);

/* `reason`: "unknown" or "disabled" (static text). `remote_addr`: numeric, without port. */
void rejected_note(
    struct rejected *, uint64_t imei, const char *reason, const char *remote_addr, int64_t wall_ms);

#endif
