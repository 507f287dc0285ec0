/*
 * A tracker's byte stream, cut into items: ping, IMEI packet, frame
 * (doc/protocol.md, The stream). Pure: no I/O, no clock, no allocation, no globals.
 *
 * The caller keeps the bytes, calls stream_next() on the front of what it has,
 * handles the item and drops item.len bytes; on STREAM_MORE it reads on and
 * calls again with the same front. Nothing is remembered between calls.
 */
#ifndef PROTO_STREAM_H
#define PROTO_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMEI_DIGITS 15
#define IMEI_PACKET 17	  /* u16 length, 15 digits */
#define FRAME_OVERHEAD 12 /* preamble, length, CRC */
#define FRAME_BODY_MIN 3  /* codec, count 1, count 2 */
#define FRAME_BODY_MAX_AVL (16 * 1024)
#define FRAME_BODY_MAX (64 * 1024) /* messages; and what framing allows */
#define FRAME_MAX (FRAME_BODY_MAX + FRAME_OVERHEAD)

enum codec {
	CODEC_8 = 0x08,
	CODEC_8E = 0x8e,
	CODEC_16 = 0x10,
	CODEC_12 = 0x0c,
	CODEC_13 = 0x0d,
	CODEC_14 = 0x0e,
	CODEC_15 = 0x0f,
};

enum stream_result {
	STREAM_MORE, /* incomplete: item.need tells how many bytes there must be in all, at least */
	STREAM_PING,
	STREAM_IMEI,	 /* item.imei */
	STREAM_FRAME,	 /* item.body, item.crc_ok; the codec is body[0] */
	STREAM_BAD_IMEI, /* not 15 digits, or not an IMEI packet at all */
	STREAM_BAD_PREAMBLE,
	STREAM_BAD_LENGTH,
};

struct stream_item {
	size_t len;	     /* bytes of the whole item, at the front of the buffer */
	size_t need;	     /* STREAM_MORE only */
	uint64_t imei;	     /* STREAM_IMEI */
	const uint8_t *body; /* STREAM_FRAME: points into the caller's buffer */
	size_t body_len;
	bool crc_ok;
};

/*
 * Looks at the item at the front of p[0..n). `identified`: an IMEI is known, so frames
 * are allowed; before that anything but a ping or an IMEI packet is
 * STREAM_BAD_IMEI as soon as its first bytes tell. Lengths are judged as soon as
 * they are there, before the rest has come; an AVL codec's lower limit as soon
 * as the codec byte is there.
 */
enum stream_result stream_next(const uint8_t *p, size_t n, bool identified,
    struct stream_item *item) __attribute__((warn_unused_result));

/* True for the codecs that carry AVL records (8, 8E, 16) or messages (12 to 15). */
static inline bool
codec_is_avl(uint8_t codec)
{
	return codec == CODEC_8 || codec == CODEC_8E || codec == CODEC_16;
}

static inline bool
codec_is_message(uint8_t codec)
{
	return codec >= CODEC_12 && codec <= CODEC_15;
}

#endif
