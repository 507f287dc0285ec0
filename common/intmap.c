#include "common/intmap.h"

#include <stdlib.h>

void
entry_map_free(struct entry_map *m)
{
	free(m->place);
	*m = (struct entry_map){0};
}

static uint32_t
home(const struct entry_map *m, uint32_t entry)
{
	return (uint32_t)((entry * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (m->room - 1);
}

/* The place that holds the entry, or the free one where it belongs. */
static uint32_t
find(const struct entry_map *m, uint32_t entry)
{
	uint32_t i = home(m, entry);

	while (m->place[i].entry != 0 && m->place[i].entry != entry + 1)
		i = (i + 1) & (m->room - 1);
	return i;
}

static bool
grow(struct entry_map *m)
{
	struct entry_map bigger = {.n = m->n, .room = m->room == 0 ? 64 : m->room * 2};

	bigger.place = calloc(bigger.room, sizeof(*bigger.place));
	if (bigger.place == NULL)
		return false;
	for (uint32_t i = 0; i < m->room; i++)
		if (m->place[i].entry != 0)
			bigger.place[find(&bigger, m->place[i].entry - 1)] = m->place[i];
	free(m->place);
	*m = bigger;
	return true;
}

bool
entry_map_put(struct entry_map *m, uint32_t entry, uint32_t slot)
{
	if (m->n >= m->room / 4 * 3 && !grow(m))
		return false;
	uint32_t i = find(m, entry);
	m->n += m->place[i].entry == 0;
	m->place[i] = (struct entry_place){.entry = entry + 1, .slot = slot};
	return true;
}

uint32_t
entry_map_get(const struct entry_map *m, uint32_t entry)
{
	if (m->room == 0)
		return ENTRY_MAP_NONE;
	uint32_t i = find(m, entry);
	return m->place[i].entry != 0 ? m->place[i].slot : ENTRY_MAP_NONE;
}

void
entry_map_remove(struct entry_map *m, uint32_t entry, uint32_t slot)
{
	if (entry_map_get(m, entry) != slot)
		return;
	uint32_t hole = find(m, entry), mask = m->room - 1;

	/* Those behind it that would not be found any more move up. */
	for (uint32_t i = (hole + 1) & mask; m->place[i].entry != 0; i = (i + 1) & mask) {
		uint32_t want = home(m, m->place[i].entry - 1);

		if (((i - want) & mask) >= ((i - hole) & mask)) {
			m->place[hole] = m->place[i];
			hole = i;
		}
	}
	m->place[hole].entry = 0;
	m->n--;
}
