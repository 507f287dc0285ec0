/*
 * The trackers' listening sockets: for each address one per worker slot, in a SO_REUSEPORT group, over
 * which the kernel spreads new connections. The master opens them before the first fork and keeps them,
 * so that what is queued on a dead worker's socket waits for its replacement. Closing one resets its
 * queue. For the master.
 *
 * A reload may add and remove addresses and slots. Sockets of slots that are not wanted any more are
 * kept for life, as the kernel goes on giving them connections; they are lent to another slot's worker
 * (master/lend.c). Sockets of addresses that are not wanted any more are `retired`: some worker takes
 * what is queued on them, then they are closed.
 */
#ifndef MASTER_LISTEN_H
#define MASTER_LISTEN_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/conf.h"
#include "master/endpoint.h"

struct listen_set {
	int naddr;
	int nslots; /* with those that are not wanted any more */
	int *fd;    /* [slot * naddr + address]; -1: none */
	struct endpoint ep[CONF_MAX_BIND];
	char name[CONF_MAX_BIND][LISTEN_NAME]; /* with the real port */
	int *retired;
	int nretired;
};

/*
 * Opens all. `bind`: numeric addresses with commas. Port 0: the kernel chooses one,
 * which serves all addresses. False with a message for the operator in err.
 */
bool listen_open(struct listen_set *, const char *bind, int port, int nslots, char err[CONF_ERR])
    __attribute__((warn_unused_result));

/*
 * Makes `next`, which is what is asked for, out of what there is: sockets that both have are the
 * same descriptors in both, the others are opened. Port 0 keeps the port there is. Then
 * listen_commit() or listen_abort() follows. False with a message in err, and nothing is changed.
 */
bool listen_change(struct listen_set *next, const struct listen_set *have, const char *bind,
    int port, int nslots, char err[CONF_ERR]) __attribute__((warn_unused_result));
/* `have` becomes `next`. */
void listen_commit(struct listen_set *have, struct listen_set *next);
/*
 * Things stay as they are. What only `next` has may have connections in its queue by now: its
 * sockets are kept as those of slots and addresses that are not wanted any more.
 */
void listen_abort(struct listen_set *have, struct listen_set *next);

/*
 * Takes sockets that were inherited: fds as in listen_set.fd. False with a message in err if they
 * are not what they should be; they belong to the set in any case.
 */
bool listen_inherit(struct listen_set *, const int *fds, int naddr, int nslots, char err[CONF_ERR])
    __attribute__((warn_unused_result));

/* From root to the user that the master becomes: only its owner may add to a group. */
void listen_give(const struct listen_set *, uid_t, gid_t);

/* The `naddr` sockets of a slot; -1 where it has none. */
const int *listen_slot(const struct listen_set *, int slot);

/* Closes all, the retired ones as well. */
void listen_close(struct listen_set *);

/* One listening socket for the metrics. -1 with a message in err; else `name` is address and port. */
int listen_metrics(const char *addr, int port, char name[LISTEN_NAME], char err[CONF_ERR])
    __attribute__((warn_unused_result));
/* True if an inherited socket is what listen_metrics() would open; then with its name. */
bool listen_is_metrics(int fd, const char *addr, int port, char name[LISTEN_NAME])
    __attribute__((warn_unused_result));

#endif
