/*
 * What may be queued as a command (doc/protocol.md, Codec 12): printable ASCII, not empty, not too long.
 * Pure. A command can hold a password, so no message quotes it.
 */
#ifndef TOOL_CMD_COMMAND_TEXT_H
#define TOOL_CMD_COMMAND_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#define COMMAND_TEXT_LONGEST 4096 /* the most that TELEM_COMMAND_MAX_LENGTH can allow */
#define COMMAND_TEXT_WHY 128

/* True if a tracker can take the text of `len` bytes; else false with what is wrong and where. */
bool command_text_check(const char *text, size_t len, size_t limit, char why[COMMAND_TEXT_WHY])
    __attribute__((warn_unused_result));

#endif
