/*
 * IO elements as JSON: see io_json.h. Every record passes here, so numbers are
 * made eight digits at once, without a branch on their length, and stored whole:
 * what is too much is overwritten by what follows (the bound has room for it).
 */
#include "proto/io_json.h"

#include <stdbool.h>
#include <string.h>

#include "proto/stream.h"
#include "proto/wire.h"

#define STORE 8 /* bytes that put_number() may touch behind its digits */

/* `"65535":` and a comma */
#define KEY_MAX (8 + 1)

#define INLINE static inline __attribute__((always_inline))

#define HEX(d) \
	d "0" d "1" d "2" d "3" d "4" d "5" d "6" d "7" d "8" d "9" d "a" d "b" d "c" d "d" d \
	  "e" d "f"
static const char hex[] = HEX("0") HEX("1") HEX("2") HEX("3") HEX("4") HEX("5") HEX("6") HEX("7")
    HEX("8") HEX("9") HEX("a") HEX("b") HEX("c") HEX("d") HEX("e") HEX("f");

/* The low byte first. Written out, as compilers make one store of this, but not of a loop. */
INLINE void
store(char *out, uint64_t v)
{
	out[0] = (char)v;
	out[1] = (char)(v >> 8);
	out[2] = (char)(v >> 16);
	out[3] = (char)(v >> 24);
	out[4] = (char)(v >> 32);
	out[5] = (char)(v >> 40);
	out[6] = (char)(v >> 48);
	out[7] = (char)(v >> 56);
}

/* The digits of v < 10^8, one per byte, the first in the lowest byte. */
INLINE uint64_t
digits(uint32_t v)
{
	uint64_t fours, hundreds, pairs, tens;

	fours = (uint64_t)(v % 10000) << 32 | v / 10000;
	hundreds = (fours * 10486 >> 20) & UINT64_C(0x7f0000007f);
	pairs = hundreds + ((fours - hundreds * 100) << 16);
	tens = (pairs * 103 >> 10) & UINT64_C(0x000f000f000f000f);
	return tens + ((pairs - tens * 10) << 8);
}

/* v < 10^8; returns what is behind the digits. */
INLINE char *
put_small(char *out, uint32_t v)
{
	uint64_t d = digits(v);
	/* The last digit stays, also when it is 0. */
	unsigned zeros = (unsigned)__builtin_ctzll(d | UINT64_C(1) << 56) / 8;

	store(out, (d | UINT64_C(0x3030303030303030)) >> (8 * zeros));
	return out + (8 - zeros);
}

INLINE char *
put_number(char *out, uint32_t v)
{
	if (v < 100000000)
		return put_small(out, v);
	out = put_small(out, v / 100000000);
	store(out, digits(v % 100000000) | UINT64_C(0x3030303030303030));
	return out + 8;
}

INLINE char *
put_key(char *out, uint16_t id)
{
	*out = '"';
	out = put_small(out + 1, id);
	memcpy(out, "\":", 2);
	return out + 2;
}

INLINE char *
put_hex(char *out, const uint8_t *p, size_t n)
{
	size_t i;

	*out++ = '"';
	for (i = 0; i < n; i++, out += 2)
		memcpy(out, hex + (size_t)2 * p[i], 2);
	*out++ = '"';
	return out;
}

/*
 * `id_bytes` and `len` are constants: each section gets a loop of its own. Every element ends in a
 * comma.
 */
INLINE char *
put_section(char *out, const uint8_t *p, unsigned n, size_t id_bytes, size_t len)
{
	for (; n > 0; n--, p += len) {
		out = put_key(out, id_bytes == 1 ? p[0] : wire_u16(p));
		p += id_bytes;
		if (len == 1)
			out = put_small(out, p[0]);
		else if (len == 2)
			out = put_small(out, wire_u16(p));
		else if (len == 4)
			out = put_number(out, wire_u32(p));
		else
			out = put_hex(out, p, len);
		*out++ = ',';
	}
	return out;
}

INLINE char *
put_fixed(char *out, const struct avl_record *r, size_t id_bytes)
{
	out = put_section(out, r->section[AVL_1], r->count[AVL_1], id_bytes, 1);
	out = put_section(out, r->section[AVL_2], r->count[AVL_2], id_bytes, 2);
	out = put_section(out, r->section[AVL_4], r->count[AVL_4], id_bytes, 4);
	return put_section(out, r->section[AVL_8], r->count[AVL_8], id_bytes, 8);
}

static char *
put_variable(char *out, const uint8_t *p, unsigned n)
{
	for (; n > 0; n--) {
		size_t len = wire_u16(p + 2);

		out = put_hex(put_key(out, wire_u16(p)), p + 4, len);
		*out++ = ',';
		p += 4 + len;
	}
	return out;
}

/* Any element, with its comma. */
static char *
put_element(char *out, const struct avl_io *io)
{
	out = put_key(out, io->id);
	if (io->variable || io->len > 4)
		out = put_hex(out, io->value, io->len);
	else if (io->len == 4)
		out = put_number(out, wire_u32(io->value));
	else
		out = put_small(out, io->len == 2 ? wire_u16(io->value) : io->value[0]);
	*out++ = ',';
	return out;
}

size_t
io_json_bound(const struct avl_record *r)
{
	size_t bound = 2 + STORE;
	const uint8_t *p = r->section[AVL_VAR];
	unsigned i;

	bound += (size_t)r->count[AVL_1] * (KEY_MAX + 3);
	bound += (size_t)r->count[AVL_2] * (KEY_MAX + 5);
	bound += (size_t)r->count[AVL_4] * (KEY_MAX + 10);
	bound += (size_t)r->count[AVL_8] * (KEY_MAX + 2 + 16);
	bound += (size_t)r->count[AVL_16] * (KEY_MAX + 2 + 32);
	for (i = 0; i < r->count[AVL_VAR]; i++) {
		size_t len = wire_u16(p + 2);

		bound += KEY_MAX + 2 + 2 * len;
		p += 4 + len;
	}
	return bound;
}

/* As they come, one section after the other. Every element ends in a comma. */
static char *
put_all(char *out, const struct avl_record *r)
{
	out = r->codec == CODEC_8 ? put_fixed(out, r, 1) : put_fixed(out, r, 2);
	out = put_variable(out, r->section[AVL_VAR], r->count[AVL_VAR]);
	return put_section(out, r->section[AVL_16], r->count[AVL_16], 1, 16);
}

/*
 * An id that comes twice is rare, and most ids are small: bits by the id's lower part, which
 * tell of a record in passing that no id comes again. That some bit is met again says little.
 */
#define SEEN_BITS 2048

INLINE bool
meets_again(uint64_t *seen, const uint8_t *p, unsigned n, size_t id_bytes, size_t len)
{
	uint64_t again = 0;

	for (; n > 0; n--, p += id_bytes + len) {
		unsigned id = (id_bytes == 1 ? p[0] : wire_u16(p)) % SEEN_BITS;
		uint64_t bit = UINT64_C(1) << id % 64;

		again |= seen[id / 64] & bit;
		seen[id / 64] |= bit;
	}
	return again != 0;
}

INLINE bool
meets_again_fixed(uint64_t *seen, const struct avl_record *r, size_t id_bytes)
{
	return meets_again(seen, r->section[AVL_1], r->count[AVL_1], id_bytes, 1) ||
	       meets_again(seen, r->section[AVL_2], r->count[AVL_2], id_bytes, 2) ||
	       meets_again(seen, r->section[AVL_4], r->count[AVL_4], id_bytes, 4) ||
	       meets_again(seen, r->section[AVL_8], r->count[AVL_8], id_bytes, 8);
}

/* False: no id comes twice. */
static bool
may_repeat(const struct avl_record *r)
{
	uint64_t seen[SEEN_BITS / 64] = {0};
	const uint8_t *p = r->section[AVL_VAR];

	if (r->codec == CODEC_8 ? meets_again_fixed(seen, r, 1) : meets_again_fixed(seen, r, 2))
		return true;
	for (unsigned i = 0; i < r->count[AVL_VAR]; i++) {
		if (meets_again(seen, p, 1, 2, 0))
			return true;
		p += 4 + wire_u16(p + 2);
	}
	return meets_again(seen, r->section[AVL_16], r->count[AVL_16], 1, 16);
}

/*
 * How often each id is still to come, in slots by the lower bits of the id: at least twice as many slots as
 * elements. A slot is id << 16 | times + 1, or 0; with one for each id nothing collides. A body of 64 KiB
 * holds less than 1 << 15 elements, as each takes two bytes at least, and those of one byte an id know 256 ids.
 */
struct to_come {
	uint32_t mask;
	uint32_t slot[1 << 16];
};

INLINE uint32_t *
slot_of(struct to_come *all, uint16_t id)
{
	uint32_t i = id & all->mask;

	while (all->slot[i] != 0 && all->slot[i] >> 16 != id)
		i = (i + 1) & all->mask;
	return &all->slot[i];
}

/* The last one of each id. */
static char *
put_last(char *out, const struct avl_record *r)
{
	struct to_come all;
	struct avl_io_walk walk;
	struct avl_io io;
	unsigned n = 0;

	for (unsigned i = 0; i < AVL_SECTIONS; i++)
		n += r->count[i];
	all.mask = 31;
	while (all.mask / 2 < n && all.mask < UINT16_MAX)
		all.mask = all.mask * 2 + 1;
	memset(all.slot, 0, ((size_t)all.mask + 1) * sizeof(all.slot[0]));
	avl_io_start(&walk, r);
	while (avl_io_next(&walk, &io)) {
		uint32_t *slot = slot_of(&all, io.id);

		*slot = *slot != 0 ? *slot + 1 : (uint32_t)io.id << 16 | 2;
	}
	avl_io_start(&walk, r);
	while (avl_io_next(&walk, &io)) {
		uint32_t *slot = slot_of(&all, io.id);

		if ((--*slot & UINT16_MAX) == 1)
			out = put_element(out, &io);
	}
	return out;
}

size_t
io_json_write(const struct avl_record *r, char *out)
{
	char *p = out;

	*p++ = '{';
	p = may_repeat(r) ? put_last(p, r) : put_all(p, r);
	if (p > out + 1)
		p--; /* the last comma */
	*p++ = '}';
	return (size_t)(p - out);
}
