/*
 * Connections: the bytes of trackers to items (stream.h) and to the session, frames
 * into the filling batch, acknowledgements back. All I/O with trackers is here and in accept.c.
 *
 * An idle connection is a struct conn and nothing else: bytes are read into one buffer of
 * the worker and handled there; only an item that is not whole yet is kept, in
 * memory that grows with what has arrived, never with what was announced.
 */
#ifndef WORKER_TRACKER_CONN_H
#define WORKER_TRACKER_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/conf.h"
#include "shm/crc_ledger.h"
#include "shm/registry.h"
#include "shm/stats.h"
#include "worker/task/commands.h"
#include "worker/task/devices.h"
#include "worker/net/admission.h"
#include "worker/task/live.h"
#include "worker/task/rejected.h"
#include "worker/store/store.h"

struct conns;
struct event_base;

struct conns_config {
	struct event_base *base;
	const struct conf *conf;
	struct stats *stats;
	struct registry *registry;
	struct crc_ledger *crc_ledger;
	struct guards *guards;
	uint32_t owner; /* shm_owner() */
};

/* What connections work with; set once with conns_attach(), before the first connection. */
struct conns_parts {
	struct store *store;
	struct devices *devices;
	struct live *live;
	struct rejected *rejected;
	struct commands *commands;
};

struct conns *conns_new(const struct conns_config *);
void conns_attach(struct conns *, const struct conns_parts *);
void conns_free(struct conns *);

/*
 * Takes an accepted, non-blocking socket; false (and the socket is closed) when memory is short.
 * `proxied`: a PROXY header comes first, which tells whose connection it is.
 */
bool conns_open(struct conns *, int fd, const struct sockaddr *, bool proxied);

uint32_t conns_count(const struct conns *);

/* A few times a second: time-outs, sessions that the registry has ended. */
void conns_tick(struct conns *, int64_t now_mono_ms);

/*
 * From now on closes the connections one after the other, at the pace of pace.h, each as soon as
 * nothing of it is in flight; those whose turn hasn't come are served. No new ones may be opened.
 */
void conns_drain(struct conns *, int64_t now_mono_ms, int64_t limit_ms);

/*
 * Somebody follows the device (trace.h), until then; `fd` is taken over. Its connections that are
 * open already are told at once.
 */
void conns_trace(struct conns *, uint64_t imei, bool bytes, int64_t until_mono_ms, int fd);

/* devices.h and store.h call back here. */
void conns_answer(void *conns, uint64_t token, uint64_t imei, enum lookup_answer);
void conns_stored(void *conns, struct batch *);
void conns_finished(void *conns, struct batch *);
void conns_room(void *conns);
void conns_store_down(void *conns);

/* commands.h calls back here. */
uint64_t conns_command_want(void *conns, uint64_t imei);
bool conns_command_asker(void *conns, uint64_t token, struct command_asker *);
bool conns_command_claimed(void *conns, uint64_t token, const struct command_claim *);
void conns_command_blocked(void *conns, uint64_t token);
void conns_command_woken(void *conns, uint64_t token);

#endif
