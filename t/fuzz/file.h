/* An input as a file, for targets that read one. */
#ifndef FUZZ_FILE_H
#define FUZZ_FILE_H

#include <stddef.h>
#include <stdint.h>

/* The path of a file with these bytes, in memory; good until the next call. */
const char *fuzz_file(const uint8_t *first, size_t first_len, const uint8_t *then, size_t then_len);

#endif
