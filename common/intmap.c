#include "common/intmap.h"

#include <stdlib.h>

void
intmap_free(struct intmap *m)
{
	free(m->place);
	*m = (struct intmap){0};
}

static uint32_t
home(const struct intmap *m, uint32_t key)
{
	return (uint32_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (m->room - 1);
}

/* The place that holds the key, or the free one where it belongs. */
static uint32_t
find(const struct intmap *m, uint32_t key)
{
	uint32_t i = home(m, key);

	while (m->place[i].key != 0 && m->place[i].key != key + 1)
		i = (i + 1) & (m->room - 1);
	return i;
}

static bool
grow(struct intmap *m)
{
	struct intmap bigger = {.n = m->n, .room = m->room == 0 ? 64 : m->room * 2};

	bigger.place = calloc(bigger.room, sizeof(*bigger.place));
	if (bigger.place == NULL)
		return false;
	for (uint32_t i = 0; i < m->room; i++)
		if (m->place[i].key != 0)
			bigger.place[find(&bigger, m->place[i].key - 1)] = m->place[i];
	free(m->place);
	*m = bigger;
	return true;
}

bool
intmap_put(struct intmap *m, uint32_t key, uint32_t value)
{
	if (m->n >= m->room / 4 * 3 && !grow(m))
		return false;
	uint32_t i = find(m, key);
	m->n += m->place[i].key == 0;
	m->place[i] = (struct intmap_place){.key = key + 1, .value = value};
	return true;
}

uint32_t
intmap_get(const struct intmap *m, uint32_t key)
{
	if (m->room == 0)
		return INTMAP_NONE;
	uint32_t i = find(m, key);
	return m->place[i].key != 0 ? m->place[i].value : INTMAP_NONE;
}

void
intmap_remove(struct intmap *m, uint32_t key, uint32_t value)
{
	if (intmap_get(m, key) != value)
		return;
	uint32_t hole = find(m, key), mask = m->room - 1;

	/* Those behind it that would not be found any more move up. */
	for (uint32_t i = (hole + 1) & mask; m->place[i].key != 0; i = (i + 1) & mask) {
		uint32_t want = home(m, m->place[i].key - 1);

		if (((i - want) & mask) >= ((i - hole) & mask)) {
			m->place[hole] = m->place[i];
			hole = i;
		}
	}
	m->place[hole].key = 0;
	m->n--;
}
