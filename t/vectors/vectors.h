/*
 * The documented vectors (documented.json) for tests, fuzz targets and benchmarks.
 */
#ifndef VECTORS_H
#define VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct vector {
	const char *name;
	const char *codec; /* "imei", "ping", "8", "8E", "16", "12" … */
	bool tcp;	   /* a whole item of the stream; else a datagram */
	uint8_t *bytes;
	size_t len;
	const json_t *decoded; /* what it means */
};

struct vectors {
	json_t *root;
	struct vector *v;
	size_t n;
};

/* Reads the file; says on stderr what is wrong with it and returns false. */
bool vectors_load(struct vectors *, const char *file) __attribute__((warn_unused_result));
void vectors_free(struct vectors *);

/* Bytes of a hex string, in memory of exactly that size (free() it); NULL if it is not hex. */
uint8_t *vectors_unhex(const char *hex, size_t *len);

/* A copy of exactly n bytes, so that a sanitizer sees a read beyond. Never NULL; free() it. */
uint8_t *vectors_exact(const uint8_t *p, size_t n);

#endif
