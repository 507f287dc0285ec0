/*
 * The write path (doc/design.md, Storing): takes batches, commits them, says which frames may be
 * answered. Nothing else writes device_positions, device_ingest_raw and device_messages.
 *
 * What its user does: adds frames to store_filling() while they fit (batch.h), and calls store_kick().
 * When that batch doesn't take any more, it waits for room().
 *
 * What the store does: one batch is stored while the other fills. For each batch it calls
 *
 *   room()      once, when it has been sealed and sent: the other one, empty, fills now
 *   stored()    whenever a step has committed: frames that are `done`, and have not been answered, may be
 *               answered; those that are `unstorable` never will be
 *   finished()  once, behind the last stored(): it is reset as soon as this returns
 *
 * A batch of which everything was forgotten is finished() before room().
 *
 * A batch stays until all of it is stored, refused, `unstorable` or put aside, however long that takes. What
 * is put aside (as somebody holds locks on it) moves into a third batch, and back into one that fills when it is
 * tried again; what is `done` but could not be answered, as an earlier frame of its connection was put aside, stays in the
 * third one until it is answered. Before finished(), moved() tells of each such frame. What was not committed, or may not have been, is
 * sent again; keys make that harmless. No frame is `done` before its COMMIT.
 *
 * up() and down() say whether the database takes batches: down() when the connection is lost or a batch
 * fails for the environment's sake, perhaps several times; up() when it works again.
 *
 * All calls come from the event loop, stored() and finished() never from inside store_kick().
 */
#ifndef WORKER_STORE_STORE_H
#define WORKER_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/area.h"
#include "shm/registry.h"
#include "worker/store/batch.h"

struct event_base;
struct live;
struct pg_names;
struct pg_backend;
struct store;

struct store_config {
	struct event_base *base;
	const char *url;
	const struct pg_names *names; /* as in pg/link.h */
	const char *setup_sql;	      /* run at each connect; NULL: nothing */
	struct registry *registry;
	uint32_t owner; /* shm_owner() of this worker */
	struct shm_worker *shm;
	struct live *live; /* told of what was stored */
	struct batch_limits limits;
	int gather_ms;			/* TELEM_GATHER_MS */
	const char *synchronous_commit; /* TELEM_SYNCHRONOUS_COMMIT */
	bool raw_copies;		/* TELEM_INGEST_RAW=all: a copy of every frame of records */
	void *ctx;
	void (*stored)(void *ctx, struct batch *);
	void (*finished)(void *ctx, struct batch *);
	void (*room)(void *ctx);
	/* The frame has another index in another batch (store_which()), or in the same one. */
	void (*moved)(void *ctx, int from_batch, uint32_t from, int to_batch, uint32_t to);
	void (*up)(void *ctx);
	void (*down)(void *ctx);
	/*
	 * A statement has been unanswered for PG_STALLED_S on this backend: down() came before. Whoever
	 * can find out what it waits for tells store_waits_for(). May be NULL.
	 */
	void (*stalled)(void *ctx, const struct pg_backend *);
	/* The answer to a command is committed. May be NULL. */
	void (*answered)(void *ctx, int64_t command_id);
};

/* NULL when memory is short. Connects at once. */
struct store *store_new(const struct store_config *) __attribute__((warn_unused_result));
void store_free(struct store *);

/* The batch that fills now. Who adds a frame has looked at its device in the registry since. */
struct batch *store_filling(struct store *);
/* The batches, for references from one to the other: 0, 1, and STORE_KEPT with what is put aside. */
#define STORE_KEPT 2
struct batch *store_batch(struct store *, int which);
int store_which(const struct store *, const struct batch *);

/*
 * The frame's connection has gone. True: it is forgotten, and the caller books its records as refused: it is in no
 * transaction, and the tracker will send it again.
 */
bool store_forget(struct store *, int which, uint32_t frame);

/*
 * Something was added: it is sent at the end of this turn of the event loop, or behind what is sent; where many
 * trackers send, after a little while in which others join it (gather.h).
 */
void store_kick(struct store *);

/* What the backend of stalled() waits for, for the operator; NULL: nobody could find out. */
void store_waits_for(struct store *, const char *what);

/* True while the database takes batches: connected, and the last one did not fail. */
bool store_is_up(const struct store *);
/* Connections that the server takes in all; 0 before it was first reached. */
int store_server_connections(const struct store *);
/* Nothing fills and nothing is being stored. */
bool store_is_idle(const struct store *);

#endif
