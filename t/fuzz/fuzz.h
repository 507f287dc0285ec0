/*
 * What fuzz targets and their runner share. A target is fuzz_WHAT.c: with libFuzzer it is
 * a fuzzer, with replay.c a test that `make check` runs over seeds.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "t/vectors/vectors.h"

/* The longest frame, and what stands around it. t/fuzz/run has the same number. */
#define FUZZ_SEED_MAX 70000

/* The target. It aborts when something is wrong; returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Makes an input of a vector; returns its length, or 0 if the vector is of no use to the target. */
size_t fuzz_seed(const struct vector *, uint8_t out[FUZZ_SEED_MAX]);

#define REQUIRE(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

#endif
