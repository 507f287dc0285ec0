#include "worker/task/device_query.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"

#define LOG_EVERY_MS 600000

_Static_assert(CODEC_MAY_ALL == 127 && CODEC_MAY_8 == 1 && CODEC_MAY_8E == 2 && CODEC_MAY_16 == 4 &&
		   CODEC_MAY_12 == 8 && CODEC_MAY_13 == 16 && CODEC_MAY_14 == 32 &&
		   CODEC_MAY_15 == 64,
    "DEVICE_QUERY_FIELDS makes the mask of codecs");

const char device_query_ask_sql[] =
    DEVICE_QUERY_FIELDS "FROM devices d" DEVICE_QUERY_MODELS " WHERE d.imei = ANY ($1::text[])";

void
device_query_put_imei(struct pg_array *a, uint64_t imei)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%015" PRIu64, imei);

	pg_array_text(a, text, (size_t)n);
}

bool
device_query_send(struct pg_conn *conn, const char *statement, struct pg_array *imeis)
{
	int length, binary = 1;
	const char *value = pg_array_param(imeis, &length);

	return value != NULL &&
	       PQsendQueryPrepared(conn, statement, 1, &value, &length, &binary, 0) == 1;
}

bool
device_query_row(const struct pg_result *res, int i, struct device_row *row)
{
	if (PQgetisnull(res, i, 0))
		return false;
	*row = (struct device_row){
	    .imei = strtoull(PQgetvalue(res, i, 0), NULL, 10),
	    .id = strtoll(PQgetvalue(res, i, 1), NULL, 10),
	    .present = true,
	    .enabled = PQgetvalue(res, i, 2)[0] == 't',
	    .codecs = (uint32_t)strtoul(PQgetvalue(res, i, 3), NULL, 10),
	};
	return row->imei != 0;
}

void
device_query_note_full(struct stats *stats, struct log_gate *gate)
{
	uint64_t suppressed;

	stats_add(&stats->registry_full, 1);
	if (log_gate_open(gate, clock_mono_ms(), LOG_EVERY_MS, &suppressed))
		log_error("the registry of devices is full: some are not served; raise "
			  "TELEM_MAX_DEVICES and restart");
}
