/*
 * Answers for IMEIs that the registry doesn't hold as enabled: the questions of
 * many connections become one query, an IMEI is asked about at most once a
 * second, and stub rows are inserted if unknown devices are welcome. A part of
 * devices.c, which gives it turns.
 */
#ifndef WORKER_TASK_IMEI_LOOKUP_H
#define WORKER_TASK_IMEI_LOOKUP_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "pg/link.h"
#include "worker/task/devices.h"

struct lookup;

struct lookup *lookup_new(const struct devices_config *);
void lookup_free(struct lookup *);

/* As devices_lookup(). Only while the database is up. */
bool lookup_add(
    struct lookup *, uint64_t imei, uint64_t token, int64_t now_mono_ms, enum lookup_answer *now);

/* A turn, as the callbacks of a job. `asked_at`: registry_seq() before start(). */
bool lookup_due(const struct lookup *);
bool lookup_start(struct lookup *, struct pg_conn *, uint64_t asked_at);
void lookup_result(struct lookup *, const struct pg_result *);
void lookup_end(struct lookup *, enum pg_outcome, const struct pg_error *);

/* The database is away: all who wait get LOOKUP_UNAVAILABLE. */
void lookup_down(struct lookup *);

extern const char lookup_insert_sql[]; /* prepared as "devices_insert" */

#endif
