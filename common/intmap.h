/*
 * A map from numbers of 32 bits to numbers of 32 bits: open addressing, 8 bytes per place, at most
 * three quarters of the places in use. Pure but for malloc().
 */
#ifndef COMMON_INTMAP_H
#define COMMON_INTMAP_H

#include <stdbool.h>
#include <stdint.h>

#define INTMAP_NONE UINT32_MAX

struct intmap_place {
	uint32_t key; /* plus one; 0: free */
	uint32_t value;
};

/* A zeroed map is empty. Keys are below UINT32_MAX; INTMAP_NONE is not a value. */
struct intmap {
	struct intmap_place *place;
	uint32_t n, room; /* room: 0 or a power of two */
};

void intmap_free(struct intmap *);
/* Replaces the value that the key had. False when memory is short; the map is as before then. */
bool intmap_put(struct intmap *, uint32_t key, uint32_t value) __attribute__((warn_unused_result));
/* INTMAP_NONE if the key isn't there. */
uint32_t intmap_get(const struct intmap *, uint32_t key);
/* Removes the key if it still has this value. */
void intmap_remove(struct intmap *, uint32_t key, uint32_t value);

#endif
