#include "config.h"

#include "master/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

#define PORT_TRIES 16 /* to find a port that is free on every address */

/* Members of a SO_REUSEPORT group are let in beside each other: ask as a stranger first. */
static bool
probe(const struct endpoint *e, char err[CONF_ERR])
{
	struct endpoint bound = *e;
	int fd = endpoint_bind(&bound, false, "TELEM_GATEWAY", err);

	if (fd == -1)
		return false;
	close(fd);
	return true;
}

/* The address of `have` that is this one, or -1. */
static int
find(const struct listen_set *have, const struct endpoint *e)
{
	int a;

	for (a = 0; a < have->naddr; a++)
		if (endpoint_same(&have->ep[a], e))
			return a;
	return -1;
}

/* The socket that `have` has for this address and slot, or -1. */
static int
fd_of(const struct listen_set *have, const struct endpoint *e, int slot)
{
	int a = find(have, e);

	return a == -1 || slot >= have->nslots ? -1 : have->fd[slot * have->naddr + a];
}

/* True if a stranger's bind would only find ourselves in the way. */
static bool
beside_ours(const struct listen_set *have, const struct endpoint *e)
{
	int a;

	for (a = 0; a < have->naddr; a++)
		if (endpoint_overlap(&have->ep[a], e))
			return true;
	return false;
}

/* Bound only: from when it listens it has its share of the new connections. */
static bool
bind_address(
    struct listen_set *set, const struct listen_set *have, int a, int nslots, char err[CONF_ERR])
{
	struct endpoint *e = &set->ep[a];
	int s, fd;

	for (s = 0; s < set->nslots; s++) {
		fd = fd_of(have, e, s);
		if (fd == -1 && s < nslots) {
			fd = endpoint_bind(e, true, "TELEM_GATEWAY", err);
			if (fd == -1)
				return false;
		}
		set->fd[s * set->naddr + a] = fd;
	}
	endpoint_name(e, set->name[a]);
	return true;
}

static bool
open_all(
    struct listen_set *set, const struct listen_set *have, int port, int nslots, char err[CONF_ERR])
{
	int a, i;

	/* All probes before the first listener: addresses may overlap (0.0.0.0,10.0.0.1). */
	for (a = 0; port != 0 && a < set->naddr; a++)
		if (!beside_ours(have, &set->ep[a]) && !probe(&set->ep[a], err))
			return false;
	for (a = 0; a < set->naddr; a++) {
		if (port == 0 && a > 0) {
			endpoint_set_port(&set->ep[a], endpoint_port(&set->ep[0]));
			if (!probe(&set->ep[a], err))
				return false;
		}
		if (!bind_address(set, have, a, nslots, err))
			return false;
	}
	/* Now nothing is likely to fail any more, and nobody is queued in vain. */
	for (i = 0; i < set->nslots * set->naddr; i++) {
		a = i % set->naddr;
		if (set->fd[i] != -1 && fd_of(have, &set->ep[a], i / set->naddr) != set->fd[i] &&
		    !endpoint_listen(&set->ep[a], set->fd[i], "TELEM_GATEWAY", err))
			return false;
	}
	return true;
}

static bool
parse_list(
    struct endpoint ep[CONF_MAX_BIND], int *n, const char *bind, int port, char err[CONF_ERR])
{
	const char *p = bind;
	size_t len;

	for (*n = 0;; p += len + 1) {
		len = strcspn(p, ",");
		if (*n == CONF_MAX_BIND) {
			snprintf(
			    err, CONF_ERR, "more than %d addresses to listen on", CONF_MAX_BIND);
			return false;
		}
		if (!endpoint_parse(&ep[*n], p, len, port, err))
			return false;
		(*n)++;
		if (p[len] == '\0')
			return true;
	}
}

/* Room for every socket that may come to be retired, so that a commit can't fail. */
static bool
allocate(struct listen_set *set, const struct listen_set *have, char err[CONF_ERR])
{
	int n = set->nslots * set->naddr, i;

	set->fd = calloc((size_t)n + 1, sizeof(*set->fd));
	set->retired = calloc(
	    (size_t)have->nretired + (size_t)have->nslots * (size_t)have->naddr + 1, sizeof(int));
	if (set->fd == NULL || set->retired == NULL) {
		free(set->fd);
		free(set->retired);
		memset(set, 0, sizeof(*set));
		snprintf(err, CONF_ERR, "out of memory");
		return false;
	}
	for (i = 0; i < n; i++)
		set->fd[i] = -1;
	return true;
}

static void
close_opened(const struct listen_set *have, struct listen_set *set)
{
	int i;

	for (i = 0; i < set->nslots * set->naddr; i++) {
		if (set->fd[i] != -1 &&
		    fd_of(have, &set->ep[i % set->naddr], i / set->naddr) != set->fd[i])
			close(set->fd[i]);
		set->fd[i] = -1;
	}
}

static void
forget(struct listen_set *set)
{
	free(set->fd);
	free(set->retired);
	memset(set, 0, sizeof(*set));
}

bool
listen_change(struct listen_set *next, const struct listen_set *have, const char *bind, int port,
    int nslots, char err[CONF_ERR])
{
	int tries, saved;

	memset(next, 0, sizeof(*next));
	if (port == 0 && have->naddr > 0)
		port = endpoint_port(&have->ep[0]);
	tries = port == 0 ? PORT_TRIES : 1;
	if (!parse_list(next->ep, &next->naddr, bind, port, err)) {
		forget(next);
		return false;
	}
	next->nslots = nslots > have->nslots ? nslots : have->nslots;
	if (!allocate(next, have, err))
		return false;
	while (!open_all(next, have, port, nslots, err)) {
		saved = errno;
		close_opened(have, next);
		if (--tries == 0 || saved != EADDRINUSE) {
			forget(next);
			return false;
		}
		endpoint_set_port(&next->ep[0], port);
	}
	return true;
}

bool
listen_open(struct listen_set *set, const char *bind, int port, int nslots, char err[CONF_ERR])
{
	struct listen_set none = {0};

	return listen_change(set, &none, bind, port, nslots, err);
}

void
listen_commit(struct listen_set *have, struct listen_set *next)
{
	int i;

	for (i = 0; i < have->nretired; i++)
		next->retired[next->nretired++] = have->retired[i];
	for (i = 0; i < have->nslots * have->naddr; i++)
		if (have->fd[i] != -1 && find(next, &have->ep[i % have->naddr]) == -1)
			next->retired[next->nretired++] = have->fd[i];
	forget(have);
	*have = *next;
	memset(next, 0, sizeof(*next));
}

/* What only `next` has goes on to live in `have`: as slots out of use, or retired. */
static bool
merge(struct listen_set *have, const struct listen_set *next)
{
	struct listen_set all = {.naddr = have->naddr, .nslots = next->nslots};
	char err[CONF_ERR];
	int i, a, s;

	memcpy(all.ep, have->ep, sizeof(all.ep));
	memcpy(all.name, have->name, sizeof(all.name));
	/* The list of the retired has room for them, too. */
	if (!allocate(&all, next, err))
		return false;
	for (i = 0; i < all.nslots * all.naddr; i++) {
		a = i % all.naddr;
		s = i / all.naddr;
		all.fd[i] = fd_of(have, &all.ep[a], s);
		if (all.fd[i] == -1)
			all.fd[i] = fd_of(next, &all.ep[a], s);
	}
	for (i = 0; i < next->nslots * next->naddr; i++)
		if (next->fd[i] != -1 && find(have, &next->ep[i % next->naddr]) == -1)
			all.retired[all.nretired++] = next->fd[i];
	forget(have);
	*have = all;
	return true;
}

void
listen_abort(struct listen_set *have, struct listen_set *next)
{
	if (next->fd == NULL)
		return;
	if (have->fd == NULL || !merge(have, next))
		close_opened(have, next);
	forget(next);
}

/* One column of sockets: the same address in all of them. */
static bool
take_column(struct listen_set *set, int a, char err[CONF_ERR])
{
	struct endpoint e;
	bool first = true;
	int s, fd, flags;

	for (s = 0; s < set->nslots; s++) {
		fd = set->fd[s * set->naddr + a];
		if (fd == -1)
			continue;
		flags = fcntl(fd, F_GETFL);
		if (!endpoint_of(&e, fd) || flags == -1 || (flags & O_NONBLOCK) == 0 ||
		    fcntl(fd, F_SETFD, FD_CLOEXEC) == -1 ||
		    (!first && !endpoint_same(&e, &set->ep[a]))) {
			snprintf(
			    err, CONF_ERR, "descriptor %d is not a socket of the predecessor", fd);
			return false;
		}
		set->ep[a] = e;
		first = false;
	}
	if (first)
		snprintf(err, CONF_ERR, "the predecessor has an address without sockets");
	endpoint_name(&set->ep[a], set->name[a]);
	return !first;
}

bool
listen_inherit(struct listen_set *set, const int *fds, int naddr, int nslots, char err[CONF_ERR])
{
	const struct listen_set none = {0};
	int a;

	memset(set, 0, sizeof(*set));
	set->naddr = naddr;
	set->nslots = nslots;
	if (!allocate(set, &none, err))
		return false;
	memcpy(set->fd, fds, (size_t)naddr * (size_t)nslots * sizeof(*fds));
	for (a = 0; a < naddr; a++)
		if (!take_column(set, a, err))
			return false;
	return true;
}

void
listen_give(const struct listen_set *set, uid_t uid, gid_t gid)
{
	int i;

	for (i = 0; i < set->nslots * set->naddr; i++)
		if (set->fd[i] != -1 && fchown(set->fd[i], uid, gid) == -1)
			log_debug("fchown of a socket: %s", strerror(errno));
}

const int *
listen_slot(const struct listen_set *set, int slot)
{
	return &set->fd[slot * set->naddr];
}

void
listen_close(struct listen_set *set)
{
	int i;

	for (i = 0; i < set->nslots * set->naddr && set->fd != NULL; i++)
		if (set->fd[i] != -1)
			close(set->fd[i]);
	for (i = 0; i < set->nretired; i++)
		close(set->retired[i]);
	forget(set);
}

int
listen_metrics(const char *addr, int port, char name[LISTEN_NAME], char err[CONF_ERR])
{
	struct endpoint ep;
	int fd;

	if (!endpoint_parse(&ep, addr, strlen(addr), port, err))
		return -1;
	fd = endpoint_bind(&ep, false, "METRICS", err);
	if (fd == -1)
		return -1;
	if (!endpoint_listen(&ep, fd, "METRICS", err)) {
		close(fd);
		return -1;
	}
	endpoint_name(&ep, name);
	return fd;
}

bool
listen_is_metrics(int fd, const char *addr, int port, char name[LISTEN_NAME])
{
	struct endpoint wanted, ep;
	char err[CONF_ERR];

	if (!endpoint_parse(&wanted, addr, strlen(addr), port, err) || !endpoint_of(&ep, fd) ||
	    !endpoint_same(&wanted, &ep) || fcntl(fd, F_SETFD, FD_CLOEXEC) == -1)
		return false;
	endpoint_name(&ep, name);
	return true;
}
