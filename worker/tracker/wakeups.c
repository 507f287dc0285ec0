#include "worker/tracker/wakeups.h"

#include <stdlib.h>

void
wakeups_free(struct wakeups *w)
{
	free(w->heap);
	*w = (struct wakeups){0};
}

static void
swap(struct wakeups *w, size_t a, size_t b)
{
	struct wakeup e = w->heap[a];

	w->heap[a] = w->heap[b];
	w->heap[b] = e;
}

bool
wakeups_add(struct wakeups *w, uint64_t token, int64_t at_ms)
{
	if (w->n == w->room) {
		size_t room = w->room == 0 ? 64 : w->room * 2;
		struct wakeup *heap = realloc(w->heap, room * sizeof(*heap));

		if (heap == NULL)
			return false;
		w->heap = heap;
		w->room = room;
	}
	size_t i = w->n++;
	w->heap[i] = (struct wakeup){.at_ms = at_ms, .token = token};
	for (; i > 0 && w->heap[(i - 1) / 2].at_ms > w->heap[i].at_ms; i = (i - 1) / 2)
		swap(w, i, (i - 1) / 2);
	return true;
}

bool
wakeups_take(struct wakeups *w, int64_t now_ms, uint64_t *token)
{
	if (w->n == 0 || w->heap[0].at_ms > now_ms)
		return false;
	*token = w->heap[0].token;
	w->heap[0] = w->heap[--w->n];
	for (size_t i = 0;;) {
		size_t least = i;

		for (size_t child = 2 * i + 1; child <= 2 * i + 2; child++)
			if (child < w->n && w->heap[child].at_ms < w->heap[least].at_ms)
				least = child;
		if (least == i)
			break;
		swap(w, i, least);
		i = least;
	}
	/* After a fleet's return it shrinks again. */
	if (w->n == 0 && w->room > 1024)
		wakeups_free(w);
	return true;
}

int64_t
wakeups_next(const struct wakeups *w)
{
	return w->n == 0 ? INT64_MAX : w->heap[0].at_ms;
}
