#include "worker/task/device_query.h"

#include "common/clock.h"
#include "pg/query.h"

#define LOG_EVERY_MS 600000

_Static_assert(CODEC_MAY_ALL == 127 && CODEC_MAY_8 == 1 && CODEC_MAY_8E == 2 && CODEC_MAY_16 == 4 &&
		   CODEC_MAY_12 == 8 && CODEC_MAY_13 == 16 && CODEC_MAY_14 == 32 &&
		   CODEC_MAY_15 == 64,
    "pg/sql/_devices_fields.sql makes the mask of codecs");

bool
device_query_send(struct pg_conn *conn, const char *statement, struct pg_array *imeis)
{
	struct pg_params params = {0};

	pg_param_array(&params, imeis);
	return pg_send(conn, statement, &params, PG_TEXT_ROWS);
}

bool
device_query_row(const struct pg_result *res, int i, struct device_row *row)
{
	*row = (struct device_row){
	    .imei = pg_uint(res, i, 0),
	    .id = pg_int(res, i, 1),
	    .present = true,
	    .enabled = pg_bool(res, i, 2),
	    .codecs = (uint32_t)pg_uint(res, i, 3),
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
			  "TELEM_MAX_DEVICES and restart (entries of deleted devices are "
			  "used again)");
}
