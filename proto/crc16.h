/* CRC-16/ARC (doc/protocol.md, Frame): polynomial 8005 reflected, initial value 0. Pure. */
#ifndef PROTO_CRC16_H
#define PROTO_CRC16_H

#include <stddef.h>
#include <stdint.h>

/* The CRC of p[0..n); check value of "123456789" is BB3D. */
uint16_t crc16_arc(const uint8_t *p, size_t n);

/*
 * The same by tables alone: what crc16_arc() is on a machine without carry-less
 * multiplication. For tests and benchmarks.
 */
uint16_t crc16_arc_portable(const uint8_t *p, size_t n);

#endif
