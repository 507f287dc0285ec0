/*
 * The shared memory of the gateway: one mapping, made by the master before the
 * first fork, inherited by every worker, of one layout:
 *
 *   header | slots (two occupants each) | CRC ledger | addresses | registry of devices
 *
 * It is a memfd, so that a new master is handed it (SIGUSR2), if its program has the same layout.
 * Then two masters work in it for a while, each with the workers of its own.
 */
#ifndef SHM_AREA_H
#define SHM_AREA_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/stats.h"

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
	_Atomic int32_t unclean;     /* the master's: not 0 until it has drained and left */
} __attribute__((aligned(128)));

struct shm_slot {
	struct shm_worker block[SHM_BLOCKS];
};

/*
 * What a master has counted. Of two masters one has the first, one the second; the other's is
 * only read. `seq` is odd while it moves the counters of a dead worker here.
 */
struct shm_master {
	struct stats retired; /* counters of the dead */
	_Atomic uint64_t seq;
	_Atomic uint64_t restarts, hangs, adoptions;
} __attribute__((aligned(128)));

struct shm_header {
	uint64_t layout; /* shm_layout() of the program that made it */
	uint32_t nslots, max_devices;
	_Atomic uint32_t used; /* slots from the first on that ever had a worker */
	struct shm_master master[2];
};

struct addresses;  /* addresses.h */
struct registry;   /* registry.h */
struct crc_ledger; /* crc_ledger.h */

struct shm {
	size_t size;
	int fd;
	struct shm_header *header;
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
/*
 * Maps the memory of another master, which was made for `max_devices`. False with the reason in
 * *why; the descriptor belongs to the caller then, and to the mapping otherwise.
 */
bool shm_attach(struct shm *, int fd, uint32_t max_devices, const char **why)
    __attribute__((warn_unused_result));
void shm_destroy(struct shm *);

/* Slots from the first on that ever had a worker; all, as long as no master has said so. */
static inline int
shm_used_slots(const struct shm *shm)
{
	int used = (int)atomic_load(&shm->header->used);

	return used != 0 ? used : shm->nslots;
}

/* A fingerprint of everything that lies in the memory: programs that differ in it can't share. */
uint64_t shm_layout(void);

/* stats_retire() into this master's share, so that shm_read_master() sees all of it or nothing. */
void shm_retire(struct shm_master *, struct shm_worker *);
/*
 * What another master has counted, and its workers: `of` and the blocks that `is_its` names are
 * added up into `sum`, while they change.
 */
void shm_read_master(const struct shm *, const struct shm_master *of, int nslots,
    bool (*is_its)(const void *arg, int slot, int block), const void *arg, struct stats *sum);

/* The worker says why its database is away ("" for all well); cut to fit. */
void shm_set_reason(struct shm_worker *, const char *);
/* Copies it out, always NUL-terminated. */
void shm_get_reason(const struct shm_worker *, char out[SHM_REASON]);

#endif
