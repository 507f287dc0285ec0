/* A map from uint32 to uint32. Open addressing, 8 bytes a place, at most three quarters full. Pure. */
#ifndef COMMON_INTMAP_H
#define COMMON_INTMAP_H

#include <stdbool.h>
#include <stdint.h>

#define INTMAP_NONE UINT32_MAX

struct intmap_place {
	uint32_t key; /* + 1; 0: free */
	uint32_t value;
};

/* Zeroed is empty. */
struct intmap {
	struct intmap_place *place;
	uint32_t n, room; /* room: a power of two */
};

void intmap_free(struct intmap *);
/* Replaces what was there. False when memory is short. `key` is never UINT32_MAX. */
bool intmap_put(struct intmap *, uint32_t key, uint32_t value) __attribute__((warn_unused_result));
/* INTMAP_NONE if it isn't there. */
uint32_t intmap_get(const struct intmap *, uint32_t key);
/* Removes the key if it still has this value. */
void intmap_remove(struct intmap *, uint32_t key, uint32_t value);

#endif
