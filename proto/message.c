/* Message frames of codec 12 to 15: see message.h and doc/protocol.md, Messages. */
#include "proto/message.h"

#include <string.h>

#include "proto/crc16.h"
#include "proto/stream.h"
#include "proto/wire.h"

#define HEAD 5 /* type and size, in front of every message's content */
#define MS_2000 UINT64_C(946684800000)
#define IMEI_MAX UINT64_C(999999999999999)

/* Eight bytes as hex digits: a zero and the 15 of an IMEI. Anything else is no IMEI: 0. */
static uint64_t
read_imei(const uint8_t *p)
{
	uint64_t imei = 0;
	unsigned i;

	for (i = 0; i < 8; i++) {
		unsigned high = p[i] >> 4, low = p[i] & 0x0f;

		if (high > 9 || low > 9)
			return 0;
		imei = imei * 100 + high * 10 + low;
	}
	return imei <= IMEI_MAX ? imei : 0;
}

static void
write_imei(uint64_t imei, uint8_t *out)
{
	unsigned i;

	for (i = 8; i-- > 0; imei /= 100)
		out[i] = (uint8_t)(imei / 10 % 10 << 4 | imei % 10);
}

/*
 * Codec 13 comes in three variants, which only the length of the body tells apart, and so
 * only for a single message (doc/protocol.md, Codec 13). `room`: bytes behind the size, up to count 2.
 */
static const uint8_t *
read_13(const uint8_t *p, size_t room, size_t size, bool single, struct message *m)
{
	size_t time_bytes = 4;

	if (single && room >= 4 && size == room - 4) {
		/* Variant B: the size counts the payload alone. */
		m->time_ms = (int64_t)wire_u32(p) * 1000;
		m->payload = p + 4;
		m->payload_len = size;
		return p + 4 + size;
	}
	if (size < 4 || size > room || (single && size != room))
		return NULL;
	if (single && size >= 8 && wire_u32(p) < 0x1000 && wire_u64(p) > MS_2000) {
		m->time_ms = wire_i64(p);
		time_bytes = 8;
	} else {
		m->time_ms = (int64_t)wire_u32(p) * 1000;
	}
	m->payload = p + time_bytes;
	m->payload_len = size - time_bytes;
	return p + size;
}

/* Reads one message; returns what is behind it, or NULL if it goes beyond the end. */
static const uint8_t *
read_message(const struct message_walk *walk, struct message *m)
{
	const uint8_t *p = walk->at;
	size_t room = (size_t)(walk->end - p), size, extra;

	*m = (struct message){.codec = walk->codec};
	if (room < HEAD)
		return NULL;
	m->type = p[0];
	size = wire_u32(p + 1);
	p += HEAD;
	room -= HEAD;
	if (walk->codec == CODEC_13) {
		m->has_time = true;
		return read_13(p, room, size, walk->count == 1, m);
	}
	extra = walk->codec == CODEC_12 ? 0 : walk->codec == CODEC_14 ? 8 : 12;
	if (size > room || size < extra)
		return NULL;
	if (walk->codec == CODEC_14) {
		m->imei = read_imei(p);
	} else if (walk->codec == CODEC_15) {
		m->has_time = true;
		m->time_ms = (int64_t)wire_u32(p) * 1000;
		m->imei = read_imei(p + 4);
	}
	m->payload = p + extra;
	m->payload_len = size - extra;
	return p + size;
}

enum message_result
message_open(struct message_walk *walk, const uint8_t *body, size_t len)
{
	struct message_walk check;
	struct message m;

	*walk = (struct message_walk){0};
	if (len < 1)
		return MESSAGE_BAD_STRUCTURE;
	if (!codec_is_message(body[0]))
		return MESSAGE_BAD_CODEC;
	if (len < FRAME_BODY_MIN)
		return MESSAGE_BAD_STRUCTURE;
	if (body[1] != body[len - 1])
		return MESSAGE_BAD_COUNT;
	check = (struct message_walk){
	    .at = body + 2,
	    .end = body + len - 1,
	    .codec = body[0],
	    .count = body[1],
	    .left = body[1],
	};
	*walk = check;
	for (; check.left > 0; check.left--) {
		check.at = read_message(&check, &m);
		if (check.at == NULL)
			break;
	}
	if (check.at != check.end) {
		*walk = (struct message_walk){0};
		return MESSAGE_BAD_STRUCTURE;
	}
	return MESSAGE_OK;
}

enum message_result
message_next(struct message_walk *walk, struct message *m)
{
	const uint8_t *next;

	if (walk->left == 0)
		return MESSAGE_END;
	next = read_message(walk, m);
	if (next == NULL) {
		walk->left = 0;
		return MESSAGE_END;
	}
	walk->at = next;
	walk->left--;
	return MESSAGE_OK;
}

size_t
message_write(uint8_t codec, uint8_t type, uint64_t imei, const void *payload, size_t payload_len,
    uint8_t *out, size_t room)
{
	size_t extra = codec == CODEC_14 ? 8 : 0, body = 2 + HEAD + extra + 1;
	uint8_t *p = out;

	if ((codec != CODEC_12 && codec != CODEC_14) || imei > IMEI_MAX)
		return 0;
	if (payload_len > FRAME_BODY_MAX - body || room < body + payload_len + FRAME_OVERHEAD)
		return 0;
	body += payload_len;
	wire_put_u32(p, 0);
	wire_put_u32(p + 4, (uint32_t)body);
	p += 8;
	p[0] = codec;
	p[1] = 1;
	p[2] = type;
	wire_put_u32(p + 3, (uint32_t)(extra + payload_len));
	p += 2 + HEAD;
	if (extra != 0)
		write_imei(imei, p);
	p += extra;
	if (payload_len > 0)
		memcpy(p, payload, payload_len);
	p += payload_len;
	*p++ = 1;
	wire_put_u32(p, crc16_arc(out + 8, body));
	return body + FRAME_OVERHEAD;
}

size_t
message_write_command(
    uint8_t codec, uint64_t imei, const char *text, size_t text_len, uint8_t *out, size_t room)
{
	return message_write(codec, MESSAGE_COMMAND, imei, text, text_len, out, room);
}

/*
 * Bytes of the character at p (RFC 3629: shortest form, no surrogates, up to U+10FFFF), 0 if it is none or is a
 * control character.
 */
static size_t
text_char(const uint8_t *p, size_t n)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t c = p[0];
	size_t len = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;

	if (len == 1)
		return (c >= ' ' && c <= '~') || c == '\t' || c == '\r' || c == '\n';
	if (len == 0 || len > n)
		return 0;
	c &= 0x7fu >> len;
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || c < 0xa0)
		return 0;
	return len;
}

bool
message_is_text(const uint8_t *p, size_t n, size_t *text_len)
{
	size_t at = 0, len = 1;

	while (n > 0 && p[n - 1] == 0)
		n--;
	*text_len = n;
	while (at < n && (len = text_char(p + at, n - at)) > 0)
		at += len;
	return at == n;
}
