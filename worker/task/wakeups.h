/*
 * Times at which a connection wants to be looked at again: a heap of (time, token). An entry
 * can't be taken back; whoever is woken looks whether there is still something to do. Pure.
 */
#ifndef WORKER_TASK_WAKEUPS_H
#define WORKER_TASK_WAKEUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct later_entry {
	int64_t at_ms;
	uint64_t token;
};

/* Zeroed is empty. */
struct later {
	struct later_entry *heap;
	size_t n, room;
};

void later_free(struct later *);
/* False when memory is short. */
bool later_add(struct later *, uint64_t token, int64_t at_ms) __attribute__((warn_unused_result));
/* Takes the earliest entry if its time has come. */
bool later_take(struct later *, int64_t now_ms, uint64_t *token);
/* The earliest time, or INT64_MAX. */
int64_t later_next(const struct later *);

#endif
