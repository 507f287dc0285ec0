/*
 * The pidfile: its lock, held for the master's life and by it alone, says that a gateway
 * runs; its content only says which process. A file that a crash left behind is
 * thus recognised as stale without asking whether some process has that number.
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

/* Opens, locks and writes it. An empty path is none at all. False with a message in err. */
bool pidfile_lock(struct pidfile *, const char *path, char err[CONF_ERR])
    __attribute__((warn_unused_result));

/* Writes our process id into it. False with errno. */
bool pidfile_write(struct pidfile *) __attribute__((warn_unused_result));

/* True if a configured path leads to this file, so that it can be handed over. */
bool pidfile_is(const struct pidfile *, const char *path);

/* A clean stop: removes it and lets go of the lock. */
void pidfile_remove(struct pidfile *);

/* For a forked worker, and after it was handed over: closes our copy; the lock stays the other's.
 */
void pidfile_close_inherited(struct pidfile *);

#endif
