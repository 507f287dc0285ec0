#include "config.h"

#include "common/log_out.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define PROGRAM "telematics-gateway"

const char *log_out_syslog_path = "/dev/log";

/* ---- opening ---- */

/* Makes a path good for later, when the daemon has gone to another folder. */
static bool
absolute(const char *file, char out[PATH_MAX])
{
	char cwd[PATH_MAX] = "";
	int n;

	if (file[0] != '/' && getcwd(cwd, sizeof(cwd)) == NULL)
		return false;
	n = file[0] == '/'
		? snprintf(out, PATH_MAX, "%s", file)
		: snprintf(out, PATH_MAX, "%s/%s", strcmp(cwd, "/") == 0 ? "" : cwd, file);
	if (n < 0 || n >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return false;
	}
	return true;
}

/* Somebody may have put a pipe there. */
static int
open_file(const char *path)
{
	return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
}

/* True if descriptor 2 is what journald gave us: JOURNAL_STREAM names its device and inode. */
static bool
is_journal(const struct stat *st)
{
	const char *name = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;

	return name != NULL && sscanf(name, "%llu:%llu", &dev, &ino) == 2 &&
	       dev == (unsigned long long)st->st_dev && ino == (unsigned long long)st->st_ino;
}

static void
take_stderr(struct log_out *o)
{
	struct stat st;

	o->fd = STDERR_FILENO;
	o->own = false;
	if (fstat(STDERR_FILENO, &st) == -1)
		return;
	o->socket = o->stream = S_ISSOCK(st.st_mode);
	o->journal = is_journal(&st);
	if (!S_ISFIFO(st.st_mode) && !(S_ISCHR(st.st_mode) && isatty(STDERR_FILENO)))
		return;
	o->fd = open("/proc/self/fd/2", O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	o->own = o->fd > STDERR_FILENO;
	if (o->own)
		return;
	/* Another user's, or no /proc. Between the look and the write others may fill it. */
	o->fd = STDERR_FILENO;
	o->ask = true;
}

static int
connect_syslog(int type)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), saved;

	if (fd == -1)
		return -1;
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", log_out_syslog_path);
	if (connect(fd, (const struct sockaddr *)&un, sizeof(un)) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static bool
reach_syslog(struct log_out *o)
{
	if (o->fd != -1)
		return true;
	o->rest = 0;
	o->stream = false;
	o->fd = connect_syslog(SOCK_DGRAM);
	if (o->fd == -1 && errno == EPROTOTYPE) {
		o->fd = connect_syslog(SOCK_STREAM);
		o->stream = true;
	}
	return o->fd != -1;
}

bool
log_out_open(struct log_out *o, const char *file)
{
	/* Not on the stack: the paths are large. */
	static struct log_out next;

	next = (struct log_out){.target = LOG_TO_STDERR, .fd = -1, .own = true};
	if (file != NULL && strcmp(file, "syslog") == 0) {
		next.target = LOG_TO_SYSLOG;
		next.socket = true;
	} else if (file != NULL && file[0] != '\0') {
		next.target = LOG_TO_FILE;
		if (!absolute(file, next.path) || (next.fd = open_file(next.path)) == -1)
			return false;
	} else if (o->target == LOG_TO_STDERR && o->own) {
		return true; /* opened a second time already, perhaps by another user */
	} else {
		take_stderr(&next);
	}
	if (o->own && o->fd != -1)
		close(o->fd);
	*o = next;
	return true;
}

bool
log_out_reopen(struct log_out *o)
{
	int fd;

	if (o->target != LOG_TO_FILE)
		return true;
	fd = open_file(o->path);
	if (fd == -1)
		return false;
	close(o->fd);
	o->fd = fd;
	o->rest = 0;
	return true;
}

void
log_out_forked(struct log_out *o)
{
	o->rest = 0;
	if (o->target == LOG_TO_SYSLOG && o->fd != -1) {
		close(o->fd);
		o->fd = -1;
	}
}

bool
log_out_listens(struct log_out *o)
{
	return o->target != LOG_TO_SYSLOG || reach_syslog(o);
}

/* ---- writing ---- */

/* As much as goes now; -1 with errno. */
static ssize_t
put(struct log_out *o, const char *text, size_t len)
{
	struct pollfd p = {.fd = o->fd, .events = POLLOUT};
	ssize_t n;

	if (o->ask && poll(&p, 1, 0) != 1) {
		errno = EAGAIN;
		return -1;
	}
	do
		n = o->socket ? send(o->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL)
			      : write(o->fd, text, len);
	while (n == -1 && errno == EINTR);
	return n;
}

static bool
put_rest(struct log_out *o)
{
	ssize_t n;

	if (o->rest == 0)
		return true;
	n = put(o, o->text, o->rest);
	if (n <= 0)
		return false;
	o->rest -= (size_t)n;
	memmove(o->text, o->text + n, o->rest);
	return o->rest == 0;
}

static bool
put_all(struct log_out *o, const char *text, size_t len)
{
	ssize_t n;

	if (!put_rest(o))
		return false;
	n = put(o, text, len);
	if (n <= 0)
		return false;
	if ((size_t)n < len) {
		o->rest = len - (size_t)n;
		memcpy(o->text, text + n, o->rest);
	}
	return true;
}

/* A connection may have been broken by a restart of its other end: once more, then. */
static bool
put_to_syslog(struct log_out *o, const char *text, size_t len)
{
	for (int i = 0; i < 2; i++) {
		if (!reach_syslog(o))
			return false;
		if (put_all(o, text, len))
			return true;
		if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)
			return false;
		close(o->fd);
		o->fd = -1;
	}
	return false;
}

/* What syslog(3) puts before a line, with the newline taken off. */
static bool
line_to_syslog(struct log_out *o, int level, const char *text, size_t len)
{
	char line[LOG_LINE_BYTES], when[32];
	time_t now = time(NULL);
	struct tm tm;
	int n;

	if (localtime_r(&now, &tm) == NULL || strftime(when, sizeof(when), "%b %e %T", &tm) == 0)
		when[0] = '\0';
	n = snprintf(line, sizeof(line), "<%d>%s " PROGRAM "[%ld]: %.*s", LOG_DAEMON | level, when,
	    (long)getpid(), (int)len - 1, text);
	if (n < 0)
		return false;
	if ((size_t)n >= sizeof(line))
		n = (int)sizeof(line) - 1;
	/* Reached first: it says which kind of socket it is. */
	return reach_syslog(o) && put_to_syslog(o, line, (size_t)n + o->stream);
}

bool
log_out_line(struct log_out *o, int level, const char *text, size_t len)
{
	char line[LOG_LINE_BYTES + 8];
	int n;

	if (o->target == LOG_TO_SYSLOG)
		return line_to_syslog(o, level, text, len);
	if (!o->journal)
		return put_all(o, text, len);
	n = snprintf(line, sizeof(line), "<%d>%.*s", level, (int)len, text);
	if (n >= LOG_LINE_BYTES)
		n = LOG_LINE_BYTES;
	line[n - 1] = '\n';
	return put_all(o, line, (size_t)n);
}
