#include "tool/sim/wheel.h"

#include <stdlib.h>
#include <string.h>

#define MASK (SIM_WHEEL_SLOTS - 1)

bool
sim_wheel_init(struct sim_wheel *w, uint32_t nodes, int64_t now_ms)
{
	memset(w, 0, sizeof(*w));
	w->node = calloc(nodes > 0 ? nodes : 1, sizeof(*w->node));
	if (w->node == NULL)
		return false;
	w->nodes = nodes;
	w->now_ms = now_ms;
	for (unsigned i = 0; i < SIM_WHEEL_SLOTS; i++)
		w->first[i] = SIM_WHEEL_NONE;
	return true;
}

void
sim_wheel_free(struct sim_wheel *w)
{
	free(w->node);
	w->node = NULL;
}

void
sim_wheel_cancel(struct sim_wheel *w, uint32_t i)
{
	struct sim_wheel_node *n = &w->node[i];
	unsigned slot = n->at_ms & MASK;

	if (!n->set)
		return;
	n->set = false;
	w->set--;
	if (n->next == i) {
		w->first[slot] = SIM_WHEEL_NONE;
		w->used[slot / 64] &= ~(UINT64_C(1) << slot % 64);
		return;
	}
	w->node[n->next].prev = n->prev;
	w->node[n->prev].next = n->next;
	if (w->first[slot] == i)
		w->first[slot] = n->next;
}

void
sim_wheel_set(struct sim_wheel *w, uint32_t i, int64_t at_ms)
{
	struct sim_wheel_node *n = &w->node[i], *first;
	unsigned slot;

	sim_wheel_cancel(w, i);
	if (at_ms <= w->now_ms)
		at_ms = w->now_ms + 1;
	slot = at_ms & MASK;
	n->at_ms = at_ms;
	n->set = true;
	w->set++;
	if (w->first[slot] == SIM_WHEEL_NONE) {
		n->next = n->prev = i;
		w->first[slot] = i;
		w->used[slot / 64] |= UINT64_C(1) << slot % 64;
		return;
	}
	/* At the end of the ring: what was set first is taken first. */
	first = &w->node[w->first[slot]];
	n->next = w->first[slot];
	n->prev = first->prev;
	w->node[first->prev].next = i;
	first->prev = i;
}

/* A timer of this slot that is due, or SIM_WHEEL_NONE: the others are a round or more away. */
static uint32_t
due_in(const struct sim_wheel *w, unsigned slot, int64_t now_ms)
{
	uint32_t first = w->first[slot], i = first;

	if (first == SIM_WHEEL_NONE)
		return SIM_WHEEL_NONE;
	do {
		if (w->node[i].at_ms <= now_ms)
			return i;
		i = w->node[i].next;
	} while (i != first);
	return SIM_WHEEL_NONE;
}

uint32_t
sim_wheel_take(struct sim_wheel *w, int64_t now_ms)
{
	/* After a pause of more than a round, once through all slots is enough. */
	if (now_ms - w->now_ms > SIM_WHEEL_SLOTS)
		w->now_ms = now_ms - SIM_WHEEL_SLOTS;
	while (w->now_ms < now_ms) {
		uint32_t i = due_in(w, (w->now_ms + 1) & MASK, now_ms);

		if (i != SIM_WHEEL_NONE) {
			sim_wheel_cancel(w, i);
			return i;
		}
		w->now_ms++;
	}
	return SIM_WHEEL_NONE;
}

int
sim_wheel_wait(const struct sim_wheel *w, int64_t now_ms, int max_ms)
{
	int64_t at = w->now_ms + 1, end = now_ms + max_ms;

	if (w->set == 0)
		return max_ms;
	while (at < end) {
		unsigned slot = at & MASK;
		uint64_t word = w->used[slot / 64] >> slot % 64;

		if (word != 0) {
			at += __builtin_ctzll(word);
			break;
		}
		at += 64 - slot % 64;
	}
	if (at >= end)
		return max_ms;
	return at <= now_ms ? 0 : (int)(at - now_ms);
}
