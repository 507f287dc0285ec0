/* The shared memory: made, or taken over from a predecessor, which then works in it for a while too. */
#include "config.h"

#include "master/master.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/db_clock.h"
#include "common/log.h"
#include "shm/registry.h"

/* A predecessor's memory, if it has our layout: counters, devices and sessions go on. */
static bool
take_over(struct master *m)
{
	const char *why;

	if (!m->from.present)
		return false;
	if (shm_attach(&m->shm, m->from.memory, (uint32_t)m->conf->max_devices, &why)) {
		m->from.memory = -1;
		m->successor.same_memory = true;
		return true;
	}
	log_warn("upgrade: the shared memory can't be taken over: %s; counters start at zero", why);
	close(m->from.memory);
	m->from.memory = -1;
	return false;
}

bool
memory_begin(struct master *m)
{
	char text[CONF_ERR];

	/* Room for as many workers as a reload may ask for; it costs nothing until it is used. */
	if (take_over(m) || shm_create(&m->shm, SHM_MAX_SLOTS, (uint32_t)m->conf->max_devices)) {
		/* The same gateway still: its predecessor's workers must not shut it out. */
		if (m->from.present && m->from.instance > 0)
			m->shm.header->instance = m->from.instance;
		db_clock_share(&m->shm.header->clock);
		return true;
	}
	snprintf(text, sizeof(text),
	    "%zu MB of shared memory, most of it for TELEM_MAX_DEVICES=%d, can't be mapped: %s",
	    m->shm.size >> 20, m->conf->max_devices, strerror(errno));
	master_say_failed(m, 1, text);
	return false;
}

static void
clear_addresses(struct master *m, int slot, int block)
{
	if (!shm_clear_addresses(&m->shm, shm_owner(slot, block)))
		log_warn(
		    "addresses of worker %d can't be cleared, and count until the next start: %s",
		    slot, strerror(errno));
}

void
memory_worker_died(struct master *m, const struct worker_proc *p)
{
	struct shm_worker *w = &m->shm.slots[p->slot].block[p->block];

	shm_retire(&m->shm, p->slot, p->block);
	clear_addresses(m, p->slot, p->block);
	registry_batches_since(m->shm.registry, shm_owner(p->slot, p->block), 0);
	shm_set_reason(w, "");
	atomic_store(&w->accepting, 0);
	atomic_store(&w->heartbeat, 0);
	atomic_store(&w->reason_seq, 0);
}

/* Not a worker of ours. A slot that we don't know has no worker of ours at all. */
static bool
is_others(const struct master *m, int slot, int block)
{
	return slot >= m->nslots || block != m->slots[slot].sup.current;
}

void
memory_other_gone(struct master *m)
{
	int i, b, used = shm_used_slots(&m->shm);
	struct shm_worker *w;

	for (i = 0; i < used; i++)
		for (b = 0; b < SHM_BLOCKS; b++) {
			if (!is_others(m, i, b))
				continue;
			w = &m->shm.slots[i].block[b];
			shm_retire(&m->shm, i, b);
			clear_addresses(m, i, b);
			registry_batches_since(m->shm.registry, shm_owner(i, b), 0);
			/* Of a master with memory of its own nothing is known. */
			if (i < m->nslots)
				m->slots[i].to_clean[b] =
				    !m->successor.same_memory || atomic_load(&w->unclean) != 0;
			atomic_store(&w->unclean, 0);
		}
}
