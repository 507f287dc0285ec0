/*
 * The control socket (TELEM_CONTROL_SOCKET) as both of its ends see it: tgctl asks the master
 * to follow one device, and the answers come in packets until either side closes.
 *
 * It is a SOCK_SEQPACKET socket: one packet is one request, or one event, whole. A request is a
 * line of text, "trace IMEI SECONDS" or "trace IMEI SECONDS bytes"; an event is one JSON object.
 * The master answers with the event "tracing" or "error" and says "end" when the time is over;
 * the other events come from the workers, to which it hands the descriptor (IPC_TRACE).
 */
#ifndef COMMON_TRACE_REQUEST_H
#define COMMON_TRACE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ipc.h"

#define CONTROL_PATH 108	  /* room of a path, with its NUL: sun_path (unix(7)) */
#define CONTROL_REQUEST 128	  /* longest request */
#define CONTROL_EVENT 8192	  /* longest event */
#define CONTROL_MAX_SECONDS 86400 /* longest trace */
#define CONTROL_MAX_TRACES 16	  /* at a time */

struct control_request {
	uint64_t imei;
	int seconds; /* 1 to CONTROL_MAX_SECONDS */
	bool bytes;  /* also what goes over the wire, in hex */
};

/* Writes the line, without an end of line. */
void control_format(const struct control_request *, char out[CONTROL_REQUEST]);

/* Reads one, with or without an end of line. False, with *why a text of ours, if it is none. */
bool control_parse(const char *text, size_t len, struct control_request *, const char **why)
    __attribute__((warn_unused_result));

/* IPC_TRACE: follow the device until then (monotonic ms); and the same read again. */
void control_to_ipc(const struct control_request *, int64_t until_mono_ms, struct ipc_msg *);
bool control_from_ipc(const struct ipc_msg *, struct control_request *, int64_t *until_mono_ms)
    __attribute__((warn_unused_result));

#endif
