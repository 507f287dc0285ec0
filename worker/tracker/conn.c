#include "worker/tracker/conn.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "proto/avl.h"
#include "shm/registry.h"

static_assert(offsetof(struct conn, seat) == 0, "conn_of() relies on it");
static_assert(sizeof(struct conn) <= 272, "an idle connection costs no more than it did");
static_assert(CONN_HOST >= INET6_ADDRSTRLEN, "an address has room");

static void event_cb(evutil_socket_t, short what, void *conn);

/* ---- Whose it is ---- */

void
conn_set_peer(struct conn *c, const struct sockaddr *sa)
{
	struct address a;

	if (!address_read(&a, sa))
		return;
	c->family = (uint8_t)a.family;
	memcpy(c->addr, a.bytes, sizeof(c->addr));
	c->port = a.port;
}

void
conn_host(const struct conn *c, char out[CONN_HOST])
{
	if (inet_ntop(c->family, c->addr, out, CONN_HOST) == NULL)
		snprintf(out, CONN_HOST, "?");
}

void
conn_peer(const struct conn *c, char out[ADDRESS_TEXT])
{
	struct address a = {.family = c->family, .port = c->port};

	memcpy(a.bytes, c->addr, sizeof(a.bytes));
	address_text(&a, out);
}

uint16_t
conn_address_hash(const struct conn *c)
{
	return (uint16_t)hash_bytes(c->addr, sizeof(c->addr));
}

static void __attribute__((format(printf, 4, 0)))
log_va(const struct conn *c, enum log_level level, const char *hex, const char *fmt, va_list ap)
{
	char peer[ADDRESS_TEXT], text[400];

	if (!log_enabled(level))
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	conn_peer(c, peer);
	log_write(level, &(struct log_fields){.imei = c->imei, .peer = peer, .first_bytes = hex},
	    "%s", text);
}

void
conn_log(const struct conn *c, enum log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_va(c, level, NULL, fmt, ap);
	va_end(ap);
}

void
conn_log_bytes(const struct conn *c, enum log_level level, const char *hex, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_va(c, level, hex, fmt, ap);
	va_end(ap);
}

/* ---- State ---- */

static _Atomic uint64_t *
gauge_of(const struct conn_set *set, enum conn_state state)
{
	if (state_is_closing(state))
		return &set->stats->conn_closing;
	return state_is_open(state) ? &set->stats->conn_active : &set->stats->conn_handshake;
}

static void
book(struct conn_set *set, enum conn_state from, enum conn_state to)
{
	if (to == CONN_GONE) {
		stats_sub(gauge_of(set, from), 1);
		return;
	}
	if (gauge_of(set, from) == gauge_of(set, to))
		return;
	stats_begin(set->stats);
	stats_sub(gauge_of(set, from), 1);
	stats_add(gauge_of(set, to), 1);
	stats_end(set->stats);
}

/* What must hold, whichever way it got here. */
static void
check(const struct conn *c)
{
	assert((c->state == CONN_PAUSED) == (c->seat.queue == QUEUE_PAUSED));
	assert((c->state == CONN_GONE) == (c->seat.queue == QUEUE_GONE));
	if (state_is_open(c->state) || c->state == CONN_CLOSING)
		return;
	/* No session, or it is over: nobody waits for anything of it. */
	assert(c->in_flight == 0 && c->session_id == 0);
	assert(!state_is_closing(c->state) || c->partial == NULL);
}

void
conn_move(struct conn *c, enum conn_state to)
{
	struct conn_set *set = c->set;
	enum conn_state from = c->state;
	int64_t now = clock_mono_ms();

	assert(state_may_follow(from, to));
	c->state = (uint8_t)to;
	if (from == CONN_PAUSED) {
		table_wait(&set->table, &c->seat, QUEUE_NONE, now);
		stats_sub(&set->stats->paused, 1);
	}
	if (to == CONN_PAUSED) {
		table_wait(&set->table, &c->seat, QUEUE_PAUSED, now);
		stats_add(&set->stats->paused, 1);
	} else if (to == CONN_LINGERING) {
		table_wait(&set->table, &c->seat, QUEUE_LINGER, now);
	} else if (to == CONN_GONE) {
		table_wait(&set->table, &c->seat, QUEUE_GONE, now);
	}
	book(set, from, to);
	check(c);
}

/* A tracker that waits for the database is not idle, and a frame that it can't send is not late. */
static enum table_queue
queue_for(const struct conn *c)
{
	if (c->state < CONN_OPEN)
		return QUEUE_HANDSHAKE;
	if (c->state != CONN_OPEN)
		return c->seat.queue;
	if (c->in_flight > 0)
		return c->end_seen ? QUEUE_PEER : QUEUE_NONE;
	return c->partial_len > 0 ? QUEUE_FRAME : QUEUE_IDLE;
}

void
conn_wait(struct conn *c)
{
	enum table_queue queue = queue_for(c);

	/* A handshake or frame that trickles in is timed from its first byte. */
	if (queue == c->seat.queue && queue != QUEUE_IDLE && queue != QUEUE_NONE)
		return;
	table_wait(&c->set->table, &c->seat, queue, clock_mono_ms());
}

void
conn_next_item(struct conn *c)
{
	if (c->seat.queue == QUEUE_FRAME)
		table_wait(&c->set->table, &c->seat, QUEUE_NONE, clock_mono_ms());
}

static bool
is_read(const struct conn *c)
{
	switch ((enum conn_state)c->state) {
	case CONN_HEADER:
	case CONN_HANDSHAKE:
	case CONN_OPEN:
		return c->in_flight < CONN_MAX_IN_FLIGHT;
	case CONN_LINGERING:
		return true;
	default:
		return false;
	}
}

/*
 * The watch for the end is edge-triggered: what is seen stays as it is, and a reset, which epoll
 * reports whether it was asked for or not, would keep a level-triggered loop spinning.
 */
void
conn_update_reading(struct conn *c)
{
	bool read = is_read(c);
	short events = read ? EV_READ | EV_PERSIST : EV_READ | EV_CLOSED | EV_ET | EV_PERSIST;

	if (c->state == CONN_GONE || (c->watching == events && event_pending(&c->ev, events, NULL)))
		return;
	event_del(&c->ev);
	c->watching = events;
	/* All was read up to the end: nothing more to learn. */
	if (!read && c->eof)
		return;
	if (event_assign(&c->ev, c->set->base, c->ev.ev_fd, events, event_cb, c) == -1 ||
	    event_add(&c->ev, NULL) == -1)
		log_error("event_add: %s", strerror(errno));
}

void
conn_resume(struct conn *c)
{
	if (c->state == CONN_OPEN)
		c->set->ops->resumed(c);
}

/* ---- The end ---- */

void
conn_drop_partial(struct conn *c)
{
	c->set->partial_bytes -= c->partial_room;
	free(c->partial);
	c->partial = NULL;
	c->partial_len = c->partial_room = 0;
}

void
conn_drop(struct conn *c)
{
	int fd = c->ev.ev_fd;

	event_del(&c->ev);
	c->set->ops->gone(c);
	close(fd);
	table_leave(&c->set->table, &c->seat);
	conn_move(c, CONN_GONE);
}

/*
 * Our side is closed only when the peer's is, or after a while: unread bytes would make
 * the kernel send a reset, which can overtake our last answer.
 */
static void
shut(struct conn *c)
{
	if (c->eof || shutdown(c->ev.ev_fd, SHUT_WR) == -1) {
		conn_drop(c);
		return;
	}
	conn_move(c, CONN_LINGERING);
	conn_update_reading(c);
}

void
conn_settle(struct conn *c)
{
	if (c->state == CONN_CLOSING && c->in_flight == 0)
		shut(c);
}

void
conn_close(struct conn *c, enum close_reason reason)
{
	enum close_answers answers = close_rows[reason].answers;
	bool stays;

	if (state_is_closing(c->state)) {
		/* It waits for its last answers, and these reasons say that none will come. */
		if (c->state != CONN_GONE && answers != ANSWER_SOON && answers != ANSWER_ALL)
			conn_drop(c);
		return;
	}
	c->reason = (uint8_t)reason;
	conn_move(c, CONN_CLOSING);
	stays = c->set->ops->closed(c);
	conn_drop_partial(c);
	if (!stays) {
		conn_drop(c);
		return;
	}
	table_wait(&c->set->table, &c->seat,
	    answers != ANSWER_ALL   ? QUEUE_ANSWERS
	    : c->eof || c->end_seen ? QUEUE_PEER
				    : QUEUE_NONE,
	    clock_mono_ms());
	conn_settle(c);
	conn_update_reading(c);
}

/* ---- Bytes ---- */

/* 0 or less, as recv() said: true if that was the end. */
static bool
has_ended(ssize_t n)
{
	return n == 0 || (n == -1 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

/* Nobody takes our probes or bytes: the peer has lost its way to us, and doesn't know it perhaps. */
static enum close_reason
broken(int error)
{
	return error == ETIMEDOUT || error == EHOSTUNREACH || error == ENETUNREACH ? CLOSE_KEEPALIVE
										   : CLOSE_BROKEN;
}

size_t
conn_receive(struct conn *c, size_t room, int flags)
{
	ssize_t n = recv(c->ev.ev_fd, c->set->buffer + c->partial_len, room, MSG_DONTWAIT | flags);

	if (n > 0)
		return (size_t)n;
	if (has_ended(n)) {
		c->eof = true;
		/* After a reset nobody is there any more to be answered. */
		conn_close(c, n == 0 ? CLOSE_PEER : broken(errno));
	}
	return 0;
}

size_t
conn_kept(const struct conn *c)
{
	if (c->partial_len > 0)
		memcpy(c->set->buffer, c->partial, c->partial_len);
	return c->partial_len;
}

bool
conn_keep(struct conn *c, const uint8_t *p, size_t n)
{
	struct conn_set *set = c->set;
	size_t room = c->partial_room != 0 ? c->partial_room : 32;

	if (n == 0) {
		conn_drop_partial(c);
		return true;
	}
	while (room < n)
		room *= 2;
	if (room != c->partial_room) {
		if (set->partial_bytes - c->partial_room + room > set->partial_max)
			return false;
		uint8_t *q = malloc(room);
		if (q == NULL)
			return false;
		memcpy(q, p, n);
		conn_drop_partial(c);
		c->partial = q;
		c->partial_room = (uint32_t)room;
		set->partial_bytes += room;
	} else {
		memmove(c->partial, p, n);
	}
	c->partial_len = (uint32_t)n;
	return true;
}

size_t
conn_write(struct conn *c, const void *p, size_t n)
{
	ssize_t went = send(c->ev.ev_fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);

	return went > 0 ? (size_t)went : 0;
}

bool
conn_send(struct conn *c, const void *p, size_t n)
{
	/* A few bytes always fit into the socket's buffer, unless the peer reads nothing at all. */
	return conn_write(c, p, n) == n;
}

/* Our side is shut: whatever comes is thrown away until the peer's side is, too. */
static void
discard_some(struct conn *c)
{
	if (has_ended(recv(c->ev.ev_fd, c->set->buffer, CONN_BUFFER, MSG_DONTWAIT)))
		conn_drop(c);
}

/* The peer of a connection that is not read has sent something or gone. */
static void
look_for_end(struct conn *c, short what)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(c->ev.ev_fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error != 0) {
		conn_close(c, broken(error));
		return;
	}
	if (!(what & EV_CLOSED))
		return;
	c->end_seen = true;
	if (state_is_closing(c->state))
		conn_drop(c);
	else
		c->set->ops->end_seen(c);
}

static void
event_cb(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	if (c->state == CONN_LINGERING)
		discard_some(c);
	else if (c->watching & EV_ET)
		look_for_end(c, what);
	else
		c->set->ops->readable(c);
}

/* ---- Beginning ---- */

struct conn *
conn_new(struct conn_set *set, int fd, enum conn_state state)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL || !table_enter(&set->table, &c->seat)) {
		free(c);
		close(fd);
		return NULL;
	}
	c->set = set;
	c->state = (uint8_t)state;
	c->entry = REGISTRY_NONE;
	c->codecs = CODEC_MAY_ALL;
	c->first_frame = c->last_frame = CONN_NO_FRAME;
	c->watching = EV_READ | EV_PERSIST;
	event_assign(&c->ev, set->base, fd, c->watching, event_cb, c);
	stats_add(&set->stats->connections, 1);
	stats_add(gauge_of(set, state), 1);
	return c;
}

bool
conn_start(struct conn *c)
{
	conn_wait(c);
	if (event_add(&c->ev, NULL) == 0)
		return true;
	conn_close(c, CLOSE_MEMORY);
	return false;
}

void
conn_free(struct conn *c)
{
	TAILQ_REMOVE(&c->set->table.queue[QUEUE_GONE], &c->seat, link);
	free(c);
}

bool
conns_init(struct conn_set *set, struct event_base *base, struct stats *stats,
    const struct conn_ops *ops, size_t partial_max)
{
	*set =
	    (struct conn_set){.base = base, .stats = stats, .ops = ops, .partial_max = partial_max};
	table_init(&set->table);
	return (set->buffer = malloc(CONN_BUFFER)) != NULL;
}

void
conns_free(struct conn_set *set)
{
	table_free(&set->table);
	free(set->buffer);
}
