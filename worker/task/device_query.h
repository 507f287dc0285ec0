/*
 * What the questions about devices (devices.c, imei_lookup.c) have in common: IMEIs as the only
 * parameter, and a row of the answer.
 */
#ifndef WORKER_TASK_DEVICE_QUERY_H
#define WORKER_TASK_DEVICE_QUERY_H

#include <stdbool.h>

#include "common/log.h"
#include "pg/array.h"
#include "pg/result.h"
#include "shm/registry.h"
#include "shm/stats.h"

struct pg_conn;

/* IMEIs in one statement. */
#define DEVICE_QUERY_IMEIS 1000

/* Sends a prepared statement whose only parameter is the array. False: as start() of a job. */
bool device_query_send(struct pg_conn *, const char *statement, struct pg_array *imeis)
    __attribute__((warn_unused_result));

/* Row `i` of the answer to devices_ask or devices_load. False: its IMEI is not one of a tracker. */
bool device_query_row(const struct pg_result *, int i, struct device_row *row)
    __attribute__((warn_unused_result));

/* Counts and, now and then, logs that a device found no room in the registry. */
void device_query_note_full(struct stats *, struct log_gate *);

#endif
