/*
 * A slot that is down, or that TELEM_WORKERS leaves out, must not swallow its share of new
 * connections: while nobody accepts on its sockets, a worker of another slot gets them too. What
 * should be is compared with what is, again and again, so no message that got lost or came late
 * does lasting harm.
 */
#include "master/master.h"

#include <unistd.h>

#include "common/ipc.h"
#include "common/log.h"

static struct worker_proc *
find_serial(struct master *m, uint32_t serial)
{
	int i, b;

	for (i = 0; i < m->nslots; i++)
		for (b = 0; b < SLOT_BLOCKS; b++)
			if (m->slots[i].proc[b].pid != 0 && m->slots[i].proc[b].serial == serial)
				return &m->slots[i].proc[b];
	return NULL;
}

/* It has sockets, which the kernel gives connections to, and no worker of its own any more. */
static bool
is_surplus(const struct master *m, int slot)
{
	return slot >= m->conf->workers;
}

static bool
can_adopt(struct master *m, const struct worker_proc *p)
{
	return p->pid != 0 && p->control != -1 && slot_accepting(&m->slots[p->slot].sup, p->block);
}

/* False: the adopter lives but could not be told; to be tried again. */
static bool
release(struct master *m, int slot)
{
	struct master_slot *ms = &m->slots[slot];
	struct worker_proc *p = find_serial(m, ms->adopter);

	if (p != NULL && p->control != -1) {
		if (!spawn_tell(p, IPC_RELEASE, (uint32_t)slot, 0, -1))
			return false;
		p->adopted--;
	}
	ms->adopter = 0;
	return true;
}

/* The one with the fewest; all sockets of the slot, or none. */
static struct worker_proc *
choose(struct master *m, int slot)
{
	struct worker_proc *best = NULL;
	int i, b;

	for (i = 0; i < m->nslots; i++)
		for (b = 0; i != slot && b < SLOT_BLOCKS; b++) {
			struct worker_proc *p = &m->slots[i].proc[b];

			if (can_adopt(m, p) && (best == NULL || p->adopted < best->adopted))
				best = p;
		}
	return best;
}

static void
adopt(struct master *m, int slot)
{
	struct worker_proc *p = choose(m, slot);
	const int *fds = listen_slot(&m->listen, slot);
	int a;

	if (p == NULL)
		return;
	for (a = 0; a < m->listen.naddr; a++)
		if (fds[a] != -1 && !spawn_tell(p, IPC_ADOPT, (uint32_t)slot, 0, fds[a])) {
			(void)spawn_tell(p, IPC_RELEASE, (uint32_t)slot, 0, -1);
			return;
		}
	p->adopted++;
	m->slots[slot].adopter = p->serial;
	if (is_surplus(m, slot)) {
		log_debug("slot %d is out of use: worker %d (pid %ld) accepts on its sockets", slot,
		    p->slot, (long)p->pid);
		return;
	}
	stats_add(&m->count->adoptions, 1);
	log_warn(
	    "worker %d is down: worker %d (pid %ld) accepts for it", slot, p->slot, (long)p->pid);
}

/* All of them, to one worker. */
static bool
lend_retired(struct master *m, struct worker_proc *p)
{
	int i;

	for (i = 0; i < m->listen.nretired; i++)
		if (!spawn_tell(p, IPC_ADOPT, IPC_SLOT_NONE, 0, m->listen.retired[i])) {
			(void)spawn_tell(p, IPC_RELEASE, IPC_SLOT_NONE, 0, -1);
			return false;
		}
	m->retired_adopter = p->serial;
	return true;
}

/*
 * The sockets of addresses that are not wanted any more: while an old generation may hold them,
 * one worker of the new one accepts there. Then it takes what is queued and closes them, as the
 * last who has them.
 */
static void
advance_retired(struct master *m)
{
	struct worker_proc *p = find_serial(m, m->retired_adopter);
	int i;

	if (m->listen.nretired == 0 && m->retired_adopter == 0)
		return;
	if (m->listen.nretired > 0 && (p == NULL || !can_adopt(m, p))) {
		if (p != NULL)
			(void)spawn_tell(p, IPC_RELEASE, IPC_SLOT_NONE, 0, -1);
		m->retired_adopter = 0;
		p = choose(m, -1);
		if (p == NULL || !lend_retired(m, p))
			return;
	}
	if (m->reload.state != RELOAD_IDLE || master_has_other(m))
		return;
	for (i = 0; i < m->listen.nretired; i++)
		close(m->listen.retired[i]);
	m->listen.nretired = 0;
	/* If it dies before it reads this, the sockets have gone with it. */
	if (p == NULL || spawn_tell(p, IPC_RELEASE, IPC_SLOT_NONE, 1, -1))
		m->retired_adopter = 0;
}

void
adopt_advance(struct master *m)
{
	int i;

	if (m->phase == MASTER_STOPPING)
		return;
	advance_retired(m);
	for (i = 0; i < m->listen.nslots; i++) {
		struct master_slot *ms = &m->slots[i];
		bool wanted = is_surplus(m, i) || slot_wants_adopter(&ms->sup);
		struct worker_proc *p;

		if (ms->adopter != 0) {
			p = find_serial(m, ms->adopter);
			if (wanted && p != NULL && can_adopt(m, p))
				continue;
			/* A hung adopter reads this when it comes to, if it does. */
			if (!release(m, i) && !wanted)
				continue;
			ms->adopter = 0;
			if (!wanted)
				log_info("worker %d accepts for itself again", i);
		}
		if (wanted)
			adopt(m, i);
	}
}
