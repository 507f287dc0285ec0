/*
 * Frames as large as they come, for the fuzzers to start from beside the documented vectors: those have neither long
 * frames nor more than a few elements.
 */
#ifndef FUZZ_LARGE_H
#define FUZZ_LARGE_H

#include "t/vectors/vectors.h"

#define LARGE_VECTORS 9

/* Builds them, always the same; `decoded` is NULL. large_free() them. */
void large_build(struct vector out[LARGE_VECTORS]);
void large_free(struct vector vectors[LARGE_VECTORS]);

#endif
