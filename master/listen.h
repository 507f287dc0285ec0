/*
 * The trackers' listening sockets: for each address one per worker slot, in a
 * SO_REUSEPORT group, over which the kernel spreads new connections. The master
 * opens them before the first fork and keeps them, so that what is queued on a dead
 * worker's socket waits for its replacement. Closing one resets its queue.
 */
#ifndef MASTER_LISTEN_H
#define MASTER_LISTEN_H

#include <stdbool.h>

#include "common/conf.h"

#define LISTEN_BACKLOG 4096
#define LISTEN_NAME 80 /* "[address]:port" with its NUL */

struct listen_set {
	int naddr;
	int nslots;
	int *fd;			       /* [slot * naddr + address]; -1: closed */
	char name[CONF_MAX_BIND][LISTEN_NAME]; /* with the real port */
};

/*
 * Opens all. `bind`: numeric addresses with commas. Port 0: the kernel chooses one,
 * which serves all addresses. False with a message for the operator in err.
 */
bool listen_open(struct listen_set *, const char *bind, int port, int nslots, char err[CONF_ERR])
    __attribute__((warn_unused_result));

/* The `naddr` sockets of a slot. */
const int *listen_slot(const struct listen_set *, int slot);

/* For a worker: closes the sockets of all other slots. */
void listen_close_others(struct listen_set *, int slot);

void listen_close(struct listen_set *);

/* One listening socket for the metrics. -1 with a message in err; else `name` tells address and
 * port. */
int listen_metrics(const char *addr, int port, char name[LISTEN_NAME], char err[CONF_ERR])
    __attribute__((warn_unused_result));

#endif
