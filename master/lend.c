/*
 * Loans: a slot that is down, or that TELEM_WORKERS leaves out, must not swallow its share of new
 * connections. While nobody accepts on its sockets, they are lent to a worker of another slot. What
 * should be is compared with what is, again and again, so no message that got lost or came late does
 * lasting harm.
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
may_borrow(struct master *m, const struct worker_proc *p)
{
	return p->pid != 0 && p->channel != -1 && slot_accepting(&m->slots[p->slot].sup, p->block);
}

/* A loan that only half came about. A borrower that can't hear this keeps what it has until it ends. */
static void
undo(struct worker_proc *p, uint32_t slot)
{
	if (!worker_channel_tell(p, IPC_TAKE_BACK, slot, 0, -1))
		log_debug(
		    "worker %d (pid %ld) does not hear that a loan is over", p->slot, (long)p->pid);
}

/* False: the borrower lives but could not be told; to be tried again. */
static bool
take_back(struct master *m, int slot)
{
	struct master_slot *ms = &m->slots[slot];
	struct worker_proc *p = find_serial(m, ms->borrower);

	if (p != NULL && p->channel != -1) {
		if (!worker_channel_tell(p, IPC_TAKE_BACK, (uint32_t)slot, 0, -1))
			return false;
		p->borrowed--;
	}
	ms->borrower = 0;
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

			if (may_borrow(m, p) && (best == NULL || p->borrowed < best->borrowed))
				best = p;
		}
	return best;
}

static void
lend(struct master *m, int slot)
{
	struct worker_proc *p = choose(m, slot);
	const int *fds = listen_slot(&m->listen, slot);
	int a;

	if (p == NULL)
		return;
	for (a = 0; a < m->listen.naddr; a++)
		if (fds[a] != -1 && !worker_channel_tell(p, IPC_LEND, (uint32_t)slot, 0, fds[a])) {
			undo(p, (uint32_t)slot);
			return;
		}
	p->borrowed++;
	m->slots[slot].borrower = p->serial;
	if (is_surplus(m, slot)) {
		log_debug("slot %d is out of use: worker %d (pid %ld) accepts on its sockets", slot,
		    p->slot, (long)p->pid);
		return;
	}
	atomic_fetch_add(&m->shm.header->loans, 1);
	log_warn(
	    "worker %d is down: worker %d (pid %ld) accepts for it", slot, p->slot, (long)p->pid);
}

/* All of them, to one worker. */
static bool
lend_retired(struct master *m, struct worker_proc *p)
{
	int i;

	for (i = 0; i < m->listen.nretired; i++)
		if (!worker_channel_tell(
			p, IPC_LEND, IPC_RETIRED_SOCKETS, 0, m->listen.retired[i])) {
			undo(p, IPC_RETIRED_SOCKETS);
			return false;
		}
	m->retired_borrower = p->serial;
	return true;
}

/*
 * The sockets of addresses that are not wanted any more: while an old generation may hold them,
 * one worker of the new one accepts there. Then it takes what is queued and closes them, as the last
 * one that has them.
 */
static void
advance_retired(struct master *m)
{
	struct worker_proc *p = find_serial(m, m->retired_borrower);
	int i;

	if (m->listen.nretired == 0 && m->retired_borrower == 0)
		return;
	if (m->listen.nretired > 0 && (p == NULL || !may_borrow(m, p))) {
		if (p != NULL)
			undo(p, IPC_RETIRED_SOCKETS);
		m->retired_borrower = 0;
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
	if (p == NULL || worker_channel_tell(p, IPC_TAKE_BACK, IPC_RETIRED_SOCKETS, 1, -1))
		m->retired_borrower = 0;
}

void
lend_advance(struct master *m)
{
	int i;

	if (m->phase == MASTER_STOPPING)
		return;
	advance_retired(m);
	for (i = 0; i < m->listen.nslots; i++) {
		struct master_slot *ms = &m->slots[i];
		bool wanted = is_surplus(m, i) || slot_is_down(&ms->sup);
		struct worker_proc *p;

		if (ms->borrower != 0) {
			p = find_serial(m, ms->borrower);
			if (wanted && p != NULL && may_borrow(m, p))
				continue;
			/* A hung borrower reads this when it comes to, if it does. */
			if (!take_back(m, i) && !wanted)
				continue;
			ms->borrower = 0;
			if (!wanted)
				log_info("worker %d accepts for itself again", i);
		}
		if (wanted)
			lend(m, i);
	}
}
