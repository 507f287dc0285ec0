/* Entries of deleted devices, which are used again. All under the writers' lock. */
#include "shm/registry_impl.h"

#define SEARCH \
	16384u /* entries looked at for one that finds no room: a fraction of a millisecond */

/* The time since when workers have frames in batches; UINT64_MAX if none has any. */
static uint64_t
oldest_batch(const struct registry *r)
{
	uint64_t oldest = UINT64_MAX;

	for (uint32_t i = 0; i < OWNERS; i++) {
		uint64_t since =
		    atomic_load_explicit((_Atomic uint64_t *)&r->batches[i], memory_order_seq_cst);

		if (since != 0 && since < oldest)
			oldest = since;
	}
	return oldest;
}

/*
 * Nothing of its device is under way. The session is closed for newcomers first: who comes in between is
 * told that the entry is gone. Frames of a session are in a batch before it ends, so batches are looked at
 * last.
 */
static bool
close_entry(const struct registry *r, struct entry *e)
{
	uint64_t seq = atomic_load_explicit(&e->seq, memory_order_relaxed);
	int64_t none = 0;

	if ((registry_flags(e) & FLAG_PRESENT) != 0 ||
	    atomic_load_explicit(&e->imei, memory_order_relaxed) == 0 ||
	    atomic_load_explicit(&e->dirty, memory_order_acquire) != 0 ||
	    (r->loading_seq != 0 && seq >= r->loading_seq) ||
	    !atomic_compare_exchange_strong_explicit(&e->session, &none, REGISTRY_SESSION_GONE,
		memory_order_seq_cst, memory_order_relaxed))
		return false;
	seq = atomic_load_explicit(&e->seq, memory_order_seq_cst);
	if (oldest_batch(r) > seq)
		return true;
	atomic_store_explicit(&e->session, 0, memory_order_release);
	return false;
}

static void
put_free(struct registry *r, uint32_t place)
{
	struct entry *e = registry_at(r, place);

	/* An answer that is older than its end must not bring the device back. */
	if (atomic_load_explicit(&e->seq, memory_order_relaxed) > r->reused_seq)
		r->reused_seq = atomic_load_explicit(&e->seq, memory_order_relaxed);
	registry_index_remove(r, place);
	registry_set_device(r, place, 0, (int64_t)r->free, 0);
	r->free = place + 1;
	r->nabsent--;
}

uint32_t
registry_free_some(struct registry *r, uint32_t from, uint32_t to)
{
	uint32_t n = 0;

	for (; from < to && r->nabsent > 0; from++)
		if (close_entry(r, registry_at(r, from))) {
			put_free(r, from);
			n++;
		}
	return n;
}

static void
search(struct registry *r)
{
	uint32_t left = SEARCH < r->max ? SEARCH : r->max;

	while (left > 0 && r->free == 0 && r->nabsent > 0) {
		uint32_t from = r->reuse_at < r->max ? r->reuse_at : 0;
		uint32_t n = r->max - from < left ? r->max - from : left;

		n = n < 256 ? n : 256;
		(void)registry_free_some(r, from, from + n);
		r->reuse_at = from + n;
		left -= n;
	}
}

uint32_t
registry_take_place(struct registry *r)
{
	uint32_t n = registry_count(r), place;

	if (r->free == 0 && n < r->max)
		return n;
	if (r->free == 0)
		search(r);
	if (r->free == 0)
		return REGISTRY_NONE;
	place = r->free - 1;
	r->free = (uint32_t)atomic_load_explicit(&registry_at(r, place)->id, memory_order_relaxed);
	return place;
}

void
registry_reuse_repair(struct registry *r)
{
	uint32_t count = registry_count(r);

	r->free = 0;
	r->nabsent = 0;
	r->load_full = false;
	for (uint32_t i = 0; i < count; i++) {
		struct entry *e = registry_at(r, i);
		int64_t gone = REGISTRY_SESSION_GONE;

		if (atomic_load_explicit(&e->imei, memory_order_relaxed) == 0) {
			/* Its name may have been good a moment ago. */
			atomic_store_explicit(
			    &e->session, REGISTRY_SESSION_GONE, memory_order_relaxed);
			registry_set_device(r, i, 0, (int64_t)r->free, 0);
			r->free = i + 1;
			continue;
		}
		(void)atomic_compare_exchange_strong_explicit(
		    &e->session, &gone, 0, memory_order_relaxed, memory_order_relaxed);
		r->nabsent += (registry_flags(e) & FLAG_PRESENT) == 0;
	}
}

void
registry_batches_since(struct registry *r, uint32_t owner, uint64_t seq)
{
	assert(owner < OWNERS);
	atomic_store_explicit(&r->batches[owner], seq, memory_order_seq_cst);
}
