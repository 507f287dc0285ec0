/*
 * The registry: the gateway's mirror of `devices` in shared memory, and the directory of sessions
 * (doc/design.md, Sessions). It outlives workers, so a replacement serves known IMEIs at once, also
 * while PostgreSQL is away. For workers; the master only makes it.
 *
 * Readers take no lock. Writers hold a process-shared mutex that outlives its holder; a writer that is
 * killed inside leaves at worst one entry half-changed, and the next one to lock asks for a full reload.
 *
 * What names an entry in these functions is its place and a generation: the entry of a deleted device is
 * used again for another, and then has the next one. Whoever keeps a name of the device before that is
 * told that it is absent, and writes nothing of the new one. An entry is used again only when it has
 * no session, nobody's dirty mark, and no frame in a batch that may be of its device
 * (registry_batches_since()).
 *
 * Order of changes. Answers of the database can overtake each other: a worker notes registry_seq() before
 * it asks, and registry_apply() refuses (REGISTRY_STALE) when the entry has been changed since; the
 * worker asks again.
 *
 * Every change that a live session must notice (disabled, deleted, another id, other codecs, a newer
 * session) raises registry_version(); workers look at it a few times per second and check their own
 * sessions when it moved.
 */
#ifndef SHM_REGISTRY_H
#define SHM_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REGISTRY_NONE UINT32_MAX

/* Codecs a model may use (device_models); a model without a row may use all. */
#define CODEC_MAY_8 0x01u
#define CODEC_MAY_8E 0x02u
#define CODEC_MAY_16 0x04u
#define CODEC_MAY_12 0x08u
#define CODEC_MAY_13 0x10u
#define CODEC_MAY_14 0x20u
#define CODEC_MAY_15 0x40u
#define CODEC_MAY_ALL 0x7fu

struct registry;

/* What the database says of one device. */
struct device_row {
	uint64_t imei;
	int64_t id;
	bool present; /* a row exists; else the other members mean nothing */
	bool enabled;
	uint32_t codecs; /* CODEC_MAY_* */
};

/* One entry as a reader sees it. */
struct device_entry {
	int64_t id;
	bool present, enabled;
	uint32_t codecs;
};

/* What registry_session_open() returns when the entry is another device's by now. */
#define REGISTRY_SESSION_GONE INT64_MAX

enum registry_result { REGISTRY_OK, REGISTRY_UNCHANGED, REGISTRY_STALE, REGISTRY_FULL };

size_t registry_size(uint32_t max_devices);
/* `max_devices` at least 1; the memory must be zeroed, and stays so where no device is. */
void registry_init(struct registry *, uint32_t max_devices);

/* Index of an IMEI's entry, or REGISTRY_NONE. Lock-free. An entry may be absent (deleted). */
uint32_t registry_find(const struct registry *, uint64_t imei) __attribute__((warn_unused_result));
void registry_get(const struct registry *, uint32_t entry, struct device_entry *);
uint64_t registry_imei(const struct registry *, uint32_t entry);
uint32_t registry_count(const struct registry *); /* entries ever used, absent ones too */
/* The name that the entry at this place, below that count, has now. */
uint32_t registry_entry_at(const struct registry *, uint32_t place)
    __attribute__((warn_unused_result));
uint64_t registry_version(const struct registry *);
uint64_t registry_seq(const struct registry *);

/*
 * Takes what the database said, asked for when registry_seq() was `asked_at`. `entry` may be NULL;
 * *entry is the device's entry, also of a stale answer, or REGISTRY_NONE if it has none. A
 * device that is not present gets none. A confirmation counts as a change for the order.
 */
enum registry_result registry_apply(struct registry *, const struct device_row *, uint64_t asked_at,
    uint32_t *entry) __attribute__((warn_unused_result));

/*
 * A full load: begin, apply every row through registry_load_row(), end. Ending
 * with `complete` marks entries absent that were not seen and not changed since
 * the beginning. Only the leader loads.
 */
struct registry_load {
	uint64_t asked_at;
};
void registry_load_begin(struct registry *, struct registry_load *);
enum registry_result registry_load_row(struct registry *, const struct registry_load *,
    const struct device_row *) __attribute__((warn_unused_result));
void registry_load_end(struct registry *, const struct registry_load *, bool complete);

/* True once a first full load has ended: a miss then means "no such row, as of then". */
bool registry_loaded(const struct registry *) __attribute__((warn_unused_result));
/*
 * Which table the entries are of: what devices_load.sql says, or 0. One that was truncated is another, and
 * its ids are given anew: nothing may be stored under those of the old one.
 */
int64_t registry_table(const struct registry *) __attribute__((warn_unused_result));
void registry_set_table(struct registry *, int64_t table);

/* The leader is to load again. */
void registry_ask_reload(struct registry *);
/* True once, after that, or after a writer died inside the lock: the leader must load again. */
bool registry_take_reload_request(struct registry *) __attribute__((warn_unused_result));
/*
 * True once, after a device found no room: a load may find deleted ones, whose entries are used again
 * then. The leader should load, though not all the time.
 */
bool registry_take_full_request(struct registry *) __attribute__((warn_unused_result));

/*
 * One worker of the gateway is the leader: it listens to changes and loads. True for the leader (again and
 * again), by a lock that its death frees.
 */
bool registry_try_lead(struct registry *) __attribute__((warn_unused_result));
/* The same without an attempt to become it. */
bool registry_leads(const struct registry *);
void registry_stop_leading(struct registry *);

/*
 * Sessions. An id is a bigint of time (microseconds of db_clock_us()) and owner:
 * id >> SHM_OWNER_BITS orders sessions in time, also between gateways; its low bits are
 * shm_owner(). Ids are unique within the gateway, positive, and grow; but one whose time lies more than
 * REGISTRY_AHEAD_US ahead of the present is none that others have to wait for.
 *
 * Ids made before the database's time was known are provisional, as their time is: they may be compared
 * with all others, and go out of the gateway only as registry_settled_session() makes them.
 */
#define REGISTRY_AHEAD_US INT64_C(5000000)
int64_t registry_new_session(struct registry *, uint32_t owner, int64_t now_us)
    __attribute__((warn_unused_result));
int64_t registry_settled_session(int64_t id) __attribute__((warn_unused_result));
/* When it began, in microseconds as its id has them. */
int64_t registry_session_time(int64_t id) __attribute__((warn_unused_result));
/*
 * Makes `id` the newest session of the entry; returns the one before it, or 0. If a newer one than
 * `id` stands there already, it stays and is returned: the caller has lost before it began. That is also
 * so with REGISTRY_SESSION_GONE, for which nothing stands there.
 */
int64_t registry_session_open(struct registry *, uint32_t entry, int64_t id)
    __attribute__((warn_unused_result));
int64_t registry_session(const struct registry *, uint32_t entry)
    __attribute__((warn_unused_result));
/* Ends it, unless a newer one stands there already. */
void registry_session_close(struct registry *, uint32_t entry, int64_t id);
/* Another gateway has the device now: whoever has the session `id` (a settled one) has to close it. */
void registry_session_lost(struct registry *, uint32_t entry, int64_t id);

/*
 * Notes from where (a hash of the address, without port) a session of the entry was opened.
 * Returns how often the address has changed within the present minute if it changed now,
 * else 0: a tracker has one address for hours, two devices with one IMEI change it all the time.
 */
uint32_t registry_note_address(struct registry *, uint32_t entry, uint16_t address_hash,
    int64_t mono_ms) __attribute__((warn_unused_result));

/* Whether another address than this was noted last, or any other within the present minute. */
bool registry_came_elsewhere(const struct registry *, uint32_t entry, uint16_t address_hash,
    int64_t mono_ms) __attribute__((warn_unused_result));

/*
 * What workers note about live rows. `dirty` is owner + 1 of the worker that has something to write to
 * device_online for the device, or 0; a dead worker's replacement finds by it what was left unwritten. It
 * stays with an owner until that one clears it or is found dead: a device that moves on to another
 * worker must not hide what the first one left. flushed_ms: when its row was last written (monotonic).
 * pinged_ms: when devices.last_ping was. duplicate_ms: when a record of it was last found stored already. The
 * last two are whole seconds.
 */
void registry_set_dirty(struct registry *, uint32_t entry, uint32_t owner);
void registry_clear_dirty(struct registry *, uint32_t entry, uint32_t owner);
int64_t registry_flushed_ms(const struct registry *, uint32_t entry);
void registry_set_flushed_ms(struct registry *, uint32_t entry, int64_t mono_ms);
int64_t registry_pinged_ms(const struct registry *, uint32_t entry);
void registry_set_pinged_ms(struct registry *, uint32_t entry, int64_t mono_ms);
int64_t registry_duplicate_ms(const struct registry *, uint32_t entry);
void registry_set_duplicate_ms(struct registry *, uint32_t entry, int64_t mono_ms);

/*
 * The worker `owner` has frames in its batches since registry_seq() was `seq`; 0: it has none. Before the
 * first of them can lose its session. Its master says so of a dead worker.
 */
void registry_batches_since(struct registry *, uint32_t owner, uint64_t seq);

/*
 * Walks what a dead owner left (its sessions and dirty marks), from *cursor on (start at 0). Returns the
 * entry and sets *session to the dead session's id (0 if only the mark was left), or REGISTRY_NONE at
 * the end. Both are cleared in the entry as it is returned.
 */
uint32_t registry_next_of_dead(struct registry *, uint32_t owner, uint32_t *cursor,
    int64_t *session) __attribute__((warn_unused_result));

#endif
