#include "worker/tracker/read.h"

#include <netinet/in.h>
#include <string.h>

#include "common/clock.h"
#include "common/db_clock.h"
#include "worker/net/proxy.h"
#include "worker/tracker/conn_command.h"
#include "worker/tracker/frames.h"
#include "worker/tracker/handshake.h"
#include "worker/tracker/strangers.h"
#include "worker/tracker/trace.h"

/* A live row that was written so lately needs no word of a ping. */
#define PING_EVERY_MS 30000

/* A ping is a sign of life: last_seen_at follows, at once for a connection's first. */
static void
note_ping(struct conn *c)
{
	struct trackers *t = trackers_of(c);
	int64_t age_ms = clock_mono_ms() - registry_flushed_ms(t->cfg.registry, c->entry);

	if (c->pinged && age_ms < PING_EVERY_MS)
		return;
	c->pinged = true;
	live_seen(t->parts.live, c->entry, c->device_id, db_clock_ms());
}

/* Closes it, for what p[0..n) says. */
static void
close_for(struct conn *c, enum close_reason reason, const uint8_t *p, size_t n)
{
	c->set->said = p;
	c->set->said_len = n;
	conn_close(c, reason);
	c->set->said = NULL;
	c->set->said_len = 0;
}

/* False: the batch has no room, the frame stays where it is. */
static bool
take_frame(struct conn *c, const uint8_t *p, const struct stream_item *item, int64_t now_us)
{
	if (frames_take(c, p, item, now_us))
		return true;
	conn_move(c, CONN_PAUSED);
	trace_event(c, "paused", NULL);
	return false;
}

/*
 * Handles one item at the front of p[0..n). Returns its length, or 0 if it is not whole or can't be
 * taken now.
 */
static size_t
take_item(struct conn *c, const uint8_t *p, size_t n, int64_t now_us)
{
	struct stream_item item;
	enum stream_result result = stream_next(p, n, c->state == CONN_OPEN, &item);
	struct session_step step;

	if (result == STREAM_MORE)
		return 0;
	if (result == STREAM_PING) {
		stats_add(&c->set->stats->pings, 1);
		trace_event(c, "ping", NULL);
		if (c->session_id != 0)
			note_ping(c);
	}
	step = session_item(c->state, c->imei, result, &item);
	switch (step.action) {
	case SESSION_LOOK_UP:
		handshake_look_up(c, item.imei);
		break;
	case SESSION_WELCOME_AGAIN:
		handshake_repeat(c);
		break;
	case SESSION_TAKE_FRAME:
		return take_frame(c, p, &item, now_us) ? item.len : 0;
	case SESSION_CLOSE:
		close_for(c, step.reason, p, n);
		break;
	case SESSION_WELCOME:
	case SESSION_NOTHING:
		break;
	}
	return item.len;
}

static bool
takes_items(const struct conn *c)
{
	return (c->state == CONN_HANDSHAKE || c->state == CONN_OPEN) &&
	       c->in_flight < CONN_MAX_IN_FLIGHT;
}

/* Handles the first n bytes of the shared buffer, and keeps what is left over. */
static void
consume(struct conn *c, size_t n)
{
	const uint8_t *p = c->set->buffer;
	int64_t now_us = clock_mono_us();
	size_t used, at = 0;

	while (at < n && takes_items(c) && (used = take_item(c, p + at, n - at, now_us)) > 0)
		at += used;
	if (state_is_closing(c->state))
		return;
	if (!conn_keep(c, p + at, n - at)) {
		conn_close(c, CLOSE_MEMORY);
		return;
	}
	if (at > 0)
		conn_next_item(c);
	conn_wait(c);
	conn_update_reading(c);
	conn_command_quiet(c);
}

void
read_resumed(struct conn *c)
{
	if (c->partial_len > 0) {
		consume(c, conn_kept(c));
		return;
	}
	conn_wait(c);
	conn_update_reading(c);
}

static void
set_address(struct sockaddr_storage *ss, const struct proxy_header *h)
{
	if (h->family == AF_INET) {
		struct sockaddr_in *in = (struct sockaddr_in *)ss;

		memcpy(&in->sin_addr, h->addr, 4);
		in->sin_port = htons(h->port);
	} else {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

		memcpy(&in6->sin6_addr, h->addr, 16);
		in6->sin6_port = htons(h->port);
	}
}

/* The header is whole: from now on it is the tracker's connection, if the admission lets it in. */
static void
take_header(struct conn *c, enum proxy_result result, const struct proxy_header *h)
{
	struct admission *admission = trackers_of(c)->cfg.admission;
	struct sockaddr_storage ss = {.ss_family = h->family};
	enum admission_verdict verdict;

	conn_move(c, CONN_HANDSHAKE);
	conn_drop_partial(c);
	/* What a balancer says on its own behalf (a health check) stays its own. */
	if (result == PROXY_LOCAL)
		return;
	set_address(&ss, h);
	verdict = admission_behind(admission, (struct sockaddr *)&ss);
	if (verdict != ADMISSION_YES) {
		strangers_not_admitted(trackers_of(c), (struct sockaddr *)&ss, verdict);
		conn_close(c, CLOSE_NOT_ADMITTED);
		return;
	}
	conn_set_peer(c, (struct sockaddr *)&ss);
	c->counted = admission_came(admission, c->family, c->addr);
}

/* Looks first, then takes the header and not a byte behind it: those are the handshake's. */
static void
read_header(struct conn *c)
{
	size_t kept = c->partial_len, take, n = conn_receive(c, PROXY_MAX - kept, MSG_PEEK);
	struct proxy_header h;
	enum proxy_result result;

	if (n == 0)
		return;
	result = proxy_next(c->set->buffer, conn_kept(c) + n, &h);
	if (result == PROXY_BAD) {
		close_for(c, CLOSE_PROXY_HEADER, c->set->buffer, kept + n);
		return;
	}
	take = result == PROXY_MORE ? n : h.len - kept;
	if (conn_receive(c, take, 0) != take)
		conn_close(c, CLOSE_BROKEN);
	else if (result != PROXY_MORE)
		take_header(c, result, &h);
	else if (!conn_keep(c, c->set->buffer, kept + take))
		conn_close(c, CLOSE_MEMORY);
}

static void
read_items(struct conn *c)
{
	/* Before its IMEI is known a connection has 17 bytes and no more. */
	size_t kept = c->partial_len,
	       room = (c->state == CONN_OPEN ? CONN_BUFFER : IMEI_PACKET) - kept,
	       n = conn_receive(c, room, 0);

	if (n == 0)
		return;
	stats_add(&c->set->stats->bytes_in, n);
	trace_bytes(c, "in", c->set->buffer + kept, n);
	consume(c, conn_kept(c) + n);
}

void
read_readable(struct conn *c)
{
	if (c->state == CONN_HEADER)
		read_header(c);
	else
		read_items(c);
}
