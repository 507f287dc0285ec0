/*
 * What the questions about devices have in common: the columns they ask for,
 * IMEIs as a parameter, and a row of the answer.
 */
#ifndef WORKER_TASK_DEVICE_QUERY_H
#define WORKER_TASK_DEVICE_QUERY_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/log.h"
#include "shm/registry.h"
#include "shm/stats.h"
#include "pg/array.h"

/* Needs a table expression `d` behind it, and DEVICE_QUERY_MODELS behind that. */
#define DEVICE_QUERY_FIELDS \
	"SELECT CASE WHEN d.imei ~ '^[0-9]{15}$' THEN d.imei END, d.id, d.enabled, " \
	"CASE WHEN m.device_model IS NULL THEN 127 ELSE m.codec_8::integer" \
	" + 2 * m.codec_8e::integer + 4 * m.codec_16::integer + 8 * m.codec_12::integer" \
	" + 16 * m.codec_13::integer + 32 * m.codec_14::integer + 64 * m.codec_15::integer END "
#define DEVICE_QUERY_MODELS " LEFT JOIN device_models m ON m.device_model = d.device_model"

/* Prepared under the name "devices_ask": the rows of the IMEIs in $1. */
extern const char device_query_ask_sql[];

/* IMEIs in one statement. */
#define DEVICE_QUERY_IMEIS 1000

void device_query_put_imei(struct pg_array *, uint64_t imei);
/* Sends a prepared statement whose only parameter is the array. False: as start() of a job. */
bool device_query_send(struct pg_conn *, const char *statement, struct pg_array *imeis)
    __attribute__((warn_unused_result));

/* Row `i` of the answer. False: its IMEI is not one of a tracker. */
bool device_query_row(const struct pg_result *, int i, struct device_row *);

/* Counts and, now and then, logs that a device found no room in the registry. */
void device_query_note_full(struct stats *, struct log_gate *);

#endif
