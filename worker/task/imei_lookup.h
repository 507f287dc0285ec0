/*
 * Answers for IMEIs that the registry doesn't hold as enabled: the questions of many connections
 * become one query, an IMEI is asked about at most once per second, and bare rows are inserted if
 * unknown devices are welcome. A part of devices.c, which gives it turns.
 */
#ifndef WORKER_TASK_IMEI_LOOKUP_H
#define WORKER_TASK_IMEI_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "pg/link.h"
#include "worker/task/devices.h"

struct imei_lookup;

struct imei_lookup *imei_lookup_new(const struct devices_config *)
    __attribute__((warn_unused_result));
void imei_lookup_free(struct imei_lookup *);

/* As devices_lookup(). Only while the database is up. */
bool imei_lookup_add(struct imei_lookup *, uint64_t imei, uint64_t token, int64_t now_mono_ms,
    enum lookup_answer *now) __attribute__((warn_unused_result));

/* A turn, as the callbacks of a job. `asked_at`: registry_seq() before start(). */
bool imei_lookup_due(const struct imei_lookup *);
bool imei_lookup_start(struct imei_lookup *, struct pg_conn *, uint64_t asked_at)
    __attribute__((warn_unused_result));
void imei_lookup_result(struct imei_lookup *, const struct pg_result *);
/* True: the error was about a row's content, and is dealt with. */
bool imei_lookup_end(struct imei_lookup *, enum pg_outcome, const struct pg_error *)
    __attribute__((warn_unused_result));

/* The database is away: all who wait get LOOKUP_UNAVAILABLE. */
void imei_lookup_down(struct imei_lookup *);

#endif
