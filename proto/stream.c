/* Items of a tracker's byte stream: see stream.h and doc/protocol.md, The stream. */
#include "proto/stream.h"

#include "proto/crc16.h"
#include "proto/wire.h"

#define PING 0xff
#define FRAME_HEADER 8 /* preamble and length */

static enum stream_result
more(struct stream_item *item, size_t need)
{
	item->need = need;
	return STREAM_MORE;
}

/* p[0] is known to be 0, the upper half of the length 15. */
static enum stream_result
imei_packet(const uint8_t *p, size_t n, struct stream_item *item)
{
	uint64_t imei = 0;
	size_t i;

	if (n >= 2 && p[1] != IMEI_DIGITS)
		return STREAM_BAD_IMEI;
	for (i = 2; i < n && i < IMEI_PACKET; i++) {
		if (p[i] < '0' || p[i] > '9')
			return STREAM_BAD_IMEI;
		imei = imei * 10 + (uint64_t)(p[i] - '0');
	}
	if (n < IMEI_PACKET)
		return more(item, IMEI_PACKET);
	item->imei = imei;
	item->len = IMEI_PACKET;
	return STREAM_IMEI;
}

/* p[0] is known to be 0. */
static enum stream_result
frame(const uint8_t *p, size_t n, struct stream_item *item)
{
	size_t i, len;

	if (n < FRAME_HEADER) {
		for (i = 1; i < 4 && i < n; i++) {
			if (p[i] != 0)
				return STREAM_BAD_PREAMBLE;
		}
		return more(item, FRAME_HEADER);
	}
	if (wire_u32(p) != 0)
		return STREAM_BAD_PREAMBLE;
	len = wire_u32(p + 4);
	if (len < FRAME_BODY_MIN || len > FRAME_BODY_MAX)
		return STREAM_BAD_LENGTH;
	if (len > FRAME_BODY_MAX_AVL) {
		if (n == FRAME_HEADER)
			return more(item, FRAME_HEADER + 1);
		if (codec_is_avl(p[FRAME_HEADER]))
			return STREAM_BAD_LENGTH;
	}
	if (n < len + FRAME_OVERHEAD)
		return more(item, len + FRAME_OVERHEAD);
	item->len = len + FRAME_OVERHEAD;
	item->body = p + FRAME_HEADER;
	item->body_len = len;
	item->crc_ok = wire_u32(item->body + len) == crc16_arc(item->body, len);
	return STREAM_FRAME;
}

enum stream_result
stream_next(const uint8_t *p, size_t n, bool identified, struct stream_item *item)
{
	*item = (struct stream_item){0};
	if (n == 0)
		return more(item, 1);
	if (p[0] == PING) {
		item->len = 1;
		return STREAM_PING;
	}
	if (p[0] != 0)
		return identified ? STREAM_BAD_PREAMBLE : STREAM_BAD_IMEI;
	if (!identified)
		return imei_packet(p, n, item);
	if (n == 1)
		return more(item, 2);
	return p[1] == IMEI_DIGITS ? imei_packet(p, n, item) : frame(p, n, item);
}
