/* Builds bodies and frames byte by byte for the tests of the protocol library. */
#ifndef PROTO_BUILD_H
#define PROTO_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "proto/avl.h"

/* What build_8e_reversed() takes of elements of one length. */
#define BUILD_ELEMENTS 2048

struct build {
	uint8_t *p; /* build_free() it */
	size_t n, room;
};

void build_u8(struct build *, uint8_t);
void build_u16(struct build *, uint16_t);
void build_u32(struct build *, uint32_t);
void build_u64(struct build *, uint64_t);
void build_bytes(struct build *, const void *, size_t);
void build_zeros(struct build *, size_t);
void build_free(struct build *);

/* The common part of a record (timestamp to speed), with values that tests know. */
#define BUILD_TIME UINT64_C(1560161086000)
void build_gps(struct build *);
/* The same, all values given. */
void build_gps_of(struct build *, const struct avl_record *);

/* Puts preamble and length in front of the body, the CRC behind it. */
void build_wrap(struct build *);

/*
 * A body of codec 8E with this one record, its elements in the opposite order. Elements of
 * other lengths than 1, 2, 4 and 8 become variable-length ones.
 */
void build_8e_reversed(struct build *, const struct avl_record *);

#endif
