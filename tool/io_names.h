/* The IO elements of a record in words (proto/dictionary_read.h), as JSON and as lines. */
#ifndef TOOL_IO_NAMES_H
#define TOOL_IO_NAMES_H

#include <jansson.h>
#include <stdio.h>

#include "proto/avl.h"

/* {"family": name or group or null, "how": why it was taken, "candidates": [...]} */
json_t *io_names_family(const struct avl_record *, const char *model)
    __attribute__((warn_unused_result));

/*
 * An object per element, in the order of the wire: id, name, value (number, text, list or null), and where there
 * are any unit, label, note. `model` may be NULL or unknown.
 */
json_t *io_names(const struct avl_record *, const char *model) __attribute__((warn_unused_result));

/* A line for each record of an AVL frame's body: its time and its elements, behind `prefix`. Other bodies: nothing. */
void io_names_print(FILE *, const char *prefix, const uint8_t *body, size_t len, const char *model);

#endif
