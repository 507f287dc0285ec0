/*
 * Inside the connections: what conn.c (opening, waiting, closing), conn_read.c
 * (the handshake, reading), frames.c (frames to
 * the batch, ACKs back), conn_command.c (commands) and conns.c (all of them: time-outs, drain)
 * share.
 */
#ifndef WORKER_TRACKER_CONN_IMPL_H
#define WORKER_TRACKER_CONN_IMPL_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/queue.h>

#include "common/log.h"
#include "worker/store/batch.h"
#include "worker/tracker/command.h"
#include "worker/tracker/conn.h"
#include "common/intmap.h"
#include "worker/tracker/session.h"
#include "worker/tracker/followers.h"

#define READ_BUFFER (FRAME_MAX + 16 * 1024)
#define LINGER_MS 2000
#define ANSWERS_MS 500 /* a session that has to go is closed within a second */
#define NO_REF UINT32_MAX

TAILQ_HEAD(conn_list, conn);

/* Lists in the order of their deadlines: every wait has one length, so new ones go to the tail. */
enum conn_queue {
	QUEUE_HANDSHAKE,
	QUEUE_FRAME,
	QUEUE_IDLE,
	QUEUE_ANSWERS, /* its session is over, its last answers are not */
	QUEUE_LINGER,
	QUEUE_NONE,
	QUEUES
};

/* About 350 bytes: there may be 20,000 of these in a process. */
struct conn {
	struct event ev; /* reading; or watching for the end while paused */
	struct conns *all;
	TAILQ_ENTRY(conn) queue_link;
	TAILQ_ENTRY(conn) paused_link;
	struct session session;
	int64_t since_ms; /* start of what it waits for */
	int64_t session_id;
	int64_t device_id;
	struct conn_command *command; /* in flight, or to be answered late; or NULL */
	uint8_t *partial;	      /* an item that is not whole yet, or NULL */
	uint32_t partial_len, partial_room;
	uint32_t entry;			  /* registry, REGISTRY_NONE before the handshake */
	uint32_t slot, generation;	  /* its token */
	uint32_t codecs;		  /* CODEC_MAY_* */
	uint32_t first_frame, last_frame; /* in flight, oldest first; references or NO_REF */
	uint16_t port;			  /* of the peer */
	uint8_t family, addr[16];
	uint8_t in_flight;
	uint8_t queue;	    /* enum conn_queue */
	short watching;	    /* what ev waits for: bytes, or the peer's end only */
	bool paused;	    /* on the list of those who wait for room in the batch */
	bool end_seen;	    /* the peer has closed its side, perhaps behind bytes not yet read */
	bool eof;	    /* and all of it was read */
	bool closing;	    /* conn_close() was here; answers may still be due */
	bool dead;	    /* closed and on its way to free(); see conns_bury() */
	uint8_t booked;	    /* enum session_state under which the gauges count it */
	bool proven;	    /* a frame of it was stored: re-sent ones are behind us */
	bool shut;	    /* our side is shut; waiting for the peer's */
	bool commandable;   /* a command may be sent: it was acknowledged, or is quiet */
	bool command_asked; /* commands_check() was called for it */
	/* Its PROXY header has not come yet. */
	bool proxied : 1;
	/* By the guards, for its address. */
	bool counted : 1;
};

/* conns_drain(): whose turn is next, in the order of the slots. */
struct drain {
	bool active;
	int64_t began_ms, limit_ms;
	uint32_t total, closed, next;
};

struct conns {
	struct conns_config cfg;
	struct conns_parts parts;
	struct conn **slots; /* by token */
	uint32_t nslots, open;
	uint32_t *free_slots, nfree;
	uint32_t *generations;
	struct entry_map by_entry; /* who has a session, to its slot */
	struct conn_list queue[QUEUES];
	struct conn_list paused; /* no room in the filling batch */
	struct conn_list dead;	 /* callers further up may still hold a pointer: freed later */
	uint8_t *buffer;	 /* READ_BUFFER */
	size_t partial_bytes, partial_max;
	uint64_t version;	 /* of the registry, as last checked */
	int64_t last_message_us; /* wall clock at which the last message arrived */
	struct drain drain;
	struct avl_record *records; /* AVL_MAX_RECORDS, scratch of the decoder */
	struct traces traces;
};

/* conn.c */
struct conn *conn_find(struct conns *, uint64_t token);
uint64_t conn_token(const struct conn *);
void conn_wait(struct conns *, struct conn *);	    /* puts it into the right queue, from now */
void conn_next_item(struct conns *, struct conn *); /* the one it waited for came */
void conn_pause(struct conns *, struct conn *);	    /* no room in the batch */
void conn_update_reading(struct conns *, struct conn *);
/* Handles what is kept of it, as if it had just arrived. */
void conn_resume(struct conns *, struct conn *);
/* Ends the session and closes: at once, or after what is in flight has been answered. */
void conn_close(struct conns *, struct conn *, enum session_why);
/* Closes the socket now. The memory lives until conns_bury(), so that callers can look at c->dead.
 */
void conn_kill(struct conns *, struct conn *);
void conns_bury(struct conns *);
bool conn_send(struct conn *, const void *, size_t);
/* The same, for bytes that nobody who follows the device may see: the text of a command. */
bool conn_send_secret(struct conn *, const void *, size_t);
void conn_log(struct conns *, const struct conn *, enum log_level, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* An answer went out: a closing connection that waits for no more is shut. */
void conn_settle(struct conns *, struct conn *);

/* From now on it is that address's connection, for the guards as well. */
void conn_set_peer(struct conns *, struct conn *, const struct sockaddr *);

/* For conn_read.c: the parts that closing is made of. */
void conn_address(const struct conn *, char *out, size_t room);
void conn_book(struct conns *, struct conn *, enum session_state);
void conn_count_close(struct conns *, const struct conn *);
void conn_unpause(struct conns *, struct conn *);
void conn_drop_partial(struct conns *, struct conn *);
void conn_shut(struct conns *, struct conn *);

/* conn_read.c: libevent calls it, with a struct conn. */
void conn_io(evutil_socket_t, short what, void *conn);

/* conn_command.c: what happens to the connection, for its commands */
void conn_command_welcome(struct conns *, struct conn *);
/* ACKs went out, and the next frame has not been looked at yet. */
void conn_command_acked(struct conns *, struct conn *);
/* All that came was handled. */
void conn_command_quiet(struct conns *, struct conn *);
/* A frame of messages went into the batch: if one is the answer, the frame says so from now on. */
void conn_command_answer(
    struct conns *, struct conn *, struct frame *, const uint8_t *body, size_t len);
void conn_command_closed(struct conns *, struct conn *); /* the session has ended */
void conn_command_free(struct conn *);
/* The batch with an answer is stored. */
void conns_command_stored(struct conns *, const struct frame *);

/* frames.c */
/* False: the batch has no room; the frame stays where it is. It may close the connection. */
bool frames_take(
    struct conns *, struct conn *, const uint8_t *raw, const struct stream_item *, int64_t now_us);
/* The connection is gone: frames that are not in a transaction yet are not stored for it. */
void frames_forget(struct conns *, struct conn *);

#endif
