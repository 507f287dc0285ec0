/*
 * The shared memory of the gateway: one mapping, made by the master before the
 * first fork, inherited by every worker, of one layout:
 *
 *   header | slots (two occupants each) | CRC ledger | addresses | registry of devices
 *
 * It is a memfd, so that a new master could be handed it (SIGUSR2).
 */
#ifndef COMMON_SHM_H
#define COMMON_SHM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/stats.h"

#define SHM_MAX_SLOTS 1024
#define SHM_BLOCKS 2 /* current and draining occupant of a slot */
#define SHM_REASON 160

/* One occupant of a slot. Written by that worker; cleared by the master after its death. */
struct shm_worker {
	struct stats stats;
	_Atomic uint64_t heartbeat;  /* grows at least once a second */
	_Atomic uint64_t reason_seq; /* as in stats: odd while reason is being written */
	char reason[SHM_REASON];     /* why the database is not usable; "" when it is */
	_Atomic int32_t accepting;   /* 1 between READY and drain */
} __attribute__((aligned(128)));

struct shm_slot {
	struct shm_worker block[SHM_BLOCKS];
};

struct addresses;  /* addresses.h */
struct registry;   /* registry.h */
struct crc_ledger; /* crc_ledger.h */

struct shm {
	size_t size;
	int fd;
	struct shm_slot *slots; /* `nslots` of them */
	int nslots;
	struct registry *registry;
	struct crc_ledger *crc_ledger;
	struct addresses *addresses; /* a block for each shm_owner() */
};

/*
 * Who wrote something into the shared directory: a slot and the block of its
 * occupant, in 11 bits. Unique among living workers of this gateway.
 */
#define SHM_OWNER_BITS 11
static inline uint32_t
shm_owner(int slot, int block)
{
	return (uint32_t)slot * SHM_BLOCKS + (uint32_t)block;
}

/* Maps memory for `nslots` workers and `max_devices` devices. False with errno. */
bool shm_create(struct shm *, int nslots, uint32_t max_devices) __attribute__((warn_unused_result));
void shm_destroy(struct shm *);

/* The worker says why its database is away ("" for all well); cut to fit. */
void shm_set_reason(struct shm_worker *, const char *);
/* Copies it out, always NUL-terminated. */
void shm_get_reason(const struct shm_worker *, char out[SHM_REASON]);

#endif
