#include "worker/tracker/table.h"

#include <stdlib.h>

void
table_init(struct table *t)
{
	*t = (struct table){0};
	for (int q = 0; q < QUEUES; q++)
		TAILQ_INIT(&t->queue[q]);
}

void
table_free(struct table *t)
{
	free(t->seats);
	free(t->generations);
	free(t->free_indices);
}

static bool
grow(struct table *t)
{
	uint32_t n = t->nseats != 0 ? t->nseats * 2 : 64;
	struct seat **seats = realloc(t->seats, n * sizeof(struct seat *));

	if (seats == NULL)
		return false;
	t->seats = seats;
	uint32_t *generations = realloc(t->generations, n * sizeof(uint32_t));
	if (generations == NULL)
		return false;
	t->generations = generations;
	uint32_t *free_indices = realloc(t->free_indices, n * sizeof(uint32_t));
	if (free_indices == NULL)
		return false;
	t->free_indices = free_indices;
	for (uint32_t i = n; i-- > t->nseats;) {
		t->seats[i] = NULL;
		t->generations[i] = 0;
		t->free_indices[t->nfree++] = i;
	}
	t->nseats = n;
	return true;
}

bool
table_enter(struct table *t, struct seat *s)
{
	if (t->nfree == 0 && !grow(t))
		return false;
	s->index = t->free_indices[--t->nfree];
	s->generation = ++t->generations[s->index];
	s->queue = QUEUE_NONE;
	t->seats[s->index] = s;
	t->taken++;
	return true;
}

void
table_leave(struct table *t, struct seat *s)
{
	t->seats[s->index] = NULL;
	t->free_indices[t->nfree++] = s->index;
	t->taken--;
}

struct seat *
table_find(const struct table *t, uint64_t token)
{
	uint32_t index = (uint32_t)token - 1;

	if ((uint32_t)token == 0 || index >= t->nseats || t->seats[index] == NULL ||
	    t->seats[index]->generation != token >> 32)
		return NULL;
	return t->seats[index];
}

void
table_wait(struct table *t, struct seat *s, enum table_queue queue, int64_t now_ms)
{
	if (s->queue != QUEUE_NONE)
		TAILQ_REMOVE(&t->queue[s->queue], s, link);
	s->queue = (uint8_t)queue;
	if (queue != QUEUE_NONE)
		TAILQ_INSERT_TAIL(&t->queue[queue], s, link);
	s->since_ms = now_ms;
}
