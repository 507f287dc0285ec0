/*
 * Going to the background. The command that the operator ran stays until the daemon says that it is
 * ready, or why it isn't, and leaves with that exit status. For the master, before it forks workers.
 */
#ifndef MASTER_DAEMON_H
#define MASTER_DAEMON_H

#include <stdbool.h>

struct daemon {
	int report_fd; /* pipe to the waiting command, or -1 */
};

/*
 * Forks the daemon and returns in it; the waiting command never returns. Descriptors 0 to 2 stay
 * as they are until daemon_detach(). False with errno, in the caller itself, when it can't be done.
 */
bool daemon_start(struct daemon *) __attribute__((warn_unused_result));

/* Leaves the terminal and the folder: descriptors 0 to 2 become /dev/null. */
void daemon_detach(void);

/* Lets the command go with status 0. */
void daemon_ready(struct daemon *);

/* The command prints `why` and leaves with `status`. Without a command it is printed here. */
void daemon_failed(struct daemon *, int status, const char *why);

/* The soft limit of descriptors becomes the hard one. */
void daemon_raise_fd_limit(void);

#endif
