#include "worker/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/shm.h"
#include "worker/conn_impl.h"

/* Lines about peers in a second; a scanner must not fill the disk. */
#define LINES_PER_SECOND 50
/* Changes of a tracker's address within a minute that deserve a line. */
#define FLAPS 5

static void io_cb(evutil_socket_t, short, void *);

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

static void
address_text(const struct conn *c, char *out, size_t room)
{
	if (inet_ntop(c->family, c->addr, out, (socklen_t)room) == NULL)
		snprintf(out, room, "?");
}

void
conn_log(struct conns *cs, const struct conn *c, enum log_level level, const char *fmt, ...)
{
	char host[INET6_ADDRSTRLEN], peer[INET6_ADDRSTRLEN + 16], text[400];
	int64_t now = clock_mono_ms();
	va_list ap;

	if (!log_enabled(level))
		return;
	if (now - cs->lines.window_ms >= 1000) {
		if (cs->lines.suppressed > 0)
			log_warn(
			    "%u more lines about trackers were left out", cs->lines.suppressed);
		cs->lines = (struct line_limit){.window_ms = now};
	}
	if (level != LOG_DEBUG_ && cs->lines.lines++ >= LINES_PER_SECOND) {
		cs->lines.suppressed++;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	address_text(c, host, sizeof(host));
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

/* Reads, or only watches for the peer's end: by the state of the connection. */
void
conn_update_reading(struct conns *cs, struct conn *c)
{
	bool open = c->session.state == SESSION_NEW || c->session.state == SESSION_OPEN;
	bool read =
	    c->shut || (open && !c->paused && !c->eof && c->in_flight < SESSION_MAX_IN_FLIGHT);
	short events = read ? EV_READ | EV_PERSIST : EV_CLOSED | EV_PERSIST;

	if (c->dead || (c->watching == events && event_pending(&c->ev, events, NULL)))
		return;
	event_del(&c->ev);
	c->watching = events;
	/* The end was seen: nothing more to learn, and EV_CLOSED would fire for ever. */
	if (!read && (c->eof || c->end_seen))
		return;
	if (event_assign(&c->ev, cs->cfg.base, c->ev.ev_fd, events, io_cb, c) == -1 ||
	    event_add(&c->ev, NULL) == -1)
		log_error("event_add: %s", strerror(errno));
}

void
conn_pause(struct conns *cs, struct conn *c)
{
	if (c->paused)
		return;
	c->paused = true;
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

static void
set_peer(struct conn *c, const struct sockaddr *sa)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;
		c->family = AF_INET;
		memcpy(c->addr, &in->sin_addr, 4);
		c->port = ntohs(in->sin_port);
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)sa;
		c->family = AF_INET6;
		memcpy(c->addr, &in6->sin6_addr, 16);
		c->port = ntohs(in6->sin6_port);
		if (memcmp(c->addr, mapped, sizeof(mapped)) == 0) {
			c->family = AF_INET;
			memmove(c->addr, c->addr + 12, 4);
		}
	}
}

bool
conns_open(struct conns *cs, int fd, const struct sockaddr *sa)
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
	set_peer(c, sa);
	session_init(&c->session);
	c->entry = REGISTRY_NONE;
	c->first_frame = c->last_frame = NO_REF;
	c->queue = QUEUE_NONE;
	c->codecs = CODEC_MAY_ALL;
	c->watching = EV_READ | EV_PERSIST;
	event_assign(&c->ev, cs->cfg.base, fd, c->watching, io_cb, c);
	stats_add(&cs->cfg.stats->connections, 1);
	stats_add(&cs->cfg.stats->conn_handshake, 1);
	conn_wait(cs, c);
	if (event_add(&c->ev, NULL) == -1) {
		conn_kill(cs, c);
		return false;
	}
	return true;
}

static void
drop_partial(struct conns *cs, struct conn *c)
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

static void
book_state(struct conns *cs, struct conn *c, enum session_state to)
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

static void
unpause(struct conns *cs, struct conn *c)
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
	event_del(&c->ev);
	end_session(cs, c);
	frames_forget(cs, c);
	unpause(cs, c);
	if (c->queue != QUEUE_NONE)
		TAILQ_REMOVE(&cs->queue[c->queue], c, queue_link);
	c->queue = QUEUE_NONE;
	drop_partial(cs, c);
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
		free(c);
	}
}

static void
count_close(struct conns *cs, const struct conn *c)
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
	case WHY_BAD_CRC: /* the line about the frame says it */
		return LOG_DEBUG_;
	case WHY_TAKEN_OVER:
	case WHY_TIMEOUT_IDLE:
	case WHY_REMOVED:
	case WHY_UNKNOWN:
	case WHY_DISABLED:
		return LOG_INFO_;
	default:
		return LOG_WARN_;
	}
}

/* Our side is closed only when the peer's is, or after a while: unread bytes would make
 * the kernel send a reset, which can overtake our last answer. */
static void
shut(struct conns *cs, struct conn *c)
{
	if (c->eof || shutdown(c->ev.ev_fd, SHUT_WR) == -1) {
		conn_kill(cs, c);
		return;
	}
	c->shut = true;
	unpause(cs, c);
	drop_partial(cs, c);
	enqueue(cs, c, QUEUE_LINGER);
	conn_update_reading(cs, c);
}

void
conn_settle(struct conns *cs, struct conn *c)
{
	if (c->closing && !c->dead && c->in_flight == 0 && !c->shut)
		shut(cs, c);
}

/* Frames that are on their way into the database are still answered, if the peer can hear it. */
static bool
may_wait_for_answers(enum session_why why)
{
	return why == WHY_DRAIN || why == WHY_TAKEN_OVER || why == WHY_REMOVED || why == WHY_PEER;
}

void
conn_close(struct conns *cs, struct conn *c, enum session_why why)
{
	if (c->closing || c->dead)
		return;
	c->closing = true;
	/* The session may have closed itself, for a reason of its own. */
	if (!session_close(&c->session, why))
		why = c->session.why;
	book_state(cs, c, SESSION_CLOSING);
	count_close(cs, c);
	conn_log(cs, c, level_of(c), "connection closed: %s", session_why_text(why));
	end_session(cs, c);
	if (!may_wait_for_answers(why) || (c->eof && !store_is_up(cs->parts.store))) {
		conn_kill(cs, c);
		return;
	}
	unpause(cs, c);
	drop_partial(cs, c);
	enqueue(cs, c, QUEUE_NONE);
	if (c->in_flight == 0)
		shut(cs, c);
	else
		conn_update_reading(cs, c);
}

bool
conn_send(struct conn *c, const void *p, size_t n)
{
	/* A few bytes always fit into the socket's buffer, unless the peer reads nothing at all. */
	return send(c->ev.ev_fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n;
}

/* ---- the handshake ---- */

static void
refuse(struct conns *cs, struct conn *c, const char *reason)
{
	static const uint8_t no = 0x00;
	char host[INET6_ADDRSTRLEN];

	c->closing = true;
	book_state(cs, c, SESSION_CLOSING);
	count_close(cs, c);
	address_text(c, host, sizeof(host));
	rejected_note(cs->parts.rejected, c->session.imei, reason, host, clock_wall_ms());
	conn_log(cs, c, LOG_INFO_, "handshake refused: %s", session_why_text(c->session.why));
	if (conn_send(c, &no, 1))
		shut(cs, c);
	else
		conn_kill(cs, c);
}

/* Two devices with one IMEI throw each other out for ever: the operator should know. */
static void
note_address(struct conns *cs, const struct conn *c)
{
	uint32_t changes = registry_note_address(cs->cfg.registry, c->entry,
	    (uint16_t)hash_bytes(c->addr, sizeof(c->addr)), clock_mono_ms());

	if (changes == FLAPS || (changes > 0 && changes % 100 == 0))
		conn_log(cs, c, LOG_WARN_,
		    "IMEI flaps between addresses: %u changes within a minute; two devices with "
		    "one IMEI?",
		    changes);
}

static bool
welcome(struct conns *cs, struct conn *c)
{
	static const uint8_t yes = 0x01;
	struct device_entry device;
	char host[INET6_ADDRSTRLEN];
	int64_t now_us = clock_wall_us();

	c->entry = registry_find(cs->cfg.registry, c->session.imei);
	registry_get(cs->cfg.registry, c->entry, &device);
	c->device_id = device.id;
	c->codecs = device.codecs;
	c->session_id = registry_new_session(cs->cfg.registry, cs->cfg.owner, now_us);
	book_state(cs, c, SESSION_OPEN);
	stats_add(&cs->cfg.stats->handshakes, 1);
	if (registry_session_open(cs->cfg.registry, c->entry, c->session_id) != 0) {
		stats_add(&cs->cfg.stats->takeovers, 1);
		conn_log(cs, c, LOG_INFO_, "takes over from an older connection of the same IMEI");
	}
	note_address(cs, c);
	address_text(c, host, sizeof(host));
	live_connected(cs->parts.live, c->entry, c->device_id,
	    &(struct live_session){
		.session_id = c->session_id, .connected_at = now_us / 1000, .remote_addr = host});
	conn_log(cs, c, LOG_DEBUG_, "handshake accepted");
	return conn_send(c, &yes, 1);
}

/* Carries out what the session says. */
static void
do_action(struct conns *cs, struct conn *c, enum session_action action)
{
	static const uint8_t yes = 0x01;

	switch (action) {
	case SESSION_DO_WELCOME:
		if (!welcome(cs, c))
			conn_close(cs, c, WHY_STUCK);
		break;
	case SESSION_DO_WELCOME_AGAIN:
		if (!conn_send(c, &yes, 1))
			conn_close(cs, c, WHY_STUCK);
		break;
	case SESSION_DO_REFUSE_UNKNOWN:
		refuse(cs, c, "unknown");
		break;
	case SESSION_DO_REFUSE_DISABLED:
		refuse(cs, c, "disabled");
		break;
	case SESSION_DO_CLOSE:
		conn_close(cs, c, c->session.why);
		break;
	case SESSION_DO_NOTHING:
	case SESSION_DO_LOOK_UP:
	case SESSION_DO_TAKE_FRAME:
		break;
	}
}

static void
look_up(struct conns *cs, struct conn *c)
{
	uint32_t entry = registry_find(cs->cfg.registry, c->session.imei);
	struct device_entry device = {0};
	enum lookup_answer now = LOOKUP_KNOWN;

	if (entry != REGISTRY_NONE)
		registry_get(cs->cfg.registry, entry, &device);
	if ((!device.present || !device.enabled) &&
	    devices_lookup(
		cs->parts.devices, c->session.imei, conn_token(c), clock_mono_ms(), &now))
		return;
	do_action(cs, c, session_answer(&c->session, now));
}

void
conns_answer(void *ctx, uint64_t token, uint64_t imei, enum lookup_answer answer)
{
	struct conns *cs = ctx;
	struct conn *c = conn_find(cs, token);

	(void)imei;
	if (c == NULL || c->session.state != SESSION_ASKING)
		return;
	do_action(cs, c, session_answer(&c->session, answer));
	conn_resume(cs, c);
}

/* ---- reading ---- */

/* Keeps p[0..n), an item that is not whole yet; p may lie in what is kept. False: memory is short.
 */
static bool
keep_partial(struct conns *cs, struct conn *c, const uint8_t *p, size_t n)
{
	size_t room = c->partial_room != 0 ? c->partial_room : 32;

	if (n == 0) {
		drop_partial(cs, c);
		return true;
	}
	while (room < n)
		room *= 2;
	if (room != c->partial_room) {
		if (cs->partial_bytes - c->partial_room + room > cs->partial_max)
			return false;
		uint8_t *q = malloc(room);
		if (q == NULL)
			return false;
		memcpy(q, p, n);
		drop_partial(cs, c);
		c->partial = q;
		c->partial_room = (uint32_t)room;
		cs->partial_bytes += room;
	} else {
		memmove(c->partial, p, n);
	}
	c->partial_len = (uint32_t)n;
	return true;
}

/* One item at the front of p[0..n). Returns its length, or 0 if it is not whole or can't be taken
 * now. */
static size_t
take_item(struct conns *cs, struct conn *c, const uint8_t *p, size_t n, int64_t now_us)
{
	struct stream_item item;
	enum stream_result result = stream_next(p, n, c->session.state == SESSION_OPEN, &item);
	enum session_action action;

	if (result == STREAM_MORE)
		return 0;
	if (result == STREAM_PING)
		stats_add(&cs->cfg.stats->pings, 1);
	action = session_item(&c->session, result, &item);
	if (action == SESSION_DO_LOOK_UP)
		look_up(cs, c);
	else if (action != SESSION_DO_TAKE_FRAME)
		do_action(cs, c, action);
	else if (!frames_take(cs, c, p, &item, now_us)) {
		conn_pause(cs, c);
		return 0;
	}
	return item.len;
}

static bool
takes_items(const struct conn *c)
{
	return !c->closing && !c->dead && !c->paused && c->in_flight < SESSION_MAX_IN_FLIGHT &&
	       (c->session.state == SESSION_NEW || c->session.state == SESSION_OPEN);
}

/* Handles p[0..n), the bytes at hand, and keeps what is left over. */
static void
consume(struct conns *cs, struct conn *c, const uint8_t *p, size_t n)
{
	int64_t now_us = clock_mono_us();
	size_t used, at = 0;

	while (at < n && takes_items(c) && (used = take_item(cs, c, p + at, n - at, now_us)) > 0)
		at += used;
	if (c->closing || c->dead)
		return;
	if (!keep_partial(cs, c, p + at, n - at)) {
		conn_close(cs, c, WHY_MEMORY);
		return;
	}
	conn_wait(cs, c);
	conn_update_reading(cs, c);
}

void
conn_resume(struct conns *cs, struct conn *c)
{
	unpause(cs, c);
	if (c->dead || c->closing)
		return;
	if (c->partial_len > 0) {
		memcpy(cs->buffer, c->partial, c->partial_len);
		consume(cs, c, cs->buffer, c->partial_len);
	} else {
		conn_wait(cs, c);
		conn_update_reading(cs, c);
	}
}

static void
read_some(struct conns *cs, struct conn *c)
{
	/* Before its IMEI is known a connection has 17 bytes and no more. */
	size_t room = c->session.state == SESSION_OPEN ? READ_BUFFER - c->partial_len
						       : IMEI_PACKET - c->partial_len;
	ssize_t n = recv(c->ev.ev_fd, cs->buffer + c->partial_len, room, MSG_DONTWAIT);

	if (n > 0) {
		stats_add(&cs->cfg.stats->bytes_in, (uint64_t)n);
		if (c->partial_len > 0)
			memcpy(cs->buffer, c->partial, c->partial_len);
		consume(cs, c, cs->buffer, c->partial_len + (size_t)n);
	} else if (n == 0) {
		c->eof = true;
		conn_close(cs, c, WHY_PEER);
	} else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
		/* A reset: nobody is there any more to be answered. */
		c->eof = true;
		c->in_flight > 0 ? conn_kill(cs, c) : conn_close(cs, c, WHY_PEER);
	}
}

/* Our side is shut: whatever comes is thrown away until the peer's side is, too. */
static void
discard_some(struct conns *cs, struct conn *c)
{
	ssize_t n = recv(c->ev.ev_fd, cs->buffer, READ_BUFFER, MSG_DONTWAIT);

	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
		conn_kill(cs, c);
}

static void
io_cb(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	struct conns *cs = c->all;

	(void)fd;
	if (c->shut) {
		discard_some(cs, c);
	} else if (what & EV_READ) {
		read_some(cs, c);
	} else if (what & EV_CLOSED) {
		/* Behind bytes that wait to be read, perhaps. While nothing can be stored it comes
		 * again anyway. */
		c->end_seen = true;
		if (!store_is_up(cs->parts.store) || c->closing)
			conn_kill(cs, c);
		else
			conn_update_reading(cs, c);
	}
}
