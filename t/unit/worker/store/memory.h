/*
 * The store's twin in memory, for tests of what lies above it: it has the store's functions and no
 * database. Nothing happens by itself; a test says which step is done, and what the database thinks
 * of each frame. A test that lists memory.c among its sources is linked with it instead of the store.
 */
#ifndef T_UNIT_WORKER_STORE_MEMORY_H
#define T_UNIT_WORKER_STORE_MEMORY_H

#include "worker/store/store.h"

struct memory_config {
	struct batch_limits limits;
	struct stats *stats;
	void *ctx;
	void (*stored)(void *ctx, struct batch *);
	void (*finished)(void *ctx, struct batch *);
	void (*room)(void *ctx);
	void (*moved)(void *ctx, int from_batch, uint32_t from, int to_batch, uint32_t to);
	void (*down)(void *ctx);
};

/* Up from the beginning. */
struct store *memory_new(const struct memory_config *);
void memory_free(struct store *);

/* The database goes away (what is being stored waits), and comes back. */
void memory_down(struct store *);
void memory_up(struct store *);

/* The filling batch is sealed and is being stored; the other one fills. Only when none is. */
void memory_begin(struct store *);
/* Of the batch that is being stored: a row of this frame is refused; nothing can take it at all. */
void memory_refuse(struct store *, uint32_t frame);
void memory_refuse_wholly(struct store *, uint32_t frame);
/* Its device has become another one: it is not stored, and its tracker sends it again. */
void memory_leave_out(struct store *, uint32_t frame);
/* Somebody holds a lock that it needs: at the end of the batch it is kept, in the batch STORE_KEPT. */
void memory_keep(struct store *, uint32_t frame);
/* That frame of STORE_KEPT is tried again: it goes to the batch that fills, and the others close up. */
void memory_take_back(struct store *, uint32_t frame);
/* The rows are committed: frames of records without a refused one. */
void memory_commit_rows(struct store *);
/* Then messages, quarantined frames and copies; and the batch is finished. */
void memory_commit_rest(struct store *);
/* All of it, from memory_begin() on, if anything fills. */
void memory_commit(struct store *);

/* The batch that is being stored, or NULL. */
struct batch *memory_storing(struct store *);
/* How often store_kick() was called. */
unsigned memory_kicks(const struct store *);

#endif
