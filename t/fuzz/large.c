/* Large frames: see large.h. */
#include "t/fuzz/large.h"

#include <stdlib.h>

#include "proto/avl.h"
#include "proto/stream.h"
#include "t/unit/proto/build.h"

/* Elements of every fixed length, `each` of them; ids of one byte in codec 8, of two in the others. */
static void
fixed(struct build *b, uint8_t codec, unsigned each)
{
	static const unsigned lens[] = {1, 2, 4, 8};
	bool wide = codec == CODEC_8E;

	for (unsigned s = 0; s < 4; s++) {
		if (wide)
			build_u16(b, (uint16_t)each);
		else
			build_u8(b, (uint8_t)each);
		for (unsigned i = 0; i < each; i++) {
			if (codec == CODEC_8)
				build_u8(b, (uint8_t)(i * 4 + s));
			else
				build_u16(b, (uint16_t)(i * 100 + s));
			for (unsigned k = 0; k < lens[s]; k++)
				build_u8(b, (uint8_t)(i * 7 + k * 31 + s));
		}
	}
}

/* Event and total, ahead of the elements. */
static void
head(struct build *b, uint8_t codec, unsigned total)
{
	build_gps(b);
	if (codec == CODEC_8) {
		build_u8(b, 1);
		build_u8(b, (uint8_t)total);
	} else {
		build_u16(b, 1);
		if (codec == CODEC_16)
			build_u8(b, 5); /* generation */
		if (codec == CODEC_8E)
			build_u16(b, (uint16_t)total);
		else
			build_u8(b, (uint8_t)total);
	}
}

/* As many records as the limit has room for. */
static void
records(struct build *b, uint8_t codec, unsigned each)
{
	uint8_t n = 0;
	size_t one = 0;

	build_u8(b, codec);
	build_u8(b, 0);
	while (n < AVL_MAX_RECORDS && b->n + one < FRAME_BODY_MAX_AVL) {
		size_t before = b->n;

		head(b, codec, 4 * each);
		fixed(b, codec, each);
		if (codec == CODEC_8E)
			build_u16(b, 0);
		one = b->n - before;
		n++;
	}
	build_u8(b, n);
	b->p[1] = n;
}

/* One record of codec 8E with `n` elements of variable length, of up to `most` bytes. */
static void
variable(struct build *b, unsigned n, unsigned most)
{
	build_u8(b, CODEC_8E);
	build_u8(b, 1);
	head(b, CODEC_8E, n);
	fixed(b, CODEC_8E, 0);
	build_u16(b, (uint16_t)n);
	for (unsigned i = 0; i < n; i++) {
		unsigned len = n == 1 ? most : i * 5 % (most + 1);

		build_u16(b, (uint16_t)(i * 3 + 1));
		build_u16(b, (uint16_t)len);
		for (unsigned k = 0; k < len; k++)
			build_u8(b, (uint8_t)(i * 11 + k));
	}
	build_u8(b, 1);
}

/* Bitrek's fifth section, full. */
static void
bitrek(struct build *b)
{
	build_u8(b, CODEC_8);
	build_u8(b, 3);
	for (unsigned r = 0; r < 3; r++) {
		head(b, CODEC_8, 255);
		fixed(b, CODEC_8, 1);
		build_u8(b, 250);
		for (unsigned i = 0; i < 250; i++) {
			build_u8(b, (uint8_t)i);
			build_u64(b, i * UINT64_C(0x0123456789abcdef));
			build_u64(b, ~(uint64_t)i * r);
		}
	}
	build_u8(b, 3);
}

/* `n` messages that share the largest body there is. */
static void
messages(struct build *b, uint8_t codec, uint8_t n)
{
	size_t extra = codec == CODEC_15 ? 12 : codec == CODEC_14 ? 8 : 0;
	size_t len = (FRAME_BODY_MAX - 3) / n - 5;

	build_u8(b, codec);
	build_u8(b, n);
	for (unsigned i = 0; i < n; i++) {
		build_u8(b, 6);
		build_u32(b, (uint32_t)len);
		if (codec == CODEC_15)
			build_u32(b, 1700000000u + i);
		if (extra > 0)
			build_u64(b, UINT64_C(0x0352093081452251));
		for (size_t k = extra; k < len; k++)
			build_u8(b, (uint8_t)(' ' + (k + i) % 95));
	}
	build_u8(b, n);
}

static void
keep(struct vector **at, const char *name, const char *codec, struct build *b)
{
	build_wrap(b);
	*(*at)++ =
	    (struct vector){.name = name, .codec = codec, .tcp = true, .bytes = b->p, .len = b->n};
	*b = (struct build){0};
}

void
large_build(struct vector out[LARGE_VECTORS])
{
	struct vector *at = out;
	struct build b = {0};

	records(&b, CODEC_8, 16);
	keep(&at, "large-8", "8", &b);
	records(&b, CODEC_8E, 80);
	keep(&at, "large-8e", "8E", &b);
	records(&b, CODEC_16, 63);
	keep(&at, "large-16", "16", &b);
	variable(&b, 65, 40);
	keep(&at, "large-8e-65-variable", "8E", &b);
	variable(&b, 1000, 12);
	keep(&at, "large-8e-1000-variable", "8E", &b);
	variable(&b, 1, 16000);
	keep(&at, "large-8e-one-value", "8E", &b);
	bitrek(&b);
	keep(&at, "large-8-bitrek", "8", &b);
	messages(&b, CODEC_12, 1);
	keep(&at, "large-12", "12", &b);
	messages(&b, CODEC_15, 255);
	keep(&at, "large-15-many", "15", &b);
}

void
large_free(struct vector vectors[LARGE_VECTORS])
{
	for (size_t i = 0; i < LARGE_VECTORS; i++)
		free(vectors[i].bytes);
}
