#include "config.h"

#include "master/endpoint.h"

#include <errno.h>
#include <netdb.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

int
endpoint_port(const struct endpoint *e)
{
	return ntohs(
	    e->addr.sa.sa_family == AF_INET6 ? e->addr.in6.sin6_port : e->addr.in.sin_port);
}

void
endpoint_set_port(struct endpoint *e, int port)
{
	if (e->addr.sa.sa_family == AF_INET6)
		e->addr.in6.sin6_port = htons((uint16_t)port);
	else
		e->addr.in.sin_port = htons((uint16_t)port);
}

void
endpoint_name(const struct endpoint *e, char out[LISTEN_NAME])
{
	char host[64] = "?";

	(void)getnameinfo(&e->addr.sa, e->len, host, sizeof(host), NULL, 0, NI_NUMERICHOST);
	snprintf(out, LISTEN_NAME, e->addr.sa.sa_family == AF_INET6 ? "[%s]:%d" : "%s:%d", host,
	    endpoint_port(e));
}

bool
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
		snprintf(err, CONF_ERR, "%s is not a numeric IPv4 or IPv6 address", host);
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
int
endpoint_bind(struct endpoint *e, bool share, const char *key, char err[CONF_ERR])
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
	doing = "getsockname";
	e->len = sizeof(e->addr);
	if (getsockname(fd, &e->addr.sa, &e->len) == -1)
		goto fail;
	return fd;
fail:
	explain(e, doing, key, err);
	if (fd != -1)
		close(fd);
	return -1;
}

bool
endpoint_listen(const struct endpoint *e, int fd, const char *key, char err[CONF_ERR])
{
	if (listen(fd, LISTEN_BACKLOG) == 0)
		return true;
	explain(e, "listen", key, err);
	return false;
}

bool
endpoint_of(struct endpoint *e, int fd)
{
	socklen_t len = sizeof(int);
	int listening = 0;

	memset(e, 0, sizeof(*e));
	e->len = sizeof(e->addr);
	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening != 0 &&
	       getsockname(fd, &e->addr.sa, &e->len) == 0 &&
	       (e->addr.sa.sa_family == AF_INET || e->addr.sa.sa_family == AF_INET6);
}

/* What stands for all addresses is *any; else its bytes are. */
static const void *
host_of(const struct endpoint *e, size_t *len, bool *any)
{
	if (e->addr.sa.sa_family == AF_INET6) {
		*len = sizeof(e->addr.in6.sin6_addr);
		*any = IN6_IS_ADDR_UNSPECIFIED(&e->addr.in6.sin6_addr);
		return &e->addr.in6.sin6_addr;
	}
	*len = sizeof(e->addr.in.sin_addr);
	*any = e->addr.in.sin_addr.s_addr == htonl(INADDR_ANY);
	return &e->addr.in.sin_addr;
}

static bool
compare(const struct endpoint *a, const struct endpoint *b, bool overlap)
{
	size_t la, lb;
	bool any_a, any_b;
	const void *ha = host_of(a, &la, &any_a), *hb = host_of(b, &lb, &any_b);

	if (a->addr.sa.sa_family != b->addr.sa.sa_family || endpoint_port(a) != endpoint_port(b))
		return false;
	return (overlap && (any_a || any_b)) || memcmp(ha, hb, la) == 0;
}

bool
endpoint_same(const struct endpoint *a, const struct endpoint *b)
{
	return compare(a, b, false);
}

bool
endpoint_overlap(const struct endpoint *a, const struct endpoint *b)
{
	return compare(a, b, true);
}
