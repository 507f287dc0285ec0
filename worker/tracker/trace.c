#include "worker/tracker/trace.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"

/* The text lies in `room`. */
static struct followed
followed(const struct conn *c, char room[ADDRESS_TEXT])
{
	struct followed peer = {.imei = c->imei,
	    /* JSON's readers take numbers for signed ones. */
	    .conn = conn_token(c) & INT64_MAX,
	    .text = room,
	    .address = {.family = c->family}};

	conn_peer(c, room);
	memcpy(peer.address.bytes, c->addr, sizeof(peer.address.bytes));
	return peer;
}

static void __attribute__((format(printf, 4, 5)))
tell(struct trackers *t, const struct followed *peer, const char *event, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	followers_tell(&t->followers, NULL, peer, event, fmt, ap);
	va_end(ap);
}

void
trace_conn_event(const struct conn *c, const char *event, const char *fmt, ...)
{
	char room[ADDRESS_TEXT];
	struct followed peer = followed(c, room);
	va_list ap;

	va_start(ap, fmt);
	followers_tell(&trackers_of(c)->followers, NULL, &peer, event, fmt, ap);
	va_end(ap);
}

void
trace_conn_bytes(const struct conn *c, const char *direction, const void *p, size_t n)
{
	char room[ADDRESS_TEXT];
	struct followed peer = followed(c, room);

	followers_tell_bytes(&trackers_of(c)->followers, NULL, &peer, direction, p, n);
}

void
trace_conn_not_admitted(struct trackers *t, const struct address *a, const char *what)
{
	char room[ADDRESS_TEXT];
	struct followed peer = {.text = room, .address = *a};

	address_text(a, room);
	tell(t, &peer, "not_admitted", "\"what\":\"%s\"", what);
}

/*
 * The packet that said it is as good as at hand: it has one form only. Those who follow the address
 * have seen it already.
 */
void
trace_conn_connected(const struct conn *c)
{
	uint8_t packet[IMEI_PACKET] = {0, IMEI_DIGITS};
	char room[ADDRESS_TEXT];
	struct followed peer = followed(c, room);
	uint64_t imei = c->imei;

	trace_conn_event(
	    c, "connected", "\"imei_after_ms\":%" PRId64, clock_mono_ms() - c->seat.since_ms);
	for (int i = IMEI_PACKET - 1; i >= 2; i--, imei /= 10)
		packet[i] = (uint8_t)('0' + imei % 10);
	peer.by_imei = true;
	followers_tell_bytes(&trackers_of(c)->followers, NULL, &peer, "in", packet, sizeof(packet));
}

void
trace_conn_frame(
    const struct conn *c, const struct frame_facts *facts, const struct verdict *v, size_t len)
{
	static const char *const what[] = {[VERDICT_STORE] = "store",
	    [VERDICT_MESSAGE] = "message",
	    [VERDICT_QUARANTINE] = "quarantine",
	    [VERDICT_CLOSE] = "close"};

	trace_conn_event(c, "frame",
	    "\"codec\":%u,\"%s\":%u,\"bytes\":%zu,\"crc_ok\":%s,\"verdict\":\"%s\","
	    "\"reason\":%s%s%s",
	    facts->codec, codec_is_avl(facts->codec) ? "records" : "count", facts->count1, len,
	    facts->crc_ok ? "true" : "false", what[v->what], v->reason != NULL ? "\"" : "",
	    v->reason != NULL ? v->reason : "null", v->reason != NULL ? "\"" : "");
}

void
trace_conn_acks(const struct conn *c, const uint32_t *acks, const int64_t *after_us, size_t n)
{
	for (size_t i = 0; i < n; i++)
		trace_conn_event(c, "ack", "\"count\":%" PRIu32 ",\"after_us\":%" PRId64,
		    ntohl(acks[i]), after_us[i]);
}

/*
 * How many are new: the database says how many rows of a device it had already, not which, so with
 * several frames of it in a batch the first one bears the duplicates of all, as far as it can.
 */
static void
tell_rows(struct trackers *t, const struct followed *peer, const struct frame *f,
    const unsigned n[ROW_REFUSED + 1])
{
	unsigned rest = f->nrows - n[ROW_DUPLICATE] - n[ROW_REFUSED];
	unsigned again = f->again < rest ? f->again : rest;

	tell(t, peer, "stored", "\"stored\":%u,\"duplicate\":%u,\"quarantined\":%u", rest - again,
	    n[ROW_DUPLICATE] + again, n[ROW_REFUSED]);
}

void
trace_conn_stored(struct trackers *t, const struct batch *b, const struct frame *f)
{
	const struct conn *c = conn_find(&t->conns, f->from.conn);
	char room[ADDRESS_TEXT];
	struct followed peer =
	    c != NULL ? followed(c, room) : (struct followed){.imei = f->from.imei};
	unsigned n[ROW_REFUSED + 1] = {0};

	for (uint32_t i = 0; i < f->nrows; i++)
		n[b->rows[f->first_row + i].state]++;
	switch ((enum frame_kind)f->kind) {
	case FRAME_RECORDS:
		tell_rows(t, &peer, f, n);
		break;
	case FRAME_QUARANTINE:
		tell(t, &peer, "quarantined", "\"records\":%u,\"reason\":\"%s\"", f->count,
		    f->reason);
		break;
	case FRAME_MESSAGE:
		tell(t, &peer, "message_stored", "\"bytes\":%" PRIu32, f->raw_len);
		break;
	case FRAME_DEBUG:
		tell(t, &peer, "copied", "\"reason\":\"%s\"", f->reason);
		break;
	}
}

/* What is open already, with what it has said so far of an item that isn't whole. */
static void __attribute__((format(printf, 4, 5))) tell_present(
    struct trackers *t, const struct follower *only, const struct conn *c, const char *fmt, ...)
{
	char room[ADDRESS_TEXT];
	struct followed peer = followed(c, room);
	va_list ap;

	va_start(ap, fmt);
	followers_tell(&t->followers, only, &peer, "present", fmt, ap);
	va_end(ap);
	followers_tell_bytes(&t->followers, only, &peer, "in", c->partial, c->partial_len);
}

void
trace_follow(struct trackers *t, const struct trace_request *r, int64_t until_mono_ms, int fd)
{
	const struct follower *f = followers_add(&t->followers, r, until_mono_ms, fd);
	char room[ADDRESS_TEXT];

	for (uint32_t i = 0; f != NULL && i < t->conns.table.nseats; i++) {
		const struct conn *c = conn_at(&t->conns, i);
		struct followed peer;

		if (c == NULL || state_is_closing(c->state))
			continue;
		peer = followed(c, room);
		if (follower_follows(f, &peer))
			tell_present(t, f, c, "\"in_flight\":%u,\"paused\":%s", c->in_flight,
			    c->state == CONN_PAUSED ? "true" : "false");
	}
}
