#include "config.h"

#include "master/master.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "shm/addresses.h"
#include "common/clock.h"
#include "common/ipc.h"
#include "common/log.h"
#include "master/worker_channel.h"
#include "master/http.h"
#include "master/title.h"
#include "worker/worker.h"

static struct shm_worker *
shm_block(struct master *m, const struct worker_proc *p)
{
	return &m->shm.slots[p->slot].block[p->block];
}

bool
spawn_tell(struct worker_proc *p, uint32_t type, uint32_t slot, uint64_t value, int fd)
{
	struct ipc_msg msg = {.type = type, .slot = slot, .value = value};

	if (p->control == -1)
		return false;
	return ipc_send(p->control, &msg, fd);
}

static void
close_control(struct worker_proc *p)
{
	if (p->event != NULL)
		event_free(p->event);
	p->event = NULL;
	if (p->control != -1)
		close(p->control);
	p->control = -1;
}

static void
on_message(struct worker_proc *p, struct ipc_msg *msg)
{
	struct master_slot *ms = &p->master->slots[p->slot];

	msg->text[sizeof(msg->text) - 1] = '\0';
	switch (msg->type) {
	case IPC_READY:
		slot_ready(&ms->sup, p->block, clock_mono_ms());
		ms->failure[0] = '\0';
		log_info("worker %d (pid %ld, generation %u) is ready", p->slot, (long)p->pid,
		    p->generation);
		break;
	case IPC_FAILED:
		snprintf(ms->failure, sizeof(ms->failure), "%s", msg->text);
		log_error("worker %d (pid %ld) can't start: %s", p->slot, (long)p->pid, msg->text);
		break;
	case IPC_DRAINED:
		p->drained = true;
		break;
	default:
		log_warn("worker %d (pid %ld) sent an unknown message %u", p->slot, (long)p->pid,
		    msg->type);
		break;
	}
}

static void
read_messages(struct worker_proc *p)
{
	struct ipc_msg msg;
	int r, fd;

	if (p->control == -1)
		return;
	while ((r = ipc_recv(p->control, &msg, &fd)) == 1) {
		if (fd != -1)
			close(fd);
		on_message(p, &msg);
	}
	/* Its end is near; SIGCHLD tells the rest. */
	if (r == -1)
		close_control(p);
}

static void
on_control(evutil_socket_t fd, short what, void *arg)
{
	struct worker_proc *p = arg;

	(void)fd;
	(void)what;
	read_messages(p);
	master_advance(p->master);
}

/* Whatever leads to a predecessor or a successor, but for the end of m->life that lives as we do.
 */
static void
close_masters_ends(struct master *m)
{
	const int list[] = {m->life[0], m->upgrade.control, m->upgrade.life, m->from.control,
	    m->from.life, m->from.pidfile.fd, m->metrics_fd};
	size_t i;

	for (i = 0; i < sizeof(list) / sizeof(*list); i++)
		if (list[i] != -1)
			close(list[i]);
}

/*
 * In the child, after its copy of the event base is gone. No descriptor of the master may stay open
 * here: a leaked control end would hide the master's death from a sibling, a leaked listener would
 * hold connections that nobody accepts.
 */
static void
close_inherited(struct master *m, struct listen_set *mine, int slot)
{
	struct listen_set *other = mine == &m->listen ? &m->reload.listen : &m->listen;

	int i, b;

	for (i = 0; i < m->nslots; i++)
		for (b = 0; b < SLOT_BLOCKS; b++)
			if (m->slots[i].proc[b].control != -1)
				close(m->slots[i].proc[b].control);
	if (m->http != NULL)
		http_close_inherited(m->http);
	control_close_inherited(m->control);
	close_masters_ends(m);
	listen_close_others(mine, other, slot);
	pidfile_close_inherited(&m->pidfile);
	daemon_close_inherited(&m->daemon);
}

static void
default_handlers(void)
{
	static const int list[] = {SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGCHLD, SIGPIPE};
	struct sigaction sa = {.sa_handler = SIG_DFL};
	size_t i;

	for (i = 0; i < sizeof(list) / sizeof(*list); i++)
		(void)sigaction(list[i], &sa, NULL);
}

static void
child_log(struct master *m, const struct worker_proc *p, const struct conf *conf)
{
	char ident[32];

	snprintf(ident, sizeof(ident), "worker %d", p->slot);
	log_set_ident(ident);
	if (conf->log_level == m->conf->log_level && conf->log_format == m->conf->log_format &&
	    strcmp(conf->log_file, m->conf->log_file) == 0)
		return;
	if (!log_open(ident, master_log_file(m, conf), conf->log_format, conf->log_level))
		log_error("opening the log %s: %s", conf->log_file, strerror(errno));
}

/* The child after fork: all signals are blocked, and the master's handlers must not run here. */
static void __attribute__((noreturn))
child_main(struct master *m, struct worker_proc *p, const struct conf *conf, int control)
{
	struct slot *sup = &m->slots[p->slot].sup;
	struct listen_set *listen = conf == m->conf ? &m->listen : &m->reload.listen;
	struct worker_env env = {.conf = conf,
	    .shm = &m->shm,
	    .slot = p->slot,
	    .block = p->block,
	    .nslots = m->nslots,
	    .sibling_alive = sup->occupant[!p->block].state != OCCUPANT_NONE || master_has_other(m),
	    .control_fd = control,
	    .listen_fds = listen_slot(listen, p->slot),
	    .nlisten = listen->naddr};
	char title[64], comm[16];

	default_handlers();
	/* Its own epoll first, or freeing the base would change the master's. */
	if (event_reinit(m->base) == -1)
		_exit(1);
	event_base_free(m->base);
	close_inherited(m, listen, p->slot);
	snprintf(title, sizeof(title), "telematics-gateway: worker %d", p->slot);
	snprintf(comm, sizeof(comm), "gateway-w%d", p->slot);
	title_set(title, comm);
	child_log(m, p, conf);
	exit(worker_main(&env));
}

/* Forks with all signals blocked, so that none runs the master's handlers in the child. */
static bool
fork_worker(struct master *m, struct worker_proc *p, const struct conf *conf, uint32_t generation)
{
	sigset_t all, old;
	int fd[2], saved;

	if (!ipc_pair(fd))
		return false;
	p->event = event_new(m->base, fd[0], EV_READ | EV_PERSIST, on_control, p);
	if (p->event == NULL || event_add(p->event, NULL) == -1)
		goto fail;
	fflush(NULL);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	p->control = fd[0];
	p->pid = fork();
	if (p->pid == 0)
		child_main(m, p, conf, fd[1]);
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (p->pid == -1)
		goto fail;
	close(fd[1]);
	p->adopted = 0;
	m->slots[p->slot].orphaned[p->block] = false;
	atomic_store(&shm_block(m, p)->unclean, 1);
	p->serial = ++m->last_serial != 0 ? m->last_serial : ++m->last_serial;
	p->generation = generation;
	p->drained = false;
	p->heartbeat = 0;
	p->heartbeat_ms = 0;
	control_greet(m->control, p);
	return true;
fail:
	saved = errno;
	p->pid = 0;
	p->control = fd[0];
	close_control(p);
	close(fd[1]);
	errno = saved;
	return false;
}

static void
spawn(struct master *m, int slot, int block)
{
	struct master_slot *ms = &m->slots[slot];
	struct worker_proc *p = &ms->proc[block];
	bool next = block == ms->sup.next;
	bool first = ms->proc[0].serial == 0 && ms->proc[1].serial == 0;
	struct slot_actions none;

	if (!next && !first) {
		ms->restarts++;
		stats_add(&m->count->restarts, 1);
	}
	if (fork_worker(m, p, next ? m->reload.conf : m->conf, m->generation + next)) {
		log_debug(
		    "worker %d (pid %ld, generation %u) starts", slot, (long)p->pid, p->generation);
		return;
	}
	snprintf(ms->failure, sizeof(ms->failure), "fork: %s", strerror(errno));
	log_error("worker %d: %s", slot, ms->failure);
	/* It was never ready: this sets a time for the next try and asks for nothing now. */
	slot_exited(&ms->sup, block, SLOT_EXIT_FAILURE, clock_mono_ms(), &none);
}

static void
kill_worker(struct master *m, struct worker_proc *p, enum slot_verb verb)
{
	const struct occupant *o = &m->slots[p->slot].sup.occupant[p->block];

	if (p->pid == 0)
		return;
	if (verb == SLOT_HUNG) {
		stats_add(&m->count->hangs, 1);
		log_error("worker %d (pid %ld) hangs: no heartbeat for %d s; killing it", p->slot,
		    (long)p->pid, o->stale);
	} else if (verb == SLOT_LATE) {
		log_error("worker %d (pid %ld) is not ready after %d s; killing it", p->slot,
		    (long)p->pid, o->ticks);
	} else if (o->deadline_ms != 0) {
		log_warn("worker %d (pid %ld) has not finished draining; killing it", p->slot,
		    (long)p->pid);
	}
	if (kill(p->pid, SIGKILL) == -1)
		log_error("kill %ld: %s", (long)p->pid, strerror(errno));
}

/*
 * A successor that did not get ready: sockets that only it had opened would take their queue with
 * them.
 */
static bool
ends_unborn(const struct master *m)
{
	return m->phase == MASTER_STOPPING && m->from.present && !m->successor.in_charge;
}

void
spawn_actions(struct master *m, int slot, const struct slot_actions *out)
{
	int i;

	for (i = 0; i < out->n; i++) {
		struct worker_proc *p = &m->slots[slot].proc[out->a[i].block];

		switch (out->a[i].verb) {
		case SLOT_SPAWN:
			spawn(m, slot, out->a[i].block);
			break;
		case SLOT_DRAIN:
			/* One that can't hear it is leaving already, or hangs; its deadline runs.
			 */
			if (!spawn_tell(p, IPC_DRAIN, 0, ends_unborn(m), -1))
				log_debug("worker %d (pid %ld) can't be asked to drain", slot,
				    (long)p->pid);
			break;
		case SLOT_KILL:
		case SLOT_HUNG:
		case SLOT_LATE:
			kill_worker(m, p, out->a[i].verb);
			break;
		}
	}
}

static enum slot_exit
classify(const struct worker_proc *p, const struct occupant *o, int status)
{
	if (WIFSIGNALED(status)) {
		if (o->state != OCCUPANT_KILLED)
			log_error("worker %d (pid %ld) was killed by signal %d (%s)%s", p->slot,
			    (long)p->pid, WTERMSIG(status), strsignal(WTERMSIG(status)),
			    WCOREDUMP(status) ? ", core dumped" : "");
		return SLOT_EXIT_FAILURE;
	}
	if (WEXITSTATUS(status) == 0) {
		if (o->state == OCCUPANT_DRAINING)
			log_info("worker %d (pid %ld, generation %u) has drained and left", p->slot,
			    (long)p->pid, p->generation);
		else
			log_warn("worker %d (pid %ld) has left unasked", p->slot, (long)p->pid);
		return SLOT_EXIT_CLEAN;
	}
	log_error(
	    "worker %d (pid %ld) ended with status %d", p->slot, (long)p->pid, WEXITSTATUS(status));
	return WEXITSTATUS(status) == 2 ? SLOT_EXIT_CONFIG : SLOT_EXIT_FAILURE;
}

static void
worker_died(struct master *m, struct worker_proc *p, int status)
{
	struct master_slot *ms = &m->slots[p->slot];
	struct shm_worker *block = shm_block(m, p);
	struct slot_actions out;
	enum slot_exit how;
	bool clean;

	/* Its last words first: why it failed, or that it has drained. */
	read_messages(p);
	close_control(p);
	how = classify(p, &ms->sup.occupant[p->block], status);
	clean = how == SLOT_EXIT_CLEAN && p->drained;
	p->pid = 0;

	shm_retire(m->count, block);
	addresses_clear(m->shm.addresses, shm_owner(p->slot, p->block));
	shm_set_reason(block, "");
	atomic_store(&block->accepting, 0);
	atomic_store(&block->heartbeat, 0);
	atomic_store(&block->reason_seq, 0);

	slot_exited(&ms->sup, p->block, how, clock_mono_ms(), &out);
	ms->orphaned[p->block] = !clean;
	atomic_store(&block->unclean, !clean);
	if (ms->sup.mode == SLOT_FAILED && p->block == ms->sup.current)
		log_error("worker %d is not tried again before the next reload", p->slot);
	spawn_actions(m, p->slot, &out);
}

/* Who cleans up after a dead occupant of the slot: its sibling, else anybody if it has failed for
 * good or is out of use. */
static struct worker_proc *
heir(struct master *m, int slot, int block)
{
	struct master_slot *ms = &m->slots[slot];
	int i;

	if (ms->proc[!block].pid != 0)
		return &ms->proc[!block];
	for (i = 0; (ms->sup.mode == SLOT_FAILED || ms->sup.mode == SLOT_STOPPED) && i < m->nslots;
	     i++) {
		struct slot *s = &m->slots[i].sup;

		if (slot_accepting(s, s->current))
			return &m->slots[i].proc[s->current];
	}
	return NULL;
}

/*
 * The sessions of a dead occupant are cleaned up by the next one in its block, on its own
 * account. If none follows there, another worker must be told; again until somebody hears it.
 */
void
spawn_orphans(struct master *m)
{
	struct worker_proc *p;
	int i, slot, block;

	if (m->phase == MASTER_STOPPING)
		return;
	for (i = 0; i < m->nslots * SLOT_BLOCKS; i++) {
		slot = i / SLOT_BLOCKS;
		block = i % SLOT_BLOCKS;
		if (!m->slots[slot].orphaned[block] || (block == m->slots[slot].sup.current &&
							   m->slots[slot].sup.mode == SLOT_WAITING))
			continue;
		p = heir(m, slot, block);
		if (p != NULL &&
		    spawn_tell(p, IPC_ORPHANS, (uint32_t)slot, shm_owner(slot, block), -1))
			m->slots[slot].orphaned[block] = false;
	}
}

static struct worker_proc *
find_pid(struct master *m, pid_t pid)
{
	int i;

	for (i = 0; i < m->nslots * SLOT_BLOCKS; i++)
		if (m->slots[i / SLOT_BLOCKS].proc[i % SLOT_BLOCKS].pid == pid)
			return &m->slots[i / SLOT_BLOCKS].proc[i % SLOT_BLOCKS];
	return NULL;
}

void
spawn_reap(struct master *m)
{
	struct worker_proc *p;
	int status;
	pid_t pid;

	/* SIGCHLD of several deaths arrives once. */
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		p = find_pid(m, pid);
		if (p != NULL)
			worker_died(m, p, status);
		else if (pid == m->upgrade.pid)
			upgrade_ended(m, status);
	}
}
