#include "tool/net.h"

#include <errno.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int
net_connect(const char *host, const char *port, int timeout_s)
{
	const struct addrinfo want = {.ai_socktype = SOCK_STREAM};
	const struct timeval timeout = {.tv_sec = timeout_s};
	struct addrinfo *list, *a;
	int fd = -1, saved = EHOSTUNREACH;

	if (getaddrinfo(host, port, &want, &list) != 0) {
		errno = EHOSTUNREACH;
		return -1;
	}
	for (a = list; a != NULL && fd == -1; a = a->ai_next) {
		fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
		/* The sending time-out bounds connect(2) as well. */
		if (fd != -1 &&
		    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) == 0 &&
		    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0 &&
		    connect(fd, a->ai_addr, a->ai_addrlen) == 0)
			break;
		saved = errno == EINPROGRESS ? ETIMEDOUT : errno;
		if (fd != -1)
			close(fd);
		fd = -1;
	}
	freeaddrinfo(list);
	errno = saved;
	return fd;
}

bool
net_write(int fd, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t done = send(fd, p, n, MSG_NOSIGNAL);

		if (done == -1 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

bool
net_read(int fd, uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t done = recv(fd, p, n, 0);

		if (done == -1 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		p += done;
		n -= (size_t)done;
	}
	return true;
}
