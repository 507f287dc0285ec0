/*
 * The session of one tracker as a state machine (doc/design.md, Handshake and
 * Sessions; doc/protocol.md, Handshake). Pure: it
 * is handed what came in and says what is to be done; conn.c does it.
 *
 *   NEW -> ASKING -> OPEN -> CLOSING
 *
 * NEW: no IMEI yet. ASKING: the registry doesn't know the IMEI, the database is asked.
 * OPEN: accepted, frames flow. CLOSING: nothing more is read.
 */
#ifndef WORKER_TRACKER_SESSION_H
#define WORKER_TRACKER_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/avl.h"
#include "proto/message.h"
#include "proto/stream.h"
#include "worker/task/devices.h"

enum session_state { SESSION_NEW, SESSION_ASKING, SESSION_OPEN, SESSION_CLOSING };

/* Frames that one connection may have in flight before it is read no further. */
#define SESSION_MAX_IN_FLIGHT 16

enum session_action {
	SESSION_DO_NOTHING,
	SESSION_DO_LOOK_UP,	   /* find the IMEI; the answer goes to session_answer() */
	SESSION_DO_WELCOME,	   /* open the session, send 01 */
	SESSION_DO_WELCOME_AGAIN,  /* send 01: the same IMEI said once more */
	SESSION_DO_REFUSE_UNKNOWN, /* send 00, write to the ledger, close */
	SESSION_DO_REFUSE_DISABLED,
	SESSION_DO_TAKE_FRAME, /* judge and store it: session_judge() */
	SESSION_DO_CLOSE,      /* close; session.why says why */
};

/* Why a connection is closed; indexes session_why_text(). */
enum session_why {
	WHY_NONE,
	WHY_PEER, /* the tracker closed, or the network did */
	WHY_BAD_HANDSHAKE,
	WHY_BAD_PREAMBLE,
	WHY_BAD_LENGTH,
	WHY_BAD_CRC,
	WHY_OTHER_IMEI, /* a second IMEI on a connection in use */
	WHY_UNKNOWN,
	WHY_DISABLED,
	WHY_UNAVAILABLE, /* unknown IMEI while the database can't answer */
	WHY_TAKEN_OVER,
	WHY_REMOVED, /* disabled or deleted while connected */
	WHY_TIMEOUT_HANDSHAKE,
	WHY_TIMEOUT_FRAME,
	WHY_TIMEOUT_IDLE,
	WHY_MEMORY,
	WHY_DRAIN,
	WHY_STUCK,	 /* doesn't read its ACKs */
	WHY_UNSTORABLE,	 /* not even the quarantine takes its frame */
	WHY_LATE_ANSWER, /* a command is due, and an older one may still be answered */
	WHY_BAD_PROXY,	 /* a balancer's PROXY header is wrong or missing */
	WHY_GUARDED,	 /* guards.h refused it */
	WHY_UNKNOWN_RATE,
	WHY_COUNT
};

struct session {
	uint64_t imei; /* 0 until said */
	uint8_t state; /* enum session_state */
	uint8_t why;   /* enum session_why, of the close */
};

void session_init(struct session *);

/*
 * An item of the stream (stream.h), as stream_next() returned it; never STREAM_MORE. While
 * ASKING the caller does not read items: what follows the IMEI packet waits.
 */
enum session_action session_item(struct session *, enum stream_result, const struct stream_item *);

/* The answer to SESSION_DO_LOOK_UP. */
enum session_action session_answer(struct session *, enum lookup_answer);

/* Closes for a reason from outside (time-out, take-over, drain ...). False if closing already. */
bool session_close(struct session *, enum session_why);

/* What a connection waits for now; each has its own time-out. */
enum session_wait { WAIT_HANDSHAKE, WAIT_FRAME, WAIT_IDLE };
enum session_wait session_waits_for(const struct session *, bool has_partial_item);
enum session_why session_timeout_why(enum session_wait);

/* In words, for the log. */
const char *session_why_text(enum session_why);

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
