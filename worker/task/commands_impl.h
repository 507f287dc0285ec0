/*
 * Inside the commands: what commands.c (whose turn it is, times), commands_claim.c (from `pending`
 * to `sent`), commands_end.c (attempts that ended without an answer) and commands_queue.c (the look
 * at the whole queue, what belongs to nobody) share.
 */
#ifndef WORKER_TASK_COMMANDS_IMPL_H
#define WORKER_TASK_COMMANDS_IMPL_H

#include "pg/array.h"
#include "pg/query.h"
#include "pg/result.h"
#include "proto/stream.h"
#include "worker/task/commands.h"

#define CLAIMS 500     /* connections in one statement */
#define ENDS 500       /* attempts in one statement */
#define POLL_ROWS 2000 /* one page; also in commands_poll.sql */
#define POLL_MS 2000   /* between two looks at the whole queue */
#define SWEEP_MS 300
#define SWEEP_FIRST_MS 2000 /* after a reconnect the owners of what is `sent` go first */
#define GRACE_MS 500	    /* to an owner that is alive */
#define COUNT_MS 5000
#define RETRY_MS 1500 /* after an error of one job the others have their turn */
#define LOCKED_MS 200 /* an end whose row somebody holds locked */

/* What a turn is for. */
enum commands_turn {
	TURN_NONE,
	TURN_OVER,
	TURN_CLAIM,
	TURN_SWEEP,
	TURN_POLL,
	TURN_COUNT,
	TURN_LIMIT
};

struct command_over {
	int64_t id, delay_ms;
	uint64_t token;
	int32_t attempt;
	uint8_t how; /* enum command_end */
	bool locked; /* said the running statement */
};

/* A row of the claim's answer, kept until its COMMIT is sure. */
struct command_claim_row {
	uint64_t token;
	struct command_claim claim;
	char status[8];
	char *text;
	int64_t wait_ms;
};

struct commands {
	struct commands_config cfg;
	struct job job;
	bool up, draining;
	enum commands_turn turn;
	uint64_t failed, expired; /* by the running statement */
	bool limit_wanted;

	/* Connections to be asked for; and those of the running claim. */
	uint64_t *check;
	size_t nchecks, check_room;
	uint64_t asking[CLAIMS];
	struct command_claim_row rows[CLAIMS];
	size_t nasking, nrows;

	/* Ends of attempts to be written; the first `writing` of them are on their way. */
	struct command_over *ends;
	size_t nends, end_room, writing;
	int64_t next_over_ms;

	/* The look at the whole queue, a page at a time. */
	bool any_due; /* the last look found something pending, or a notification came since */
	bool looking, found;
	bool look_again; /* what came meanwhile asks for another look */
	int64_t look_began_ms;
	char cursor[IMEI_DIGITS + 1];
	int page_rows;
	int64_t next_poll_ms, next_sweep_ms, next_count_ms;
	bool leader;

	struct pg_array texts, longs[4], ints[2], bools, unsent;
};

/* commands.c */
void *commands_grow(void *array, size_t n, size_t *room, size_t size)
    __attribute__((warn_unused_result));
/* It will not be asked for after all. */
void commands_forget(struct commands *, uint64_t token);
void commands_reset_arrays(struct commands *);
/* So many went to `status` by the running statement; booked when it is committed. */
void commands_count_status(struct commands *, const char *status, uint64_t n);

/* The steps of each turn, as in pg/link.h: start, result, end. */
bool commands_start_claim(struct commands *, struct pg_conn *) __attribute__((warn_unused_result));
void commands_take_claim(struct commands *, const struct pg_result *);
void commands_end_claim(struct commands *, enum pg_outcome);

bool commands_start_over(struct commands *, struct pg_conn *) __attribute__((warn_unused_result));
void commands_take_over(struct commands *, const struct pg_result *);
void commands_end_over(struct commands *, enum pg_outcome, const struct pg_error *);

/* A command waits for this IMEI. */
void commands_mark(struct commands *, uint64_t imei);
bool commands_start_poll(struct commands *, struct pg_conn *) __attribute__((warn_unused_result));
void commands_take_poll(struct commands *, const struct pg_result *);
void commands_end_poll(struct commands *, enum pg_outcome);

bool commands_start_sweep(struct commands *, struct pg_conn *) __attribute__((warn_unused_result));
void commands_take_sweep(struct commands *, const struct pg_result *);

bool commands_start_count(struct pg_conn *) __attribute__((warn_unused_result));
void commands_take_count(struct commands *, const struct pg_result *);

bool commands_start_limit(struct commands *, struct pg_conn *) __attribute__((warn_unused_result));

#endif
