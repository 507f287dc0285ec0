/* What the running gateway says of itself over HTTP (METRICS_BIND, METRICS_PORT). */
#ifndef TOOL_GATEWAY_STATUS_H
#define TOOL_GATEWAY_STATUS_H

#include <jansson.h>
#include <stddef.h>

#include "common/conf.h"

/* GET /status: an object of the caller's, or NULL with the reason in `why`. */
json_t *gateway_status(const struct conf *, char *why, size_t room)
    __attribute__((warn_unused_result));

#endif
