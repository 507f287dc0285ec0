/*
 * One connection: its socket, what was received and is not a whole item yet, its state and its end. It
 * tells its owner through struct conn_ops what happens, and knows nothing of what is said.
 *
 * An idle connection is a struct conn and nothing else: bytes are read into one buffer that all
 * share and handled there; only an item that is not whole yet is kept, in memory that grows with
 * what has arrived, never with what was announced.
 */
#ifndef WORKER_TRACKER_CONN_H
#define WORKER_TRACKER_CONN_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/log.h"
#include "proto/stream.h"
#include "shm/addresses.h"
#include "shm/stats.h"
#include "worker/tracker/close.h"
#include "worker/tracker/state.h"
#include "worker/tracker/table.h"

#define CONN_BUFFER (FRAME_MAX + 16 * 1024)
/* Frames that one connection may have in flight before it is read no further. */
#define CONN_MAX_IN_FLIGHT 16
#define CONN_NO_FRAME UINT32_MAX

struct conn;

/* What a connection tells its owner. */
struct conn_ops {
	/* Bytes can be received, or the end: HEADER, HANDSHAKE and OPEN only. */
	void (*readable)(struct conn *);
	/* It may take items again. What is kept of it comes first, as if it had just arrived. */
	void (*resumed)(struct conn *);
	/* The peer has closed its side, perhaps behind bytes that are not read now. */
	void (*end_seen)(struct conn *);
	/*
	 * It closes, for conn.reason: once, and before gone(). The session is over for everybody
	 * else; what is kept of its bytes is still there. True: something may still be sent; it stays until nothing is in flight and the
	 * peer has heard it. False: gone() follows at once.
	 */
	bool (*closed)(struct conn *);
	/* No byte goes in or out any more: once, the last that is heard of it. */
	void (*gone)(struct conn *);
};

/* What all connections share. */
struct conn_set {
	struct event_base *base;
	struct stats *stats;
	const struct conn_ops *ops;
	struct table table;
	uint8_t *buffer; /* CONN_BUFFER */
	/* What a connection that is being closed has said last, if that isn't kept in its `partial`. */
	const uint8_t *said;
	size_t said_len;
	size_t partial_bytes, partial_max;
};

/* There may be 20,000 of these in a process: see the assertion in conn.c. */
struct conn {
	struct seat seat; /* the first member */
	struct event ev;  /* reading; or, while nothing is read, watching for the end */
	struct conn_set *set;
	uint64_t imei;	    /* 0 until said */
	int64_t session_id; /* 0: none, or over */
	int64_t device_id;
	struct conn_command *command; /* in flight, or to be answered late; or NULL */
	uint8_t *partial;	      /* an item that is not whole yet, or NULL */
	uint32_t partial_len, partial_room;
	uint32_t entry;			  /* registry, REGISTRY_NONE before the handshake */
	uint32_t codecs;		  /* CODEC_MAY_* */
	uint32_t first_frame, last_frame; /* in flight, oldest first: frames.c; CONN_NO_FRAME */
	uint32_t records;		  /* that arrived in good frames */
	uint16_t port;			  /* of the peer */
	short watching;			  /* what ev waits for: bytes, or the peer's end only */
	uint8_t family, addr[16];
	uint8_t in_flight;
	uint8_t state;	/* enum conn_state, changed by conn_move() alone */
	uint8_t reason; /* enum close_reason, once it is closing */
	/* The peer has closed its side, perhaps behind bytes not yet read; and all of it was read. */
	bool end_seen : 1, eof : 1;
	bool counted : 1; /* by the admission, for its address */
	bool proven : 1;  /* a frame of it was acknowledged: re-sent ones are behind us */
	/* A command may be sent: it was acknowledged, or is quiet. commands_check() was called for it. */
	bool commandable : 1, command_asked : 1;
	bool commanded : 1; /* bytes of a command went out on it */
	bool pinged : 1;    /* a ping of it was noted in the live row */
};

/* False when memory is short. */
bool conns_init(struct conn_set *, struct event_base *, struct stats *, const struct conn_ops *,
    size_t partial_max) __attribute__((warn_unused_result));
/* All are gone and freed. */
void conns_free(struct conn_set *);

/* Takes a non-blocking socket, in HEADER or HANDSHAKE; NULL (and it is closed) when memory is short. */
struct conn *conn_new(struct conn_set *, int fd, enum conn_state)
    __attribute__((warn_unused_result));
/* Starts reading. False: it has been closed, for want of memory. */
bool conn_start(struct conn *) __attribute__((warn_unused_result));
/* Only when it is GONE and nobody further up looks at it any more. */
void conn_free(struct conn *);

static inline struct conn *
conn_of(struct seat *s)
{
	return (struct conn *)(void *)s;
}

static inline uint64_t
conn_token(const struct conn *c)
{
	return table_token(&c->seat);
}

/* By token, by index below table.nseats, at the head of a list; NULL if there is none. */
static inline struct conn *
conn_find(struct conn_set *set, uint64_t token)
{
	return conn_of(table_find(&set->table, token));
}

static inline struct conn *
conn_at(struct conn_set *set, uint32_t index)
{
	return conn_of(set->table.seats[index]);
}

static inline struct conn *
conn_first(struct conn_set *set, enum table_queue queue)
{
	return conn_of(TAILQ_FIRST(&set->table.queue[queue]));
}

/* ---- whose it is ---- */

void conn_set_peer(struct conn *, const struct sockaddr *);
#define CONN_HOST 46					  /* INET6_ADDRSTRLEN */
void conn_host(const struct conn *, char out[CONN_HOST]); /* without the port */
void conn_peer(const struct conn *, char out[ADDRESS_TEXT]);
uint16_t conn_address_hash(const struct conn *); /* as registry_note_address() takes it */
void conn_log(const struct conn *, enum log_level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* With the first bytes it said, in hex; NULL for none. */
void conn_log_bytes(const struct conn *, enum log_level, const char *hex, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* ---- state ---- */

/* The only one to change a state. Everything that must hold in the new one is asserted. */
void conn_move(struct conn *, enum conn_state);
/* Puts it on the list of what it waits for now, if it isn't there. */
void conn_wait(struct conn *);
/* An item came: what is still to come belongs to the next one, which has its own time. */
void conn_next_item(struct conn *);
/* Reads, or only watches for the peer's end. */
void conn_update_reading(struct conn *);
/* Tells the owner that it may take items again, if it may. */
void conn_resume(struct conn *);

/*
 * Ends the session and closes: at once, or after what is in flight has been answered, as the
 * reason and the owner say. The memory lives on, so that callers can look at the state.
 */
void conn_close(struct conn *, enum close_reason);
/* Closes the socket of one that is CLOSING or LINGERING, whatever it still waits for. */
void conn_drop(struct conn *);
/* An answer went out: one that closes and waits for no more is shut. */
void conn_settle(struct conn *);

/* ---- bytes ---- */

/*
 * Receives behind what is kept, into set->buffer, up to `room` bytes. 0: there are none, or it was
 * closed. `flags` as of recv().
 */
size_t conn_receive(struct conn *, size_t room, int flags) __attribute__((warn_unused_result));
/* Copies what is kept to the front of set->buffer; returns how much that is. */
size_t conn_kept(const struct conn *);
/* Keeps p[0..n), which may lie in what is kept. False when memory is short. */
bool conn_keep(struct conn *, const uint8_t *p, size_t n) __attribute__((warn_unused_result));
void conn_drop_partial(struct conn *);
/* False: the peer takes no bytes. */
bool conn_send(struct conn *, const void *, size_t) __attribute__((warn_unused_result));
/* The same, for who must know whether any byte went out: how many did. */
size_t conn_write(struct conn *, const void *, size_t) __attribute__((warn_unused_result));

#endif
