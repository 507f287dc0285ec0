/*
 * Inside the live rows: live.c takes what happens, live_folds.c keeps what waits, live_turns.c chooses whose
 * turn it is, live_write.c writes. Included by these alone.
 */
#ifndef WORKER_TASK_LIVE_IMPL_H
#define WORKER_TASK_LIVE_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/intmap.h"
#include "common/log.h"
#include "pg/array.h"
#include "pg/isolate.h"
#include "pg/row.h"
#include "worker/task/live.h"
#include "worker/task/live_pace.h"

#define LIVE_BATCH 2000 /* rows per statement */
/* A tuple without io; its last field, the generation type, may be missing. */
#define LIVE_FIX_BYTES (ROW_GENERATION + 2)

/* What one device has to write: everything since its last turn, as one. */
struct fold {
	uint32_t entry;
	bool row;	/* device_online is to be written */
	bool ping;	/* devices.last_ping is to be written */
	bool held;	/* in a batch: last_ping was written so lately that it waits */
	bool connected; /* session_id opened */
	bool goodbye;	/* session_id ended */
	bool gone;	/* the device was deleted: only its goodbye is left */
	bool left_out;	/* said the running statement: somebody holds its row */
	bool locked; /* somebody holds its row, or may; until it is written: live_mark_locked() */
	bool ahead;  /* fix and io are of records that lie ahead of the clock: live_ahead */
	uint8_t addr_len; /* 0: unknown */
	uint8_t addr[PG_ARRAY_INET];
	int64_t device_id;
	int64_t due_ms;	    /* monotonic: not before */
	int64_t seen_ms;    /* wall; 0: not seen */
	int64_t session_id; /* of connected and goodbye */
	int64_t connected_ms, disconnected_ms;
	const char *reason; /* why the last session ended; NULL: none did */
	uint32_t ends;	    /* sessions that ended for it in a row */
	uint8_t *fix;	    /* first LIVE_FIX_BYTES of the newest valid tuple, or NULL */
	uint8_t *io;	    /* of the newest trustworthy record, JSON text, or NULL */
	uint32_t io_len;
	int64_t record_us; /* its time, as in the tuple */
};

/* One after the other, each a statement or, if a row is refused, several. */
enum live_phase { LIVE_ROWS, LIVE_GOODBYES, LIVE_AHEAD, LIVE_PINGS, LIVE_DONE };

enum live_array {
	LA_DEVICE_ID,
	LA_RECORDED_AT,
	LA_RECORD_HASH,
	LA_RECEIVED_AT,
	LA_LATITUDE,
	LA_LONGITUDE,
	LA_ALTITUDE,
	LA_HEADING,
	LA_SATELLITES,
	LA_SPEED,
	LA_VALID,
	LA_PRIORITY,
	LA_EVENT_IO_ID,
	LA_CODEC,
	LA_GENERATION,
	LA_LAST_RECORD_AT,
	LA_IO,
	LA_SESSION_ID,
	LA_ONLINE,
	LA_CONNECTED_AT,
	LA_DISCONNECTED_AT,
	LA_LAST_SEEN_AT,
	LA_REMOTE_ADDR,
	LA_REASON,
	LA_ENDS,
	LIVE_ARRAYS,
};

struct live {
	struct live_config cfg;
	char *gateway_id;
	struct job job;

	/* The devices that have something to write; `places` finds a device's fold by its entry. */
	struct fold *folds;
	size_t n, room;
	struct intmap places;
	size_t detail_bytes; /* held in fix and io, of the batch too */
	size_t cursor;	     /* where the next gathering goes on */
	int64_t next_due_ms; /* none is due earlier */
	struct live_pace pace;
	uint64_t granted; /* rows of devices that only moved, still to be written in this round */
	size_t held_up;	  /* folds that were due and had to wait, in the last round */
	int64_t last_round_ms;
	bool more; /* the last gathering left some that were due */

	/* Being written; taken out of the folds, put back if it fails. Sorted by device. */
	struct fold *batch;
	size_t nbatch;
	enum live_phase phase;
	size_t nlocked;		 /* folds, of the batch too, that are marked as locked */
	struct pg_isolate spans; /* of the batch, in this phase */
	struct pg_array arrays[LIVE_ARRAYS];
	struct log_gate full_gate, refused_gate, locked_gate;
};

/* Has the row something to send in this phase? */
static inline bool
live_sends(const struct fold *f, enum live_phase phase)
{
	switch (phase) {
	case LIVE_ROWS:
		return f->row && !f->gone;
	case LIVE_GOODBYES:
		return f->row && f->gone;
	case LIVE_AHEAD:
		return f->ahead && !f->gone;
	case LIVE_PINGS:
		return f->ping && !f->held;
	case LIVE_DONE:
		break;
	}
	return false;
}

/*
 * The folds (live_folds.c). A pointer to one is good until the next append, take or put_back.
 */
struct fold *live_find(struct live *, uint32_t entry);
/* A new, empty one. NULL: no room (logged). */
struct fold *live_append(struct live *, uint32_t entry) __attribute__((warn_unused_result));
/*
 * While one is marked, rows that somebody holds are left out instead of waited for. Whoever gives up a fold takes
 * its mark off.
 */
void live_mark_locked(struct live *, struct fold *, bool locked);
/* So many sessions more, the last of them all, ended for the reason. */
void live_count_end(struct fold *, const char *reason, uint32_t ends);
/* It has something more to write: no later than by what that is, and by when the last was written. */
void live_schedule(struct live *, struct fold *);
/* Takes folds[i] out; the last one moves into its place. */
struct fold live_take(struct live *, size_t i);
/* Puts one back, under what has happened since. Its memory goes over or is freed. */
void live_put_back(struct live *, struct fold *older, int64_t due_ms);
void live_drop_detail(struct live *, struct fold *);
/* Of one that was taken out: nothing of it is left to write. */
void live_forget(struct live *, struct fold *);
/* After a storm most of the memory goes back. */
void live_shrink(struct live *);
void live_note_full(struct live *);

/*
 * Turns (live_turns.c). Takes those whose turn it is into the batch, sorted. False: it is nobody's yet.
 */
bool live_turn(struct live *, int64_t now_ms) __attribute__((warn_unused_result));
/* When the fold may be written at the earliest. */
int64_t live_due_at(const struct live *, const struct fold *);

/* The statements (live_write.c). */
extern const char *const live_statements[];

/* Sends the rows of l->spans.now with the statement of l->phase. */
bool live_write_start(struct live *, struct pg_conn *) __attribute__((warn_unused_result));
void live_write_init(struct live *);
void live_write_free(struct live *);

#endif
