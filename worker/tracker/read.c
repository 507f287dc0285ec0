/*
 * What comes in on a connection: the handshake, and bytes to items to frames.
 */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "worker/tracker/conn_impl.h"
#include "worker/net/proxy.h"
#include "worker/tracker/trace.h"

/* Changes of a tracker's address within a minute that deserve a line. */
#define FLAPS 5

/* ---- the handshake ---- */

static void
refuse(struct conns *cs, struct conn *c, const char *reason)
{
	static const uint8_t no = 0x00;
	char host[INET6_ADDRSTRLEN];

	c->closing = true;
	conn_book(cs, c, SESSION_CLOSING);
	conn_count_close(cs, c);
	if (c->session.why == WHY_UNKNOWN)
		guards_note_unknown(cs->cfg.guards, c->family, c->addr);
	conn_address(c, host, sizeof(host));
	rejected_note(cs->parts.rejected, c->session.imei, reason, host, clock_wall_ms());
	conn_log(cs, c, LOG_INFO_, "handshake refused: %s", session_why_text(c->session.why));
	trace_event(c, "refused", "\"why\":\"%s\"", session_why_text(c->session.why));
	if (conn_send(c, &no, 1))
		conn_shut(cs, c);
	else
		conn_kill(cs, c);
}

/* Two devices with one IMEI throw each other out for ever: the operator should know. */
static void
note_address(struct conns *cs, const struct conn *c)
{
	uint32_t changes = registry_note_address(cs->cfg.registry, c->entry,
	    (uint16_t)hash_bytes(c->addr, sizeof(c->addr)), clock_mono_ms());

	if (changes > 1)
		trace_event(c, "flaps", "\"changes\":%" PRIu32, changes);
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
	conn_book(cs, c, SESSION_OPEN);
	stats_add(&cs->cfg.stats->handshakes, 1);
	trace_event(c, "accepted", "\"device_id\":%" PRId64, c->device_id);
	if (registry_session_open(cs->cfg.registry, c->entry, c->session_id) != 0) {
		trace_event(c, "takes_over", NULL);
		stats_add(&cs->cfg.stats->takeovers, 1);
		conn_log(cs, c, LOG_INFO_, "takes over from an older connection of the same IMEI");
	}
	note_address(cs, c);
	conn_address(c, host, sizeof(host));
	live_connected(cs->parts.live, c->entry, c->device_id,
	    &(struct live_session){
		.session_id = c->session_id, .connected_at = now_us / 1000, .remote_addr = host});
	conn_command_welcome(cs, c);
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
	bool tell;

	trace_connected(c);
	if (entry != REGISTRY_NONE)
		registry_get(cs->cfg.registry, entry, &device);
	if (!device.present && !guards_may_ask(cs->cfg.guards, c->family, c->addr, &tell)) {
		if (tell)
			conn_log(cs, c, LOG_WARN_,
			    "more unknown IMEIs than TELEM_UNKNOWN_IMEI_RATE from this address: "
			    "for the rest of the minute they are closed without an answer; known "
			    "ones are served");
		conn_close(cs, c, WHY_UNKNOWN_RATE);
		return;
	}
	if ((!device.present || !device.enabled) &&
	    devices_lookup(
		cs->parts.devices, c->session.imei, conn_token(c), clock_mono_ms(), &now))
		return;
	do_action(cs, c, session_answer(&c->session, now));
}

/* The device may have been disabled between the database's word and this one. */
static bool
is_enabled(struct conns *cs, uint64_t imei)
{
	uint32_t entry = registry_find(cs->cfg.registry, imei);
	struct device_entry device;

	if (entry == REGISTRY_NONE)
		return false;
	registry_get(cs->cfg.registry, entry, &device);
	return device.present && device.enabled;
}

void
conns_answer(void *ctx, uint64_t token, uint64_t imei, enum lookup_answer answer)
{
	struct conns *cs = ctx;
	struct conn *c = conn_find(cs, token);

	if (c == NULL || c->session.state != SESSION_ASKING)
		return;
	if (answer == LOOKUP_KNOWN && !is_enabled(cs, imei))
		answer = LOOKUP_UNAVAILABLE;
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
		conn_drop_partial(cs, c);
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
		conn_drop_partial(cs, c);
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
	if (result == STREAM_PING) {
		stats_add(&cs->cfg.stats->pings, 1);
		trace_event(c, "ping", NULL);
	}
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
	if (at > 0)
		conn_next_item(cs, c);
	conn_wait(cs, c);
	conn_update_reading(cs, c);
	conn_command_quiet(cs, c);
}

void
conn_resume(struct conns *cs, struct conn *c)
{
	conn_unpause(cs, c);
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

/* recv() said 0 or -1. */
static void
read_ended(struct conns *cs, struct conn *c, ssize_t n)
{
	if (n == 0) {
		c->eof = true;
		conn_close(cs, c, WHY_PEER);
	} else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
		/* A reset: nobody is there any more to be answered. */
		c->eof = true;
		c->in_flight > 0 ? conn_kill(cs, c) : conn_close(cs, c, WHY_PEER);
	}
}

/* The header is whole: from now on it is the tracker's connection, if the guards let it in. */
static void
take_header(
    struct conns *cs, struct conn *c, enum proxy_result result, const struct proxy_header *h)
{
	struct sockaddr_storage ss = {.ss_family = h->family};

	c->proxied = false;
	conn_drop_partial(cs, c);
	/* What a balancer says on its own behalf (a health check) stays its own. */
	if (result == PROXY_LOCAL)
		return;
	if (h->family == AF_INET) {
		struct sockaddr_in *in = (struct sockaddr_in *)&ss;

		memcpy(&in->sin_addr, h->addr, 4);
		in->sin_port = htons(h->port);
	} else {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ss;

		memcpy(&in6->sin6_addr, h->addr, 16);
		in6->sin6_port = htons(h->port);
	}
	if (!guards_behind(cs->cfg.guards, (struct sockaddr *)&ss)) {
		conn_close(cs, c, WHY_GUARDED);
		return;
	}
	conn_set_peer(cs, c, (struct sockaddr *)&ss);
}

/* Looks first, then takes the header and not a byte behind it: those are the handshake's. */
static void
read_header(struct conns *cs, struct conn *c)
{
	size_t kept = c->partial_len, take;
	ssize_t n = recv(c->ev.ev_fd, cs->buffer + kept, PROXY_MAX - kept, MSG_DONTWAIT | MSG_PEEK);
	struct proxy_header h;
	enum proxy_result result;

	if (n <= 0) {
		read_ended(cs, c, n);
		return;
	}
	if (kept > 0)
		memcpy(cs->buffer, c->partial, kept);
	result = proxy_next(cs->buffer, kept + (size_t)n, &h);
	take = result == PROXY_MORE ? (size_t)n : h.len - kept;
	if (result == PROXY_BAD)
		conn_close(cs, c, WHY_BAD_PROXY);
	else if (recv(c->ev.ev_fd, cs->buffer + kept, take, MSG_DONTWAIT) != (ssize_t)take)
		conn_close(cs, c, WHY_PEER);
	else if (result != PROXY_MORE)
		take_header(cs, c, result, &h);
	else if (!keep_partial(cs, c, cs->buffer, kept + take))
		conn_close(cs, c, WHY_MEMORY);
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
		trace_bytes(c, "in", cs->buffer + c->partial_len, (size_t)n);
		if (c->partial_len > 0)
			memcpy(cs->buffer, c->partial, c->partial_len);
		consume(cs, c, cs->buffer, c->partial_len + (size_t)n);
	} else {
		read_ended(cs, c, n);
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

/* The peer of a connection that is not read has sent something or gone. */
static void
look_for_end(struct conns *cs, struct conn *c, short what)
{
	int error = 0;
	socklen_t len = sizeof(error);

	/* A reset: nobody is there any more to be answered. */
	if (getsockopt(c->ev.ev_fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error != 0) {
		conn_kill(cs, c);
		return;
	}
	if (!(what & EV_CLOSED))
		return;
	/* Behind bytes that wait to be read, perhaps. While nothing can be stored it comes again
	 * anyway. */
	c->end_seen = true;
	if (!store_is_up(cs->parts.store) || c->closing)
		conn_kill(cs, c);
}

void
conn_io(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	struct conns *cs = c->all;

	(void)fd;
	if (c->shut)
		discard_some(cs, c);
	else if (c->watching & EV_ET)
		look_for_end(cs, c, what);
	else if (c->proxied)
		read_header(cs, c);
	else
		read_some(cs, c);
}
