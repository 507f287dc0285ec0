/* What the running gateway says over HTTP (METRICS_BIND, METRICS_PORT). */
#ifndef TOOL_ASK_H
#define TOOL_ASK_H

#include <jansson.h>
#include <stddef.h>

#include "common/conf.h"

/* GET /status: an object of the caller's, or NULL with the reason in `why`. */
json_t *ask_status(const struct conf *, char *why, size_t room);

#endif
