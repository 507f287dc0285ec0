/*
 * Inside the write path: what store.c (the order of steps, retries) shares with
 * store_rows.c (device_positions) and store_raw.c (raw frames, messages).
 */
#ifndef WORKER_STORE_STORE_IMPL_H
#define WORKER_STORE_STORE_IMPL_H

#include <event2/event.h>

#include "common/log.h"
#include "pg/link.h"
#include "pg/array.h"
#include "pg/query.h"
#include "pg/result.h"
#include "pg/row.h"
#include "worker/store/store.h"

/* In this order (what is refused goes to quarantine); a step with nothing to do is passed over. */
enum store_step { STEP_INSERT, STEP_COPY, STEP_MESSAGES, STEP_RAW, STEP_DONE };

/* Rows list[from..to) still to be inserted. */
struct span {
	uint32_t from, to;
};

#define SPAN_DEPTH 40 /* halving 2^32 rows, both halves kept */

/* Row indices in key order. */
struct row_list {
	uint32_t *at;
	uint32_t n;
};

struct store {
	struct store_config cfg;
	struct pg_link *db;
	struct batch batch[2];
	int filling;
	struct batch *storing; /* NULL: none */
	enum store_step step;
	struct row_list careful; /* by INSERT ... ON CONFLICT */
	struct row_list plain;	 /* by COPY */
	struct span spans[SPAN_DEPTH];
	int nspans;
	struct span span;  /* the one being inserted */
	uint64_t inserted; /* rows of the span that were new */
	uint32_t copied;   /* rows of plain given to libpq */
	uint8_t *copy_buf;
	struct pg_array rows[ROW_NCOLUMNS];
	struct pg_array raw[13];
	struct pg_result *answered; /* of the messages step under way: commands and their times */
	uint32_t raw_from, raw_to;  /* frames of the raw or messages step under way */
	bool raw_single;	    /* one frame at a time: one of them is refused */
	struct event *start_ev;	    /* begin a batch at the end of this turn */
	struct event *retry_ev;
	int retry_ms;
	bool failing; /* the last attempt failed for the environment's sake */
	char failure[SHM_REASON];
	struct log_gate failure_gate;
	int64_t failing_since_ms;
	int64_t started_us;
	struct stats *stats;
};

/* store_rows.c */
void store_split(struct store *); /* after seal: who goes which way */
void store_run_insert(struct store *);
void store_run_copy(struct store *);

/* store_raw.c */
bool store_has_raw(const struct store *);
bool store_has_messages(const struct store *);
void store_run_raw(struct store *);
void store_run_messages(struct store *);
extern const char store_raw_sql[];
extern const char store_messages_sql[];

/* store.c: how an attempt ended */
void store_next(struct store *); /* the step goes on, or the next one starts */
void store_step_done(struct store *);
/* Not now: by an error of the environment or a lost connection. The step is tried again. */
void store_failed(struct store *, enum pg_outcome, const struct pg_error *);
/* A transaction of `rows` rows has committed. */
void store_succeeded(struct store *, bool copy, uint32_t rows);
/* Books records as decided; each is booked once. */
void store_book(struct store *, uint64_t stored, uint64_t duplicate, uint64_t quarantined);

#endif
