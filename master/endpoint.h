/*
 * One address to listen on: from text, from a socket, and to a listening socket, with messages for the
 * operator. For the master.
 */
#ifndef MASTER_ENDPOINT_H
#define MASTER_ENDPOINT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "common/conf.h"

#define LISTEN_BACKLOG 4096
#define ACCEPT_PAUSE_MS 500 /* of any listener of the master, when it is out of descriptors */
#define LISTEN_NAME 80	    /* "[address]:port" with its NUL */

union socket_address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_storage ss;
};

struct endpoint {
	union socket_address addr;
	socklen_t len;
};

/*
 * Numeric addresses only: a name that must be asked for would tie the start to a name server.
 * `text` of `len` bytes, blanks and brackets around it allowed.
 */
bool endpoint_parse(struct endpoint *, const char *text, size_t len, int port, char err[CONF_ERR])
    __attribute__((warn_unused_result));
/* Where a listening TCP socket listens; false if it isn't one. */
bool endpoint_of(struct endpoint *, int fd) __attribute__((warn_unused_result));

int endpoint_port(const struct endpoint *) __attribute__((warn_unused_result));
void endpoint_set_port(struct endpoint *, int port);
void endpoint_name(const struct endpoint *, char out[LISTEN_NAME]);
bool endpoint_same(const struct endpoint *, const struct endpoint *)
    __attribute__((warn_unused_result));
/* True if a socket on the one stands in the way of one on the other. */
bool endpoint_overlap(const struct endpoint *, const struct endpoint *)
    __attribute__((warn_unused_result));

/*
 * A bound socket, with `share` in the SO_REUSEPORT group of its address; *e then has the real port.
 * -1 with a message (`key` is the beginning of the keys that it speaks of) and errno.
 */
int endpoint_bind(struct endpoint *e, bool share, const char *key, char err[CONF_ERR])
    __attribute__((warn_unused_result));
/* It listens from now on; false with a message. The socket is left open. */
bool endpoint_listen(const struct endpoint *, int fd, const char *key, char err[CONF_ERR])
    __attribute__((warn_unused_result));

#endif
