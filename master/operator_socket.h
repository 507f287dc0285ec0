/*
 * The control socket's place in the file system. It is made by the user that the daemon has
 * become, so that its owner and group are right from the start and nothing has to be changed by
 * root in a folder that is another's; and so that a later one can be made without root. It stands
 * at its path with mode 0660, whole or not at all: bound beside it and moved there.
 */
#ifndef MASTER_OPERATOR_SOCKET_H
#define MASTER_OPERATOR_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/conf.h"
#include "common/trace_request.h"

struct control_socket {
	int fd; /* listening, non-blocking, CLOEXEC; or -1 */
	char path[CONTROL_PATH];
	dev_t dev; /* what we made, to remove nothing else */
	ino_t ino;
};

/*
 * Makes it ("none": none, which is well). One that a dead gateway left is replaced; one on which a
 * living one answers only if `take_over` (the new master of an upgrade). False: err says why.
 */
bool control_socket_open(struct control_socket *, const char *path, bool take_over,
    char err[CONF_ERR]) __attribute__((warn_unused_result));

/* Closes it, and removes it unless another has taken its place. */
void control_socket_remove(struct control_socket *);

#endif
