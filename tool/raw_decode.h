/* Decodes one row of device_ingest_raw again and stores what is in it (tgctl raw decode). */
#ifndef TOOL_RAW_DECODE_H
#define TOOL_RAW_DECODE_H

#include <jansson.h>
#include <stdbool.h>

#include "pg/session.h"

/* What became of one frame. */
enum raw_outcome {
	RAW_DECODED,   /* all of it is stored now; decoded_at is set */
	RAW_UNDECODED, /* it stays as it is (or was partly stored); the result says why */
	RAW_ERROR,     /* the database failed, as stderr says */
};

/*
 * In one transaction of its own. `by_id`: the operator named this row, so that it is decoded
 * even if the device's model may not use its codec. *result is a new object {id, imei,
 * outcome, records, stored, duplicate} (or NULL after RAW_ERROR).
 */
enum raw_outcome raw_decode(struct pg_session *, const char *id, bool by_id, json_t **result)
    __attribute__((warn_unused_result));

#endif
