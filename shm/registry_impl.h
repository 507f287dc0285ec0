/*
 * The inside of the registry, which its parts share: registry.c (entries, their index, changes),
 * registry_load.c (full loads, leadership), registry_sessions.c (sessions and marks).
 */
#ifndef SHM_REGISTRY_IMPL_H
#define SHM_REGISTRY_IMPL_H

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#include "common/mutex.h"
#include "shm/registry.h"

#define ABSENT_MEMO 4096u /* a power of two */

/* Flags of an entry; the codecs lie below them. */
#define FLAG_PRESENT 0x100u
#define FLAG_ENABLED 0x200u

static_assert((CODEC_MAY_ALL & (FLAG_PRESENT | FLAG_ENABLED)) == 0, "flags don't overlap");

/*
 * One device, one cache line. What the database says of it (id, flags) is changed under the
 * writers' lock inside an odd `gen`, so that readers never take the id of one row for that of
 * another.
 */
struct entry {
	_Atomic uint64_t imei; /* never changes once it can be found */
	_Atomic int64_t id;
	_Atomic uint64_t seq; /* when it was last changed or confirmed */
	_Atomic int64_t session;
	_Atomic int64_t flushed_ms, duplicate_ms;
	_Atomic uint32_t gen, flags, dirty;
	_Atomic uint32_t
	    where; /* address hash << 16 | changes << 8 | minute, of the last session */
} __attribute__((aligned(64)));

/* A device without an entry was found absent: an older answer must not make one. */
struct absent {
	uint64_t imei, seq;
};

struct registry {
	uint32_t max, mask; /* entries; places of the index less one */
	_Atomic uint64_t version, seq;
	_Atomic int64_t last_session; /* its time part */
	_Atomic int64_t table;
	_Atomic uint32_t count;
	_Atomic uint32_t
	    writing; /* the entry being changed, plus one: read when its writer is dead */
	_Atomic int32_t loaded, reload_request, leader;
	pthread_mutex_t write_lock, lead_lock;
	struct absent absent[ABSENT_MEMO]; /* under write_lock */
	struct entry entries[]; /* `max`, dense; then the index: entry + 1, or 0 where it is free */
};

static inline struct entry *
registry_at(const struct registry *r, uint32_t entry)
{
	/* A wrong index would write into another device, or past the end for all workers. */
	assert(entry < r->max);
	return (struct entry *)&r->entries[entry];
}

/* Those who are told by registry_version() look. */
static inline void
registry_raise_version(struct registry *r)
{
	atomic_fetch_add_explicit(&r->version, 1, memory_order_acq_rel);
}

static inline uint64_t
registry_next_seq(struct registry *r)
{
	return atomic_fetch_add_explicit(&r->seq, 1, memory_order_acq_rel) + 1;
}

/* The writers' lock; the first to take it after a writer's death mends what that one left. */
void registry_lock(struct registry *);
void registry_unlock(struct registry *);
/* Writes what the database says into an entry. Under the lock. */
void registry_set_row(struct registry *, uint32_t entry, int64_t id, uint32_t flags);

#endif
