/*
 * The write path (doc/design.md, Storing): takes batches, commits them, says which
 * frames may be answered. The only module that writes device_positions,
 * device_ingest_raw and device_messages.
 *
 * One batch is stored while the other fills. A batch is stored in steps, each a
 * transaction of its own: rows of careful frames by INSERT ... ON CONFLICT, the
 * others by COPY (on a duplicate: again by ON CONFLICT), messages, quarantined and copied
 * raw frames. What was not committed, or of which that is unknown, is done again;
 * keys make that harmless.
 */
#ifndef WORKER_STORE_STORE_H
#define WORKER_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/registry.h"
#include "shm/area.h"
#include "worker/store/batch.h"

struct event_base;
struct live;
struct store;

struct store_config {
	struct event_base *base;
	const char *url;
	struct registry *registry;
	struct shm_worker *shm;
	struct live *live; /* told of what was stored */
	struct batch_limits limits;
	bool raw_copies; /* TELEM_INGEST_RAW=all: a copy of every frame of records */
	void *ctx;
	/* These frames of the batch are stored: answer them. Called as soon as a step has
	 * committed. */
	void (*stored)(void *ctx, struct batch *);
	/* The batch is done and about to be reset. */
	void (*finished)(void *ctx, struct batch *);
	/* An empty batch has begun to fill. */
	void (*room)(void *ctx);
	void (*up)(void *ctx);
	void (*down)(void *ctx);
};

struct store *store_new(const struct store_config *);
void store_free(struct store *);

/* The batch that fills now: add frames to it, then call store_kick(). */
struct batch *store_filling(struct store *);
/* The two batches, for references from one to the other: 0 and 1. */
struct batch *store_batch(struct store *, int which);
int store_which(const struct store *, const struct batch *);

/* Something was added: it is sent at the end of this turn of the event loop, or behind the running
 * one. */
void store_kick(struct store *);

/* True while the database takes batches: connected, and the last one did not fail. */
bool store_is_up(const struct store *);
/* Connections that the server takes in all; 0 before it was first reached. */
int store_server_connections(const struct store *);
/* Nothing fills and nothing is being stored. */
bool store_is_idle(const struct store *);

#endif
