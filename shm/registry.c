/* Entries, their index, and changes of single ones. */
#include "shm/registry_impl.h"

#include <sched.h>

#define GET_SPINS 100 /* a reader looks this often while the entry changes under it, */
#define GET_YIELDS 20 /* then this often with the processor left to others */

static uint32_t
index_places(uint32_t max_devices)
{
	uint32_t n = 16;

	while (n < 2 * (uint64_t)max_devices)
		n *= 2;
	return n;
}

size_t
registry_size(uint32_t max_devices)
{
	return sizeof(struct registry) + (size_t)max_devices * sizeof(struct entry) +
	       (size_t)index_places(max_devices) * sizeof(_Atomic uint32_t);
}

void
registry_init(struct registry *r, uint32_t max_devices)
{
	assert(max_devices > 0 && max_devices <= UINT32_MAX / 4);
	r->max = max_devices;
	r->mask = index_places(max_devices) - 1;
	mutex_init(&r->write_lock, false);
	mutex_init(&r->lead_lock, true);
}

static _Atomic uint32_t *
place(const struct registry *r, uint32_t i)
{
	return (_Atomic uint32_t *)(void *)&r->entries[r->max] + i;
}

static uint32_t
hash(uint64_t imei)
{
	imei = (imei ^ (imei >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	imei = (imei ^ (imei >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)(imei ^ (imei >> 31));
}

/*
 * Looks for an IMEI; without it *free is the place where it belongs. The index is at most half
 * full, so the walk is short and ends.
 */
static uint32_t
probe(const struct registry *r, uint64_t imei, uint32_t *free)
{
	uint32_t i = hash(imei) & r->mask;

	for (uint32_t n = 0; n <= r->mask; n++, i = (i + 1) & r->mask) {
		uint32_t e = atomic_load_explicit(place(r, i), memory_order_acquire);

		*free = i;
		if (e == 0)
			return REGISTRY_NONE;
		if (atomic_load_explicit(&registry_at(r, e - 1)->imei, memory_order_relaxed) ==
		    imei)
			return e - 1;
	}
	return REGISTRY_NONE;
}

uint32_t
registry_find(const struct registry *r, uint64_t imei)
{
	uint32_t unused;

	return imei == 0 ? REGISTRY_NONE : probe(r, imei, &unused);
}

void
registry_get(const struct registry *r, uint32_t entry, struct device_entry *out)
{
	struct entry *e = registry_at(r, entry);
	uint32_t flags = 0;

	for (int i = 0; i < GET_SPINS + GET_YIELDS; i++) {
		uint32_t gen;

		if (i >= GET_SPINS)
			(void)sched_yield();
		gen = atomic_load_explicit(&e->gen, memory_order_acquire);
		out->id = atomic_load_explicit(&e->id, memory_order_relaxed);
		flags = atomic_load_explicit(&e->flags, memory_order_relaxed);
		atomic_thread_fence(memory_order_acquire);
		if ((gen & 1) == 0 && atomic_load_explicit(&e->gen, memory_order_relaxed) == gen)
			break;
		/* A writer that died inside is not waited for: each member is whole. */
	}
	out->present = (flags & FLAG_PRESENT) != 0;
	out->enabled = (flags & FLAG_ENABLED) != 0;
	out->codecs = flags & CODEC_MAY_ALL;
}

uint64_t
registry_imei(const struct registry *r, uint32_t entry)
{
	return atomic_load_explicit(&registry_at(r, entry)->imei, memory_order_relaxed);
}

uint32_t
registry_count(const struct registry *r)
{
	return atomic_load_explicit((_Atomic uint32_t *)&r->count, memory_order_acquire);
}

uint64_t
registry_version(const struct registry *r)
{
	return atomic_load_explicit((_Atomic uint64_t *)&r->version, memory_order_acquire);
}

uint64_t
registry_seq(const struct registry *r)
{
	return atomic_load_explicit((_Atomic uint64_t *)&r->seq, memory_order_acquire);
}

void
registry_set_row(struct registry *r, uint32_t entry, int64_t id, uint32_t flags)
{
	struct entry *e = registry_at(r, entry);
	/* Odd already if a writer died in here. */
	uint32_t odd = atomic_load_explicit(&e->gen, memory_order_relaxed) | 1;

	atomic_store_explicit(&r->writing, entry + 1, memory_order_relaxed);
	atomic_store_explicit(&e->gen, odd, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&e->id, id, memory_order_relaxed);
	atomic_store_explicit(&e->flags, flags, memory_order_relaxed);
	atomic_store_explicit(&e->gen, odd + 1, memory_order_release);
	atomic_store_explicit(&r->writing, 0, memory_order_relaxed);
}

/*
 * A writer died inside the lock. Its entry may be half-changed, or be counted but not yet in
 * the index; nobody may have been told. The full load that is asked for brings the right content.
 */
static void
repair(struct registry *r)
{
	uint32_t writing = atomic_load_explicit(&r->writing, memory_order_relaxed);
	uint32_t count = registry_count(r), free = 0;

	if (writing != 0 && writing <= r->max) {
		struct entry *e = registry_at(r, writing - 1);
		uint32_t gen = atomic_load_explicit(&e->gen, memory_order_relaxed);

		if ((gen & 1) != 0)
			atomic_store_explicit(&e->gen, gen + 1, memory_order_release);
		atomic_store_explicit(&r->writing, 0, memory_order_relaxed);
	}
	if (count != 0 && probe(r, registry_imei(r, count - 1), &free) == REGISTRY_NONE)
		atomic_store_explicit(place(r, free), count, memory_order_release);
	registry_ask_reload(r);
	registry_raise_version(r);
}

void
registry_lock(struct registry *r)
{
	if (mutex_lock(&r->write_lock) == MUTEX_OWNER_DIED)
		repair(r);
}

void
registry_unlock(struct registry *r)
{
	mutex_unlock(&r->write_lock);
}

static struct absent *
absent_memo(struct registry *r, uint64_t imei)
{
	return &r->absent[hash(imei) & (ABSENT_MEMO - 1)];
}

/* A device that has no entry yet. Under the lock. */
static enum registry_result
add(struct registry *r, const struct device_row *row, uint32_t flags, uint64_t asked_at,
    uint32_t free, uint32_t *entry)
{
	struct absent *memo = absent_memo(r, row->imei);
	uint32_t n = registry_count(r);

	if (memo->imei == row->imei && memo->seq > asked_at)
		return REGISTRY_STALE;
	if (!row->present) {
		/* No entry for what isn't there, or a scanner would fill the registry. */
		memo->imei = row->imei;
		memo->seq = registry_next_seq(r);
		return REGISTRY_UNCHANGED;
	}
	if (n == r->max)
		return REGISTRY_FULL;
	atomic_store_explicit(&registry_at(r, n)->imei, row->imei, memory_order_relaxed);
	registry_set_row(r, n, row->id, flags);
	atomic_store_explicit(&registry_at(r, n)->seq, registry_next_seq(r), memory_order_relaxed);
	/* Counted first: a death here is mended by repair(), which looks at the last one. */
	atomic_store_explicit(&r->count, n + 1, memory_order_release);
	atomic_store_explicit(place(r, free), n + 1, memory_order_release);
	*entry = n;
	return REGISTRY_OK;
}

/* Under the lock. */
static enum registry_result
apply(struct registry *r, const struct device_row *row, uint64_t asked_at, uint32_t *entry)
{
	uint32_t flags = 0, free = 0;
	int64_t id = row->id;
	struct entry *e;
	bool same;

	if (row->present)
		flags = FLAG_PRESENT | (row->enabled ? FLAG_ENABLED : 0) |
			(row->codecs & CODEC_MAY_ALL);
	*entry = probe(r, row->imei, &free);
	if (*entry == REGISTRY_NONE)
		return add(r, row, flags, asked_at, free, entry);
	e = registry_at(r, *entry);
	if (atomic_load_explicit(&e->seq, memory_order_relaxed) > asked_at)
		return REGISTRY_STALE;
	/* Records of a device that was deleted may still be under way: its id stays readable. */
	if (!row->present)
		id = atomic_load_explicit(&e->id, memory_order_relaxed);
	same = atomic_load_explicit(&e->id, memory_order_relaxed) == id &&
	       atomic_load_explicit(&e->flags, memory_order_relaxed) == flags;
	if (!same)
		registry_set_row(r, *entry, id, flags);
	/* A confirmation counts too, or an answer older than it could still undo it. */
	atomic_store_explicit(&e->seq, registry_next_seq(r), memory_order_relaxed);
	if (same)
		return REGISTRY_UNCHANGED;
	registry_raise_version(r);
	return REGISTRY_OK;
}

enum registry_result
registry_apply(struct registry *r, const struct device_row *row, uint64_t asked_at, uint32_t *entry)
{
	enum registry_result result;
	uint32_t found = REGISTRY_NONE;

	if (row->imei != 0) {
		registry_lock(r);
		result = apply(r, row, asked_at, &found);
		registry_unlock(r);
	} else {
		result = REGISTRY_UNCHANGED;
	}
	if (entry != NULL)
		*entry = found;
	return result;
}
