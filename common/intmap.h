/*
 * Which of the worker's connections holds the session of a device: from its entry in the
 * registry to a slot of conns. Open addressing, 8 bytes a place, at most three quarters full. Pure.
 */
#ifndef COMMON_INTMAP_H
#define COMMON_INTMAP_H

#include <stdbool.h>
#include <stdint.h>

#define ENTRY_MAP_NONE UINT32_MAX

struct entry_place {
	uint32_t entry; /* registry entry + 1; 0: free */
	uint32_t slot;
};

/* Zeroed is empty. */
struct entry_map {
	struct entry_place *place;
	uint32_t n, room; /* room: a power of two */
};

void entry_map_free(struct entry_map *);
/* The newest slot of an entry replaces the one before. False when memory is short. */
bool entry_map_put(struct entry_map *, uint32_t entry, uint32_t slot)
    __attribute__((warn_unused_result));
uint32_t entry_map_get(const struct entry_map *, uint32_t entry);
/* Removes the entry if it still belongs to `slot`. */
void entry_map_remove(struct entry_map *, uint32_t entry, uint32_t slot);

#endif
