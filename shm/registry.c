#include "shm/registry.h"

#include <assert.h>
#include <sched.h>
#include <unistd.h>

#include "common/mutex.h"
#include "shm/area.h"

#define GET_SPINS 100	  /* a reader looks so often while the entry changes under it, */
#define GET_YIELDS 20	  /* then so often with the processor left to others */
#define END_CHUNK 4096u	  /* entries looked at under the lock at a time at the end of a load */
#define ABSENT_MEMO 4096u /* a power of two */

/* Flags of an entry; the codecs lie below them. */
#define FLAG_PRESENT 0x100u
#define FLAG_ENABLED 0x200u

/* The time part of a session id. */
#define SESSION_TIME_MAX (INT64_MAX >> SHM_OWNER_BITS)

static_assert((uint32_t)SHM_MAX_SLOTS * SHM_BLOCKS <= 1u << SHM_OWNER_BITS, "owners fit");
static_assert((CODEC_MAY_ALL & (FLAG_PRESENT | FLAG_ENABLED)) == 0, "flags don't overlap");

/*
 * One device, one cache line. What the database says of it (id, flags) is changed under the
 * writers' lock inside an odd `gen`, so that readers never take the id of one row for that of
 * another.
 */
struct entry {
	_Atomic uint64_t imei; /* never changes once it can be found */
	_Atomic int64_t id;
	_Atomic uint64_t seq; /* when it was last changed or confirmed */
	_Atomic int64_t session;
	_Atomic int64_t flushed_ms, duplicate_ms;
	_Atomic uint32_t gen, flags, dirty;
	_Atomic uint32_t
	    where; /* address hash << 16 | changes << 8 | minute, of the last session */
} __attribute__((aligned(64)));

/* That a device without an entry was found absent, so that an older answer doesn't make it one. */
struct absent {
	uint64_t imei, seq;
};

struct registry {
	uint32_t max, mask; /* entries; places of the index less one */
	_Atomic uint64_t version, seq;
	_Atomic int64_t last_session; /* its time part */
	_Atomic uint32_t count;
	_Atomic uint32_t
	    writing; /* the entry being changed, plus one: for who finds its writer dead */
	_Atomic int32_t loaded, reload_request, leader;
	pthread_mutex_t write_lock, lead_lock;
	struct absent absent[ABSENT_MEMO]; /* under write_lock */
	struct entry entries[]; /* `max`, dense; then the index: entry + 1, or 0 for a free place */
};

static uint32_t
index_places(uint32_t max_devices)
{
	uint32_t n = 16;

	while (n < 2 * (uint64_t)max_devices)
		n *= 2;
	return n;
}

size_t
registry_size(uint32_t max_devices)
{
	return sizeof(struct registry) + (size_t)max_devices * sizeof(struct entry) +
	       (size_t)index_places(max_devices) * sizeof(_Atomic uint32_t);
}

void
registry_init(struct registry *r, uint32_t max_devices)
{
	assert(max_devices > 0 && max_devices <= UINT32_MAX / 4);
	r->max = max_devices;
	r->mask = index_places(max_devices) - 1;
	robust_init(&r->write_lock, false);
	robust_init(&r->lead_lock, true);
}

static struct entry *
at(const struct registry *r, uint32_t entry)
{
	/* A wrong index would write into another device, or past the end for all workers. */
	assert(entry < r->max);
	return (struct entry *)&r->entries[entry];
}

static _Atomic uint32_t *
place(const struct registry *r, uint32_t i)
{
	return (_Atomic uint32_t *)(void *)&r->entries[r->max] + i;
}

static uint32_t
hash(uint64_t imei)
{
	imei = (imei ^ (imei >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	imei = (imei ^ (imei >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)(imei ^ (imei >> 31));
}

/*
 * Looks for an IMEI; without it *free is the place where it belongs. The index is at most half
 * full, so the walk is short and ends.
 */
static uint32_t
probe(const struct registry *r, uint64_t imei, uint32_t *free)
{
	uint32_t i = hash(imei) & r->mask;

	for (uint32_t n = 0; n <= r->mask; n++, i = (i + 1) & r->mask) {
		uint32_t e = atomic_load_explicit(place(r, i), memory_order_acquire);

		*free = i;
		if (e == 0)
			return REGISTRY_NONE;
		if (atomic_load_explicit(&at(r, e - 1)->imei, memory_order_relaxed) == imei)
			return e - 1;
	}
	return REGISTRY_NONE;
}

uint32_t
registry_find(const struct registry *r, uint64_t imei)
{
	uint32_t unused;

	return imei == 0 ? REGISTRY_NONE : probe(r, imei, &unused);
}

void
registry_get(const struct registry *r, uint32_t entry, struct device_entry *out)
{
	struct entry *e = at(r, entry);
	uint32_t flags = 0;

	for (int i = 0; i < GET_SPINS + GET_YIELDS; i++) {
		uint32_t gen;

		if (i >= GET_SPINS)
			(void)sched_yield();
		gen = atomic_load_explicit(&e->gen, memory_order_acquire);
		out->id = atomic_load_explicit(&e->id, memory_order_relaxed);
		flags = atomic_load_explicit(&e->flags, memory_order_relaxed);
		atomic_thread_fence(memory_order_acquire);
		if ((gen & 1) == 0 && atomic_load_explicit(&e->gen, memory_order_relaxed) == gen)
			break;
		/* A writer that died inside is not waited for: each member is whole. */
	}
	out->present = (flags & FLAG_PRESENT) != 0;
	out->enabled = (flags & FLAG_ENABLED) != 0;
	out->codecs = flags & CODEC_MAY_ALL;
}

uint64_t
registry_imei(const struct registry *r, uint32_t entry)
{
	return atomic_load_explicit(&at(r, entry)->imei, memory_order_relaxed);
}

uint32_t
registry_count(const struct registry *r)
{
	return atomic_load_explicit((_Atomic uint32_t *)&r->count, memory_order_acquire);
}

uint64_t
registry_version(const struct registry *r)
{
	return atomic_load_explicit((_Atomic uint64_t *)&r->version, memory_order_acquire);
}

uint64_t
registry_seq(const struct registry *r)
{
	return atomic_load_explicit((_Atomic uint64_t *)&r->seq, memory_order_acquire);
}

static void
raise_version(struct registry *r)
{
	atomic_fetch_add_explicit(&r->version, 1, memory_order_acq_rel);
}

/* Writes what the database says into an entry. Under the lock. */
static void
set_row(struct registry *r, uint32_t entry, int64_t id, uint32_t flags)
{
	struct entry *e = at(r, entry);
	/* Odd already if a writer died in here. */
	uint32_t odd = atomic_load_explicit(&e->gen, memory_order_relaxed) | 1;

	atomic_store_explicit(&r->writing, entry + 1, memory_order_relaxed);
	atomic_store_explicit(&e->gen, odd, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&e->id, id, memory_order_relaxed);
	atomic_store_explicit(&e->flags, flags, memory_order_relaxed);
	atomic_store_explicit(&e->gen, odd + 1, memory_order_release);
	atomic_store_explicit(&r->writing, 0, memory_order_relaxed);
}

/*
 * A writer died inside the lock. Its entry may be half-changed, or be counted but not yet in
 * the index; nobody may have been told. The full load that is asked for brings the right content.
 */
static void
repair(struct registry *r)
{
	uint32_t writing = atomic_load_explicit(&r->writing, memory_order_relaxed);
	uint32_t count = registry_count(r), free = 0;

	if (writing != 0 && writing <= r->max) {
		struct entry *e = at(r, writing - 1);
		uint32_t gen = atomic_load_explicit(&e->gen, memory_order_relaxed);

		if ((gen & 1) != 0)
			atomic_store_explicit(&e->gen, gen + 1, memory_order_release);
		atomic_store_explicit(&r->writing, 0, memory_order_relaxed);
	}
	if (count != 0 && probe(r, registry_imei(r, count - 1), &free) == REGISTRY_NONE)
		atomic_store_explicit(place(r, free), count, memory_order_release);
	atomic_store_explicit(&r->reload_request, 1, memory_order_release);
	raise_version(r);
}

static void
lock(struct registry *r)
{
	if (robust_lock(&r->write_lock) == ROBUST_OWNER_DIED)
		repair(r);
}

static void
unlock(struct registry *r)
{
	robust_unlock(&r->write_lock);
}

static uint64_t
next_seq(struct registry *r)
{
	return atomic_fetch_add_explicit(&r->seq, 1, memory_order_acq_rel) + 1;
}

static struct absent *
absent_memo(struct registry *r, uint64_t imei)
{
	return &r->absent[hash(imei) & (ABSENT_MEMO - 1)];
}

/* A device that has no entry yet. Under the lock. */
static enum registry_result
add(struct registry *r, const struct device_row *row, uint32_t flags, uint64_t asked_at,
    uint32_t free, uint32_t *entry)
{
	struct absent *memo = absent_memo(r, row->imei);
	uint32_t n = registry_count(r);

	if (memo->imei == row->imei && memo->seq > asked_at)
		return REGISTRY_STALE;
	if (!row->present) {
		/* No entry for what isn't there, or a scanner would fill the registry. */
		memo->imei = row->imei;
		memo->seq = next_seq(r);
		return REGISTRY_UNCHANGED;
	}
	if (n == r->max)
		return REGISTRY_FULL;
	atomic_store_explicit(&at(r, n)->imei, row->imei, memory_order_relaxed);
	set_row(r, n, row->id, flags);
	atomic_store_explicit(&at(r, n)->seq, next_seq(r), memory_order_relaxed);
	/* Counted first: a death here is mended by repair(), which looks at the last one. */
	atomic_store_explicit(&r->count, n + 1, memory_order_release);
	atomic_store_explicit(place(r, free), n + 1, memory_order_release);
	*entry = n;
	return REGISTRY_OK;
}

/* Under the lock. */
static enum registry_result
apply(struct registry *r, const struct device_row *row, uint64_t asked_at, uint32_t *entry)
{
	uint32_t flags = 0, free = 0;
	int64_t id = row->id;
	struct entry *e;
	bool same;

	if (row->present)
		flags = FLAG_PRESENT | (row->enabled ? FLAG_ENABLED : 0) |
			(row->codecs & CODEC_MAY_ALL);
	*entry = probe(r, row->imei, &free);
	if (*entry == REGISTRY_NONE)
		return add(r, row, flags, asked_at, free, entry);
	e = at(r, *entry);
	if (atomic_load_explicit(&e->seq, memory_order_relaxed) > asked_at)
		return REGISTRY_STALE;
	/* Records of a device that was deleted may still be under way: its id stays readable. */
	if (!row->present)
		id = atomic_load_explicit(&e->id, memory_order_relaxed);
	same = atomic_load_explicit(&e->id, memory_order_relaxed) == id &&
	       atomic_load_explicit(&e->flags, memory_order_relaxed) == flags;
	if (!same)
		set_row(r, *entry, id, flags);
	/* A confirmation counts too, or an answer older than it could still undo it. */
	atomic_store_explicit(&e->seq, next_seq(r), memory_order_relaxed);
	if (same)
		return REGISTRY_UNCHANGED;
	raise_version(r);
	return REGISTRY_OK;
}

enum registry_result
registry_apply(struct registry *r, const struct device_row *row, uint64_t asked_at, uint32_t *entry)
{
	enum registry_result result;
	uint32_t found = REGISTRY_NONE;

	if (row->imei != 0) {
		lock(r);
		result = apply(r, row, asked_at, &found);
		unlock(r);
	} else {
		result = REGISTRY_UNCHANGED;
	}
	if (entry != NULL)
		*entry = found;
	return result;
}

void
registry_load_begin(struct registry *r, struct registry_load *load)
{
	load->asked_at = registry_seq(r);
}

enum registry_result
registry_load_row(
    struct registry *r, const struct registry_load *load, const struct device_row *row)
{
	return registry_apply(r, row, load->asked_at, NULL);
}

/* Whoever was seen in the load, or changed by somebody else since, has a younger seq. */
static bool
mark_absent(struct registry *r, uint32_t entry, uint64_t asked_at)
{
	struct entry *e = at(r, entry);
	uint32_t flags = atomic_load_explicit(&e->flags, memory_order_relaxed);

	if ((flags & FLAG_PRESENT) == 0 ||
	    atomic_load_explicit(&e->seq, memory_order_relaxed) > asked_at)
		return false;
	set_row(r, entry, atomic_load_explicit(&e->id, memory_order_relaxed), 0);
	atomic_store_explicit(&e->seq, next_seq(r), memory_order_relaxed);
	return true;
}

void
registry_load_end(struct registry *r, const struct registry_load *load, bool complete)
{
	uint32_t count = registry_count(r);

	if (!complete)
		return;
	for (uint32_t from = 0; from < count; from += END_CHUNK) {
		bool changed = false;

		lock(r);
		for (uint32_t i = from; i < count && i < from + END_CHUNK; i++)
			changed |= mark_absent(r, i, load->asked_at);
		if (changed)
			raise_version(r);
		unlock(r);
	}
	atomic_store_explicit(&r->loaded, 1, memory_order_release);
}

bool
registry_loaded(const struct registry *r)
{
	return atomic_load_explicit((_Atomic int32_t *)&r->loaded, memory_order_acquire) != 0;
}

bool
registry_take_reload_request(struct registry *r)
{
	/* Asked often, and nearly always in vain: look before the exchange. */
	return atomic_load_explicit(&r->reload_request, memory_order_relaxed) != 0 &&
	       atomic_exchange_explicit(&r->reload_request, 0, memory_order_acq_rel) != 0;
}

bool
registry_try_lead(struct registry *r)
{
	int32_t self = (int32_t)getpid();
	enum robust_result got = robust_try(&r->lead_lock);

	if (got == ROBUST_BUSY)
		return false;
	/*
	 * `leader` is written under this lock alone and zeroed before it is given up: it can name
	 * us only if we hold the lock already, and then it is taken twice now. (A dead leader that
	 * had our process id is told by ROBUST_OWNER_DIED.)
	 */
	if (got == ROBUST_TAKEN && atomic_load_explicit(&r->leader, memory_order_relaxed) == self)
		robust_unlock(&r->lead_lock);
	else
		atomic_store_explicit(&r->leader, self, memory_order_relaxed);
	return true;
}

void
registry_stop_leading(struct registry *r)
{
	/* Nobody else writes our process id, and a leftover one is not ours to unlock. */
	if (!registry_try_lead(r))
		return;
	atomic_store_explicit(&r->leader, 0, memory_order_relaxed);
	robust_unlock(&r->lead_lock);
}

int64_t
registry_new_session(struct registry *r, uint32_t owner, int64_t wall_us)
{
	int64_t last = atomic_load_explicit(&r->last_session, memory_order_relaxed), next;

	do {
		next = wall_us > last ? wall_us : last + 1;
		if (next > SESSION_TIME_MAX)
			next = SESSION_TIME_MAX; /* the year 2112: a clock gone mad */
	} while (!atomic_compare_exchange_weak_explicit(
	    &r->last_session, &last, next, memory_order_relaxed, memory_order_relaxed));
	return next * (INT64_C(1) << SHM_OWNER_BITS) + (int64_t)owner;
}

int64_t
registry_session_open(struct registry *r, uint32_t entry, int64_t id)
{
	struct entry *e = at(r, entry);
	int64_t before = atomic_load_explicit(&e->session, memory_order_relaxed);

	while (before < id && !atomic_compare_exchange_weak_explicit(&e->session, &before, id,
				  memory_order_acq_rel, memory_order_relaxed))
		;
	/* A takeover either way round: one of the two has to close. */
	if (before != 0)
		raise_version(r);
	return before;
}

int64_t
registry_session(const struct registry *r, uint32_t entry)
{
	return atomic_load_explicit(&at(r, entry)->session, memory_order_acquire);
}

void
registry_session_close(struct registry *r, uint32_t entry, int64_t id)
{
	int64_t expected = id;

	(void)atomic_compare_exchange_strong_explicit(
	    &at(r, entry)->session, &expected, 0, memory_order_acq_rel, memory_order_relaxed);
}

void
registry_set_dirty(struct registry *r, uint32_t entry, uint32_t owner)
{
	_Atomic uint32_t *dirty = &at(r, entry)->dirty;
	uint32_t nobody = 0;

	/* Set again and again, and nearly always ours already. */
	if (atomic_load_explicit(dirty, memory_order_relaxed) == nobody)
		(void)atomic_compare_exchange_strong_explicit(
		    dirty, &nobody, owner + 1, memory_order_acq_rel, memory_order_relaxed);
}

void
registry_clear_dirty(struct registry *r, uint32_t entry, uint32_t owner)
{
	uint32_t expected = owner + 1;

	(void)atomic_compare_exchange_strong_explicit(
	    &at(r, entry)->dirty, &expected, 0, memory_order_acq_rel, memory_order_relaxed);
}

int64_t
registry_flushed_ms(const struct registry *r, uint32_t entry)
{
	return atomic_load_explicit(&at(r, entry)->flushed_ms, memory_order_relaxed);
}

void
registry_set_flushed_ms(struct registry *r, uint32_t entry, int64_t mono_ms)
{
	atomic_store_explicit(&at(r, entry)->flushed_ms, mono_ms, memory_order_relaxed);
}

int64_t
registry_duplicate_ms(const struct registry *r, uint32_t entry)
{
	return atomic_load_explicit(&at(r, entry)->duplicate_ms, memory_order_relaxed);
}

void
registry_set_duplicate_ms(struct registry *r, uint32_t entry, int64_t mono_ms)
{
	atomic_store_explicit(&at(r, entry)->duplicate_ms, mono_ms, memory_order_relaxed);
}

/* Takes the session and the mark of a dead owner from an entry; false if it had neither. */
static bool
take_orphan(struct entry *e, uint32_t owner, int64_t *session)
{
	const int64_t owner_mask = (INT64_C(1) << SHM_OWNER_BITS) - 1;
	int64_t id = atomic_load_explicit(&e->session, memory_order_acquire);
	uint32_t mark = owner + 1;
	bool found = false;

	*session = 0;
	/* A newer session that comes between is another's, and stays. */
	if (id != 0 && (id & owner_mask) == (int64_t)owner &&
	    atomic_compare_exchange_strong_explicit(
		&e->session, &id, 0, memory_order_acq_rel, memory_order_relaxed)) {
		*session = id;
		found = true;
	}
	if (atomic_load_explicit(&e->dirty, memory_order_relaxed) == mark &&
	    atomic_compare_exchange_strong_explicit(
		&e->dirty, &mark, 0, memory_order_acq_rel, memory_order_relaxed))
		found = true;
	return found;
}

uint32_t
registry_next_orphan(struct registry *r, uint32_t owner, uint32_t *cursor, int64_t *session)
{
	uint32_t count = registry_count(r);

	while (*cursor < count) {
		uint32_t entry = (*cursor)++;

		if (take_orphan(at(r, entry), owner, session))
			return entry;
	}
	*session = 0;
	return REGISTRY_NONE;
}

pthread_mutex_t *
registry_writer_lock(struct registry *r)
{
	return &r->write_lock;
}

uint32_t
registry_note_address(struct registry *r, uint32_t entry, uint16_t address_hash, int64_t mono_ms)
{
	struct entry *e = at(r, entry);
	uint32_t minute = (uint32_t)(mono_ms / 60000) & 0xff;
	uint32_t was = atomic_load_explicit(&e->where, memory_order_relaxed);
	uint32_t changes = (was & 0xff) == minute ? (was >> 8) & 0xff : 0;
	bool changed = was != 0 && was >> 16 != address_hash;

	if (changed && changes < 0xff)
		changes++;
	/* Two workers may write at once: at worst a change is not counted. */
	atomic_store_explicit(
	    &e->where, (uint32_t)address_hash << 16 | changes << 8 | minute, memory_order_relaxed);
	return changed ? changes : 0;
}
