/*
 * SIGUSR2: executes the program anew, on the same sockets and memory. It reads the configuration,
 * starts its workers beside ours, and when they accept it takes over and ours drain. Whatever goes
 * wrong before that leaves everything as it was.
 */
#include "config.h"

#include "master/master.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/clock.h"
#include "common/log.h"
#include "master/http.h"
#include "master/sd_notify.h"

#define READY_MS (MASTER_START_MS + 5000) /* the successor gives up before that by itself */

void
upgrade_request(struct master *m)
{
	if (m->phase == MASTER_STOPPING)
		return;
	/* Our end would be the end of the container, and of the successor. */
	if (getpid() == 1) {
		log_error("upgrade: process 1 of a container can't hand over; restart it instead");
		return;
	}
	if (m->phase == MASTER_STARTING || m->reload.state != RELOAD_IDLE || m->reload.wanted ||
	    master_has_other(m))
		log_info("upgrade: after what is under way");
	m->upgrade.wanted = true;
}

static void
end_talk(struct upgrade *u)
{
	if (u->talk_event != NULL)
		event_free(u->talk_event);
	u->talk_event = NULL;
	if (u->talk != -1)
		close(u->talk);
	u->talk = -1;
}

static void
end_life(struct upgrade *u)
{
	if (u->life_event != NULL)
		event_free(u->life_event);
	u->life_event = NULL;
	if (u->life != -1)
		close(u->life);
	u->life = -1;
}

/* It and its workers are gone without having taken over. */
static void
end_failure(struct master *m)
{
	struct upgrade *u = &m->upgrade;

	/* How it ended a go-between tells. Without one nothing but its pipe says that it did. */
	if (u->between == 0 && u->life == -1)
		u->pid = 0;
	if (u->state != UPGRADE_FAILED || u->pid != 0 || u->life != -1)
		return;
	memory_other_gone(m);
	u->state = UPGRADE_IDLE;
	u->deadline_ms = SLOT_NEVER;
	log_debug("upgrade: nothing is left of the new program");
}

/* The old ones go on: the one thing that the successor may have changed is the pidfile. */
static void
failed(struct master *m, const char *why)
{
	struct upgrade *u = &m->upgrade;

	if (u->state != UPGRADE_STARTING && u->state != UPGRADE_GOING)
		return;
	if (m->phase == MASTER_RUNNING)
		log_error("upgrade: %s; pid %ld, generation %u goes on as before", why,
		    (long)getpid(), m->generation);
	else
		log_warn("upgrade: %s", why);
	if (u->state == UPGRADE_GOING && !pidfile_write(&m->pidfile))
		log_error("TELEM_PIDFILE %.300s: %s", m->pidfile.path, strerror(errno));
	if (m->phase == MASTER_RUNNING)
		sd_notify_ready("upgrade failed: the old program goes on");
	u->state = UPGRADE_FAILED;
	end_talk(u);
	/* Its workers may serve trackers by now: it is given their time to drain. */
	if (u->pid != 0 && !u->told_to_end) {
		(void)kill(u->pid, SIGTERM);
		u->told_to_end = true;
	}
	u->deadline_ms = clock_mono_ms() + m->conf->drain_timeout_ms + MASTER_DRAIN_GRACE_MS;
	end_failure(m);
}

static void
handed_over(struct master *m)
{
	struct upgrade *u = &m->upgrade;

	u->state = UPGRADE_DONE;
	u->deadline_ms = SLOT_NEVER;
	log_info("upgrade: pid %ld has taken over; generation %u drains, at most %d ms",
	    (long)u->pid, m->generation, m->conf->drain_timeout_ms);
	end_talk(u);
	/* Not before: the end of the main process is the end of the service. */
	sd_notify_main_pid((long)u->pid);
	http_free(m->http);
	m->http = NULL;
	pidfile_let_go(&m->pidfile);
	if (m->reload.wanted)
		(void)kill(u->pid, SIGHUP);
	master_stop(m);
}

static void on_message(struct master *m, const char *text);

static void
successor_ended(struct master *m, int status)
{
	struct upgrade *u = &m->upgrade;
	char why[96], text[HANDOVER_SAYS];

	u->pid = 0;
	/* Its last words; what else it said is worth nothing any more. */
	while (u->talk != -1 && handover_hear(u->talk, text) == 1)
		if (strncmp(text, "failed ", 7) == 0)
			on_message(m, text);
	if (WIFSIGNALED(status))
		snprintf(why, sizeof(why), "the new program was killed by signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(why, sizeof(why),
		    "the new program ended with status %d before it was ready",
		    WEXITSTATUS(status));
	failed(m, why);
	end_failure(m);
}

static void
on_message(struct master *m, const char *text)
{
	struct upgrade *u = &m->upgrade;
	int status;

	if (strcmp(text, "ready") == 0 && u->state == UPGRADE_STARTING) {
		/* Only of its own children does a service manager wait for the end. */
		if (!between_let_go(u, &status)) {
			successor_ended(m, status);
			return;
		}
		u->state = UPGRADE_GOING;
		if (!handover_say(u->talk, "go"))
			failed(m, "the new program does not hear");
	} else if (strcmp(text, "taken") == 0 && u->state == UPGRADE_GOING) {
		handed_over(m);
	} else if (strncmp(text, "failed ", 7) == 0) {
		text += 7 + strspn(text + 7, "0123456789");
		snprintf(u->why, sizeof(u->why), "the new program can't start:%s", text);
		failed(m, u->why);
	}
}

static void
on_talk(evutil_socket_t fd, short what, void *arg)
{
	char text[HANDOVER_SAYS];
	struct master *m = arg;
	int r = 0;

	(void)what;
	while (m->upgrade.talk != -1 && (r = handover_hear(fd, text)) == 1)
		on_message(m, text);
	if (r == -1 && m->upgrade.talk != -1) {
		end_talk(&m->upgrade);
		/* With a go-between how it ended is told by that. */
		if (m->upgrade.state == UPGRADE_GOING) {
			m->upgrade.pid = 0;
			failed(m, "the new program has ended while it took over");
		}
	}
	master_advance(m);
}

static void
on_life(evutil_socket_t fd, short what, void *arg)
{
	struct master *m = arg;
	char byte;
	ssize_t n = read(fd, &byte, 1);

	(void)what;
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	end_life(&m->upgrade);
	if (m->upgrade.state == UPGRADE_DONE)
		log_error("upgrade: the new program has ended");
	end_failure(m);
	master_advance(m);
}

void
upgrade_between_ended(struct master *m)
{
	int status;

	if (between_told(&m->upgrade, &status))
		successor_ended(m, status);
	else
		failed(m, "the process that waits for the new program was killed");
	end_failure(m);
}

/* ---- starting it ---- */

/* What the successor gets. False if memory is short. */
static bool
describe(const struct master *m, struct handover *h)
{
	int i;

	h->pidfile = m->pidfile;
	h->metrics = m->http != NULL ? http_listener(m->http) : -1;
	h->memory = m->shm.fd;
	h->instance = m->shm.header->instance;
	h->life = m->life[0];
	h->background = m->background;
	h->generation = m->generation;
	h->naddr = m->listen.naddr;
	h->nslots = m->listen.nslots;
	h->fds = m->listen.fd;
	h->nnames = resolver_known(m, h->names);
	h->block = calloc((size_t)h->nslots, sizeof(*h->block));
	for (i = 0; h->block != NULL && i < h->nslots; i++)
		h->block[i] = m->slots[i].sup.current;
	return h->block != NULL;
}

/* The events, then the processes; whatever fails is undone by start(). */
static bool
launch(struct master *m, struct handover *h)
{
	struct upgrade *u = &m->upgrade;
	int text_fd = handover_write(h), saved;
	bool ok;

	if (text_fd == -1)
		return false;
	u->talk_event = event_new(m->base, u->talk, EV_READ | EV_PERSIST, on_talk, m);
	u->life_event = event_new(m->base, u->life, EV_READ | EV_PERSIST, on_life, m);
	ok = u->talk_event != NULL && u->life_event != NULL &&
	     event_add(u->talk_event, NULL) == 0 && event_add(u->life_event, NULL) == 0 &&
	     between_start(m, h, text_fd);
	saved = errno;
	close(text_fd);
	errno = saved;
	return ok;
}

static bool
start(struct master *m)
{
	struct handover h = {.own_life = {-1, -1}};
	struct upgrade *u = &m->upgrade;
	int pair[2] = {-1, -1}, saved;
	bool ok;

	u->told_to_end = false;
	ok = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0 &&
	     pipe2(h.own_life, O_CLOEXEC | O_NONBLOCK) == 0 && describe(m, &h);
	u->talk = pair[0];
	u->life = h.own_life[0];
	h.talk = pair[1];
	ok = ok && launch(m, &h);
	saved = errno;
	if (pair[1] != -1)
		close(pair[1]);
	if (h.own_life[1] != -1)
		close(h.own_life[1]);
	free(h.block);
	if (!ok) {
		u->pid = u->between = 0;
		end_talk(u);
		end_life(u);
	}
	errno = saved;
	return ok;
}

static void
begin(struct master *m)
{
	struct upgrade *u = &m->upgrade;

	u->wanted = false;
	log_info("upgrade: starting %s", m->program);
	if (!start(m)) {
		log_error("upgrade: %s; nothing is changed", strerror(errno));
		return;
	}
	u->state = UPGRADE_STARTING;
	u->deadline_ms = clock_mono_ms() + READY_MS;
	log_info("upgrade: pid %ld starts beside us", (long)u->pid);
}

void
upgrade_advance(struct master *m)
{
	struct upgrade *u = &m->upgrade;
	char why[96];

	if (u->deadline_ms <= clock_mono_ms()) {
		u->deadline_ms = SLOT_NEVER;
		if (u->state == UPGRADE_FAILED && u->pid != 0)
			(void)kill(u->pid, SIGKILL);
		snprintf(
		    why, sizeof(why), "the new program was not ready within %d s", READY_MS / 1000);
		failed(m, why);
	}
	if (m->phase == MASTER_RUNNING && u->wanted && m->reload.state == RELOAD_IDLE &&
	    !m->reload.wanted && !master_has_other(m) && m->listen.nretired == 0)
		begin(m);
}

/* We are asked to stop: the successor must not stay behind without anybody having wanted it. */
void
upgrade_stop(struct master *m, int64_t deadline_ms)
{
	struct upgrade *u = &m->upgrade;

	u->wanted = false;
	if (u->state == UPGRADE_STARTING || u->state == UPGRADE_GOING)
		failed(m, "the new program is stopped too: it was not in charge yet");
	if (u->state == UPGRADE_FAILED && deadline_ms < u->deadline_ms)
		u->deadline_ms = deadline_ms;
}

void
upgrade_forget(struct master *m)
{
	end_talk(&m->upgrade);
	end_life(&m->upgrade);
}
