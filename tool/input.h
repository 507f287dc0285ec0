/* Bytes from a file or standard input, binary or as hex text. */
#ifndef TOOL_INPUT_H
#define TOOL_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum input_form { INPUT_AUTO, INPUT_HEX, INPUT_BINARY };

/*
 * Reads all of `path` ("-" is standard input). INPUT_HEX is a text of one of the forms in tool/hex_text.h.
 * INPUT_AUTO takes for it what has nothing in it that can't be seen. Returns false after saying why. The
 * caller frees *bytes.
 */
bool input_read(const char *path, enum input_form, uint8_t **bytes, size_t *len)
    __attribute__((warn_unused_result));

#endif
