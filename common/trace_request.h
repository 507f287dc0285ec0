/*
 * Trace requests: what the operator's socket (TELEM_CONTROL_SOCKET) speaks. tgctl asks the master to
 * follow one device, one address or all connections without an IMEI, and the answers come in packets until
 * either side closes.
 *
 * It is a SOCK_SEQPACKET socket: one packet is one request or one event, whole. A request is a line of
 * text, "trace WHOM SECONDS" or "trace WHOM SECONDS bytes", where WHOM is an IMEI, "peer=ADDRESS" or
 * "unidentified"; or "close IMEI SECONDS", which follows it as well. An event is one JSON object. The master
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

#define TRACE_ADDRESS 46 /* INET6_ADDRSTRLEN */

enum trace_whom { TRACE_IMEI, TRACE_PEER, TRACE_UNIDENTIFIED };

struct trace_request {
	enum trace_whom whom;
	uint64_t imei;		     /* TRACE_IMEI, else 0 */
	char address[TRACE_ADDRESS]; /* TRACE_PEER: numeric, as inet_ntop() writes it */
	bool close;		     /* end the device's session, too; TRACE_IMEI only */
	int seconds;		     /* 1 to TRACE_MAX_SECONDS; 0 after trace_request_from_ipc() */
	bool bytes;		     /* also what goes over the wire, in hex */
};

/* An address as a request takes it, from any way to write it. False: it is none. */
bool trace_request_address(const char *text, char out[TRACE_ADDRESS])
    __attribute__((warn_unused_result));

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
