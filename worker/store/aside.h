/*
 * What the database doesn't take for now while it takes the rest: a device whose rows somebody holds
 * locked, a day whose partition is damaged, a step whose table is locked (doc/design.md, Storing).
 * Whoever splits a batch asks here what to leave out; what was left out is tried again with a back-off.
 *
 * A bounded set. Pure: the caller brings the time, and sees to the rows.
 */
#ifndef WORKER_STORE_ASIDE_H
#define WORKER_STORE_ASIDE_H

#include <stdbool.h>
#include <stdint.h>

#define ASIDE_MOST 256
#define ASIDE_FIRST_MS 1000
#define ASIDE_LAST_MS 30000
#define ASIDE_REASON 128

/*
 * What a key means: an id of a device, days since 1970 (UTC) of recorded_at, an enum store_step_id, the
 * arrival of a frame of messages whose command is locked, a hash of a raw frame whose row is.
 */
enum aside_what { ASIDE_DEVICE, ASIDE_DAY, ASIDE_STEP, ASIDE_COMMAND, ASIDE_RAW, ASIDE_WHATS };

struct aside_entry {
	int64_t key;
	int64_t since_ms; /* when it was put here */
	int64_t due_ms;	  /* when it is tried again */
	int32_t pause_ms; /* the last pause; it doubles from ASIDE_FIRST_MS to ASIDE_LAST_MS */
	uint8_t what;	  /* enum aside_what */
	char sqlstate[6]; /* of the last refusal */
	char reason[ASIDE_REASON];
};

struct aside {
	struct aside_entry entries[ASIDE_MOST]; /* sorted by what and key */
	uint32_t n;
	uint32_t count[ASIDE_WHATS]; /* for metrics */
};

/* {0} is empty. */
static inline bool
aside_is_empty(const struct aside *a)
{
	return a->n == 0;
}

/* The entry, or NULL. Good until the next change. */
const struct aside_entry *aside_find(const struct aside *, enum aside_what, int64_t key);

/* It is here and not due: to be left out. */
bool aside_waits(const struct aside *, enum aside_what, int64_t key, int64_t now_ms);

/*
 * Refused (once more): it is put here, or its pause doubles. The entry tells a new one by pause_ms ==
 * ASIDE_FIRST_MS. NULL: there is no room, so that it isn't one thing that fails.
 */
const struct aside_entry *aside_put(struct aside *, enum aside_what, int64_t key, int64_t now_ms,
    const char *sqlstate, const char *reason) __attribute__((warn_unused_result));

/*
 * All that are due are taken out: what was tried since and refused again isn't. Returns how many they were.
 */
uint32_t aside_clear_due(struct aside *, int64_t now_ms);

/* The earliest due_ms; INT64_MAX if it is empty. */
int64_t aside_next_ms(const struct aside *);

#endif
