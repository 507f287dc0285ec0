/* Bytes from a file or standard input, binary or as hex text. */
#ifndef TOOL_INPUT_H
#define TOOL_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum input_form { INPUT_AUTO, INPUT_HEX, INPUT_BINARY };

/*
 * Reads all of `path` ("-" is standard input). Hex may have white space anywhere and comments
 * from # to the end of the line. INPUT_AUTO takes for hex what has nothing else in it; a
 * tracker's own bytes can't look like that, as each frame begins with zeros. Returns false
 * after saying why. The caller frees *bytes.
 */
bool input_read(const char *path, enum input_form, uint8_t **bytes, size_t *len)
    __attribute__((warn_unused_result));

/* The conversion alone, in place: false if it isn't hex (or has an odd number of digits). */
bool input_unhex(uint8_t *bytes, size_t *len) __attribute__((warn_unused_result));

#endif
