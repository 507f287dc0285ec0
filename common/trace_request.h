/*
 * Trace requests: what the operator's socket (TELEM_CONTROL_SOCKET) speaks. tgctl asks the master to
 * follow one device, and the answers come in packets until either side closes.
 *
 * It is a SOCK_SEQPACKET socket: one packet is one request or one event, whole. A request is a line of
 * text, "trace IMEI SECONDS" or "trace IMEI SECONDS bytes"; an event is one JSON object. The master
 * answers with the event "tracing" or "error", and says "end" when the time is over. All other events
 * come from the workers, to which it hands the client's descriptor (IPC_TRACE).
 */
#ifndef COMMON_TRACE_REQUEST_H
#define COMMON_TRACE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ipc.h"

#define TRACE_REQUEST_TEXT 128	/* longest request, with its NUL */
#define TRACE_EVENT_TEXT 8192	/* longest event, with its NUL */
#define TRACE_MAX_SECONDS 86400 /* longest trace */
#define TRACE_MAX_CLIENTS 16	/* at a time */

struct trace_request {
	uint64_t imei;
	int seconds; /* 1 to TRACE_MAX_SECONDS; 0 after trace_request_from_ipc() */
	bool bytes;  /* also what goes over the wire, in hex */
};

/* tgctl: writes the line, without an end of line. */
void trace_request_format(const struct trace_request *, char out[TRACE_REQUEST_TEXT]);

/*
 * The master: reads one, with or without an end of line. False if it isn't one; *why then is a
 * constant text that says what is wrong.
 */
bool trace_request_parse(const char *text, size_t len, struct trace_request *, const char **why)
    __attribute__((warn_unused_result));

/* Master and worker: an IPC_TRACE to follow the device until then (monotonic ms), and back. */
void trace_request_to_ipc(const struct trace_request *, int64_t until_mono_ms, struct ipc_msg *);
bool trace_request_from_ipc(const struct ipc_msg *, struct trace_request *, int64_t *until_mono_ms)
    __attribute__((warn_unused_result));

#endif
