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

#include "common/clock.h"
#include "common/ipc.h"
#include "common/log.h"
#include "master/descriptors.h"
#include "master/title.h"
#include "master/trace_clients.h"
#include "shm/addresses.h"
#include "worker/worker.h"

static void
default_handlers(void)
{
	static const int list[] = {SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGCHLD, SIGPIPE};
	struct sigaction sa = {.sa_handler = SIG_DFL};
	size_t i;

	for (i = 0; i < sizeof(list) / sizeof(*list); i++)
		(void)sigaction(list[i], &sa, NULL);
}

void
spawn_begin_child(struct master *m, const char *title, const char *comm)
{
	default_handlers();
	/* Its own epoll first, or freeing the base would change the master's. */
	if (event_reinit(m->base) == -1)
		_exit(1);
	event_base_free(m->base);
	title_set(title, comm);
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

/* Only a configuration with a limit on addresses pays for the tables that count them. */
static bool
map_addresses(struct master *m, const struct conf *conf, char why[CONF_ERR])
{
	if ((conf->max_connections_per_address == 0 && conf->unknown_imei_rate == 0) ||
	    shm_map_addresses(&m->shm))
		return true;
	snprintf(why, CONF_ERR, "%zu MB for the limits on addresses can't be mapped: %s",
	    addresses_size((uint32_t)shm_used_slots(&m->shm) * SHM_BLOCKS) >> 20, strerror(errno));
	return false;
}

/* No descriptor of the master stays open but what the worker is given (master/descriptors.h). */
static bool
close_inherited(const struct master *m, const struct worker_env *env, char why[CONF_ERR])
{
	int keep[CONF_MAX_BIND + 3], n = env->nlisten;

	memcpy(keep, env->listen_fds, (size_t)n * sizeof(*keep));
	keep[n++] = env->channel_fd;
	keep[n++] = m->life[1]; /* lives as long as we do: the other master waits for its end */
	keep[n++] = log_keep_descriptor();
	if (descriptors_close_all_but(keep, n))
		return true;
	snprintf(why, CONF_ERR, "closing the master's descriptors: %s", strerror(errno));
	return false;
}

static int
child_failed(int channel_fd, const char *why)
{
	struct ipc_msg msg = {.type = IPC_START_FAILED};

	snprintf(msg.text, sizeof(msg.text), "%.200s", why);
	if (!ipc_send(channel_fd, &msg, -1))
		log_error("%s", why);
	return 1;
}

/* The child after fork: all signals are blocked, and the master's handlers must not run here. */
static void __attribute__((noreturn))
child_main(struct master *m, struct worker_proc *p, const struct conf *conf, int channel_fd)
{
	struct slot *sup = &m->slots[p->slot].sup;
	struct listen_set *listen = conf == m->conf ? &m->listen : &m->reload.listen;
	struct worker_env env = {.conf = conf,
	    .shm = &m->shm,
	    .slot = p->slot,
	    .block = p->block,
	    .nslots = m->nslots,
	    .sibling_alive = sup->occupant[!p->block].state != OCCUPANT_NONE || master_has_other(m),
	    .channel_fd = channel_fd,
	    .listen_fds = listen_slot(listen, p->slot),
	    .nlisten = listen->naddr};
	char title[64], comm[16], why[CONF_ERR];

	snprintf(title, sizeof(title), "telematics-gateway: worker %d", p->slot);
	snprintf(comm, sizeof(comm), "gateway-w%d", p->slot);
	spawn_begin_child(m, title, comm);
	child_log(m, p, conf);
	if (!map_addresses(m, conf, why) || !close_inherited(m, &env, why))
		exit(child_failed(channel_fd, why));
	exit(worker_main(&env));
}

/* Forks with all signals blocked, so that none runs the master's handlers in the child. */
static bool
fork_worker(struct master *m, struct worker_proc *p, const struct conf *conf, uint32_t generation)
{
	int channel_fd = worker_channel_open(p), saved;
	sigset_t all, old;

	if (channel_fd == -1)
		return false;
	fflush(NULL);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	p->pid = fork();
	if (p->pid == 0)
		child_main(m, p, conf, channel_fd);
	saved = errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	close(channel_fd);
	if (p->pid == -1) {
		p->pid = 0;
		worker_channel_close(p);
		errno = saved;
		return false;
	}
	p->borrowed = 0;
	m->slots[p->slot].to_clean[p->block] = false;
	atomic_store(&m->shm.slots[p->slot].block[p->block].unclean, 1);
	p->serial = ++m->last_serial != 0 ? m->last_serial : ++m->last_serial;
	p->generation = generation;
	p->drained = p->contact = false;
	p->heartbeat = 0;
	p->heartbeat_ms = 0;
	trace_clients_greet(m->trace_clients, p);
	return true;
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
		atomic_fetch_add(&m->shm.header->restarts, 1);
	}
	if (fork_worker(m, p, next ? m->reload.conf : m->conf, m->generation + next)) {
		log_debug(
		    "worker %d (pid %ld, generation %u) starts", slot, (long)p->pid, p->generation);
		return;
	}
	snprintf(ms->failure, sizeof(ms->failure), "fork: %s", strerror(errno));
	log_error("worker %d: %s", slot, ms->failure);
	/* It was never ready: this sets a time for the next try and asks for nothing now. */
	slot_exited(&ms->sup, block, clock_mono_ms(), &none);
}

static void
kill_worker(struct master *m, struct worker_proc *p, enum slot_verb verb)
{
	const struct occupant *o = &m->slots[p->slot].sup.occupant[p->block];

	if (p->pid == 0)
		return;
	if (verb == SLOT_HUNG) {
		atomic_fetch_add(&m->shm.header->hangs, 1);
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
			/* One that can't hear it is leaving already, or hangs; its deadline runs. */
			if (!worker_channel_tell(p, IPC_DRAIN, 0, ends_unborn(m), -1))
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

/* Logs how the worker ended. True if it left by itself with status 0. */
static bool
ended_well(const struct worker_proc *p, const struct occupant *o, int status)
{
	if (WIFSIGNALED(status)) {
		if (o->state != OCCUPANT_KILLED)
			log_error("worker %d (pid %ld) was killed by signal %d (%s)%s", p->slot,
			    (long)p->pid, WTERMSIG(status), strsignal(WTERMSIG(status)),
			    WCOREDUMP(status) ? ", core dumped" : "");
		return false;
	}
	if (WEXITSTATUS(status) != 0)
		log_error("worker %d (pid %ld) ended with status %d", p->slot, (long)p->pid,
		    WEXITSTATUS(status));
	else if (o->state == OCCUPANT_DRAINING)
		log_info("worker %d (pid %ld, generation %u) has drained and left", p->slot,
		    (long)p->pid, p->generation);
	else
		log_warn("worker %d (pid %ld) has left unasked", p->slot, (long)p->pid);
	return WEXITSTATUS(status) == 0;
}

static void
worker_died(struct master *m, struct worker_proc *p, int status)
{
	struct master_slot *ms = &m->slots[p->slot];
	struct slot_actions out;
	bool clean;

	/* Its last words first: why it failed, or that it has drained. */
	worker_channel_read(p);
	worker_channel_close(p);
	clean = ended_well(p, &ms->sup.occupant[p->block], status) && p->drained;
	p->pid = 0;
	memory_worker_died(m, p);
	slot_exited(&ms->sup, p->block, clock_mono_ms(), &out);
	ms->to_clean[p->block] = !clean;
	atomic_store(&m->shm.slots[p->slot].block[p->block].unclean, !clean);
	spawn_actions(m, p->slot, &out);
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
		else if (resolver_is(m, pid))
			resolver_ended(m, status);
		else if (pid == m->upgrade.between)
			upgrade_between_ended(m);
	}
}
