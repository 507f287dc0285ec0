/*
 * Bytes out of the texts in which people keep them. Pure. Line by line:
 *
 *   000f33 35, 00:0f:33, 0x00, 0x0f, {0x00, 0x0f}   hex, whatever stands between; # begins a comment
 *   \x00\x0f35, b'\x00\x0f35'                       escapes and plain characters
 *   00000010: 000f 3335  ..35                       dumps of xxd, hexdump -C and tcpdump -x
 *   2026-11-30 ... HEX: 000f3335...                 lines of a log: what is behind "hex", or the longest run
 *   2026-11-30T... > 000f3335...                    of hex digits; of tgctl trace --hex what the tracker said
 */
#ifndef TOOL_HEX_TEXT_H
#define TOOL_HEX_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In place. False if it is not such a text, or ends with half a byte. */
bool hex_text(uint8_t *text, size_t *len) __attribute__((warn_unused_result));

/* Hex digits and nothing else, in place. */
bool hex_bytes(uint8_t *text, size_t *len) __attribute__((warn_unused_result));

/* True if it may be one: all of it can be seen. A tracker's own bytes can't, as each frame begins with zeros. */
bool hex_text_likely(const uint8_t *p, size_t n) __attribute__((warn_unused_result));

#endif
