/* What the running gateway says of itself over HTTP (METRICS_BIND, METRICS_PORT). */
#ifndef TOOL_GATEWAY_STATUS_H
#define TOOL_GATEWAY_STATUS_H

#include <jansson.h>
#include <stddef.h>

#include "common/conf.h"

/* GET of a path: the body, which the caller frees, or NULL with the reason in `why`. */
char *gateway_get(const struct conf *, const char *path, char *why, size_t room)
    __attribute__((warn_unused_result));

/* GET /status: an object of the caller's, or NULL with the reason in `why`. */
json_t *gateway_status(const struct conf *, char *why, size_t room)
    __attribute__((warn_unused_result));

#endif
