/*
 * Those who follow one device, one address or all connections without an IMEI live (tgctl trace,
 * tgctl capture): a few descriptors of clients of
 * the control socket, handed on by the master (IPC_TRACE). Each event is one packet, a JSON object
 * in a line (common/trace_request.h). A follower that is too slow misses events and is told how many;
 * it never holds up the worker.
 *
 * While nobody follows any device an event costs one branch: ask followers_any() first. What they are
 * told of connections is in trace.h.
 */
#ifndef WORKER_TRACKER_FOLLOWERS_H
#define WORKER_TRACKER_FOLLOWERS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/trace_request.h"
#include "shm/addresses.h"

/* Bytes in one event; more than these become several. */
#define FOLLOWERS_CHUNK 3072

struct follower {
	enum trace_whom whom;
	uint64_t imei;		/* TRACE_IMEI */
	struct address address; /* TRACE_PEER; without the port */
	int64_t until_ms;	/* monotonic */
	uint64_t lost;		/* events that it was too slow for, not yet told */
	int fd;
	bool bytes; /* wants what goes over the wire too */
};

/* Zeroed by its owner, but for `worker`. */
struct followers {
	unsigned n;
	int worker; /* our slot, for the events */
	struct follower at[TRACE_MAX_CLIENTS];
};

static inline bool
followers_any(const struct followers *f)
{
	return __builtin_expect(f->n > 0, 0);
}

/* Takes the descriptor over. NULL, and it is closed, when there are too many. */
struct follower *followers_add(struct followers *, const struct trace_request *,
    int64_t until_mono_ms, int fd) __attribute__((warn_unused_result));

/* Drops those whose time is over and those that have hung up. */
void followers_tick(struct followers *, int64_t now_mono_ms);

void followers_free(struct followers *);

/* The connection that an event is about: members that each of them has. */
struct followed {
	uint64_t imei;
	uint64_t conn;	  /* tells connections of a worker process apart; 0: gone */
	const char *text; /* "address:port", or NULL */
	struct address address;
	bool by_imei; /* it is told to those alone who follow the IMEI */
};

bool follower_follows(const struct follower *, const struct followed *);

/*
 * Tells all who follow the connection, or `only` one of them (NULL: all). `fmt` makes further members
 * of a JSON object, with a comma in between: numbers and texts of ours alone, as nothing is
 * escaped. NULL for none.
 */
void followers_tell(struct followers *, const struct follower *only, const struct followed *,
    const char *event, const char *fmt, va_list) __attribute__((format(printf, 5, 0)));

/* Bytes that came ("in") or went ("out"), to those who want bytes. */
void followers_tell_bytes(struct followers *, const struct follower *only, const struct followed *,
    const char *direction, const uint8_t *p, size_t n);

#endif
