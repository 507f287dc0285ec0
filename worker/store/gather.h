/*
 * How long a batch is gathered before it is sent (doc/design.md, Batching). Pure: no I/O, no clock.
 *
 * Where many trackers send one record each, a group commit alone makes transactions of a handful of rows, and each
 * costs as much as eight rows. So a batch waits for others, up to a limit, if enough others are to be expected in that
 * time: so many devices have been heard lately. Whoever waits for an ACK sends nothing meanwhile, and devices are
 * counted, not frames: a lone tracker, or a few that send without a pause, never wait.
 */
#ifndef WORKER_STORE_GATHER_H
#define WORKER_STORE_GATHER_H

#include <stdint.h>

#define GATHER_BITS 4096

struct gather {
	int64_t limit_us;  /* the longest wait; 0: none */
	int64_t window_us; /* when the running window began */
	uint32_t heard;	   /* devices in it, as far as the bits can tell them apart */
	uint32_t expected; /* devices in the window before */
	uint64_t seen[GATHER_BITS / 64];
};

void gather_init(struct gather *, int limit_ms);

/* A frame of the device came. */
void gather_heard(struct gather *, uint32_t entry, int64_t now_us);

/*
 * The batch has `frames` and `rows`, and its first frame came at `first_us`: when is it to be sent? Not after now:
 * at once.
 */
int64_t gather_until(struct gather *, uint32_t frames, uint32_t rows, int64_t first_us,
    int64_t now_us) __attribute__((warn_unused_result));

#endif
