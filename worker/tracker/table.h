/*
 * The table of all connections: by token, and in lists in the order of what they wait for. A connection
 * has a seat, which is its place in both; the table knows nothing else of it.
 */
#ifndef WORKER_TRACKER_TABLE_H
#define WORKER_TRACKER_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/*
 * Lists in the order of their deadlines: each wait has one length, so who comes last goes to the tail.
 * A seat is on one of them, or on none.
 */
enum table_queue {
	QUEUE_HANDSHAKE,
	QUEUE_FRAME,
	QUEUE_IDLE,
	QUEUE_ANSWERS, /* its session is over, its last answers are not */
	QUEUE_PEER,    /* the tracker has closed, and its last answers are not out */
	QUEUE_LINGER,
	QUEUE_PAUSED, /* no room in the filling batch */
	QUEUE_GONE,   /* to be freed: callers further up may still hold a pointer */
	QUEUE_NONE,
	QUEUES = QUEUE_NONE
};

struct seat {
	TAILQ_ENTRY(seat) link;
	int64_t since_ms; /* when it got onto its list, or off the last one */
	uint32_t index, generation;
	uint8_t queue;
};

TAILQ_HEAD(seat_list, seat);

struct table {
	struct seat **seats; /* by index; NULL: free */
	uint32_t nseats, taken;
	uint32_t *free_indices, nfree;
	uint32_t *generations;
	struct seat_list queue[QUEUES];
};

void table_init(struct table *);
void table_free(struct table *);

/* Gives it an index and a token. False when memory is short. */
bool table_enter(struct table *, struct seat *) __attribute__((warn_unused_result));
/* Its token finds nothing from now on. Its list is not touched. */
void table_leave(struct table *, struct seat *);

/* Names a connection for good, other than an index, which is used again. Never 0. */
static inline uint64_t
table_token(const struct seat *s)
{
	return (uint64_t)s->generation << 32 | (s->index + 1);
}

/* NULL if it has left, or for a token that never was one. */
struct seat *table_find(const struct table *, uint64_t token);

/* Puts it at the tail of the list (QUEUE_NONE: off its list), from now on. */
void table_wait(struct table *, struct seat *, enum table_queue, int64_t now_ms);

#endif
