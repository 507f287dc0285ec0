/*
 * Commands on the tracker's side: when one may be sent on a connection, its bytes, its answer, its
 * time-out. The state machine (command.h) says what to do; the database's side is
 * worker/task/commands.h.
 */
#ifndef WORKER_TRACKER_CONN_COMMAND_H
#define WORKER_TRACKER_CONN_COMMAND_H

#include "worker/store/batch.h"
#include "worker/task/commands.h"
#include "worker/tracker/trackers_impl.h"

/* The timers of all. False when memory is short. */
bool conn_command_start(struct trackers *) __attribute__((warn_unused_result));
void conn_command_stop(struct trackers *);

/* ---- what happens to a connection ---- */

void conn_command_welcome(struct conn *);
/* ACKs went out, and the next frame has not been looked at yet. */
void conn_command_acked(struct conn *);
/* All that came was handled. */
void conn_command_quiet(struct conn *);
/* A frame of messages went into the batch: if one is the answer, the frame says so from now on. */
void conn_command_answer(struct conn *, struct frame *, const uint8_t *body, size_t len);
/* The session ends. */
void conn_command_closed(struct conn *);
void conn_command_free(struct conn *);
/* The batch with an answer is stored. */
void conn_command_stored(struct trackers *, const struct frame *);

/* ---- what commands.h calls, with the trackers as ctx ---- */

uint64_t conn_command_want(void *trackers, uint64_t imei);
bool conn_command_asker(void *trackers, uint64_t token, struct command_asker *)
    __attribute__((warn_unused_result));
bool conn_command_claimed(void *trackers, uint64_t token, const struct command_claim *)
    __attribute__((warn_unused_result));
void conn_command_blocked(void *trackers, uint64_t token);
void conn_command_again(void *trackers, uint64_t token, int64_t at_ms);

#endif
