/*
 * The shared memory of the gateway. The master makes it before the first fork, every worker inherits
 * the mapping:
 *
 *   header | slots (two occupants each) | CRC ledger | registry of devices | tables of addresses
 *
 * All but the tables is one mapping, `size` bytes, most of them for TELEM_MAX_DEVICES. The tables are
 * mapped only by workers whose configuration limits addresses. Memory is used where something was
 * written.
 *
 * It is a memfd, so that a new master is handed it (SIGUSR2), if its program has the same layout. Then
 * two masters work in it for a while, each with workers of its own; doc/architecture.md, Upgrade
 * (SIGUSR2), says why.
 */
#ifndef SHM_AREA_H
#define SHM_AREA_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/db_clock.h"
#include "shm/stats.h"

#define SHM_MAX_SLOTS 1024
#define SHM_BLOCKS 2 /* current and draining occupant of a slot */
#define SHM_REASON 160

/* One occupant of a slot. Written by that worker; cleared by its master after its death. */
struct shm_worker {
	struct stats stats;
	_Atomic uint64_t heartbeat;  /* grows at least once per second */
	_Atomic uint64_t reason_seq; /* odd while reason is being written */
	char reason[SHM_REASON];     /* why the database is not usable; "" when it is */
	_Atomic uint32_t
	    live_interval_ms;	   /* how far apart a device's live rows are; 0: not known */
	_Atomic int32_t accepting; /* 1 between READY and drain */
	_Atomic int32_t unclean;   /* the master's: not 0 until it has drained and left */
} __attribute__((aligned(128)));

struct shm_slot {
	struct shm_worker block[SHM_BLOCKS];
};

struct shm_header {
	uint64_t layout; /* shm_layout() of the program that made it */
	/* Names this run of the gateway in the table gateways, over reloads and upgrades; positive. */
	int64_t instance;
	struct db_clock clock;
	_Atomic uint32_t gateways; /* that write to the database, this one included; 0: not known */
	/* Raised when all sessions are to be written again: others have taken us for dead. */
	_Atomic uint32_t announcements;
	uint32_t nslots, max_devices;
	_Atomic uint32_t used; /* slots from the first on that ever had a worker */
	pthread_mutex_t
	    count_lock;	      /* held while counters move to `retired`, and while all are read */
	struct stats retired; /* counters of dead workers */
	_Atomic uint64_t restarts, hangs,
	    loans;		       /* of masters: workers replaced, killed because they
						  * hung; slots whose sockets were lent */
	_Atomic uint64_t log_dropped;  /* lines that nobody took, of all processes */
	_Atomic uint64_t denied_calls; /* system calls of workers that the filter didn't allow */
};

struct addresses;  /* shm/addresses.h */
struct registry;   /* shm/registry.h */
struct crc_ledger; /* shm/crc_ledger.h */

struct shm {
	size_t size; /* bytes that are mapped, without the tables of addresses */
	int fd;
	struct shm_header *header;
	struct shm_slot *slots; /* `nslots` of them */
	int nslots;
	struct registry *registry;
	struct crc_ledger *crc_ledger;
	struct addresses *addresses; /* a block for each shm_owner(); NULL: not mapped */
};

/*
 * Who wrote something into the shared directory: a slot and the block of its occupant, in 11 bits.
 * Unique among the living workers of a gateway.
 */
#define SHM_OWNER_BITS 11
static inline uint32_t
shm_owner(int slot, int block)
{
	return (uint32_t)slot * SHM_BLOCKS + (uint32_t)block;
}

/* Maps memory for `nslots` workers and `max_devices` devices. False with errno, and with `size`. */
bool shm_create(struct shm *, int nslots, uint32_t max_devices) __attribute__((warn_unused_result));
/*
 * Maps the memory of another master, which was made for `max_devices`. False with the reason in
 * *why; the descriptor belongs to the caller then, and to the mapping otherwise.
 */
bool shm_attach(struct shm *, int fd, uint32_t max_devices, const char **why)
    __attribute__((warn_unused_result));
void shm_destroy(struct shm *);

/* A worker: maps the tables of addresses of all slots in use. False with errno. */
bool shm_map_addresses(struct shm *) __attribute__((warn_unused_result));
/* The master: forgets what a dead worker knew about addresses. False with errno. */
bool shm_clear_addresses(struct shm *, uint32_t owner) __attribute__((warn_unused_result));

/* Slots from the first on that ever had a worker; all, as long as no master has said so. */
static inline int
shm_used_slots(const struct shm *shm)
{
	int used = (int)atomic_load(&shm->header->used);

	return used != 0 ? used : shm->nslots;
}

/* A fingerprint of everything that lies in the memory: programs that differ in it can't share. */
uint64_t shm_layout(void) __attribute__((warn_unused_result));

/* A master, after the death of a worker: moves its counters to those of the dead, and clears them. */
void shm_retire(struct shm *, int slot, int block);
/*
 * Counters of the dead and the living, and gauges of the living, added up while they change: received =
 * outcomes + in flight holds. Whoever's workers they are.
 */
void shm_total(struct shm *, struct stats *sum);

/* The worker says why its database is away ("" for all well); cut to fit. */
void shm_set_reason(struct shm_worker *, const char *);
/* Copies it out, always NUL-terminated. */
void shm_get_reason(const struct shm_worker *, char out[SHM_REASON]);

#endif
