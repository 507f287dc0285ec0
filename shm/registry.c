/* Entries, and changes of single ones. */
#include "shm/registry_impl.h"

#include <sched.h>

#define GET_SPINS 100 /* a reader looks this often while the entry changes under it, */
#define GET_YIELDS 20 /* then this often with the processor left to others */

size_t
registry_size(uint32_t max_devices)
{
	return sizeof(struct registry) + (size_t)max_devices * sizeof(struct entry) +
	       (size_t)registry_index_places(max_devices) * sizeof(_Atomic uint32_t);
}

void
registry_init(struct registry *r, uint32_t max_devices)
{
	assert(max_devices > 0 && max_devices < PLACE_MASK);
	r->max = max_devices;
	r->mask = registry_index_places(max_devices) - 1;
	mutex_init(&r->write_lock, false);
	mutex_init(&r->lead_lock, true);
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
	/* Another device's by now. */
	if (((flags ^ entry) & GENERATION_MASK) != 0) {
		*out = (struct device_entry){.present = false};
		return;
	}
	out->present = (flags & FLAG_PRESENT) != 0;
	out->enabled = (flags & FLAG_ENABLED) != 0;
	out->codecs = flags & CODEC_MAY_ALL;
}

uint64_t
registry_imei(const struct registry *r, uint32_t entry)
{
	const struct entry *e = registry_at(r, entry);
	uint64_t imei = atomic_load_explicit((_Atomic uint64_t *)&e->imei, memory_order_relaxed);

	return registry_is_named(e, entry) ? imei : 0;
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

/* Readers that see it half-done look again. */
static uint32_t
begin_change(struct registry *r, uint32_t place)
{
	struct entry *e = registry_at(r, place);
	/* Odd already if a writer died in here. */
	uint32_t odd = atomic_load_explicit(&e->gen, memory_order_relaxed) | 1;

	atomic_store_explicit(&r->writing, place + 1, memory_order_relaxed);
	atomic_store_explicit(&e->gen, odd, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	return odd;
}

static void
end_change(struct registry *r, uint32_t place, uint32_t odd)
{
	atomic_store_explicit(&registry_at(r, place)->gen, odd + 1, memory_order_release);
	atomic_store_explicit(&r->writing, 0, memory_order_relaxed);
}

void
registry_set_row(struct registry *r, uint32_t place, int64_t id, uint32_t flags)
{
	struct entry *e = registry_at(r, place);
	uint32_t odd = begin_change(r, place);

	flags |= registry_flags(e) & GENERATION_MASK;
	atomic_store_explicit(&e->id, id, memory_order_relaxed);
	atomic_store_explicit(&e->flags, flags, memory_order_relaxed);
	end_change(r, place, odd);
}

void
registry_set_device(struct registry *r, uint32_t place, uint64_t imei, int64_t id, uint32_t flags)
{
	struct entry *e = registry_at(r, place);
	uint32_t odd = begin_change(r, place), was = registry_flags(e) & GENERATION_MASK;

	if (imei == 0)
		was += GENERATION_ONE;
	atomic_store_explicit(&e->imei, imei, memory_order_relaxed);
	atomic_store_explicit(&e->id, id, memory_order_relaxed);
	/* Whoever sees the generation sees that the IMEI is gone. */
	atomic_store_explicit(&e->flags, flags | was, memory_order_release);
	end_change(r, place, odd);
}

/*
 * A writer died inside the lock. Its entry may be half-changed, or have an IMEI but no place in the
 * index; nobody may have been told. The full load that is asked for brings the right content.
 */
static void
repair(struct registry *r)
{
	uint32_t writing = atomic_load_explicit(&r->writing, memory_order_relaxed);

	if (writing != 0 && writing <= r->max) {
		struct entry *e = registry_at(r, writing - 1);
		uint32_t gen = atomic_load_explicit(&e->gen, memory_order_relaxed);

		if ((gen & 1) != 0)
			atomic_store_explicit(&e->gen, gen + 1, memory_order_release);
		atomic_store_explicit(&r->writing, 0, memory_order_relaxed);
	}
	registry_index_repair(r);
	registry_reuse_repair(r);
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
	return &r->absent[registry_hash(imei) & (ABSENT_MEMO - 1)];
}

/* A load is asked for; or, within one, what it may free will be of use to the next one. */
static void
note_full(struct registry *r)
{
	if (r->loading_seq != 0)
		r->load_full = true;
	else
		atomic_store_explicit(&r->full_request, 1, memory_order_release);
}

/* A device that has no entry yet. Under the lock. */
static enum registry_result
add(struct registry *r, const struct device_row *row, uint32_t flags, uint64_t asked_at,
    uint32_t *entry)
{
	struct absent *memo = absent_memo(r, row->imei);
	struct entry *e;
	uint32_t place;

	if (memo->imei == row->imei && memo->seq > asked_at)
		return REGISTRY_STALE;
	if (!row->present) {
		/* No entry for what isn't there, or a scanner would fill the registry. */
		memo->imei = row->imei;
		memo->seq = registry_next_seq(r);
		return REGISTRY_UNCHANGED;
	}
	if (r->reused_seq > asked_at)
		return REGISTRY_STALE;
	place = registry_take_place(r);
	if (place == REGISTRY_NONE) {
		note_full(r);
		return REGISTRY_FULL;
	}
	e = registry_at(r, place);
	/* What was noted of another. */
	atomic_store_explicit(&e->flushed_ms, 0, memory_order_relaxed);
	atomic_store_explicit(&e->duplicate_s, 0, memory_order_relaxed);
	atomic_store_explicit(&e->pinged_s, 0, memory_order_relaxed);
	atomic_store_explicit(&e->dirty, 0, memory_order_relaxed);
	atomic_store_explicit(&e->where, 0, memory_order_relaxed);
	registry_set_device(r, place, row->imei, row->id, flags);
	registry_touch(r, e);
	/* Counted first: a death here is mended by repair(), which looks at all that are. */
	if (place == registry_count(r))
		atomic_store_explicit(&r->count, place + 1, memory_order_release);
	registry_index_add(r, place);
	atomic_store_explicit(&e->session, 0, memory_order_release);
	*entry = registry_name(r, place);
	return REGISTRY_OK;
}

/* Under the lock. */
static enum registry_result
apply(struct registry *r, const struct device_row *row, uint64_t asked_at, uint32_t *entry)
{
	uint32_t flags = 0, place = registry_probe(r, row->imei), was;
	int64_t id = row->id;
	struct entry *e;
	bool same;

	if (row->present)
		flags = FLAG_PRESENT | (row->enabled ? FLAG_ENABLED : 0) |
			(row->codecs & CODEC_MAY_ALL);
	if (place == REGISTRY_NONE)
		return add(r, row, flags, asked_at, entry);
	*entry = registry_name(r, place);
	e = registry_at(r, place);
	if (atomic_load_explicit(&e->seq, memory_order_relaxed) > asked_at)
		return REGISTRY_STALE;
	/* Records of a device that was deleted may still be under way: its id stays readable. */
	if (!row->present)
		id = atomic_load_explicit(&e->id, memory_order_relaxed);
	was = registry_flags(e) & ~GENERATION_MASK;
	same = atomic_load_explicit(&e->id, memory_order_relaxed) == id && was == flags;
	if (!same)
		registry_set_row(r, place, id, flags);
	r->nabsent += ((was & FLAG_PRESENT) != 0 && !row->present);
	r->nabsent -= ((was & FLAG_PRESENT) == 0 && row->present);
	/* A confirmation counts too, or an answer older than it could still undo it. */
	registry_touch(r, e);
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
