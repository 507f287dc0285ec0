/*
 * The events of one device, as the gateway tells them on its control socket (common/trace_request.h): asks
 * for them and reads them. For tgctl trace and capture.
 */
#ifndef TOOL_DEVICE_EVENTS_H
#define TOOL_DEVICE_EVENTS_H

#include <jansson.h>
#include <stdbool.h>

#include "common/conf.h"
#include "common/trace_request.h"

/* Connects and asks. Returns the descriptor, or -1 after saying why not, with *status set. */
int device_events_open(const struct conf *, const struct trace_request *, int *status)
    __attribute__((warn_unused_result));

/*
 * Calls `event` with each until the end: the time is over, a signal (INT, TERM), or `event`
 * returns false. Closes the descriptor. Returns the exit status: TOOL_FAILED, after saying why,
 * if the gateway refuses or goes away, or if `event` returned false.
 */
int device_events_run(int fd, bool (*event)(void *ctx, const json_t *), void *ctx)
    __attribute__((warn_unused_result));

#endif
