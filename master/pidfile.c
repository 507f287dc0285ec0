#include "master/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"

#define TRIES 8 /* against owners that remove it just now */

/* True if the path still leads to the open file. */
static bool
still_there(const struct pidfile *p)
{
	struct stat a, b;

	return fstat(p->fd, &a) == 0 && lstat(p->path, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static long
read_pid(int fd)
{
	char text[32];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	return strtol(text, NULL, 10);
}

/* 1: open and locked; 0: its owner has just removed it; -1: failed, err is set. */
static int
try_lock(struct pidfile *p, char err[CONF_ERR])
{
	struct stat st;

	/* No O_TRUNC: it may be another's. O_NONBLOCK: a FIFO must not hold us up. */
	p->fd = open(p->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
	if (p->fd == -1 || fstat(p->fd, &st) == -1) {
		snprintf(err, CONF_ERR, "TELEM_PIDFILE %.300s: %s", p->path,
		    errno == ELOOP ? "is a symbolic link; give the real path" : strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		snprintf(err, CONF_ERR, "TELEM_PIDFILE %.300s: not a regular file", p->path);
	} else if (flock(p->fd, LOCK_EX | LOCK_NB) == 0) {
		if (still_there(p))
			return 1;
		close(p->fd);
		p->fd = -1;
		return 0;
	} else if (errno == EWOULDBLOCK) {
		snprintf(err, CONF_ERR, "already running with pid %ld (TELEM_PIDFILE %.300s)",
		    read_pid(p->fd), p->path);
	} else {
		snprintf(err, CONF_ERR, "TELEM_PIDFILE %.300s: %s", p->path, strerror(errno));
	}
	if (p->fd != -1)
		close(p->fd);
	p->fd = -1;
	return -1;
}

/* It is removed by a daemon that has gone to another folder. */
static bool
absolute(const char *path, char out[PIDFILE_PATH])
{
	char cwd[PIDFILE_PATH] = "";
	int n;

	if (*path != '/' && getcwd(cwd, sizeof(cwd)) == NULL)
		return false;
	n = snprintf(out, PIDFILE_PATH, "%s%s%s", cwd, *path != '/' ? "/" : "", path);
	errno = ENAMETOOLONG;
	return n > 0 && n < PIDFILE_PATH;
}

bool
pidfile_write(struct pidfile *p)
{
	char text[32];
	int n;

	if (p->fd == -1)
		return true;
	n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	/* Over what is there, and cut only then: a reader never finds it empty. */
	return pwrite(p->fd, text, (size_t)n, 0) == n && ftruncate(p->fd, n) == 0;
}

bool
pidfile_is(const struct pidfile *p, const char *path)
{
	char full[PIDFILE_PATH];

	return p->fd != -1 && *path != '\0' && absolute(path, full) && strcmp(full, p->path) == 0;
}

bool
pidfile_lock(struct pidfile *p, const char *path, char err[CONF_ERR])
{
	int tries, r = 0;

	p->fd = -1;
	if (*path == '\0')
		return true;
	if (!absolute(path, p->path)) {
		snprintf(err, CONF_ERR, "TELEM_PIDFILE %.300s: %s", path, strerror(errno));
		return false;
	}
	for (tries = 0; r == 0 && tries < TRIES; tries++)
		r = try_lock(p, err);
	if (r == 0)
		snprintf(err, CONF_ERR, "TELEM_PIDFILE %.300s: others keep replacing it", path);
	if (r != 1)
		return false;
	if (!pidfile_write(p)) {
		snprintf(err, CONF_ERR, "TELEM_PIDFILE %.300s: %s", path, strerror(errno));
		pidfile_remove(p);
		return false;
	}
	return true;
}

void
pidfile_remove(struct pidfile *p)
{
	if (p->fd == -1)
		return;
	if (still_there(p) && unlink(p->path) == -1) {
		log_warn("TELEM_PIDFILE %.300s can't be removed: %s", p->path, strerror(errno));
		if (ftruncate(p->fd, 0) == -1)
			log_warn("TELEM_PIDFILE %.300s: %s", p->path, strerror(errno));
	}
	close(p->fd);
	p->fd = -1;
}

void
pidfile_let_go(struct pidfile *p)
{
	if (p->fd != -1)
		close(p->fd);
	p->fd = -1;
}
