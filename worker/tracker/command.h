/*
 * The command in flight on one connection as a state machine (doc/design.md, Commands; doc/protocol.md,
 * Codec 12). Pure: it is handed what happened and says what to do; conn_command.c does it.
 *
 *   IDLE -> CLAIMED -> SENT -> ANSWERED -> IDLE
 *
 * IDLE: none. CLAIMED: the database says `sent`, and no byte has gone out: it waits for the
 * moment between an ACK and the next frame. SENT: its answer is awaited. ANSWERED: the answer
 * is on its way into the database. Whatever ends an attempt without an answer leads back to IDLE.
 *
 * Codec 12 has no correlation id. So copies that went out and answers that came are counted: while one is
 * missing after a time-out (`late_id`), this connection may carry that command again but no other, and an
 * answer that comes meanwhile ends that command.
 */
#ifndef WORKER_TRACKER_COMMAND_H
#define WORKER_TRACKER_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

enum command_state { COMMAND_IDLE, COMMAND_CLAIMED, COMMAND_SENT, COMMAND_ANSWERED };

struct command {
	int64_t id; /* device_commands.id; of the latest one when IDLE */
	int64_t deadline_ms;
	int64_t late_id; /* it timed out, and answers to it may still come; 0: none can */
	int32_t attempt; /* device_commands.attempt_count of this attempt */
	uint8_t codec;	 /* 12 or 14, as the codec byte */
	uint8_t state;	 /* enum command_state */
	uint8_t missing; /* copies of it that were sent here and are not answered */
	bool ended;	 /* one answer to it has come: further ones are only counted */
};

enum command_action {
	COMMAND_DO_NOTHING,
	COMMAND_DO_SEND,      /* write the frame to the socket now */
	COMMAND_DO_RETURN,    /* give the attempt up as unanswered: `pending` again, or `failed` */
	COMMAND_DO_GIVE_BACK, /* no byte of it went out: it is as if it had not been claimed */
};

/*
 * The database has it as `sent`. Never while another is in flight. `quiet`: nothing of the
 * tracker is under way, so it may go at once. `deadline_ms` is monotonic, like all times here.
 */
enum command_action command_claimed(
    struct command *, int64_t id, int32_t attempt, uint8_t codec, int64_t deadline_ms, bool quiet);

/* Right behind an ACK, or the connection fell quiet. */
enum command_action command_moment(struct command *);

/* What COMMAND_DO_SEND asked for did not happen: not a byte was written. */
void command_unsent(struct command *);

/*
 * A message came from the tracker. True: it is the answer, to be booked to `id` and
 * `attempt`; the state is ANSWERED. False: nobody asked for it.
 */
bool command_answer(struct command *, uint8_t codec, uint8_t type);

/*
 * An answer came on a connection on which nothing was sent yet: to an attempt on an earlier one. True: what is
 * claimed was sent before, so that is the answer to it, and it need not be sent again; as above.
 */
bool command_answer_to_earlier(struct command *);

/* The answer is in the database, or can't be brought there. */
void command_stored(struct command *);

/* Time has passed. */
enum command_action command_tick(struct command *, int64_t now_ms);

/* The session ended: what becomes of the attempt in flight. */
enum command_action command_lost(struct command *);

/* True if this connection may ask for a command (at all, or for late_id alone if that is not 0). */
bool command_may_claim(const struct command *);

/*
 * How long an unanswered command waits for its next attempt: timeout × 2^(attempt - 1), ± 20 %
 * by `random` (all 32 bits used), at most an hour. `attempt` counts from 1.
 */
int64_t command_backoff_ms(int timeout_ms, int32_t attempt, uint32_t random);

#endif
