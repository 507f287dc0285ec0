/*
 * The inside of the registry, which its parts share: registry.c (entries, changes), registry_index.c (how
 * an IMEI finds its entry), registry_reuse.c (entries of deleted devices), registry_load.c (full loads, leadership), registry_sessions.c (sessions and marks).
 */
#ifndef SHM_REGISTRY_IMPL_H
#define SHM_REGISTRY_IMPL_H

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#include "common/mutex.h"
#include "shm/registry.h"

#define ABSENT_MEMO 4096u /* a power of two */

/* Flags of an entry; the codecs lie below them, its generation above. */
#define FLAG_PRESENT 0x100u
#define FLAG_ENABLED 0x200u
#define GENERATION_SHIFT 24
#define GENERATION_ONE (1u << GENERATION_SHIFT)
#define GENERATION_MASK (0xffu << GENERATION_SHIFT)
/* The rest of a name. No entry has the place of all ones, so REGISTRY_NONE is not a name. */
#define PLACE_MASK (GENERATION_ONE - 1)

#define OWNERS 2048u /* of shm_owner() */

static_assert((CODEC_MAY_ALL & (FLAG_PRESENT | FLAG_ENABLED)) == 0, "flags don't overlap");

/*
 * One device, one cache line. What the database says of it (id, flags) is changed under the
 * writers' lock inside an odd `gen`, so that readers never take the id of one row for that of
 * another.
 */
struct entry {
	_Atomic uint64_t imei; /* 0: free */
	_Atomic int64_t id;    /* of a free one: the next free one, plus one */
	_Atomic uint64_t
	    seq; /* when it was last changed or confirmed, or, absent, lost its session */
	_Atomic int64_t session; /* REGISTRY_SESSION_GONE while it is free */
	_Atomic int64_t flushed_ms;
	_Atomic uint32_t duplicate_s, pinged_s;
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
	_Atomic int32_t loaded, reload_request, full_request, leader;
	_Atomic uint32_t moves; /* of the index; odd while places move */
	/* Under write_lock. */
	uint32_t free;	   /* the first free entry, plus one */
	uint32_t nabsent;  /* entries of deleted devices, not yet free */
	uint32_t reuse_at; /* where the search for them goes on */
	uint64_t
	    reused_seq; /* of the youngest deletion whose entry is free: nothing older is added */
	uint64_t
	    loading_seq; /* what changed from here on, the load that runs may not know; 0: none runs */
	bool load_full;			  /* and found no room for a device */
	_Atomic uint64_t batches[OWNERS]; /* registry_batches_since() */
	pthread_mutex_t write_lock, lead_lock;
	struct absent absent[ABSENT_MEMO]; /* under write_lock */
	struct entry entries[]; /* `max`, dense; then the index: entry + 1, or 0 where it is free */
};

static inline struct entry *
registry_at(const struct registry *r, uint32_t entry)
{
	uint32_t place = entry & PLACE_MASK;

	/* A wrong one would write into another device, or past the end for all workers. */
	assert(place < r->max);
	return (struct entry *)&r->entries[place];
}

static inline uint32_t
registry_flags(const struct entry *e)
{
	return atomic_load_explicit((_Atomic uint32_t *)&e->flags, memory_order_relaxed);
}

/* True while the entry is the device's that the name was made for. */
static inline bool
registry_is_named(const struct entry *e, uint32_t entry)
{
	return ((registry_flags(e) ^ entry) & GENERATION_MASK) == 0;
}

/* Of a place that is looked at itself. */
static inline uint32_t
registry_name(const struct registry *r, uint32_t place)
{
	return place | (registry_flags(registry_at(r, place)) & GENERATION_MASK);
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

/* It was changed or confirmed, or lost its session, now: who says so late doesn't undo a later word. */
static inline void
registry_touch(struct registry *r, struct entry *e)
{
	uint64_t was = atomic_load_explicit(&e->seq, memory_order_relaxed);
	uint64_t now = registry_next_seq(r);

	while (was < now && !atomic_compare_exchange_weak_explicit(
				&e->seq, &was, now, memory_order_seq_cst, memory_order_relaxed))
		;
}

/* The writers' lock; the first to take it after a writer's death mends what that one left. */
void registry_lock(struct registry *);
void registry_unlock(struct registry *);
/*
 * Under the lock, as all that follows. Places, not names. Writes what the database says into an entry;
 * its generation stays.
 */
void registry_set_row(struct registry *, uint32_t place, int64_t id, uint32_t flags);
/* The same of another device; or (0) of none, in the next generation. */
void registry_set_device(
    struct registry *, uint32_t place, uint64_t imei, int64_t id, uint32_t flags);

/* registry_index.c */
uint32_t registry_hash(uint64_t imei);
uint32_t registry_index_places(uint32_t max_devices);
/* The place of an IMEI's entry, or REGISTRY_NONE. */
uint32_t registry_probe(const struct registry *, uint64_t imei);
void registry_index_add(struct registry *, uint32_t place);
void registry_index_remove(struct registry *, uint32_t place);
/* After a writer's death. */
void registry_index_repair(struct registry *);

/* registry_reuse.c */
/* A place for a device, or REGISTRY_NONE. Its content is another's until registry_set_device(). */
uint32_t registry_take_place(struct registry *);
/* Frees those of the entries from `from` to `to` that may be used again; how many. */
uint32_t registry_free_some(struct registry *, uint32_t from, uint32_t to);
void registry_reuse_repair(struct registry *);

#endif
