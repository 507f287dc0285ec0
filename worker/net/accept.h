/*
 * Accepting: the worker's listening sockets, those of its own slot and those that it has been lent (ipc.h).
 * Whoever the admission lets in is handed up as a socket. Pauses when descriptors run out.
 */
#ifndef WORKER_NET_ACCEPT_H
#define WORKER_NET_ACCEPT_H

#include <stdbool.h>

#include "shm/stats.h"
#include "worker/net/admission.h"

struct acceptor;
struct event_base;
struct sockaddr;

struct acceptor_config {
	struct event_base *base;
	struct stats *stats;
	struct admission *admission;
	void *ctx;
	/*
	 * A non-blocking socket, whose owner the callee is. `header`: a PROXY header comes first. False:
	 * memory is short, and it has been closed.
	 */
	bool (*accepted)(void *ctx, int fd, const struct sockaddr *, bool header);
	/* One from there was refused, and closed. */
	void (*refused)(void *ctx, const struct sockaddr *, enum admission_verdict);
};

struct acceptor *acceptor_new(const struct acceptor_config *) __attribute__((warn_unused_result));
/* Closes what it listens to. */
void acceptor_free(struct acceptor *);

/* Accepts from `fd` too, on behalf of `slot`; takes the descriptor, also on failure. */
bool acceptor_add(struct acceptor *, int slot, int fd) __attribute__((warn_unused_result));
/* Closes the descriptors of that slot; with `take_queued` as acceptor_stop() does. */
void acceptor_release(struct acceptor *, int slot, bool take_queued);
/* No more: closes all. With `take_queued`, what waits in the queues is accepted first. */
void acceptor_stop(struct acceptor *, bool take_queued);

#endif
