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
 * A batch stays until all of it is stored, refused or `unstorable`, however long that takes. What was
 * not committed, or of which that is unknown, is sent again; keys make that harmless. No frame is `done`
 * before its COMMIT.
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
struct store;

struct store_config {
	struct event_base *base;
	const char *url;
	const struct pg_names *names; /* as in pg/link.h */
	struct registry *registry;
	struct shm_worker *shm;
	struct live *live; /* told of what was stored */
	struct batch_limits limits;
	bool raw_copies; /* TELEM_INGEST_RAW=all: a copy of every frame of records */
	void *ctx;
	void (*stored)(void *ctx, struct batch *);
	void (*finished)(void *ctx, struct batch *);
	void (*room)(void *ctx);
	void (*up)(void *ctx);
	void (*down)(void *ctx);
};

/* NULL when memory is short. Connects at once. */
struct store *store_new(const struct store_config *) __attribute__((warn_unused_result));
void store_free(struct store *);

/* The batch that fills now. */
struct batch *store_filling(struct store *);
/* The two batches, for references from one to the other: 0 and 1. */
struct batch *store_batch(struct store *, int which);
int store_which(const struct store *, const struct batch *);

/* Something was added: it is sent at the end of this turn of the event loop, or behind what is sent. */
void store_kick(struct store *);

/* True while the database takes batches: connected, and the last one did not fail. */
bool store_is_up(const struct store *);
/* Connections that the server takes in all; 0 before it was first reached. */
int store_server_connections(const struct store *);
/* Nothing fills and nothing is being stored. */
bool store_is_idle(const struct store *);

#endif
