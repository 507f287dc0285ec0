/*
 * Accepting: the worker's listening sockets, those of its own slot and those of slots that are
 * down and that it has adopted (ipc.h). Pauses when descriptors run out.
 */
#ifndef WORKER_NET_ACCEPT_H
#define WORKER_NET_ACCEPT_H

#include <stdbool.h>

#include "shm/stats.h"
#include "worker/tracker/conn.h"
#include "worker/net/admission.h"

struct acceptor;
struct event_base;

struct acceptor *acceptor_new(struct event_base *, struct conns *, struct stats *, struct guards *);
/* Closes what it listens to. */
void acceptor_free(struct acceptor *);

/* Accepts from `fd` too, on behalf of `slot`; takes the descriptor, also on failure. */
bool acceptor_add(struct acceptor *, int slot, int fd);
/* Closes the descriptors of an adopted slot; with `take_queued` as acceptor_stop() does. */
void acceptor_release(struct acceptor *, int slot, bool take_queued);
/* No more: closes all. With `take_queued`, what waits in the queues is accepted first. */
void acceptor_stop(struct acceptor *, bool take_queued);

#endif
