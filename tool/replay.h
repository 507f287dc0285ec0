/* Plays a capture to a gateway, one item after the other, as a tracker would. */
#ifndef TOOL_REPLAY_H
#define TOOL_REPLAY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/stream.h"

struct replay;

/* "HOST:PORT" or "[ADDRESS]:PORT"; NULL after saying why not. Connects at the first item. */
struct replay *replay_open(const char *target) __attribute__((warn_unused_result));
void replay_free(struct replay *);

/*
 * Sends the item and waits for the answer that belongs to it, which goes into `o` as "answer". A
 * new IMEI packet gets a new connection. False if there was none, or not the one to be expected.
 */
bool replay_item(struct replay *, const uint8_t *p, size_t n, enum stream_result, json_t *o)
    __attribute__((warn_unused_result));

#endif
