/*
 * A batch: what arrived while the transaction before it was under way (doc/design.md,
 * Batching). It holds the frames (raw bytes, whom to answer), and their records as
 * ready-made rows (row.h). Two of them per worker: one fills, one is stored.
 *
 * Frames and rows are named by their index; both stay where they are until
 * batch_reset(). Memory grows to its high-water mark and is bounded by the limits.
 * No I/O, no clock.
 */
#ifndef WORKER_STORE_BATCH_H
#define WORKER_STORE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/avl.h"
#include "proto/message.h"

#define BATCH_NONE UINT32_MAX

enum frame_kind {
	FRAME_RECORDS,	  /* rows for device_positions */
	FRAME_QUARANTINE, /* raw row; unreadable or unwanted, counted as quarantined */
	FRAME_MESSAGE,	  /* rows for device_messages */
	FRAME_DEBUG,	  /* raw row, a debug copy only: no records, no answer */
};

enum row_state {
	ROW_WAITING,   /* to be stored, until its frame is `done` */
	ROW_DUPLICATE, /* of another one in the batch, which is stored in its place */
	ROW_REFUSED,   /* the database refuses it for its content: its frame goes to quarantine */
	ROW_STORED,    /* and booked, though its frame is put aside for others */
};

/* Where a frame came from; copied into it. */
struct frame_source {
	uint64_t conn; /* its token (worker/tracker/table.h); 0: nobody waits */
	uint64_t imei;
	int64_t device_id;
	uint32_t entry; /* registry */
	int64_t received_mono_us;
	int64_t received_wall_us;
	uint8_t family; /* remote address: AF_INET, AF_INET6 */
	uint8_t addr[16];
};

/* The command that a message of the frame answers (command.h). */
struct frame_command {
	uint64_t conn; /* token of the connection that it came on; 0: no answer is in the frame */
	int64_t id;    /* 0: one of an earlier connection, which the database finds */
	int32_t attempt;
	uint8_t message; /* its place in the frame */
};

struct frame {
	struct frame_source from;
	struct frame_command command;
	const char *reason; /* of a raw row; static text */
	size_t raw_off;
	uint32_t raw_len;
	uint32_t first_row, nrows;
	uint16_t count; /* what Number of Data 1 says: records booked, and the ACK */
	uint16_t again; /* records of its device in this batch that stood there already */
	uint8_t kind;
	bool careful;	 /* its device's rows go by ON CONFLICT */
	bool forgotten;	 /* its connection is gone: not to be stored. Only while the batch fills */
	bool done;	 /* stored for good: may be answered */
	bool poisoned;	 /* a row of it was refused: the raw frame goes to quarantine too */
	bool unstorable; /* not even the raw frame can be stored: its connection is closed */
	bool answered;	 /* its ACK of `count` went out */
	bool aside;	 /* left out of this batch, for another one */
	uint32_t next;	 /* the connection's next frame in flight (worker/tracker/frames.c) */
};

struct row {
	int64_t device_id, recorded_at, hash; /* the key, as in the tuple */
	size_t off;
	uint32_t len;
	uint32_t frame;
	uint8_t state;
};

struct batch_limits {
	uint32_t records; /* rows */
	size_t bytes;	  /* of rows and raw frames */
};

struct batch {
	struct batch_limits limits;
	struct frame *frames;
	uint32_t nframes;
	struct row *rows;
	uint32_t nrows;
	uint8_t *bytes; /* raw frames and tuples */
	size_t used, room;
	uint32_t *order; /* rows in key order after batch_seal(), without duplicates */
	uint32_t norder;
};

/* False when memory is short. */
bool batch_init(struct batch *, const struct batch_limits *) __attribute__((warn_unused_result));
void batch_free(struct batch *);
void batch_reset(struct batch *);

static inline bool
batch_is_empty(const struct batch *b)
{
	return b->nframes == 0;
}

/* True if a frame of `raw_len` bytes with these records (none: may be NULL) fits. */
bool batch_has_room(
    const struct batch *, size_t raw_len, const struct avl_record *records, uint16_t nrecords);

/*
 * Adds a frame of `records`; raw is the whole frame. Only after batch_has_room().
 * Records whose timestamp no column can hold become ROW_REFUSED at once. Returns
 * its index, or BATCH_NONE when memory is short (nothing was added).
 */
uint32_t batch_add_records(struct batch *, const struct frame_source *, const uint8_t *raw,
    size_t raw_len, const struct avl_record *records, uint16_t nrecords)
    __attribute__((warn_unused_result));

/* Adds a frame of another kind. `count` records are booked for it (0 for messages and copies). */
uint32_t batch_add_raw(struct batch *, const struct frame_source *, enum frame_kind,
    const char *reason, const uint8_t *raw, size_t raw_len, uint16_t count)
    __attribute__((warn_unused_result));

/*
 * A copy of the frame and its rows, in their states; twins wait again. Its index, or BATCH_NONE when there is no
 * room or memory is short.
 */
uint32_t batch_copy(struct batch *to, const struct batch *from, uint32_t frame)
    __attribute__((warn_unused_result));

/*
 * Closes the gaps that the frames leave which are `forgotten`: the others move down, and `moved` is told of
 * each in turn, when it has. Not between batch_seal() and batch_reset().
 */
void batch_compact(struct batch *, void (*moved)(void *ctx, uint32_t from, uint32_t to), void *ctx);

static inline const uint8_t *
batch_raw(const struct batch *b, const struct frame *f)
{
	return b->bytes + f->raw_off;
}

/*
 * No more will come: leaves out what was forgotten, puts the rows in key order
 * and marks those that stand there twice as ROW_DUPLICATE.
 */
void batch_seal(struct batch *);

#endif
