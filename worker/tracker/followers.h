/*
 * Those who follow one device live (tgctl trace, tgctl capture): a few descriptors of clients of
 * the control socket, handed on by the master (IPC_TRACE). Each event is one packet, a JSON object
 * in a line (common/trace_request.h). A reader that is too slow misses events and is told how many; it
 * never holds up the worker.
 *
 * While nobody follows anybody an event costs one branch: ask traces_any() first. What is told of
 * connections is in trace_conn.c.
 */
#ifndef WORKER_TRACKER_FOLLOWERS_H
#define WORKER_TRACKER_FOLLOWERS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/trace_request.h"

/* Bytes in one event; more than these become several. */
#define TRACE_CHUNK 3072

struct trace {
	uint64_t imei;
	int64_t until_ms; /* monotonic */
	uint64_t lost;	  /* events that the reader was too slow for, not yet told */
	int fd;
	bool bytes; /* wants what goes over the wire too */
};

/* Zeroed by its owner, but for `worker`. */
struct traces {
	unsigned n;
	int worker; /* our slot, for the events */
	struct trace at[CONTROL_MAX_TRACES];
};

static inline bool
traces_any(const struct traces *t)
{
	return __builtin_expect(t->n > 0, 0);
}

/* Takes the descriptor over. NULL, and it is closed, when there are too many. */
struct trace *traces_add(struct traces *, uint64_t imei, bool bytes, int64_t until_mono_ms, int fd);

/* Drops those whose time is over and those that have hung up. */
void traces_tick(struct traces *, int64_t now_mono_ms);

void traces_free(struct traces *);

/* Who was where: the members that each event of a connection has. */
struct trace_peer {
	uint64_t imei;
	uint64_t conn;	  /* tells connections of a worker process apart; 0: gone */
	const char *text; /* "address:port", or NULL */
};

/*
 * Tells all who follow the device, or `only` one of them (NULL: all). `fmt` makes further members
 * of a JSON object, with a comma in between: numbers and texts of ours alone, as nothing is
 * escaped. NULL for none.
 */
void traces_event(struct traces *, const struct trace *only, const struct trace_peer *,
    const char *event, const char *fmt, va_list) __attribute__((format(printf, 5, 0)));

/* Bytes that came ("in") or went ("out"), to those who want bytes. */
void traces_bytes(struct traces *, const struct trace *only, const struct trace_peer *,
    const char *direction, const uint8_t *p, size_t n);

#endif
