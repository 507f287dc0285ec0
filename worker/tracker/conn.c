#include "worker/tracker/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shm/addresses.h"
#include "common/clock.h"
#include "shm/area.h"
#include "worker/tracker/conn_impl.h"
#include "worker/tracker/trace.h"

uint64_t
conn_token(const struct conn *c)
{
	return (uint64_t)c->generation << 32 | (c->slot + 1);
}

struct conn *
conn_find(struct conns *cs, uint64_t token)
{
	uint32_t slot = (uint32_t)token - 1;

	if ((uint32_t)token == 0 || slot >= cs->nslots || cs->slots[slot] == NULL ||
	    cs->slots[slot]->generation != token >> 32)
		return NULL;
	return cs->slots[slot];
}

void
conn_address(const struct conn *c, char *out, size_t room)
{
	if (inet_ntop(c->family, c->addr, out, (socklen_t)room) == NULL)
		snprintf(out, room, "?");
}

void
conn_log(struct conns *cs, const struct conn *c, enum log_level level, const char *fmt, ...)
{
	char host[INET6_ADDRSTRLEN], peer[INET6_ADDRSTRLEN + 16], text[400];
	va_list ap;

	(void)cs;
	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	conn_address(c, host, sizeof(host));
	snprintf(peer, sizeof(peer), c->family == AF_INET6 ? "[%s]:%u" : "%s:%u", host, c->port);
	log_write(level, &(struct log_fields){.imei = c->session.imei, .peer = peer}, "%s", text);
}

/* ---- waiting ---- */

static void
enqueue(struct conns *cs, struct conn *c, enum conn_queue queue)
{
	if (c->queue != QUEUE_NONE)
		TAILQ_REMOVE(&cs->queue[c->queue], c, queue_link);
	c->queue = (uint8_t)queue;
	if (queue != QUEUE_NONE)
		TAILQ_INSERT_TAIL(&cs->queue[queue], c, queue_link);
	c->since_ms = clock_mono_ms();
}

void
conn_wait(struct conns *cs, struct conn *c)
{
	static const enum conn_queue queue_of[] = {[WAIT_HANDSHAKE] = QUEUE_HANDSHAKE,
	    [WAIT_FRAME] = QUEUE_FRAME,
	    [WAIT_IDLE] = QUEUE_IDLE};
	/* Who waits for the database is not idle, and what it can't send is not late. */
	bool ours = c->in_flight > 0 || c->paused;
	enum conn_queue queue = queue_of[session_waits_for(&c->session, c->partial_len > 0)];

	if (c->session.state == SESSION_CLOSING)
		return;
	if (queue != QUEUE_HANDSHAKE && ours)
		queue = QUEUE_NONE;
	/* A handshake or frame that trickles in is timed from its first byte. */
	if (queue == c->queue && (queue == QUEUE_HANDSHAKE || queue == QUEUE_FRAME))
		return;
	enqueue(cs, c, queue);
}

/* What is still to come belongs to another frame, which has its own time. */
void
conn_next_item(struct conns *cs, struct conn *c)
{
	if (c->queue == QUEUE_FRAME)
		enqueue(cs, c, QUEUE_NONE);
}

/*
 * Reads, or only watches for the peer's end: by the state of the connection. The watch is
 * edge-triggered: what is seen stays as it is, and a reset, which epoll reports whether it was
 * asked for or not, would keep a level-triggered loop spinning.
 */
void
conn_update_reading(struct conns *cs, struct conn *c)
{
	bool open = c->session.state == SESSION_NEW || c->session.state == SESSION_OPEN;
	bool read =
	    c->shut || (open && !c->paused && !c->eof && c->in_flight < SESSION_MAX_IN_FLIGHT);
	short events = read ? EV_READ | EV_PERSIST : EV_READ | EV_CLOSED | EV_ET | EV_PERSIST;

	if (c->dead || (c->watching == events && event_pending(&c->ev, events, NULL)))
		return;
	event_del(&c->ev);
	c->watching = events;
	/* All was read up to the end: nothing more to learn. */
	if (!read && c->eof)
		return;
	if (event_assign(&c->ev, cs->cfg.base, c->ev.ev_fd, events, conn_io, c) == -1 ||
	    event_add(&c->ev, NULL) == -1)
		log_error("event_add: %s", strerror(errno));
}

void
conn_pause(struct conns *cs, struct conn *c)
{
	if (c->paused)
		return;
	c->paused = true;
	trace_event(c, "paused", NULL);
	TAILQ_INSERT_TAIL(&cs->paused, c, paused_link);
	stats_add(&cs->cfg.stats->paused, 1);
}

/* ---- opening and closing ---- */

static bool
grow_slots(struct conns *cs)
{
	uint32_t n = cs->nslots != 0 ? cs->nslots * 2 : 64;
	struct conn **slots = realloc(cs->slots, n * sizeof(struct conn *));

	if (slots == NULL)
		return false;
	cs->slots = slots;
	uint32_t *generations = realloc(cs->generations, n * sizeof(uint32_t));
	if (generations == NULL)
		return false;
	cs->generations = generations;
	uint32_t *free_slots = realloc(cs->free_slots, n * sizeof(uint32_t));
	if (free_slots == NULL)
		return false;
	cs->free_slots = free_slots;
	for (uint32_t i = n; i-- > cs->nslots;) {
		cs->slots[i] = NULL;
		cs->generations[i] = 0;
		cs->free_slots[cs->nfree++] = i;
	}
	cs->nslots = n;
	return true;
}

void
conn_set_peer(struct conns *cs, struct conn *c, const struct sockaddr *sa)
{
	struct address a;

	if (address_read(&a, sa)) {
		c->family = (uint8_t)a.family;
		memcpy(c->addr, a.bytes, sizeof(c->addr));
		c->port = a.port;
	}
	/* While its header has not come, it is nobody's. */
	c->counted = !c->proxied && guards_came(cs->cfg.guards, c->family, c->addr);
}

bool
conns_open(struct conns *cs, int fd, const struct sockaddr *sa, bool proxied)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL || (cs->nfree == 0 && !grow_slots(cs))) {
		free(c);
		close(fd);
		return false;
	}
	c->slot = cs->free_slots[--cs->nfree];
	c->generation = ++cs->generations[c->slot];
	cs->slots[c->slot] = c;
	cs->open++;
	c->all = cs;
	c->proxied = proxied;
	conn_set_peer(cs, c, sa);
	session_init(&c->session);
	c->entry = REGISTRY_NONE;
	c->first_frame = c->last_frame = NO_REF;
	c->queue = QUEUE_NONE;
	c->codecs = CODEC_MAY_ALL;
	c->watching = EV_READ | EV_PERSIST;
	event_assign(&c->ev, cs->cfg.base, fd, c->watching, conn_io, c);
	stats_add(&cs->cfg.stats->connections, 1);
	stats_add(&cs->cfg.stats->conn_handshake, 1);
	conn_wait(cs, c);
	if (event_add(&c->ev, NULL) == -1) {
		conn_kill(cs, c);
		return false;
	}
	return true;
}

void
conn_drop_partial(struct conns *cs, struct conn *c)
{
	cs->partial_bytes -= c->partial_room;
	free(c->partial);
	c->partial = NULL;
	c->partial_len = c->partial_room = 0;
}

static _Atomic uint64_t *
gauge_of(struct conns *cs, enum session_state state)
{
	switch (state) {
	case SESSION_OPEN:
		return &cs->cfg.stats->conn_active;
	case SESSION_CLOSING:
		return &cs->cfg.stats->conn_closing;
	default:
		return &cs->cfg.stats->conn_handshake;
	}
}

void
conn_book(struct conns *cs, struct conn *c, enum session_state to)
{
	enum session_state from = c->booked;

	c->booked = (uint8_t)to;
	if (gauge_of(cs, from) == gauge_of(cs, to))
		return;
	stats_begin(cs->cfg.stats);
	stats_sub(gauge_of(cs, from), 1);
	stats_add(gauge_of(cs, to), 1);
	stats_end(cs->cfg.stats);
}

void
conn_unpause(struct conns *cs, struct conn *c)
{
	if (!c->paused)
		return;
	c->paused = false;
	TAILQ_REMOVE(&cs->paused, c, paused_link);
	stats_sub(&cs->cfg.stats->paused, 1);
}

/* The session ends for everybody else, even if its last answers are still to come. */
static void
end_session(struct conns *cs, struct conn *c)
{
	if (c->session_id == 0)
		return;
	conn_command_closed(cs, c);
	registry_session_close(cs->cfg.registry, c->entry, c->session_id);
	live_disconnected(cs->parts.live, c->entry, c->device_id, c->session_id, clock_wall_ms());
	c->session_id = 0;
}

void
conn_kill(struct conns *cs, struct conn *c)
{
	int fd = c->ev.ev_fd;

	if (c->dead)
		return;
	trace_gone(c);
	event_del(&c->ev);
	end_session(cs, c);
	frames_forget(cs, c);
	conn_unpause(cs, c);
	if (c->queue != QUEUE_NONE)
		TAILQ_REMOVE(&cs->queue[c->queue], c, queue_link);
	c->queue = QUEUE_NONE;
	conn_drop_partial(cs, c);
	if (c->counted)
		guards_left(cs->cfg.guards, c->family, c->addr);
	stats_sub(gauge_of(cs, c->booked), 1);
	close(fd);
	cs->slots[c->slot] = NULL;
	cs->free_slots[cs->nfree++] = c->slot;
	cs->open--;
	c->dead = true;
	TAILQ_INSERT_TAIL(&cs->dead, c, queue_link);
}

void
conns_bury(struct conns *cs)
{
	struct conn *c;

	while ((c = TAILQ_FIRST(&cs->dead)) != NULL) {
		TAILQ_REMOVE(&cs->dead, c, queue_link);
		conn_command_free(c);
		free(c);
	}
}

void
conn_count_close(struct conns *cs, const struct conn *c)
{
	struct stats *st = cs->cfg.stats;

	switch ((enum session_why)c->session.why) {
	case WHY_BAD_HANDSHAKE:
		stats_add(&st->rejected_malformed, 1);
		break;
	case WHY_BAD_PREAMBLE:
		stats_add(&st->err_preamble, 1);
		break;
	case WHY_BAD_LENGTH:
		stats_add(&st->err_length, 1);
		break;
	case WHY_BAD_PROXY:
		stats_add(&st->refused_proxy, 1);
		break;
	case WHY_UNKNOWN_RATE:
		stats_add(&st->refused_unknown_rate, 1);
		break;
	case WHY_UNAVAILABLE:
		stats_add(&st->unanswered_handshakes, 1);
		break;
	case WHY_UNKNOWN:
		stats_add(&st->rejected_unknown, 1);
		break;
	case WHY_DISABLED:
		stats_add(&st->rejected_disabled, 1);
		break;
	case WHY_TIMEOUT_HANDSHAKE:
		stats_add(&st->timeout_handshake, 1);
		break;
	case WHY_TIMEOUT_FRAME:
		stats_add(&st->timeout_frame, 1);
		break;
	case WHY_TIMEOUT_IDLE:
		stats_add(&st->timeout_idle, 1);
		break;
	case WHY_MEMORY:
		stats_add(&st->closed_memory, 1);
		break;
	default:
		break;
	}
}

static enum log_level
level_of(const struct conn *c)
{
	switch ((enum session_why)c->session.why) {
	case WHY_PEER:
	case WHY_DRAIN:
	case WHY_TIMEOUT_HANDSHAKE:
	case WHY_GUARDED:
	case WHY_UNKNOWN_RATE: /* they have told the log */
	case WHY_BAD_CRC:      /* the line about the frame says it */
		return LOG_DEBUG_;
	case WHY_TAKEN_OVER:
	case WHY_TIMEOUT_IDLE:
	case WHY_REMOVED:
	case WHY_LATE_ANSWER:
	case WHY_UNKNOWN:
	case WHY_DISABLED:
		return LOG_INFO_;
	default:
		return LOG_WARN_;
	}
}

/* Our side is closed only when the peer's is, or after a while: unread bytes would make
 * the kernel send a reset, which can overtake our last answer. */
void
conn_shut(struct conns *cs, struct conn *c)
{
	if (c->eof || shutdown(c->ev.ev_fd, SHUT_WR) == -1) {
		conn_kill(cs, c);
		return;
	}
	c->shut = true;
	conn_unpause(cs, c);
	conn_drop_partial(cs, c);
	enqueue(cs, c, QUEUE_LINGER);
	conn_update_reading(cs, c);
}

void
conn_settle(struct conns *cs, struct conn *c)
{
	if (c->closing && !c->dead && c->in_flight == 0 && !c->shut)
		conn_shut(cs, c);
}

/* Frames that are on their way into the database are still answered, if the peer can hear it. */
static bool
may_wait_for_answers(enum session_why why)
{
	return why == WHY_DRAIN || why == WHY_TAKEN_OVER || why == WHY_REMOVED ||
	       why == WHY_LATE_ANSWER || why == WHY_PEER;
}

/*
 * What the tracker sent is at fault. Were the good frames before it not answered, one that
 * sends the same again would never get past them.
 */
static bool
is_fault(enum session_why why)
{
	return why == WHY_BAD_PREAMBLE || why == WHY_BAD_LENGTH || why == WHY_BAD_CRC ||
	       why == WHY_OTHER_IMEI;
}

static bool
waits_for_answers(struct conns *cs, const struct conn *c, enum session_why why)
{
	if (is_fault(why))
		return c->in_flight > 0 && store_is_up(cs->parts.store);
	return may_wait_for_answers(why) && !(c->eof && !store_is_up(cs->parts.store));
}

void
conn_close(struct conns *cs, struct conn *c, enum session_why why)
{
	if (c->dead)
		return;
	if (c->closing) {
		/* It waits for its last answers, and these reasons say that none will come. */
		if (!may_wait_for_answers(why))
			conn_kill(cs, c);
		return;
	}
	c->closing = true;
	/* The session may have closed itself, for a reason of its own. */
	if (!session_close(&c->session, why))
		why = c->session.why;
	conn_book(cs, c, SESSION_CLOSING);
	conn_count_close(cs, c);
	conn_log(cs, c, level_of(c), "connection closed: %s", session_why_text(why));
	trace_event(c, "closed", "\"why\":\"%s\"", session_why_text(why));
	end_session(cs, c);
	if (!waits_for_answers(cs, c, why)) {
		conn_kill(cs, c);
		return;
	}
	conn_unpause(cs, c);
	conn_drop_partial(cs, c);
	/* Only the end of either side waits as long as the database takes. */
	enqueue(cs, c, why == WHY_DRAIN || why == WHY_PEER ? QUEUE_NONE : QUEUE_ANSWERS);
	if (c->in_flight == 0)
		conn_shut(cs, c);
	else
		conn_update_reading(cs, c);
}

bool
conn_send(struct conn *c, const void *p, size_t n)
{
	trace_bytes(c, "out", p, n);
	return conn_send_secret(c, p, n);
}

bool
conn_send_secret(struct conn *c, const void *p, size_t n)
{
	/* A few bytes always fit into the socket's buffer, unless the peer reads nothing at all. */
	return send(c->ev.ev_fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n;
}
