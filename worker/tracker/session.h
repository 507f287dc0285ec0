/*
 * What a tracker's words mean (doc/design.md, Handshake and Poison; doc/protocol.md, Handshake): given the
 * state of its connection and what came in, what is to be done. Pure: callers do it.
 */
#ifndef WORKER_TRACKER_SESSION_H
#define WORKER_TRACKER_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/avl.h"
#include "proto/message.h"
#include "proto/stream.h"
#include "worker/task/devices.h"
#include "worker/tracker/close.h"
#include "worker/tracker/state.h"

enum session_action {
	SESSION_NOTHING,
	SESSION_LOOK_UP,       /* item.imei was said: find it; the state becomes ASKING */
	SESSION_WELCOME,       /* open the session, send 01; the state becomes OPEN */
	SESSION_WELCOME_AGAIN, /* send 01: the same IMEI said once more */
	SESSION_TAKE_FRAME,    /* judge and store it: session_judge() */
	SESSION_CLOSE,	       /* for `reason` */
};

struct session_step {
	enum session_action action;
	enum close_reason reason; /* SESSION_CLOSE only */
};

/*
 * An item of the stream (stream.h), as stream_next() returned it; never STREAM_MORE. `imei`: what the
 * connection said before. While ASKING the caller does not read items: what follows the IMEI
 * packet waits.
 */
struct session_step session_item(
    enum conn_state, uint64_t imei, enum stream_result, const struct stream_item *);

/* The answer to SESSION_LOOK_UP. */
struct session_step session_answer(enum conn_state, enum lookup_answer);

/* What is to be done with a frame (doc/design.md, Poison). */
enum verdict_do {
	VERDICT_STORE,	    /* its records, then ACK */
	VERDICT_MESSAGE,    /* store the messages, no ACK */
	VERDICT_QUARANTINE, /* keep the raw frame; then ACK if verdict.ack */
	VERDICT_CLOSE,	    /* no ACK, close: the stream may be out of step */
};

struct verdict {
	enum verdict_do what;
	const char *reason; /* of the raw row; NULL when none is kept */
	bool ack;
	uint16_t count; /* records booked, and the ACK */
};

/* Arrivals of a frame with a wrong CRC after which it is taken for what the tracker means. */
#define SESSION_CRC_TRIES 3

/* Everything the judgement rests on. */
struct frame_facts {
	uint8_t codec;
	uint8_t count1;
	bool crc_ok;
	uint32_t crc_arrivals;	     /* of these bytes, this one included; if !crc_ok */
	uint32_t codecs;	     /* CODEC_MAY_* of the model */
	enum avl_result avl;	     /* if an AVL codec and crc_ok */
	enum message_result message; /* if a message codec and crc_ok */
};

struct verdict session_judge(const struct frame_facts *);

#endif
