#include "config.h"

#include "worker/net/accept.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "shm/area.h"

/* Accepted in one turn, so that connected trackers get theirs as well. */
#define ACCEPTS_PER_TURN 64
#define PAUSE_MS 200
#define MAX_LISTENERS (SHM_MAX_SLOTS * CONF_MAX_BIND) /* those of all slots, in the worst case */

struct listener {
	struct event *ev;
	int slot, fd;
};

struct acceptor {
	struct acceptor_config cfg;
	struct stats *stats;
	struct listener at[MAX_LISTENERS];
	int n;
	struct event *resume_ev;
	struct log_gate pause_gate;
};

/*
 * Set on the listening socket, from which Linux passes them on to each accepted one (tcp(7)).
 * A tracker that lost its network says nothing: keep-alive finds it within two
 * minutes, and an ACK that nobody takes ends the connection after one.
 */
static void
set_options(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
	    {SOL_SOCKET, SO_KEEPALIVE, 1},
	    {IPPROTO_TCP, TCP_KEEPIDLE, 60},
	    {IPPROTO_TCP, TCP_KEEPINTVL, 15},
	    {IPPROTO_TCP, TCP_KEEPCNT, 4},
	    {IPPROTO_TCP, TCP_USER_TIMEOUT, 60000},
	    {IPPROTO_TCP, TCP_NODELAY, 1},
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (setsockopt(fd, options[i].level, options[i].name, &options[i].value,
			sizeof(int)) == -1)
			log_debug("setsockopt: %s", strerror(errno));
}

static void
pause_accepting(struct acceptor *a, int error)
{
	struct timeval tv = {.tv_usec = PAUSE_MS * 1000};
	uint64_t suppressed;

	for (int i = 0; i < a->n; i++)
		event_del(a->at[i].ev);
	stats_add(&a->stats->accept_pauses, 1);
	stats_set(&a->stats->accept_paused, 1);
	if (log_gate_open(&a->pause_gate, clock_mono_ms(), 60000, &suppressed))
		log_error("accept: %s; new connections wait in the queue (raise LimitNOFILE or "
			  "ulimit -n, or TELEM_WORKERS)",
		    strerror(error));
	evtimer_add(a->resume_ev, &tv);
}

static void
resume_cb(evutil_socket_t fd, short what, void *arg)
{
	struct acceptor *a = arg;

	(void)fd, (void)what;
	stats_set(&a->stats->accept_paused, 0);
	for (int i = 0; i < a->n; i++)
		if (event_add(a->at[i].ev, NULL) == -1)
			log_error("event_add: %s", strerror(errno));
}

static void
admit(struct acceptor *a, int fd, const struct sockaddr *sa)
{
	enum admission_verdict verdict = admission_accepted(a->cfg.admission, sa);

	if (admission_refuses(verdict)) {
		close(fd);
		a->cfg.refused(a->cfg.ctx, sa, verdict);
		return;
	}
	if (!a->cfg.accepted(a->cfg.ctx, fd, sa, verdict == ADMISSION_HEADER))
		log_error("no memory for another connection");
}

/* Returns how many were accepted, or -1 when accepting must pause. */
static int
accept_some(struct acceptor *a, int listen_fd, int most)
{
	int n = 0;

	admission_round(a->cfg.admission);
	while (n < most) {
		struct sockaddr_storage ss;
		socklen_t len = sizeof(ss);
		int fd =
		    accept4(listen_fd, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			admit(a, fd, (struct sockaddr *)&ss);
			n++;
			continue;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			break;
		stats_add(&a->stats->accept_errors, 1);
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			pause_accepting(a, errno);
			return -1;
		}
		/* The peer went while it was queued, and the like: the next one may be well. */
		n++;
	}
	return n;
}

static void
accept_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	(void)accept_some(arg, fd, ACCEPTS_PER_TURN);
}

struct acceptor *
acceptor_new(const struct acceptor_config *cfg)
{
	struct acceptor *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->cfg = *cfg;
	a->stats = cfg->stats;
	if ((a->resume_ev = evtimer_new(cfg->base, resume_cb, a)) == NULL) {
		free(a);
		return NULL;
	}
	return a;
}

static void
drop(struct acceptor *a, int i)
{
	event_free(a->at[i].ev);
	close(a->at[i].fd);
	a->at[i] = a->at[--a->n];
}

void
acceptor_free(struct acceptor *a)
{
	if (a == NULL)
		return;
	acceptor_stop(a, false);
	event_free(a->resume_ev);
	free(a);
}

bool
acceptor_add(struct acceptor *a, int slot, int fd)
{
	struct event *ev = NULL;

	if (a->n == MAX_LISTENERS ||
	    (ev = event_new(a->cfg.base, fd, EV_READ | EV_PERSIST, accept_cb, a)) == NULL ||
	    (!evtimer_pending(a->resume_ev, NULL) && event_add(ev, NULL) == -1)) {
		if (ev != NULL)
			event_free(ev);
		close(fd);
		return false;
	}
	set_options(fd);
	a->at[a->n++] = (struct listener){.ev = ev, .slot = slot, .fd = fd};
	return true;
}

/* Accepts what is queued, with `take_queued`, before it closes. */
static void
take_and_drop(struct acceptor *a, int i, bool take_queued)
{
	if (take_queued && accept_some(a, a->at[i].fd, 1 << 16) == -1)
		event_del(a->resume_ev);
	drop(a, i);
}

void
acceptor_release(struct acceptor *a, int slot, bool take_queued)
{
	for (int i = a->n; i-- > 0;)
		if (a->at[i].slot == slot)
			take_and_drop(a, i, take_queued);
	/* Paused, and nobody would wake it. */
	if (stats_get(&a->stats->accept_paused) != 0 && !evtimer_pending(a->resume_ev, NULL))
		resume_cb(-1, 0, a);
}

void
acceptor_stop(struct acceptor *a, bool take_queued)
{
	event_del(a->resume_ev);
	stats_set(&a->stats->accept_paused, 0);
	while (a->n > 0)
		take_and_drop(a, 0, take_queued);
}
