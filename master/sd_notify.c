#include "config.h"

#include "master/sd_notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"

/* False with errno if the text is not an address of a Unix socket. */
static bool
address(const char *name, struct sockaddr_un *un, socklen_t *len)
{
	size_t n = strlen(name);

	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	if ((name[0] != '/' && name[0] != '@') || n < 2 || n >= sizeof(un->sun_path)) {
		errno = EINVAL;
		return false;
	}
	memcpy(un->sun_path, name, n);
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	/* An abstract name begins with NUL and ends with its last byte; a path ends with NUL. */
	if (name[0] == '@')
		un->sun_path[0] = '\0';
	else
		*len += 1;
	return true;
}

bool
sd_notify_send(const char *fmt, ...)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct sockaddr_un un;
	char text[512];
	socklen_t len;
	ssize_t sent;
	va_list ap;
	int fd, n, saved;

	if (name == NULL || *name == '\0')
		return true;
	if (!address(name, &un, &len))
		return false;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0 || n >= (int)sizeof(text)) {
		errno = EMSGSIZE;
		return false;
	}
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return false;
	do
		sent = sendto(
		    fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&un, len);
	while (sent == -1 && errno == EINTR);
	saved = errno;
	close(fd);
	errno = saved;
	return sent == n;
}

static void
tell(bool told)
{
	if (!told)
		log_warn("the service manager (NOTIFY_SOCKET) can't be told: %s", strerror(errno));
}

void
sd_notify_ready(const char *status)
{
	tell(sd_notify_send("READY=1\nSTATUS=%.300s", status));
}

void
sd_notify_reloading(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	tell(sd_notify_send("RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reloading",
	    (long long)ts.tv_sec * 1000000 + ts.tv_nsec / 1000));
}

void
sd_notify_stopping(void)
{
	tell(sd_notify_send("STOPPING=1\nSTATUS=draining"));
}

void
sd_notify_main_pid(long pid)
{
	tell(sd_notify_send("MAINPID=%ld", pid));
}
