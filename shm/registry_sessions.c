/* The directory of sessions, and what workers note about devices beside it. */
#include "common/db_clock.h"
#include "shm/area.h"
#include "shm/registry_impl.h"

/* The time part of a session id. */
#define SESSION_TIME_MAX (INT64_MAX >> SHM_OWNER_BITS)

static_assert((uint32_t)SHM_MAX_SLOTS * SHM_BLOCKS <= 1u << SHM_OWNER_BITS, "owners fit");

int64_t
registry_new_session(struct registry *r, uint32_t owner, int64_t now_us)
{
	int64_t last = atomic_load_explicit(&r->last_session, memory_order_relaxed), next;

	do {
		/* The database's clock may be set back: then ids follow it. */
		bool back = now_us > 0 && last - now_us > REGISTRY_AHEAD_US;

		next = now_us > last || back ? now_us : last + 1;
		if (next > SESSION_TIME_MAX)
			next = SESSION_TIME_MAX; /* the year 2112: a clock gone mad */
	} while (!atomic_compare_exchange_weak_explicit(
	    &r->last_session, &last, next, memory_order_relaxed, memory_order_relaxed));
	return next * (INT64_C(1) << SHM_OWNER_BITS) + (int64_t)owner;
}

int64_t
registry_session_time(int64_t id)
{
	return id >> SHM_OWNER_BITS;
}

int64_t
registry_settled_session(int64_t id)
{
	const int64_t factor = INT64_C(1) << SHM_OWNER_BITS;

	return db_clock_settle_us(registry_session_time(id)) * factor + id % factor;
}

/* Does a session that is opened now, with the id `id`, come after this one? */
static bool
is_older(int64_t before, int64_t id)
{
	return before != REGISTRY_SESSION_GONE &&
	       (before < id ||
		   registry_session_time(before) - registry_session_time(id) > REGISTRY_AHEAD_US);
}

int64_t
registry_session_open(struct registry *r, uint32_t entry, int64_t id)
{
	struct entry *e = registry_at(r, entry);
	int64_t before = registry_is_named(e, entry)
			     ? atomic_load_explicit(&e->session, memory_order_relaxed)
			     : REGISTRY_SESSION_GONE;

	bool opened = false;

	while (!opened && is_older(before, id))
		opened = atomic_compare_exchange_weak_explicit(
		    &e->session, &before, id, memory_order_acq_rel, memory_order_relaxed);
	/* It was freed and taken in between: the session is in the way of another device. */
	if (opened && !registry_is_named(e, entry)) {
		before = id;
		(void)atomic_compare_exchange_strong_explicit(
		    &e->session, &before, 0, memory_order_acq_rel, memory_order_relaxed);
		before = REGISTRY_SESSION_GONE;
	}
	/* A takeover either way round: one of the two has to close. */
	if (before != 0)
		registry_raise_version(r);
	return before;
}

uint32_t
registry_entry_at(const struct registry *r, uint32_t place)
{
	return registry_name(r, place);
}

int64_t
registry_session(const struct registry *r, uint32_t entry)
{
	const struct entry *e = registry_at(r, entry);
	int64_t id = atomic_load_explicit((_Atomic int64_t *)&e->session, memory_order_acquire);

	return registry_is_named(e, entry) && id != REGISTRY_SESSION_GONE ? id : 0;
}

void
registry_session_close(struct registry *r, uint32_t entry, int64_t id)
{
	struct entry *e = registry_at(r, entry);
	int64_t expected = id;

	/* Of a deleted device: frames that it has brought until now are in batches that are not younger. */
	if (registry_is_named(e, entry) && (registry_flags(e) & FLAG_PRESENT) == 0)
		registry_touch(r, e);
	(void)atomic_compare_exchange_strong_explicit(
	    &e->session, &expected, 0, memory_order_seq_cst, memory_order_relaxed);
}

void
registry_session_lost(struct registry *r, uint32_t entry, int64_t id)
{
	_Atomic int64_t *session = &registry_at(r, entry)->session;
	int64_t now = atomic_load_explicit(session, memory_order_acquire);

	if (now == 0 || now == REGISTRY_SESSION_GONE || registry_settled_session(now) != id)
		return;
	if (atomic_compare_exchange_strong_explicit(
		session, &now, 0, memory_order_acq_rel, memory_order_relaxed))
		registry_raise_version(r);
}

void
registry_set_dirty(struct registry *r, uint32_t entry, uint32_t owner)
{
	struct entry *e = registry_at(r, entry);
	_Atomic uint32_t *dirty = &e->dirty;
	uint32_t nobody = 0;

	/* Set again and again, and nearly always ours already. */
	if (registry_is_named(e, entry) &&
	    atomic_load_explicit(dirty, memory_order_relaxed) == nobody)
		(void)atomic_compare_exchange_strong_explicit(
		    dirty, &nobody, owner + 1, memory_order_acq_rel, memory_order_relaxed);
}

void
registry_clear_dirty(struct registry *r, uint32_t entry, uint32_t owner)
{
	uint32_t expected = owner + 1;

	(void)atomic_compare_exchange_strong_explicit(&registry_at(r, entry)->dirty, &expected, 0,
	    memory_order_acq_rel, memory_order_relaxed);
}

int64_t
registry_flushed_ms(const struct registry *r, uint32_t entry)
{
	const struct entry *e = registry_at(r, entry);
	int64_t ms = atomic_load_explicit((_Atomic int64_t *)&e->flushed_ms, memory_order_relaxed);

	return registry_is_named(e, entry) ? ms : 0;
}

void
registry_set_flushed_ms(struct registry *r, uint32_t entry, int64_t mono_ms)
{
	struct entry *e = registry_at(r, entry);

	if (registry_is_named(e, entry))
		atomic_store_explicit(&e->flushed_ms, mono_ms, memory_order_relaxed);
}

/* Seconds are enough, and keep an entry in one cache line. */
static int64_t
noted_ms(const struct entry *e, uint32_t entry, const _Atomic uint32_t *seconds)
{
	uint32_t s = atomic_load_explicit((_Atomic uint32_t *)seconds, memory_order_relaxed);

	return registry_is_named(e, entry) ? (int64_t)s * 1000 : 0;
}

static void
note_ms(struct entry *e, uint32_t entry, _Atomic uint32_t *seconds, int64_t mono_ms)
{
	if (registry_is_named(e, entry))
		atomic_store_explicit(seconds, (uint32_t)(mono_ms / 1000), memory_order_relaxed);
}

int64_t
registry_duplicate_ms(const struct registry *r, uint32_t entry)
{
	const struct entry *e = registry_at(r, entry);

	return noted_ms(e, entry, &e->duplicate_s);
}

void
registry_set_duplicate_ms(struct registry *r, uint32_t entry, int64_t mono_ms)
{
	struct entry *e = registry_at(r, entry);

	note_ms(e, entry, &e->duplicate_s, mono_ms);
}

int64_t
registry_pinged_ms(const struct registry *r, uint32_t entry)
{
	const struct entry *e = registry_at(r, entry);

	return noted_ms(e, entry, &e->pinged_s);
}

void
registry_set_pinged_ms(struct registry *r, uint32_t entry, int64_t mono_ms)
{
	struct entry *e = registry_at(r, entry);

	note_ms(e, entry, &e->pinged_s, mono_ms);
}

/* Takes the session and the mark of a dead owner from an entry; false if it had neither. */
static bool
take_of_dead(struct entry *e, uint32_t owner, int64_t *session)
{
	const int64_t owner_mask = (INT64_C(1) << SHM_OWNER_BITS) - 1;
	int64_t id = atomic_load_explicit(&e->session, memory_order_acquire);
	uint32_t mark = owner + 1;
	bool found = false;

	*session = 0;
	/* A newer session that comes between is another's, and stays. */
	if (id != 0 && id != REGISTRY_SESSION_GONE && (id & owner_mask) == (int64_t)owner &&
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
registry_next_of_dead(struct registry *r, uint32_t owner, uint32_t *cursor, int64_t *session)
{
	uint32_t count = registry_count(r);

	while (*cursor < count) {
		uint32_t place = (*cursor)++;

		if (take_of_dead(registry_at(r, place), owner, session))
			return registry_name(r, place);
	}
	*session = 0;
	return REGISTRY_NONE;
}

uint32_t
registry_note_address(struct registry *r, uint32_t entry, uint16_t address_hash, int64_t mono_ms)
{
	struct entry *e = registry_at(r, entry);
	uint32_t minute = (uint32_t)(mono_ms / 60000) & 0xff;
	uint32_t was = atomic_load_explicit(&e->where, memory_order_relaxed);
	uint32_t changes = (was & 0xff) == minute ? (was >> 8) & 0xff : 0;
	bool changed = was != 0 && was >> 16 != address_hash;

	if (!registry_is_named(e, entry))
		return 0;
	if (changed && changes < 0xff)
		changes++;
	/* Two workers may write at once: at worst a change is not counted. */
	atomic_store_explicit(
	    &e->where, (uint32_t)address_hash << 16 | changes << 8 | minute, memory_order_relaxed);
	return changed ? changes : 0;
}

bool
registry_came_elsewhere(
    const struct registry *r, uint32_t entry, uint16_t address_hash, int64_t mono_ms)
{
	uint32_t where = atomic_load_explicit(&registry_at(r, entry)->where, memory_order_relaxed);
	uint32_t minute = (uint32_t)(mono_ms / 60000) & 0xff;

	return where >> 16 != address_hash || ((where & 0xff) == minute && (where >> 8 & 0xff) > 0);
}
