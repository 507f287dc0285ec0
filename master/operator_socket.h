/*
 * The operator's socket (TELEM_CONTROL_SOCKET; users read "control socket"): its place in the file
 * system. The user that the daemon has become makes it, so that its owner and group are right from the
 * start, root changes nothing in a folder that is another's, and a later one can be made without root.
 * It stands at its path with mode 0660, whole or not at all: bound beside it and moved there. Its
 * clients are in master/trace_clients.h.
 */
#ifndef MASTER_OPERATOR_SOCKET_H
#define MASTER_OPERATOR_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/conf.h"

struct operator_socket {
	int fd; /* listening, non-blocking, CLOEXEC; or -1 */
	char path[CONF_SOCKET_PATH];
	dev_t dev; /* what we made, to remove nothing else */
	ino_t ino;
	bool has_group; /* it is for `group`, not for the daemon's own */
	gid_t group;
};

/*
 * Looks up TELEM_CONTROL_GROUP, "" for the daemon's own: at start, as a name server may be asked. False:
 * there is no such group, err says so.
 */
bool operator_socket_for_group(struct operator_socket *, const char *name, char err[CONF_ERR])
    __attribute__((warn_unused_result));

/*
 * Makes it; with "none" there is none, and that is true as well. One that a dead gateway left is
 * replaced; one on which a living one answers is replaced only if `take_over` (the new master of an
 * upgrade). False: err says why.
 */
bool operator_socket_open(struct operator_socket *, const char *path, bool take_over,
    char err[CONF_ERR]) __attribute__((warn_unused_result));

/* Closes it, and removes it unless another has taken its place. */
void operator_socket_remove(struct operator_socket *);

#endif
