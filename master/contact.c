/*
 * First contact: workers accept before they have reached the database, as they must when it is away. A
 * generation that took over in that moment would have no database for an instant, and a balancer
 * that asks then would take the gateway out. So it waits for a word of each, but not for long.
 */
#include "master/master.h"

#include "common/clock.h"

#define CONTACT_MS 2000

bool
contact_made(struct master *m, int workers, bool next)
{
	int64_t now = clock_mono_ms();
	int i;

	if (m->contact_since_ms == 0)
		m->contact_since_ms = now;
	for (i = 0; i < workers; i++) {
		const struct slot *s = &m->slots[i].sup;

		if (!m->slots[i].proc[next ? s->next : s->current].contact)
			break;
	}
	if (i < workers && now - m->contact_since_ms < CONTACT_MS)
		return false;
	m->contact_since_ms = 0;
	return true;
}

void
contact_forget(struct master *m)
{
	m->contact_since_ms = 0;
}

int64_t
contact_due(const struct master *m)
{
	return m->contact_since_ms != 0 ? m->contact_since_ms + CONTACT_MS : SLOT_NEVER;
}

bool
contact_had(const struct master *m)
{
	int i;

	for (i = 0; i < m->nslots; i++) {
		const struct slot *s = &m->slots[i].sup;

		if (slot_accepting(s, s->current) &&
		    stats_get(&m->shm.slots[i].block[s->current].stats.db_up) != 0)
			return true;
	}
	return false;
}
