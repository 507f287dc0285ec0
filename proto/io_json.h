/*
 * The JSON object of a record's IO elements (doc/design.md, IO as JSON): one key per element, the
 * AVL ID in decimal; values of 1, 2 and 4 bytes are unsigned numbers; 8-byte,
 * 16-byte and variable-length values are lower-case hex strings of full width.
 * Pure.
 */
#ifndef PROTO_IO_JSON_H
#define PROTO_IO_JSON_H

#include <stddef.h>

#include "proto/avl.h"

/* An upper bound for the bytes that io_json_write() needs for this record. */
size_t io_json_bound(const struct avl_record *);

/*
 * Writes the object to `out`, which has room for io_json_bound() bytes, and
 * returns the bytes written (no NUL). Keys stand in the order of the wire. Of an id that occurs
 * more than once only the last element is written.
 */
size_t io_json_write(const struct avl_record *, char *out) __attribute__((warn_unused_result));

#endif
