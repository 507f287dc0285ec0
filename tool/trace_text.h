/* Events of a followed device (common/trace_request.h) in words. Pure. */
#ifndef TOOL_TRACE_TEXT_H
#define TOOL_TRACE_TEXT_H

#include <jansson.h>
#include <stddef.h>

/* One line without its end: time, worker, peer, and what happened; cut to `room`. */
void trace_text(const json_t *event, char *out, size_t room);

/* A reason of the quarantine (device_ingest_raw.reason) in words; itself if it has none. */
const char *trace_reason(const char *reason);

#endif
