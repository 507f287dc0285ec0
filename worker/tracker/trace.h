/*
 * What those who follow a device (followers.h) are told of its connections. While nobody follows
 * any device each of these costs one branch. Call them through the macros.
 *
 * A connection belongs to a device from the moment it has said its IMEI, whatever the answer to
 * it will be: refused devices can be followed too; and to its address from the beginning. Never pass the text of a command.
 */
#ifndef WORKER_TRACKER_TRACE_H
#define WORKER_TRACKER_TRACE_H

#include "worker/store/batch.h"
#include "worker/tracker/session.h"
#include "worker/tracker/trackers_impl.h"

/*
 * Any event: trace_event(conn, "command_sent", "\"id\":%" PRId64, id). Its name, then further
 * members of the JSON object, made of numbers and of texts of ours; NULL for none.
 */
#define trace_event(c, ...) \
	do { \
		if (followers_any(&trackers_of(c)->followers)) \
			trace_conn_event(c, __VA_ARGS__); \
	} while (0)

/* It was accepted, and has said nothing yet. */
#define trace_opened(c) trace_event(c, "opened", NULL)

/* One from there was not. */
#define trace_not_admitted(t, address, what) \
	do { \
		if (followers_any(&(t)->followers)) \
			trace_conn_not_admitted(t, address, what); \
	} while (0)

/* The IMEI was said. */
#define trace_connected(c) \
	do { \
		if (followers_any(&trackers_of(c)->followers)) \
			trace_conn_connected(c); \
	} while (0)

/* Bytes from it ("in") or to it ("out"). */
#define trace_bytes(c, direction, p, n) \
	do { \
		if (followers_any(&trackers_of(c)->followers)) \
			trace_conn_bytes(c, direction, p, n); \
	} while (0)

/* A frame arrived and was judged. */
#define trace_frame(c, facts, verdict, len) \
	do { \
		if (followers_any(&trackers_of(c)->followers)) \
			trace_conn_frame(c, facts, verdict, len); \
	} while (0)

/* A frame of the batch is stored, in whatever form; its connection may be gone. */
#define trace_stored(t, batch, frame) \
	do { \
		if (followers_any(&(t)->followers)) \
			trace_conn_stored(t, batch, frame); \
	} while (0)

/* `n` acknowledgements were sent, in network order, each so long after its frame. */
#define trace_acks(c, acks, after_us, n) \
	do { \
		if (followers_any(&trackers_of(c)->followers)) \
			trace_conn_acks(c, acks, after_us, n); \
	} while (0)

void trace_conn_event(const struct conn *, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void trace_conn_connected(const struct conn *);
void trace_conn_not_admitted(struct trackers *, const struct address *, const char *what);
void trace_conn_bytes(const struct conn *, const char *direction, const void *p, size_t n);
void trace_conn_frame(
    const struct conn *, const struct frame_facts *, const struct verdict *, size_t len);
void trace_conn_acks(const struct conn *, const uint32_t *acks, const int64_t *after_us, size_t n);
void trace_conn_stored(struct trackers *, const struct batch *, const struct frame *);

/*
 * Somebody follows what the request says until then; takes `fd` over. Connections that are open already
 * are told at once.
 */
void trace_follow(struct trackers *, const struct trace_request *, int64_t until_mono_ms, int fd);

#endif
