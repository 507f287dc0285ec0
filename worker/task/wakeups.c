#include "worker/task/wakeups.h"

#include <stdlib.h>

void
later_free(struct later *l)
{
	free(l->heap);
	*l = (struct later){0};
}

static void
swap(struct later *l, size_t a, size_t b)
{
	struct later_entry e = l->heap[a];

	l->heap[a] = l->heap[b];
	l->heap[b] = e;
}

bool
later_add(struct later *l, uint64_t token, int64_t at_ms)
{
	if (l->n == l->room) {
		size_t room = l->room == 0 ? 64 : l->room * 2;
		struct later_entry *heap = realloc(l->heap, room * sizeof(*heap));

		if (heap == NULL)
			return false;
		l->heap = heap;
		l->room = room;
	}
	size_t i = l->n++;
	l->heap[i] = (struct later_entry){.at_ms = at_ms, .token = token};
	for (; i > 0 && l->heap[(i - 1) / 2].at_ms > l->heap[i].at_ms; i = (i - 1) / 2)
		swap(l, i, (i - 1) / 2);
	return true;
}

bool
later_take(struct later *l, int64_t now_ms, uint64_t *token)
{
	if (l->n == 0 || l->heap[0].at_ms > now_ms)
		return false;
	*token = l->heap[0].token;
	l->heap[0] = l->heap[--l->n];
	for (size_t i = 0;;) {
		size_t least = i;

		for (size_t child = 2 * i + 1; child <= 2 * i + 2; child++)
			if (child < l->n && l->heap[child].at_ms < l->heap[least].at_ms)
				least = child;
		if (least == i)
			break;
		swap(l, i, least);
		i = least;
	}
	/* After a fleet's return it shrinks again. */
	if (l->n == 0 && l->room > 1024)
		later_free(l);
	return true;
}

int64_t
later_next(const struct later *l)
{
	return l->n == 0 ? INT64_MAX : l->heap[0].at_ms;
}
