/*
 * The ledgers of those who were not served (doc/design.md, Handshake): refused IMEIs in rejected_devices, and
 * by address what said no IMEI at all in unidentified_connections. Folded per row, written within 2 s,
 * bounded in memory and in the table, so that a scanner can't fill them. Over its bound a table loses the
 * rows that were seen once and longest ago first.
 */
#ifndef WORKER_TASK_REJECTED_H
#define WORKER_TASK_REJECTED_H

#include <stddef.h>
#include <stdint.h>

#include "shm/stats.h"
#include "worker/task/jobs.h"

#define REJECTED_BYTES 16 /* of what a stranger said first */

struct rejected;

struct rejected *rejected_new(struct stats *) __attribute__((warn_unused_result));
void rejected_free(struct rejected *);
struct job *rejected_job(struct rejected *);

/* `reason`: "unknown" or "disabled" (static text). `remote_addr`: numeric, without port. */
void rejected_note(
    struct rejected *, uint64_t imei, const char *reason, const char *remote_addr, int64_t wall_ms);

/* `what`: static text. `addr`: 4 or 16 bytes, network order. p[0..n): what it said first, n <= REJECTED_BYTES. */
void rejected_note_stranger(struct rejected *, const char *what, int family, const uint8_t *addr,
    const uint8_t *p, size_t n, int64_t wall_ms);

#endif
