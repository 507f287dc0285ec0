/*
 * Where the lines of the log go, without ever waiting for whoever reads them: a line that can't be
 * written now is refused. For common/log.c.
 *
 * Standard error may be a pipe, a terminal or a socket whose reader has stopped, and it is shared with
 * others, so it can't be made non-blocking: it is opened a second time where that is possible. Lines for
 * syslog go to its socket by our own hand, as syslog(3) waits.
 */
#ifndef COMMON_LOG_OUT_H
#define COMMON_LOG_OUT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define LOG_LINE_BYTES 4096 /* what a pipe takes in one piece */

enum log_target { LOG_TO_STDERR, LOG_TO_FILE, LOG_TO_SYSLOG };

struct log_out {
	enum log_target target;
	int fd;	      /* -1: syslog isn't connected */
	bool own;     /* to be closed */
	bool socket;  /* send(), not write() */
	bool stream;  /* a socket of bytes, where a line of syslog ends with NUL */
	bool ask;     /* it may block: look whether there is room first */
	bool journal; /* standard error is journald's: it wants levels, and adds the time */
	size_t rest;  /* bytes of `text` that the last line still owes */
	char text[LOG_LINE_BYTES];
	char path[PATH_MAX];
};

/* Where syslog listens: _PATH_LOG, and another place in tests. */
extern const char *log_out_syslog_path;

/* NULL or "": standard error; "syslog"; else a path. False with errno, and it is as it was. */
bool log_out_open(struct log_out *, const char *file) __attribute__((warn_unused_result));
/* Opens a file again. */
bool log_out_reopen(struct log_out *) __attribute__((warn_unused_result));
/* For a child: what its parent had half-written is the parent's, and so is the connection to syslog. */
void log_out_forked(struct log_out *);
/* True if syslog listens now; for any other target too. */
bool log_out_listens(struct log_out *) __attribute__((warn_unused_result));
/*
 * One line, ended by '\n', with a level as in syslog(3). False if it was not taken. Of a line that was
 * taken in part the rest goes out before the next one.
 */
bool log_out_line(struct log_out *, int level, const char *text, size_t len)
    __attribute__((warn_unused_result));

#endif
