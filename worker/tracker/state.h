/*
 * The states of a connection and which may follow which. conn_move() is the one function that changes
 * a connection's state, and holds it to this. Pure.
 *
 *   HEADER -> HANDSHAKE -> ASKING -> OPEN <-> PAUSED
 *   each of them -> CLOSING -> LINGERING -> GONE
 */
#ifndef WORKER_TRACKER_STATE_H
#define WORKER_TRACKER_STATE_H

#include <stdbool.h>

enum conn_state {
	CONN_HEADER,	/* a balancer's PROXY header comes first */
	CONN_HANDSHAKE, /* no IMEI yet */
	CONN_ASKING,	/* whether its IMEI is welcome is being found out; nothing is read */
	CONN_OPEN,	/* accepted: frames flow */
	CONN_PAUSED,	/* open, but the batch has no room: nothing is read */
	CONN_CLOSING,	/* its session is over; frames in flight may still be answered */
	CONN_LINGERING, /* our side is shut; waits for the peer's */
	CONN_GONE,	/* the socket is closed; the memory is freed when nobody looks at it */
	CONN_STATES
};

bool state_may_follow(enum conn_state from, enum conn_state to);

/* Its end has begun: nothing that it says counts any more. */
static inline bool
state_is_closing(enum conn_state state)
{
	return state >= CONN_CLOSING;
}

/* Its IMEI was accepted. */
static inline bool
state_is_open(enum conn_state state)
{
	return state == CONN_OPEN || state == CONN_PAUSED;
}

#endif
