#include "config.h"

#include "master/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT_TRIES 16 /* to find a port that is free on every address */

union address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_storage ss;
};

struct endpoint {
	union address addr;
	socklen_t len;
};

static int
endpoint_port(const struct endpoint *e)
{
	return ntohs(
	    e->addr.sa.sa_family == AF_INET6 ? e->addr.in6.sin6_port : e->addr.in.sin_port);
}

static void
endpoint_set_port(struct endpoint *e, int port)
{
	if (e->addr.sa.sa_family == AF_INET6)
		e->addr.in6.sin6_port = htons((uint16_t)port);
	else
		e->addr.in.sin_port = htons((uint16_t)port);
}

static void
endpoint_name(const struct endpoint *e, char out[LISTEN_NAME])
{
	char host[64] = "?";

	(void)getnameinfo(&e->addr.sa, e->len, host, sizeof(host), NULL, 0, NI_NUMERICHOST);
	snprintf(out, LISTEN_NAME, e->addr.sa.sa_family == AF_INET6 ? "[%s]:%d" : "%s:%d", host,
	    endpoint_port(e));
}

/* Numeric only: a name that must be asked for would tie the start to a name server. */
static bool
endpoint_parse(struct endpoint *e, const char *text, size_t len, int port, char err[CONF_ERR])
{
	struct addrinfo hints = {
	    .ai_flags = AI_NUMERICHOST | AI_PASSIVE, .ai_socktype = SOCK_STREAM};
	struct addrinfo *res;
	char host[64];

	while (len > 0 && (*text == ' ' || *text == '\t'))
		text++, len--;
	while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		len--;
	if (len >= 2 && text[0] == '[' && text[len - 1] == ']')
		text++, len -= 2;
	if (len == 0 || len >= sizeof(host)) {
		snprintf(err, CONF_ERR, "an address to listen on is empty or too long");
		return false;
	}
	memcpy(host, text, len);
	host[len] = '\0';
	if (getaddrinfo(host, NULL, &hints, &res) != 0) {
		snprintf(err, CONF_ERR, "%s is no numeric IPv4 or IPv6 address", host);
		return false;
	}
	memset(e, 0, sizeof(*e));
	memcpy(&e->addr, res->ai_addr, res->ai_addrlen);
	e->len = res->ai_addrlen;
	freeaddrinfo(res);
	endpoint_set_port(e, port);
	return true;
}

static void
explain(const struct endpoint *e, const char *doing, const char *key, char err[CONF_ERR])
{
	char name[LISTEN_NAME];
	int saved = errno;

	endpoint_name(e, name);
	switch (saved) {
	case EADDRINUSE:
		snprintf(err, CONF_ERR,
		    "%s is in use: another telematics-gateway or another program listens there "
		    "(\"ss -ltnp\" shows which); stop it, or change %s_PORT or %s_BIND",
		    name, key, key);
		break;
	case EADDRNOTAVAIL:
		snprintf(err, CONF_ERR, "%s: this machine has no such address; correct %s_BIND",
		    name, key);
		break;
	case EACCES:
		snprintf(err, CONF_ERR,
		    "%s: permission denied (ports below 1024 are root's); change %s_PORT", name,
		    key);
		break;
	case EMFILE:
	case ENFILE:
		snprintf(err, CONF_ERR,
		    "%s: out of file descriptors; raise the limit (ulimit -n) or lower "
		    "TELEM_WORKERS",
		    name);
		break;
	default:
		snprintf(err, CONF_ERR, "%s: %s: %s", name, doing, strerror(saved));
		break;
	}
	errno = saved;
}

static bool
set_flag(int fd, int level, int option)
{
	int on = 1;

	return setsockopt(fd, level, option, &on, sizeof(on)) == 0;
}

/*
 * A bound socket; with `share` in the SO_REUSEPORT group. SO_REUSEADDR lets a restart
 * bind beside connections in TIME_WAIT; Linux still refuses beside a listener.
 */
static int
endpoint_bind(const struct endpoint *e, bool share, const char *key, char err[CONF_ERR])
{
	int family = e->addr.sa.sa_family;
	const char *doing = "socket";
	int fd;

	fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		goto fail;
	doing = "setsockopt";
	if (!set_flag(fd, SOL_SOCKET, SO_REUSEADDR) ||
	    (share && !set_flag(fd, SOL_SOCKET, SO_REUSEPORT)) ||
	    (family == AF_INET6 && !set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY)))
		goto fail;
	doing = "bind";
	if (bind(fd, &e->addr.sa, e->len) == -1)
		goto fail;
	return fd;
fail:
	explain(e, doing, key, err);
	if (fd != -1)
		close(fd);
	return -1;
}

static int
endpoint_listen(struct endpoint *e, bool share, const char *key, char err[CONF_ERR])
{
	int fd = endpoint_bind(e, share, key, err);

	if (fd == -1)
		return -1;
	e->len = sizeof(e->addr);
	if (listen(fd, LISTEN_BACKLOG) == -1 || getsockname(fd, &e->addr.sa, &e->len) == -1) {
		explain(e, "listen", key, err);
		close(fd);
		return -1;
	}
	return fd;
}

/* Members of a SO_REUSEPORT group are let in beside each other: ask as a stranger first. */
static bool
probe(const struct endpoint *e, char err[CONF_ERR])
{
	int fd = endpoint_bind(e, false, "TELEM_GATEWAY", err);

	if (fd == -1)
		return false;
	close(fd);
	return true;
}

static bool
open_all(struct listen_set *set, struct endpoint *ep, int port, char err[CONF_ERR])
{
	int a, s, fd;

	/* All probes before the first listener: addresses may overlap (0.0.0.0,10.0.0.1). */
	for (a = 0; port != 0 && a < set->naddr; a++)
		if (!probe(&ep[a], err))
			return false;
	for (a = 0; a < set->naddr; a++) {
		if (port == 0 && a > 0) {
			endpoint_set_port(&ep[a], endpoint_port(&ep[0]));
			if (!probe(&ep[a], err))
				return false;
		}
		for (s = 0; s < set->nslots; s++) {
			fd = endpoint_listen(&ep[a], true, "TELEM_GATEWAY", err);
			if (fd == -1)
				return false;
			set->fd[s * set->naddr + a] = fd;
		}
		endpoint_name(&ep[a], set->name[a]);
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

bool
listen_open(struct listen_set *set, const char *bind, int port, int nslots, char err[CONF_ERR])
{
	struct endpoint ep[CONF_MAX_BIND];
	int tries = port == 0 ? PORT_TRIES : 1;
	int i;

	memset(set, 0, sizeof(*set));
	if (!parse_list(ep, &set->naddr, bind, port, err))
		return false;
	set->nslots = nslots;
	set->fd = calloc((size_t)nslots * (size_t)set->naddr, sizeof(*set->fd));
	if (set->fd == NULL) {
		snprintf(err, CONF_ERR, "out of memory");
		return false;
	}
	for (i = 0; i < nslots * set->naddr; i++)
		set->fd[i] = -1;
	while (!open_all(set, ep, port, err)) {
		if (--tries == 0 || errno != EADDRINUSE) {
			listen_close(set);
			return false;
		}
		for (i = 0; i < nslots * set->naddr; i++) {
			if (set->fd[i] != -1)
				close(set->fd[i]);
			set->fd[i] = -1;
		}
		endpoint_set_port(&ep[0], port);
	}
	return true;
}

const int *
listen_slot(const struct listen_set *set, int slot)
{
	return &set->fd[slot * set->naddr];
}

void
listen_close_others(struct listen_set *set, int slot)
{
	int i;

	for (i = 0; i < set->nslots * set->naddr; i++) {
		if (i / set->naddr == slot || set->fd[i] == -1)
			continue;
		close(set->fd[i]);
		set->fd[i] = -1;
	}
}

void
listen_close(struct listen_set *set)
{
	if (set->fd != NULL)
		listen_close_others(set, -1);
	free(set->fd);
	set->fd = NULL;
	set->nslots = 0;
}

int
listen_metrics(const char *addr, int port, char name[LISTEN_NAME], char err[CONF_ERR])
{
	struct endpoint ep;
	int fd;

	if (!endpoint_parse(&ep, addr, strlen(addr), port, err))
		return -1;
	fd = endpoint_listen(&ep, false, "METRICS", err);
	if (fd != -1)
		endpoint_name(&ep, name);
	return fd;
}
