/*
 * What a dead worker left behind: sessions that still stand in the directory and the tables, live rows
 * that were not written. The next occupant of its block ends them on its own account. If none follows
 * there, another worker is told to, again and again until one hears it.
 */
#include "master/master.h"

#include "common/ipc.h"

/* Its sibling, else, if the slot is out of use, any worker that serves. NULL: nobody at present. */
static struct worker_proc *
choose(struct master *m, int slot, int block)
{
	struct master_slot *ms = &m->slots[slot];
	int i;

	if (ms->proc[!block].pid != 0)
		return &ms->proc[!block];
	for (i = 0; ms->sup.mode == SLOT_STOPPED && i < m->nslots; i++) {
		struct slot *s = &m->slots[i].sup;

		if (slot_accepting(s, s->current))
			return &m->slots[i].proc[s->current];
	}
	return NULL;
}

void
cleanup_advance(struct master *m)
{
	struct worker_proc *p;
	int i, slot, block;

	if (m->phase == MASTER_STOPPING)
		return;
	for (i = 0; i < m->nslots * SLOT_BLOCKS; i++) {
		slot = i / SLOT_BLOCKS;
		block = i % SLOT_BLOCKS;
		if (!m->slots[slot].to_clean[block] || (block == m->slots[slot].sup.current &&
							   m->slots[slot].sup.mode == SLOT_WAITING))
			continue;
		p = choose(m, slot, block);
		if (p != NULL && worker_channel_tell(
				     p, IPC_CLEAN_UP, (uint32_t)slot, shm_owner(slot, block), -1))
			m->slots[slot].to_clean[block] = false;
	}
}
