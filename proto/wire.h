/*
 * Big-endian numbers on the wire. Bytes are put together by shifts, which asks for
 * no alignment and no byte order of the machine; compilers make one load of it.
 */
#ifndef PROTO_WIRE_H
#define PROTO_WIRE_H

#include <stdint.h>

static inline uint16_t
wire_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t
wire_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t
wire_u64(const uint8_t *p)
{
	return (uint64_t)p[0] << 56 | (uint64_t)p[1] << 48 | (uint64_t)p[2] << 40 |
	       (uint64_t)p[3] << 32 | (uint64_t)p[4] << 24 | (uint64_t)p[5] << 16 |
	       (uint64_t)p[6] << 8 | p[7];
}

/* Two's complement without a conversion that C leaves to the implementation. */
static inline int16_t
wire_i16(const uint8_t *p)
{
	uint16_t u = wire_u16(p);

	return u <= INT16_MAX ? (int16_t)u : (int16_t)((int32_t)u - 65536);
}

static inline int32_t
wire_i32(const uint8_t *p)
{
	uint32_t u = wire_u32(p);

	return u <= INT32_MAX ? (int32_t)u : (int32_t)((int64_t)u - INT64_C(4294967296));
}

static inline int64_t
wire_i64(const uint8_t *p)
{
	uint64_t u = wire_u64(p);

	return u <= INT64_MAX ? (int64_t)u : -(int64_t)(UINT64_MAX - u) - 1;
}

static inline void
wire_put_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void
wire_put_u32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static inline void
wire_put_u64(uint8_t *p, uint64_t v)
{
	wire_put_u32(p, (uint32_t)(v >> 32));
	wire_put_u32(p + 4, (uint32_t)v);
}

#endif
