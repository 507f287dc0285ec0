/*
 * The index: from an IMEI to its entry, by open addressing. Readers take no lock. It is at most half full,
 * so a walk is short.
 *
 * When an IMEI leaves, those behind it move up, or their walks would end at the gap. Whoever finds what it
 * looks for has found it; whoever doesn't looks again if places have moved meanwhile.
 */
#include "shm/registry_impl.h"

#include <sched.h>

#define FIND_SPINS 100 /* a reader looks this often while places move, */
#define FIND_YIELDS 20 /* then this often with the processor left to others */

uint32_t
registry_index_places(uint32_t max_devices)
{
	uint32_t n = 16;

	while (n < 2 * (uint64_t)max_devices)
		n *= 2;
	return n;
}

static _Atomic uint32_t *
at(const struct registry *r, uint32_t i)
{
	return (_Atomic uint32_t *)(void *)&r->entries[r->max] + i;
}

static uint32_t
get(const struct registry *r, uint32_t i)
{
	return atomic_load_explicit(at(r, i), memory_order_acquire);
}

static void
set(struct registry *r, uint32_t i, uint32_t value)
{
	atomic_store_explicit(at(r, i), value, memory_order_release);
}

static uint64_t
imei_of(const struct registry *r, uint32_t place)
{
	return atomic_load_explicit(&registry_at(r, place)->imei, memory_order_relaxed);
}

uint32_t
registry_hash(uint64_t imei)
{
	imei = (imei ^ (imei >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	imei = (imei ^ (imei >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)(imei ^ (imei >> 31));
}

/* Where in the index the IMEI stands, or the gap where it would. REGISTRY_NONE: neither. */
static uint32_t
walk(const struct registry *r, uint64_t imei)
{
	uint32_t i = registry_hash(imei) & r->mask;

	for (uint32_t n = 0; n <= r->mask; n++, i = (i + 1) & r->mask) {
		uint32_t e = get(r, i);

		if (e == 0 || imei_of(r, e - 1) == imei)
			return i;
	}
	return REGISTRY_NONE;
}

uint32_t
registry_probe(const struct registry *r, uint64_t imei)
{
	uint32_t i = walk(r, imei), e;

	if (i == REGISTRY_NONE || (e = get(r, i)) == 0 || imei_of(r, e - 1) != imei)
		return REGISTRY_NONE;
	return e - 1;
}

uint32_t
registry_find(const struct registry *r, uint64_t imei)
{
	_Atomic uint32_t *moves = (_Atomic uint32_t *)&r->moves;

	for (int n = 0; imei != 0 && n < FIND_SPINS + FIND_YIELDS; n++) {
		uint32_t before = atomic_load_explicit(moves, memory_order_acquire);
		uint32_t place = registry_probe(r, imei), name = REGISTRY_NONE;

		if (place != REGISTRY_NONE)
			name = registry_name(r, place);
		atomic_thread_fence(memory_order_acquire);
		/* It may have become another's before its generation was read. */
		if (name != REGISTRY_NONE && imei_of(r, place) == imei)
			return name;
		if (name == REGISTRY_NONE && (before & 1) == 0 &&
		    atomic_load_explicit(moves, memory_order_relaxed) == before)
			break;
		if (n >= FIND_SPINS)
			(void)sched_yield();
	}
	return REGISTRY_NONE;
}

void
registry_index_add(struct registry *r, uint32_t place)
{
	uint32_t i = walk(r, imei_of(r, place));

	if (i != REGISTRY_NONE)
		set(r, i, place + 1);
}

static void
begin_moves(struct registry *r)
{
	uint32_t odd = atomic_load_explicit(&r->moves, memory_order_relaxed) | 1;

	atomic_store_explicit(&r->moves, odd, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
}

static void
end_moves(struct registry *r)
{
	atomic_store_explicit(&r->moves, atomic_load_explicit(&r->moves, memory_order_relaxed) + 1,
	    memory_order_release);
}

void
registry_index_remove(struct registry *r, uint32_t place)
{
	uint32_t gap = walk(r, imei_of(r, place)), i = gap, e;

	if (gap == REGISTRY_NONE || get(r, gap) != place + 1)
		return;
	begin_moves(r);
	while ((e = get(r, i = (i + 1) & r->mask)) != 0) {
		uint32_t home = registry_hash(imei_of(r, e - 1)) & r->mask;

		/* It may stand anywhere from its home on: in the gap, if that isn't before it. */
		if (((i - home) & r->mask) >= ((i - gap) & r->mask)) {
			set(r, gap, e);
			gap = i;
		}
	}
	set(r, gap, 0);
	end_moves(r);
}

void
registry_index_repair(struct registry *r)
{
	uint32_t count = registry_count(r);

	/* Places were moving: one may stand twice, or be another's by now. */
	if ((atomic_load_explicit(&r->moves, memory_order_relaxed) & 1) != 0)
		for (uint32_t i = 0; i <= r->mask; i++)
			set(r, i, 0);
	for (uint32_t i = 0; i < count; i++)
		if (imei_of(r, i) != 0 && registry_probe(r, imei_of(r, i)) == REGISTRY_NONE)
			registry_index_add(r, i);
	if ((atomic_load_explicit(&r->moves, memory_order_relaxed) & 1) != 0)
		end_moves(r);
}
