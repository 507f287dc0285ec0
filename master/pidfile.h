/*
 * The pidfile: its lock, held for the master's life and by it alone, says that a gateway runs; its
 * content only says which process. So a file that a crash left behind is known to be stale without
 * asking whether some process has that number. For the master.
 */
#ifndef MASTER_PIDFILE_H
#define MASTER_PIDFILE_H

#include <stdbool.h>

#include "common/conf.h"

#define PIDFILE_PATH 1024

struct pidfile {
	char path[PIDFILE_PATH]; /* absolute */
	int fd;			 /* -1 without one */
};

/* Opens, locks and writes it. With an empty path there is none. False with a message in err. */
bool pidfile_lock(struct pidfile *, const char *path, char err[CONF_ERR])
    __attribute__((warn_unused_result));

/* Writes our process id into it. False with errno. */
bool pidfile_write(struct pidfile *) __attribute__((warn_unused_result));

/* True if a configured path leads to this file, so that it can be handed over. */
bool pidfile_is(const struct pidfile *, const char *path) __attribute__((warn_unused_result));

/* A clean stop: removes it and lets go of the lock. */
void pidfile_remove(struct pidfile *);

/* After it was handed over: closes our copy of the descriptor; file and lock are the successor's. */
void pidfile_let_go(struct pidfile *);

#endif
