/*
 * Message frames: codec 12, 13, 14, 15 (doc/protocol.md, Messages), both directions. Pure.
 */
#ifndef PROTO_MESSAGE_H
#define PROTO_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_COMMAND 0x05
#define MESSAGE_RESPONSE 0x06
#define MESSAGE_NACK 0x11

struct message {
	uint8_t codec;
	uint8_t type;
	bool has_time; /* codec 13, 15 */
	int64_t time_ms;
	uint64_t imei;		/* codec 14, 15; else, or if it is no IMEI, 0 */
	const uint8_t *payload; /* points into the body */
	size_t payload_len;
};

enum message_result {
	MESSAGE_OK,
	MESSAGE_END, /* message_next(): no more */
	MESSAGE_BAD_COUNT,
	MESSAGE_BAD_STRUCTURE,
	MESSAGE_BAD_CODEC,
};

struct message_walk {
	const uint8_t *at, *end;
	uint8_t codec;
	uint8_t count, left;
};

/*
 * Checks the whole body (of a frame with a good CRC) and starts a walk over its
 * messages. Several in one frame: accepted for 12, 14 and 15, and for 13 only in
 * variant A (doc/protocol.md, Codec 13).
 */
enum message_result message_open(struct message_walk *, const uint8_t *body, size_t len)
    __attribute__((warn_unused_result));
/* The next one: MESSAGE_OK or MESSAGE_END (never bad, after a good open). */
enum message_result message_next(struct message_walk *, struct message *)
    __attribute__((warn_unused_result));

/*
 * Writes a whole frame (preamble to CRC) with one message of that type, of codec 12, or of
 * codec 14 with `imei`, to out[0..room). Returns its length, or 0 if it doesn't fit or the codec
 * is another.
 */
size_t message_write(uint8_t codec, uint8_t type, uint64_t imei, const void *payload,
    size_t payload_len, uint8_t *out, size_t room) __attribute__((warn_unused_result));

/* The same for a command, which is what a gateway sends. */
size_t message_write_command(uint8_t codec, uint64_t imei, const char *text, size_t text_len,
    uint8_t *out, size_t room) __attribute__((warn_unused_result));

/*
 * True if it can be shown as text: UTF-8 whose characters are printable, or a tab, CR or LF. *text_len is its length
 * without NULs at the end, which some firmware sends along.
 */
bool message_is_text(const uint8_t *p, size_t n, size_t *text_len)
    __attribute__((warn_unused_result));

#endif
