/* From the first byte to the answer 01, 00 or none (doc/design.md, Handshake). */
#ifndef WORKER_TRACKER_HANDSHAKE_H
#define WORKER_TRACKER_HANDSHAKE_H

#include "worker/tracker/session.h"
#include "worker/tracker/trackers_impl.h"

/* The connection has said this IMEI for the first time. */
void handshake_look_up(struct conn *, uint64_t imei);
/* It has said its IMEI once more. */
void handshake_repeat(struct conn *);
/* The answer to its lookup. */
void handshake_answer(struct conn *, enum lookup_answer);
/* Its session has begun, or is to be written once more. */
void handshake_tell_live_row(const struct conn *);
/*
 * It closes for a reason that refuses the handshake: 00, a row in rejected_devices. False: the peer
 * takes no bytes.
 */
bool handshake_refuse(struct conn *) __attribute__((warn_unused_result));

#endif
