/* Full loads, and which worker does them. */
#include "shm/registry_impl.h"

#include <unistd.h>

#define END_CHUNK 4096u /* entries looked at in one go under the lock, at the end of a load */

void
registry_load_begin(struct registry *r, struct registry_load *load)
{
	load->asked_at = registry_seq(r);
	registry_lock(r);
	r->loading_seq = load->asked_at + 1;
	r->load_full = false;
	registry_unlock(r);
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
	struct entry *e = registry_at(r, entry);
	uint32_t flags = atomic_load_explicit(&e->flags, memory_order_relaxed);

	if ((flags & FLAG_PRESENT) == 0 ||
	    atomic_load_explicit(&e->seq, memory_order_relaxed) > asked_at)
		return false;
	r->nabsent++;
	registry_set_row(r, entry, atomic_load_explicit(&e->id, memory_order_relaxed), 0);
	registry_touch(r, e);
	return true;
}

static uint32_t
free_absent(struct registry *r, uint32_t count)
{
	uint32_t n = 0;

	for (uint32_t from = 0; from < count; from += END_CHUNK) {
		registry_lock(r);
		n += registry_free_some(
		    r, from, from + END_CHUNK < count ? from + END_CHUNK : count);
		registry_unlock(r);
	}
	return n;
}

void
registry_load_end(struct registry *r, const struct registry_load *load, bool complete)
{
	uint32_t count = registry_count(r);
	bool full;

	registry_lock(r);
	r->loading_seq = 0;
	full = r->load_full;
	registry_unlock(r);
	if (!complete)
		return;
	for (uint32_t from = 0; from < count; from += END_CHUNK) {
		bool changed = false;

		registry_lock(r);
		for (uint32_t i = from; i < count && i < from + END_CHUNK; i++)
			changed |= mark_absent(r, i, load->asked_at);
		if (changed)
			registry_raise_version(r);
		registry_unlock(r);
	}
	atomic_store_explicit(&r->loaded, 1, memory_order_release);
	if (free_absent(r, count) > 0 && full)
		atomic_store_explicit(&r->full_request, 1, memory_order_release);
}

bool
registry_loaded(const struct registry *r)
{
	return atomic_load_explicit((_Atomic int32_t *)&r->loaded, memory_order_acquire) != 0;
}

int64_t
registry_table(const struct registry *r)
{
	return atomic_load_explicit((_Atomic int64_t *)&r->table, memory_order_acquire);
}

void
registry_set_table(struct registry *r, int64_t table)
{
	atomic_store_explicit(&r->table, table, memory_order_release);
}

void
registry_ask_reload(struct registry *r)
{
	atomic_store_explicit(&r->reload_request, 1, memory_order_release);
}

bool
registry_take_reload_request(struct registry *r)
{
	/* Asked often, and nearly always in vain: look before the exchange. */
	return atomic_load_explicit(&r->reload_request, memory_order_relaxed) != 0 &&
	       atomic_exchange_explicit(&r->reload_request, 0, memory_order_acq_rel) != 0;
}

bool
registry_take_full_request(struct registry *r)
{
	return atomic_load_explicit(&r->full_request, memory_order_relaxed) != 0 &&
	       atomic_exchange_explicit(&r->full_request, 0, memory_order_acq_rel) != 0;
}

bool
registry_try_lead(struct registry *r)
{
	int32_t self = (int32_t)getpid();
	enum mutex_result got = mutex_try(&r->lead_lock);

	if (got == MUTEX_BUSY)
		return false;
	/*
	 * `leader` is written under this lock alone and zeroed before it is given up: it can name
	 * us only if we hold the lock already, and then it is taken twice now. (A dead leader that
	 * had our process id is told by MUTEX_OWNER_DIED.)
	 */
	if (got == MUTEX_TAKEN && atomic_load_explicit(&r->leader, memory_order_relaxed) == self)
		mutex_unlock(&r->lead_lock);
	else
		atomic_store_explicit(&r->leader, self, memory_order_relaxed);
	return true;
}

bool
registry_leads(const struct registry *r)
{
	return atomic_load_explicit(&r->leader, memory_order_relaxed) == (int32_t)getpid();
}

void
registry_stop_leading(struct registry *r)
{
	/* Nobody else writes our process id, and a leftover one is not ours to unlock. */
	if (!registry_try_lead(r))
		return;
	atomic_store_explicit(&r->leader, 0, memory_order_relaxed);
	mutex_unlock(&r->lead_lock);
}
