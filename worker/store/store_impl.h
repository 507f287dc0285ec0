/*
 * Inside the write path: a batch is stored in steps, and a step in spans, each a transaction of its own.
 * store.c has the order of steps, and what to do when a statement fails; each step has a file.
 */
#ifndef WORKER_STORE_STORE_IMPL_H
#define WORKER_STORE_STORE_IMPL_H

#include <event2/event.h>

#include "common/log.h"
#include "pg/array.h"
#include "pg/isolate.h"
#include "pg/link.h"
#include "pg/query.h"
#include "pg/result.h"
#include "pg/row.h"
#include "worker/store/aside.h"
#include "worker/store/gather.h"
#include "worker/store/store.h"

enum store_state {
	STORE_IDLE,   /* no batch is being stored */
	STORE_READY,  /* one is, and its next statement goes when the link takes it */
	STORE_SENT,   /* a statement is under way */
	STORE_PAUSED, /* the environment refused one: until the timer, or a new connection */
};

/* In this order, as what is refused goes to quarantine. A step with nothing to do is passed over. */
enum store_step_id { STEP_INSERT, STEP_COPY, STEP_MESSAGES, STEP_RAW, STEPS };

struct store_step {
	/* Lists in `listed` what the step has to store. */
	void (*gather)(struct store *);
	/* Nothing of that is left. May be NULL. */
	void (*over)(struct store *);
	/* Stores a span of it, of at most so many items. */
	uint32_t most;
	const struct pg_job *statement;
};

extern const struct store_step store_insert, store_copy; /* positions.c */
extern const struct store_step store_messages;		 /* messages.c */
extern const struct store_step store_raw;		 /* quarantine.c */

/* Indices of rows or frames of the batch. */
struct store_list {
	uint32_t *at;
	uint32_t n;
};

#define MESSAGE_COLUMNS 14
#define RAW_COLUMNS 7

#define STORE_IN_A_ROW 3

/* Rows that were refused one after the other, with nothing stored between them (refusals.c). */
struct store_refusals {
	char sqlstate[6];
	bool positions; /* else messages, or raw frames */
	int64_t devices[STORE_IN_A_ROW];
	int ndevices;
	bool everybody; /* of more of them than that */
	uint32_t from;	/* the first of them in `listed`; UINT32_MAX: none in this step */
};

#define STORE_DAYS 16

/* Days one by one, as one of them may be what refuses (days.c). */
struct store_days {
	bool apart;   /* a statement holds rows of one day */
	bool taken;   /* something of this batch was stored */
	bool guessed; /* a day was put aside, and nothing stored since */
	int n;	      /* days of this step that were refused */
	struct {
		int64_t day;
		struct pg_error error;
	} refused[STORE_DAYS];
};

struct store {
	struct store_config cfg;
	struct stats *stats;
	struct pg_link *link;
	struct batch batch[3]; /* the last one: STORE_KEPT */
	int filling;	       /* 0 or 1 */

	enum store_state state;
	struct batch *storing; /* NULL: STORE_IDLE */
	uint64_t since[2];     /* registry_seq() when each batch got its first frame; 0: empty */
	enum store_step_id step;
	struct store_list listed; /* of this step */
	uint32_t most;		  /* items of it in a statement */
	uint32_t fits;		  /* rows that a statement can store in time, as far as is known */
	struct store_refusals refusals;
	struct store_days days;
	bool unproven; /* an outcome was unknown, and nothing since has proved that it is durable */
	void (*proved)(struct store *); /* what a proof is for */
	struct pg_isolate spans;	/* of listed */
	const struct pg_job *statement; /* STORE_SENT */
	int64_t started_us;
	uint64_t
	    version[2]; /* of the registry when the devices of each batch were last looked at */

	struct store_list plain; /* rows for COPY: nothing says that they are there already */
	struct aside aside;	 /* what is left out (kept.c, blocked.c) */
	struct event *aside_ev;	 /* something of it is due */
	struct log_gate aside_gate[ASIDE_WHATS];
	int64_t began_ms;	    /* the batch */
	bool hasty;		    /* the session waits only a little for locks */
	bool doubtful;		    /* it is to, as something is looked for */
	uint32_t found;		    /* locked things, by the running question */
	bool all_locked;	    /* it found that somebody holds the whole table */
	struct pg_error blocked_by; /* the error that is looked into */
	struct pg_result *left_out; /* of the span of raw frames: hashes of those that were */
	uint64_t inserted;	    /* rows of the span that were new */
	uint32_t copied;	    /* rows of the span given to libpq */
	bool copy_began;	    /* COPY's header was */
	uint8_t *copy_buf;
	struct pg_result *answered; /* of the span of messages: commands and their times */
	struct pg_array rows[ROW_NCOLUMNS];
	struct pg_array messages[MESSAGE_COLUMNS];
	struct pg_array raw[RAW_COLUMNS];

	struct event *start_ev; /* goes on at the end of this turn, or when enough is gathered */
	struct gather gather;
	bool gathering; /* start_ev waits for that */
	struct event *retry_ev;
	int retry_ms;
	bool failing; /* the last attempt failed for the environment's sake, or is not answered */
	bool stall_said;
	char failure[SHM_REASON];
	struct log_gate failure_gate;
	int64_t failing_since_ms;
};

/*
 * store.c. A statement is a job whose ctx and end() the store puts in itself: it calls the statement's
 * own end() with the store as ctx, and goes on by itself.
 */
void store_send(struct store *, const struct pg_job *statement);

/*
 * For end() of a statement whose span was not stored: `refused` says that this is its content's fault.
 * True: the span is one item, which the step gives up. False: the rest is seen to. One that takes longer
 * than the server allows is halved.
 */
bool store_gives_up(struct store *, enum pg_outcome, const struct pg_error *, bool refused)
    __attribute__((warn_unused_result));
/* The span is sent again, when the environment's error or the lost connection allows it. */
void store_again(struct store *, enum pg_outcome, const struct pg_error *);
/* The same for a caller who has put back himself what is to be sent. */
void store_failed(struct store *, enum pg_outcome, const struct pg_error *);
/* A transaction of `rows` rows has committed. */
void store_succeeded(struct store *, bool copy, uint32_t rows);
/* Books records as decided; each is booked once. */
void store_book(struct store *, uint64_t stored, uint64_t duplicate, uint64_t quarantined);

/*
 * Rows that are there already are written by nobody again, so that a COMMIT proves nothing about them: this
 * writes something and waits for that, then calls `proved`. If it fails, the span is sent again.
 */
void store_prove(struct store *, void (*proved)(struct store *));

/* Items of a step's statement, at most. */
uint32_t store_step_most(enum store_step_id);

/* failures.c: what the balancer and the operator are told, with the reason; "" if it is usable. */
void store_set_usable(struct store *, bool usable, const char *reason);
/* Something is wrong with the database: everybody is told. */
void store_environment_failed(struct store *, const struct pg_error *);
/* The pause is over. */
void store_unpause(struct store *);
/* As struct pg_link_callbacks has it. */
void store_stalled(void *ctx, const char *job, int seconds);

/*
 * days.c: another batch, or step, begins; rows were stored; so many rows may go in the next statement.
 */
void store_days_begin(struct store *);
void store_days_step(struct store *);
void store_days_taken(struct store *);
uint32_t store_days_most(const struct store *);
/*
 * An error that isn't the rows' own: is it that of one day's partition? True: what is left to do is seen to.
 */
bool store_day_refuses(struct store *, enum pg_outcome, const struct pg_error *)
    __attribute__((warn_unused_result));

/* refusals.c: none yet; something of the step was stored; another step begins. */
void store_refusals_over(struct store *);
void store_refusals_success(struct store *);
void store_refusals_step(struct store *);
/*
 * The span, one item of this device, was refused for its content. True: rows of more than STORE_IN_A_ROW
 * devices in a row were, by the same error, so it isn't theirs; the span now holds all that are in this
 * step, to be sent again.
 */
bool store_refused_in_a_row(struct store *, int64_t device, const struct pg_error *)
    __attribute__((warn_unused_result));

/* positions.c */
/* What refusing the rows of listed[from..to) has changed is undone. */
void store_unrefuse_rows(struct store *, struct pg_span);
bool store_init_positions(struct store *) __attribute__((warn_unused_result));

/*
 * kept.c. Frames of the batch that need something that waits in `aside` are left out of it from now on; the second
 * one also takes their rows out of what the step still has to do, behind what it has stored.
 */
void store_leave_out(struct store *);
void store_leave_out_rest(struct store *);
/*
 * What was left out of the batch, which ends, is kept, and so is what is stored and waits for an earlier frame's answer;
 * what may be tried again goes into the filling one; and places of what is forgotten or answered are used again.
 */
void store_keep(struct store *);
void store_take_back(struct store *);
void store_close_up(struct store *);
/* What a raw frame is called in `aside`. */
int64_t store_raw_key(const struct batch *, const struct frame *);
/* The days of a row's partition, since 1970. */
int64_t store_day(const struct row *);

/*
 * blocked.c. False: there is no room, so it isn't one thing that fails.
 */
bool store_put_aside(struct store *, enum aside_what, int64_t key, const struct pg_error *)
    __attribute__((warn_unused_result));
/* The frame of a message or raw frame is left out of this batch. */
void store_frame_aside(struct store *, struct frame *);
/* A batch has ended: what it tried again, and was not refused again, isn't aside any more. */
void store_aside_over(struct store *);
/* True: a statement is sent that sets how long the session waits for locks. */
bool store_set_patience(struct store *) __attribute__((warn_unused_result));
/* For end(). True: somebody's lock stopped the statement, which is seen to: of rows; of the whole step. */
bool store_rows_blocked(struct store *, enum pg_outcome, const struct pg_error *)
    __attribute__((warn_unused_result));
bool store_step_blocked(struct store *, enum pg_outcome, const struct pg_error *)
    __attribute__((warn_unused_result));

/*
 * devices.c: the devices of the batch that is stored are those they were, or have been left out of what is
 * still to be stored.
 */
void store_check_devices(struct store *);

/* live_rows.c: the live rows follow what the batch holds. */
void store_move_live_rows(struct store *);

/* Whether an error refuses a message or raw frame, whenever it is sent. */
static inline bool
store_is_content(enum pg_outcome outcome, const struct pg_error *error)
{
	return outcome == PG_ERROR && pg_error_is_content(error);
}

/* The frame or row of the span's item i. */
static inline struct frame *
store_listed_frame(const struct store *s, uint32_t i)
{
	return &s->storing->frames[s->listed.at[i]];
}

static inline struct row *
store_listed_row(const struct store *s, uint32_t i)
{
	return &s->storing->rows[s->listed.at[i]];
}

#endif
