/*
 * Why connections are closed. One row per reason: whoever adds one adds a row, and nothing else. Pure.
 */
#ifndef WORKER_TRACKER_CLOSE_H
#define WORKER_TRACKER_CLOSE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/log.h"
#include "shm/stats.h"

/* What becomes of frames that are on their way into the database when the connection is closed. */
enum close_answers {
	ANSWER_NONE, /* forgotten: there is nobody to hear it, or no sense in waiting */
	ANSWER_SOON, /* answered if the database takes no longer than CLOSE_SOON_MS */
	ANSWER_ALL,  /* answered however long the database takes */
	/*
	 * The tracker sent something wrong. Were the good frames before it not answered, a tracker that
	 * sends the same again would never get past them. As ANSWER_SOON, while the database is up.
	 */
	ANSWER_BEFORE_FAULT,
};

/* A session that has to go is closed within a second. */
#define CLOSE_SOON_MS 500

#define COUNTED_AS(field) offsetof(struct stats, field)
#define NOT_COUNTED 0 /* where stats.seq is, which is not a counter */

/*
 * X(reason, name, answers, log level, counter, refused, text)
 *
 * name: one word, for programs, for device_online.disconnect_reason and for the counter ended_NAME in
 * shm/stats.h; tool/why_closed.c has words for it. counter: another one, beside that. refused: the handshake ends with 00 and stands in rejected_devices.
 */
#define CLOSE_REASONS(X) \
	X(PEER, peer, ANSWER_ALL, LOG_DEBUG_, NOT_COUNTED, false, "closed by the tracker") \
	X(BROKEN, broken, ANSWER_NONE, LOG_DEBUG_, NOT_COUNTED, false, "the connection broke") \
	X(KEEPALIVE, keepalive, ANSWER_NONE, LOG_INFO_, NOT_COUNTED, false, \
	    "the tracker can't be reached any more") \
	X(HANDSHAKE, handshake, ANSWER_NONE, LOG_WARN_, COUNTED_AS(rejected_malformed), false, \
	    "not a tracker: no IMEI packet at the start") \
	X(OUT_OF_STEP, out_of_step, ANSWER_BEFORE_FAULT, LOG_WARN_, COUNTED_AS(err_preamble), \
	    false, "stream out of step: no zero preamble") \
	X(LENGTH, length, ANSWER_BEFORE_FAULT, LOG_WARN_, COUNTED_AS(err_length), false, \
	    "frame length out of bounds") \
	/* Counted and logged with the frame. */ \
	X(CRC, crc, ANSWER_BEFORE_FAULT, LOG_DEBUG_, NOT_COUNTED, false, "wrong CRC") \
	X(OTHER_IMEI, other_imei, ANSWER_BEFORE_FAULT, LOG_WARN_, NOT_COUNTED, false, \
	    "said another IMEI on a connection in use") \
	X(UNKNOWN, unknown, ANSWER_NONE, LOG_INFO_, COUNTED_AS(rejected_unknown), true, \
	    "IMEI not in devices") \
	X(DISABLED, disabled, ANSWER_NONE, LOG_INFO_, COUNTED_AS(rejected_disabled), true, \
	    "device is disabled") \
	X(UNAVAILABLE, unavailable, ANSWER_NONE, LOG_WARN_, COUNTED_AS(unanswered_handshakes), \
	    false, "IMEI not known here and the database can't be asked now") \
	X(REGISTRY_FULL, registry_full, ANSWER_NONE, LOG_WARN_, COUNTED_AS(unanswered_handshakes), \
	    false, "no room for the device in the registry (TELEM_MAX_DEVICES)") \
	/* The admission has told the log; so it has with the next one. */ \
	X(UNKNOWN_RATE, unknown_rate, ANSWER_NONE, LOG_DEBUG_, COUNTED_AS(refused_unknown_rate), \
	    false, "unknown IMEI from an address that is over TELEM_UNKNOWN_IMEI_RATE") \
	X(NOT_ADMITTED, not_admitted, ANSWER_NONE, LOG_DEBUG_, NOT_COUNTED, false, \
	    "its address is not admitted") \
	X(PROXY_HEADER, proxy_header, ANSWER_NONE, LOG_WARN_, COUNTED_AS(refused_proxy), false, \
	    "no valid PROXY header from an address in TELEM_PROXY_FROM") \
	X(TAKEOVER, takeover, ANSWER_SOON, LOG_INFO_, NOT_COUNTED, false, \
	    "a newer connection of the same IMEI took over") \
	X(TAKEOVER_ELSEWHERE, takeover_elsewhere, ANSWER_SOON, LOG_INFO_, NOT_COUNTED, false, \
	    "a newer connection of the same IMEI, from another address, took over") \
	X(REMOVED, removed, ANSWER_SOON, LOG_INFO_, NOT_COUNTED, false, \
	    "device was disabled or deleted") \
	X(OPERATOR, operator, ANSWER_SOON, LOG_INFO_, NOT_COUNTED, false, \
	    "closed by the operator") \
	X(HANDSHAKE_TIMEOUT, handshake_timeout, ANSWER_NONE, LOG_DEBUG_, \
	    COUNTED_AS(timeout_handshake), false, "no IMEI in time") \
	X(FRAME_TIMEOUT, frame_timeout, ANSWER_NONE, LOG_WARN_, COUNTED_AS(timeout_frame), false, \
	    "frame stayed incomplete") \
	X(IDLE, idle, ANSWER_NONE, LOG_INFO_, COUNTED_AS(timeout_idle), false, \
	    "silent for too long") \
	X(MEMORY, memory, ANSWER_NONE, LOG_WARN_, COUNTED_AS(closed_memory), false, \
	    "the worker's buffers are full") \
	X(STUCK, stuck, ANSWER_NONE, LOG_WARN_, NOT_COUNTED, false, \
	    "tracker does not read its acknowledgements") \
	X(UNSTORABLE, unstorable, ANSWER_NONE, LOG_WARN_, NOT_COUNTED, false, \
	    "its frame can't be stored in any form") \
	X(LATE_ANSWER, late_answer, ANSWER_SOON, LOG_INFO_, NOT_COUNTED, false, \
	    "the answer of an older command could be taken for that of the next") \
	X(DRAIN, drain, ANSWER_ALL, LOG_DEBUG_, NOT_COUNTED, false, "worker is draining") \
	X(SHUTDOWN, shutdown, ANSWER_NONE, LOG_DEBUG_, NOT_COUNTED, false, "worker has stopped")

enum close_reason {
#define X(reason, ...) CLOSE_##reason,
	CLOSE_REASONS(X)
#undef X
	    CLOSE_COUNT
};

struct close_row {
	const char *name, *text;
	enum close_answers answers;
	enum log_level level;
	size_t closed;	/* its counter in struct stats */
	size_t counter; /* another one, or NOT_COUNTED */
	bool refused;
};

extern const struct close_row close_rows[CLOSE_COUNT];

void close_count(struct stats *, enum close_reason);

#endif
