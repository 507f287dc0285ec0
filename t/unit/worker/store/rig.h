/*
 * The ground the tests of the write path stand on: the store on a scripted link (t/unit/pg/scripted_link.h),
 * behind which a table in memory plays PostgreSQL, and refuses and fails as the test wants. The live row has a
 * twin too, which writes down what it is told.
 *
 * All the time the rig watches the promises: a frame is `done` only when its rows, message or raw bytes are
 * committed; nothing is stored twice; rig_close() checks that every record was booked once.
 */
#ifndef T_UNIT_WORKER_STORE_RIG_H
#define T_UNIT_WORKER_STORE_RIG_H

#include <check.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"
#include "shm/area.h"
#include "t/unit/pg/scripted_link.h"
#include "worker/store/store_impl.h"

#define RIG_ROWS 20000
#define RIG_FAULTS 32
#define RIG_DEVICES 64
#define RIG_IMEI(n) (UINT64_C(350000000000000) + (uint64_t)(n))
#define RIG_MS rig_noon_ms() /* where records begin, in the tracker's clock: today */
#define RIG_DAY UINT64_C(86400000)
uint64_t rig_noon_ms(void);

/* What happens to the next statement. */
enum rig_fault {
	NO_FAULT,
	LOST_BEFORE_COMMIT,
	LOST_AFTER_COMMIT,
	DEADLOCK,
	DISK_FULL,
};

struct rig_row {
	int64_t device, time, hash;
};

struct rig_raw {
	uint64_t imei;
	char reason[16];
	int64_t hash;
	bool has_device, has_addr;
};

struct rig {
	struct event_base *base;
	struct shm shm;
	struct shm_worker *worker;
	struct stats *stats;
	struct store *store;
	uint32_t entry[RIG_DEVICES];

	/* The database. Refused rows are known by their times, frames by their devices. */
	struct rig_row rows[RIG_ROWS];
	uint32_t nrows;
	uint32_t
	    unknown; /* rows whose COMMIT the store didn't hear of: it takes them for duplicates */
	uint64_t refused_ms[16];
	int nrefused_ms;
	const char *refusal;	/* SQLSTATE of refused rows */
	const char *constraint; /* that it names, or NULL */
	bool refuse_all;	/* every row */
	uint64_t broken[8];	/* days after today whose partition fails */
	int nbroken;
	uint32_t slow; /* statements of more rows are cancelled; 0: none */
	struct rig_raw raw[256];
	uint32_t nraw;
	uint64_t refused_raw, refused_message, locked_message, locked_raw; /* IMEIs */
	/* Somebody holds: rows of the devices 1 .. n, and it can be asked for; one whole table. */
	int locked_devices;
	bool locked_unseen;
	const char *locked_table;
	int64_t locked_day; /* since 1970; with locked_devices; INT64_MIN: all */
	struct {
		uint64_t imei;
		int64_t received, command;
		int32_t attempt;
		bool has_time, has_text, has_addr;
	} messages[256];
	uint32_t nmessages;
	int64_t open_command; /* answered by the first message that names it */
	enum rig_fault faults[RIG_FAULTS];
	int nfaults, fault_at;
	unsigned inserts, copies, proofs, raws, message_statements; /* statements that were sent */

	uint64_t waits; /* connection that can't be answered now; 0: none */

	/* What the store told. */
	unsigned up, down, room, stored, finished, stalled, moved;
	unsigned hasty, patient;   /* settings of the session */
	unsigned done, unstorable; /* frames of finished batches */
	unsigned answered;	   /* frames of connections */
	uint64_t booked_before;
};

/* On a database that is up. */
void rig_open(struct rig *, uint32_t records, bool raw_copies);
/* Checks the accounts: nothing is in flight, all is booked. */
void rig_close(struct rig *);

/* Adds a frame of n records of the device, from the time `at` (ms after RIG_MS) on. */
struct frame *rig_records(struct rig *, int device, uint64_t at, int n);
/* The same of a device that may be repeating itself. */
struct frame *rig_careful(struct rig *, int device, uint64_t at, int n);
struct frame *rig_unreadable(struct rig *, int device, int count);
struct frame *rig_debug_copy(struct rig *, int device);
/* A message of codec 12; it answers the command if that isn't 0. */
struct frame *rig_message(struct rig *, int device, const char *text, int64_t command);

void rig_refuse_ms(struct rig *, uint64_t at);
void rig_fault(struct rig *, enum rig_fault);

/* Turns the loop until the store sends something, or has nothing to do. */
void rig_turn(struct rig *);
/* Answers the statement that waits, as the table and the faults say. */
void rig_serve(struct rig *);
/* The same until nothing is left to do. A pause is cut short, a lost connection comes back. */
void rig_run(struct rig *);

/* What is put aside is tried again now. */
void rig_due(struct rig *);

bool rig_has(const struct rig *, int device, uint64_t at);
uint32_t rig_raw_rows(const struct rig *, int device, const char *reason);

/* What the twin of the live row was told. */
struct rig_live {
	int64_t device;
	int64_t seen_ms;
	int64_t newest; /* recorded_at of the row it took; 0: none */
};
extern struct rig_live rig_live[1024];
extern unsigned rig_nlive, rig_nseen;

#endif
