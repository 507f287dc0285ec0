/*
 * Times at which a connection wants to be looked at again: a heap of (time, token). An entry
 * can't be taken back; whoever is woken looks whether there is still something to do. Pure.
 */
#ifndef WORKER_TRACKER_WAKEUPS_H
#define WORKER_TRACKER_WAKEUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wakeup {
	int64_t at_ms;
	uint64_t token;
};

/* Zeroed is empty. */
struct wakeups {
	struct wakeup *heap;
	size_t n, room;
};

void wakeups_free(struct wakeups *);
/* False when memory is short. */
bool wakeups_add(struct wakeups *, uint64_t token, int64_t at_ms)
    __attribute__((warn_unused_result));
/* Takes the earliest entry if its time has come. */
bool wakeups_take(struct wakeups *, int64_t now_ms, uint64_t *token)
    __attribute__((warn_unused_result));
/* The earliest time, or INT64_MAX. */
int64_t wakeups_next(const struct wakeups *);

#endif
