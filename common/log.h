/*
 * The log: one line per event, to stderr, a file or syslog, as text or JSON.
 *
 * A line is a level, a message in plain words, and named fields. The fields are few and fixed, so that
 * every line about a device is found by its IMEI or address. Secrets (database URL, text of a command)
 * must never be passed in.
 *
 * What comes again and again is folded (common/log_fold.h): a line is written five times per minute, then
 * once more at the end of that minute with a field repeated=N, for the N that were kept back.
 *
 * State is process-wide. A forked worker inherits the open file; every process calls log_reopen() on
 * SIGUSR1. For one thread.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_ERROR_, LOG_WARN_, LOG_INFO_, LOG_DEBUG_ };
enum log_format { LOG_TEXT, LOG_JSON };

/* What a line is about; zero or NULL members are left out of the line. */
struct log_fields {
	uint64_t imei;		 /* 15 digits, 0 unknown */
	const char *peer;	 /* "address:port" of the tracker */
	const char *first_bytes; /* what it said, in hex; lines that differ only in it are folded */
};

/*
 * Opens the log. `file`: NULL for stderr, "syslog" for syslog's socket, else a path
 * (opened for append, made with mode 0640). `ident` is the process role for the
 * line ("master", "worker 0"); it is copied. Returns false, with errno set, when
 * the file can't be opened; the log then still goes where it went.
 */
bool log_open(const char *ident, const char *file, enum log_format, enum log_level)
    __attribute__((warn_unused_result));

/* Changes the role shown in the lines of this process, and begins to fold afresh (after fork). */
void log_set_ident(const char *ident);

/*
 * For a child that closes what it has inherited: the descriptor that the log needs, or -1. Lines for
 * syslog go over a connection that is made anew by the next of them.
 */
int log_keep_descriptor(void) __attribute__((warn_unused_result));

/* Opens the file again (log rotation). No effect on stderr and syslog. */
bool log_reopen(void) __attribute__((warn_unused_result));

/* False if it goes to syslog, and nobody listens there now. */
bool log_listens(void) __attribute__((warn_unused_result));

/*
 * Lines are never waited for: one whose reader doesn't take it at once is dropped, counted here (in
 * shared memory, or NULL), and reported by a line as soon as one can be written again.
 */
void log_count_drops(_Atomic uint64_t *);

bool log_enabled(enum log_level) __attribute__((warn_unused_result));

void log_write(enum log_level, const struct log_fields *, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Now and then, once per second or so: writes what is due of the lines that were folded.
 * log_flush(): all of them; at the end of a process.
 */
void log_tick(int64_t now_mono_ms);
void log_flush(void);

#define log_error(...) log_write(LOG_ERROR_, NULL, __VA_ARGS__)
#define log_warn(...) log_write(LOG_WARN_, NULL, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO_, NULL, __VA_ARGS__)
#define log_debug(...) \
	do { \
		if (log_enabled(LOG_DEBUG_)) \
			log_write(LOG_DEBUG_, NULL, __VA_ARGS__); \
	} while (0)

/*
 * Folds repeats of one event: true when the event should be logged now, which is the first time and
 * then once per `every_ms`; *suppressed then is how many were kept back since the last line. Its owner
 * zeroes the gate.
 */
struct log_gate {
	int64_t last_ms;
	uint64_t suppressed;
};
bool log_gate_open(struct log_gate *, int64_t now_mono_ms, int64_t every_ms, uint64_t *suppressed)
    __attribute__((warn_unused_result));

#endif
