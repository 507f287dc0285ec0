#include "config.h"

#include "master/operator_socket.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"

#define BACKLOG 16

static bool
complain(const char *path, const char *what, char err[CONF_ERR])
{
	snprintf(err, CONF_ERR, "TELEM_CONTROL_SOCKET %.200s: %.200s", path, what);
	return false;
}

static struct sockaddr_un
address(const char *path, const char *suffix)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof(a.sun_path), "%.103s%.4s", path, suffix);
	return a;
}

/* True if the place may be taken: nothing is there, or a socket that a dead gateway left. */
static bool
is_free(const char *path, char err[CONF_ERR])
{
	struct sockaddr_un a = address(path, "");
	struct stat st;
	int fd, failure = 0;

	if (lstat(path, &st) == -1)
		return errno == ENOENT || complain(path, strerror(errno), err);
	if (!S_ISSOCK(st.st_mode))
		return complain(path, "is there and is not a socket", err);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return complain(path, strerror(errno), err);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == -1)
		failure = errno;
	close(fd);
	if (failure == ECONNREFUSED || failure == ENOENT)
		return true;
	return complain(path, "another process answers there; is a gateway running already?", err);
}

bool
operator_socket_for_group(struct operator_socket *s, const char *name, char err[CONF_ERR])
{
	const struct group *gr;

	if (*name == '\0')
		return true;
	gr = getgrnam(name);
	if (gr == NULL) {
		snprintf(err, CONF_ERR, "TELEM_CONTROL_GROUP: no group \"%.200s\" on this machine",
		    name);
		return false;
	}
	s->has_group = true;
	s->group = gr->gr_gid;
	return true;
}

/* Until it is moved nobody finds it, so it is never at its path with another group. */
static bool
give_to_group(const struct operator_socket *s, const char *beside, char err[CONF_ERR])
{
	if (!s->has_group || chown(beside, (uid_t)-1, s->group) == 0)
		return true;
	if (errno == EPERM)
		return complain(s->path,
		    "the daemon's user is no member of TELEM_CONTROL_GROUP, so it can't give it to "
		    "that",
		    err);
	return complain(beside, strerror(errno), err);
}

/* Binds beside the path, for owner and group alone, and moves it there. */
static bool
put_in_place(struct operator_socket *s, char err[CONF_ERR])
{
	struct sockaddr_un a = address(s->path, ".new");
	mode_t mask;
	struct stat st;
	bool ok;

	if (unlink(a.sun_path) == -1 && errno != ENOENT)
		return complain(a.sun_path, strerror(errno), err);
	mask = umask(0117);
	ok = bind(s->fd, (struct sockaddr *)&a, sizeof(a)) == 0;
	(void)umask(mask);
	if (!ok && errno == EACCES)
		return complain(s->path, "the daemon's user may not write to its folder", err);
	if (!ok)
		return complain(a.sun_path, strerror(errno), err);
	if (!give_to_group(s, a.sun_path, err)) {
		(void)unlink(a.sun_path);
		return false;
	}
	if (listen(s->fd, BACKLOG) == 0 && lstat(a.sun_path, &st) == 0 &&
	    rename(a.sun_path, s->path) == 0) {
		s->dev = st.st_dev;
		s->ino = st.st_ino;
		return true;
	}
	complain(s->path, strerror(errno), err);
	(void)unlink(a.sun_path);
	return false;
}

bool
operator_socket_open(
    struct operator_socket *s, const char *path, bool take_over, char err[CONF_ERR])
{
	s->fd = -1;
	if (*path != '/')
		return true;
	snprintf(s->path, sizeof(s->path), "%s", path);
	if (!take_over && !is_free(path, err))
		return false;
	s->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd == -1)
		return complain(path, strerror(errno), err);
	if (put_in_place(s, err))
		return true;
	close(s->fd);
	s->fd = -1;
	return false;
}

void
operator_socket_remove(struct operator_socket *s)
{
	struct stat st;

	if (s->fd == -1)
		return;
	close(s->fd);
	s->fd = -1;
	if (lstat(s->path, &st) == -1 || st.st_dev != s->dev || st.st_ino != s->ino)
		return;
	if (unlink(s->path) == -1)
		log_warn("TELEM_CONTROL_SOCKET %s can't be removed: %s", s->path, strerror(errno));
}
