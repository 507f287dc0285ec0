/*
 * Commands on the database's side (doc/design.md, Commands): finds those that are due for the
 * connections of this worker, claims them (`sent` and the attempt are committed before a byte goes
 * out), writes how attempts end. Answers are stored by worker/store, with the batch they came in.
 *
 * Three ways lead to a command: a notification, a look at the whole queue every other second (which
 * makes up for a notification that was missed), and a connection that has become ready. The worker
 * that leads (registry_try_lead) also looks after commands that belong to nobody: expired ones, and
 * those that a dead worker or gateway left as `sent`.
 */
#ifndef WORKER_TASK_COMMANDS_H
#define WORKER_TASK_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/registry.h"
#include "shm/stats.h"
#include "worker/task/jobs.h"

struct commands;

/* What a claim must know of the connection that asks. */
struct command_asker {
	uint64_t imei;
	int64_t device_id, session_id;
	int64_t late_id; /* this one or none (command.h); 0: any */
	uint32_t codecs; /* CODEC_MAY_* */
};

/* A command that is `sent` from now on. */
struct command_claim {
	int64_t id;
	int32_t attempt;
	uint8_t codec;
	int64_t deadline_ms; /* monotonic */
	const char *text;    /* `len` bytes, valid during the call; never to be logged */
	size_t len;
};

/* How an attempt ended without an answer. */
enum command_end {
	COMMAND_UNANSWERED,   /* timed out: next attempt after `delay_ms` */
	COMMAND_DISCONNECTED, /* next attempt at the next connection */
	COMMAND_UNSENT,	    /* no byte went out: the attempt doesn't count, and it is due at once */
	COMMAND_UNSENDABLE, /* failed for good */
	COMMAND_UNSTORABLE, /* its answer can't be stored: failed for good */
	COMMAND_ENDS
};

struct commands_config {
	struct registry *registry;
	struct stats *stats;
	int timeout_ms, max_attempts, max_length; /* as configured */
	void *ctx;
	/*
	 * A command waits for this IMEI: the token of the connection that commands_check() shall be
	 * called for, or 0 (not here, not ready, asked for already).
	 */
	uint64_t (*want)(void *ctx, uint64_t imei);
	/* The turn of a checked connection has come. False: nothing may be claimed for it now. */
	bool (*asker)(void *ctx, uint64_t token, struct command_asker *);
	/* False: the connection is gone, the attempt is given back. */
	bool (*claimed)(void *ctx, uint64_t token, const struct command_claim *);
	/* Another command than late_id is due: the connection must make room for a new one. */
	void (*blocked)(void *ctx, uint64_t token);
	/*
	 * The connection may ask again from then on (monotonic; 0: now): its next command is not
	 * due before, or the end given to commands_over() is written.
	 */
	void (*again)(void *ctx, uint64_t token, int64_t at_ms);
};

struct commands *commands_new(const struct commands_config *) __attribute__((warn_unused_result));
void commands_free(struct commands *);
struct job *commands_job(struct commands *);

/*
 * Asks whether a command is due for the connection. Unless `surely`, nothing is done while the
 * queue is known to be empty. True: asker() will be called for it.
 */
bool commands_check(struct commands *, uint64_t token, bool surely)
    __attribute__((warn_unused_result));

/*
 * An attempt is over. It is written as soon as the database can; then `token` (may be 0) may
 * ask again. `delay_ms` counts for COMMAND_UNANSWERED only.
 */
void commands_over(struct commands *, int64_t id, int32_t attempt, enum command_end,
    int64_t delay_ms, uint64_t token);

/* True while ends of attempts wait to be written: a drain waits for that. */
bool commands_pending(const struct commands *);

/*
 * The queue is not looked after any more: what is claimed from now on would not be answered here.
 */
void commands_drain(struct commands *);

#endif
