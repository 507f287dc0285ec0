/*
 * A worker process: accepts trackers on its slot's sockets, stores their records
 * and acknowledges them. The master forks it and calls worker_main(), which
 * returns the exit status.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include <stdbool.h>

#include "common/conf.h"
#include "shm/area.h"

struct worker_env {
	const struct conf *conf;
	struct shm *shm;
	int slot;
	int block;  /* which of the slot's two blocks is ours: shm->slots[slot].block[block] */
	int nslots; /* of the gateway; workers of another generation may be in all of them */
	bool sibling_alive;    /* the other block has a living (draining) occupant */
	int channel_fd;	       /* common/ipc.h, the worker's end; ours to close */
	const int *listen_fds; /* this slot's sockets: non-blocking, listening */
	int nlisten;
};

/*
 * Runs the worker to its end. Called in the child after fork with all signals blocked, default handlers
 * set, the master's event base freed and every descriptor closed that is not named here (but for the
 * log's); it makes its own event base and unblocks. Returns the exit status: 0 drained as asked, 1
 * failed.
 */
int worker_main(const struct worker_env *) __attribute__((warn_unused_result));

#endif
