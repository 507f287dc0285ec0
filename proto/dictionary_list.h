/* The structured elements of dictionary_read.c, and how it writes. Not for others. */
#ifndef PROTO_DICTIONARY_LIST_H
#define PROTO_DICTIONARY_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whoever writes has made sure of the room: DICTIONARY_READ_ROOM is for the longest that can come. */
struct writer {
	char *at;
};

void put_text(struct writer *, const char *text, size_t n);
void put_string(struct writer *, const char *literal);
void put_hex(struct writer *, const uint8_t *, size_t n);
void put_decimal(struct writer *, bool negative, uint64_t magnitude, unsigned decimals);
void put_integer(struct writer *, int64_t v, unsigned decimals);

/* JSON of each; false if the bytes end in the middle of something. */
bool list_beacons(struct writer *, const uint8_t *, size_t n);
bool list_adverts(struct writer *, const uint8_t *, size_t n);
bool list_codes(struct writer *, const uint8_t *, size_t n);

#endif
