/*
 * Hashes that are stored in the database, and so FROZEN: the tables hold them and
 * rows are recognised by them. t/unit/proto/check_hash.c holds golden vectors.
 *
 * hash_bytes() is XXH64 with seed 0, as its specification has it (little-endian
 * words): the published test vectors apply.
 *
 * avl_record_hash(), all arithmetic modulo 2^64:
 *
 *   mix(x):  x ^= x >> 32;  x *= MIX_1;  x ^= x >> 29;  x *= MIX_2;  x ^= x >> 32
 *
 *   element(id, len, bytes) = mix(value ^ (SEED_ELEMENT + (len << 16 | id) * KEY))
 *       value: the bytes as a big-endian number if len <= 8 (none: 0),
 *       else hash_bytes(bytes, len)
 *
 *   hash = mix(  mix(timestamp ^ SEED_TIME)
 *              + mix((longitude << 32 | latitude) ^ SEED_PLACE)
 *              + mix((altitude << 48 | angle << 32 | speed << 16 | event_id) ^ SEED_MOTION)
 *              + mix((priority << 8 | satellites) ^ SEED_QUALITY)
 *              + the sum of element() over all elements)
 *
 * Fields are the bits that were on the wire, unsigned, in their own width (a one-byte
 * event id is the same as a two-byte one). The sum does not depend on the order of
 * the elements, and nothing in it on the section, the codec, the generation type or
 * the total that the tracker claims. Each term is a bijection of 64 bits, so that
 * two records that differ in one value of up to 8 bytes never collide.
 */
#include "proto/avl.h"

#include "proto/stream.h"
#include "proto/wire.h"

#define MIX_1 UINT64_C(0xd6e8feb86659fd93)
#define MIX_2 UINT64_C(0xa0761d6478bd642f)
#define KEY UINT64_C(0x9e3779b97f4a7c15)
#define SEED_ELEMENT UINT64_C(0x3c6ef372fe94f82b)
#define SEED_TIME UINT64_C(0xa54ff53a5f1d36f1)
#define SEED_PLACE UINT64_C(0x510e527fade682d1)
#define SEED_MOTION UINT64_C(0x9b05688c2b3e6c1f)
#define SEED_QUALITY UINT64_C(0x1f83d9abfb41bd6b)

#define INLINE static inline __attribute__((always_inline))

INLINE uint64_t
mix(uint64_t x)
{
	x ^= x >> 32;
	x *= MIX_1;
	x ^= x >> 29;
	x *= MIX_2;
	x ^= x >> 32;
	return x;
}

INLINE uint64_t
element(uint64_t id, uint64_t len, uint64_t value)
{
	return mix(value ^ (SEED_ELEMENT + (len << 16 | id) * KEY));
}

INLINE uint64_t
number(const uint8_t *p, size_t len)
{
	uint64_t v = 0;
	size_t i;

	switch (len) {
	case 1:
		return p[0];
	case 2:
		return wire_u16(p);
	case 4:
		return wire_u32(p);
	case 8:
		return wire_u64(p);
	default:
		for (i = 0; i < len; i++)
			v = v << 8 | p[i];
		return v;
	}
}

/* `id_bytes` and `len` are constants: each section gets a loop of its own. */
INLINE uint64_t
sum_section(const uint8_t *p, unsigned n, size_t id_bytes, size_t len)
{
	uint64_t sum = 0;

	for (; n > 0; n--, p += id_bytes + len)
		sum += element(id_bytes == 1 ? p[0] : wire_u16(p), len, number(p + id_bytes, len));
	return sum;
}

INLINE uint64_t
sum_fixed(const struct avl_record *r, size_t id_bytes)
{
	return sum_section(r->section[AVL_1], r->count[AVL_1], id_bytes, 1) +
	       sum_section(r->section[AVL_2], r->count[AVL_2], id_bytes, 2) +
	       sum_section(r->section[AVL_4], r->count[AVL_4], id_bytes, 4) +
	       sum_section(r->section[AVL_8], r->count[AVL_8], id_bytes, 8);
}

/* Variable-length elements of 8E. */
static uint64_t
sum_variable(const uint8_t *p, unsigned n)
{
	uint64_t sum = 0;

	for (; n > 0; n--) {
		uint16_t id = wire_u16(p), len = wire_u16(p + 2);

		p += 4;
		sum += element(id, len, len <= 8 ? number(p, len) : hash_bytes(p, len));
		p += len;
	}
	return sum;
}

/* Bitrek's 16-byte elements. */
static uint64_t
sum_wide(const uint8_t *p, unsigned n)
{
	uint64_t sum = 0;

	for (; n > 0; n--, p += 1 + 16)
		sum += element(p[0], 16, hash_bytes(p + 1, 16));
	return sum;
}

uint64_t
avl_record_hash(const struct avl_record *r)
{
	uint64_t place = (uint64_t)(uint32_t)r->longitude << 32 | (uint32_t)r->latitude;
	uint64_t motion = (uint64_t)(uint16_t)r->altitude << 48 | (uint64_t)r->angle << 32 |
			  (uint64_t)r->speed << 16 | r->event_id;
	uint64_t quality = (uint64_t)r->priority << 8 | r->satellites;
	uint64_t sum = mix(r->timestamp_ms ^ SEED_TIME) + mix(place ^ SEED_PLACE) +
		       mix(motion ^ SEED_MOTION) + mix(quality ^ SEED_QUALITY);

	sum += r->codec == CODEC_8 ? sum_fixed(r, 1) : sum_fixed(r, 2);
	if (r->count[AVL_VAR] > 0)
		sum += sum_variable(r->section[AVL_VAR], r->count[AVL_VAR]);
	if (r->count[AVL_16] > 0)
		sum += sum_wide(r->section[AVL_16], r->count[AVL_16]);
	return mix(sum);
}

#define XX_1 UINT64_C(0x9e3779b185ebca87)
#define XX_2 UINT64_C(0xc2b2ae3d27d4eb4f)
#define XX_3 UINT64_C(0x165667b19e3779f9)
#define XX_4 UINT64_C(0x85ebca77c2b2ae63)
#define XX_5 UINT64_C(0x27d4eb2f165667c5)

INLINE uint64_t
rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

INLINE uint32_t
little_u32(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

INLINE uint64_t
little_u64(const uint8_t *p)
{
	return (uint64_t)p[7] << 56 | (uint64_t)p[6] << 48 | (uint64_t)p[5] << 40 |
	       (uint64_t)p[4] << 32 | (uint64_t)p[3] << 24 | (uint64_t)p[2] << 16 |
	       (uint64_t)p[1] << 8 | p[0];
}

INLINE uint64_t
xx_round(uint64_t acc, uint64_t word)
{
	return rotate(acc + word * XX_2, 31) * XX_1;
}

/* Four lanes of eight bytes; *p and *n are moved behind the last whole 32 bytes. */
static uint64_t
xx_lanes(const uint8_t **p, size_t *n)
{
	uint64_t lane[4] = {XX_1 + XX_2, XX_2, 0, 0 - XX_1};
	uint64_t h;
	unsigned i;

	for (; *n >= 32; *p += 32, *n -= 32) {
		for (i = 0; i < 4; i++)
			lane[i] = xx_round(lane[i], little_u64(*p + (size_t)8 * i));
	}
	h = rotate(lane[0], 1) + rotate(lane[1], 7) + rotate(lane[2], 12) + rotate(lane[3], 18);
	for (i = 0; i < 4; i++)
		h = (h ^ xx_round(0, lane[i])) * XX_1 + XX_4;
	return h;
}

uint64_t
hash_bytes(const uint8_t *p, size_t n)
{
	uint64_t h = (n >= 32 ? 0 : XX_5) + n;

	if (n >= 32)
		h += xx_lanes(&p, &n);
	for (; n >= 8; p += 8, n -= 8)
		h = rotate(h ^ xx_round(0, little_u64(p)), 27) * XX_1 + XX_4;
	if (n >= 4) {
		h = rotate(h ^ little_u32(p) * XX_1, 23) * XX_2 + XX_3;
		p += 4;
		n -= 4;
	}
	for (; n > 0; p++, n--)
		h = rotate(h ^ *p * XX_5, 11) * XX_1;
	h ^= h >> 33;
	h *= XX_2;
	h ^= h >> 29;
	h *= XX_3;
	h ^= h >> 32;
	return h;
}
