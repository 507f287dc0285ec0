/* A frame as a JSON object, in the names of the tables' columns; for decode and raw. */
#ifndef TOOL_FRAME_JSON_H
#define TOOL_FRAME_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Decodes a frame's body into `o`: kind ("avl", "message", "unknown"), codec,
 * records or messages, and error if it is malformed. Returns true if it could be decoded.
 */
bool frame_json(json_t *o, const uint8_t *body, size_t len) __attribute__((warn_unused_result));

/* The same with the elements of each record in words, for a device of that model (NULL: not known). */
bool frame_json_named(json_t *o, const uint8_t *body, size_t len, const char *model)
    __attribute__((warn_unused_result));

#endif
