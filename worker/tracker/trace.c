#include "worker/tracker/trace.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/clock.h"

#define PEER (INET6_ADDRSTRLEN + 16)

/* The text lies in `room`. */
static struct trace_peer
peer_of(const struct conn *c, char room[PEER])
{
	char host[INET6_ADDRSTRLEN];

	conn_address(c, host, sizeof(host));
	snprintf(room, PEER, c->family == AF_INET6 ? "[%s]:%u" : "%s:%u", host, c->port);
	/* JSON's readers take numbers for signed ones. */
	return (struct trace_peer){
	    .imei = c->session.imei, .conn = conn_token(c) & INT64_MAX, .text = room};
}

void
trace_conn_event(const struct conn *c, const char *event, const char *fmt, ...)
{
	char room[PEER];
	struct trace_peer peer = peer_of(c, room);
	va_list ap;

	va_start(ap, fmt);
	traces_event(&c->all->traces, NULL, &peer, event, fmt, ap);
	va_end(ap);
}

void
trace_conn_bytes(const struct conn *c, const char *direction, const void *p, size_t n)
{
	char room[PEER];
	struct trace_peer peer = peer_of(c, room);

	traces_bytes(&c->all->traces, NULL, &peer, direction, p, n);
}

/* The packet that said it is as good as at hand: it has one form only. */
void
trace_conn_connected(const struct conn *c)
{
	uint8_t packet[IMEI_PACKET] = {0, IMEI_DIGITS};
	uint64_t imei = c->session.imei;

	trace_conn_event(
	    c, "connected", "\"imei_after_ms\":%" PRId64, clock_mono_ms() - c->since_ms);
	for (int i = IMEI_PACKET - 1; i >= 2; i--, imei /= 10)
		packet[i] = (uint8_t)('0' + imei % 10);
	trace_conn_bytes(c, "in", packet, sizeof(packet));
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
	    "\"codec\":%u,\"%s\":%u,\"bytes\":%zu,\"crc_ok\":%s,\"verdict\":\"%s\",\"reason\":%s%s%"
	    "s",
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

static void __attribute__((format(printf, 4, 5)))
tell(struct conns *cs, const struct trace_peer *peer, const char *event, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	traces_event(&cs->traces, NULL, peer, event, fmt, ap);
	va_end(ap);
}

/*
 * How many are new: the database says how many rows of a device it had already, not which, so with
 * several frames of it in a batch the first one bears the duplicates of all, as far as it can.
 */
static void
tell_rows(struct conns *cs, const struct trace_peer *peer, const struct frame *f,
    const unsigned n[ROW_REFUSED + 1])
{
	unsigned rest = f->nrows - n[ROW_DUPLICATE] - n[ROW_REFUSED];
	unsigned again = f->again < rest ? f->again : rest;

	tell(cs, peer, "stored", "\"stored\":%u,\"duplicate\":%u,\"quarantined\":%u", rest - again,
	    n[ROW_DUPLICATE] + again, n[ROW_REFUSED]);
}

void
trace_conn_stored(struct conns *cs, const struct batch *b, const struct frame *f)
{
	const struct conn *c = conn_find(cs, f->from.conn);
	char room[PEER];
	struct trace_peer peer =
	    c != NULL ? peer_of(c, room) : (struct trace_peer){.imei = f->from.imei};
	unsigned n[ROW_REFUSED + 1] = {0};

	for (uint32_t i = 0; i < f->nrows; i++)
		n[b->rows[f->first_row + i].state]++;
	switch ((enum frame_kind)f->kind) {
	case FRAME_RECORDS:
		tell_rows(cs, &peer, f, n);
		break;
	case FRAME_QUARANTINE:
		tell(cs, &peer, "quarantined", "\"records\":%u,\"reason\":\"%s\"", f->count,
		    f->reason);
		break;
	case FRAME_MESSAGE:
		tell(cs, &peer, "message_stored", "\"bytes\":%" PRIu32, f->raw_len);
		break;
	case FRAME_DEBUG:
		tell(cs, &peer, "copied", "\"reason\":\"%s\"", f->reason);
		break;
	}
}

/* What is open already, with what it has said so far of an item that isn't whole. */
static void __attribute__((format(printf, 4, 5)))
tell_present(struct conns *cs, const struct trace *only, const struct conn *c, const char *fmt, ...)
{
	char room[PEER];
	struct trace_peer peer = peer_of(c, room);
	va_list ap;

	va_start(ap, fmt);
	traces_event(&cs->traces, only, &peer, "present", fmt, ap);
	va_end(ap);
	traces_bytes(&cs->traces, only, &peer, "in", c->partial, c->partial_len);
}

void
conns_trace(struct conns *cs, uint64_t imei, bool bytes, int64_t until_mono_ms, int fd)
{
	const struct trace *trace = traces_add(&cs->traces, imei, bytes, until_mono_ms, fd);

	for (uint32_t i = 0; trace != NULL && i < cs->nslots; i++) {
		const struct conn *c = cs->slots[i];

		if (c != NULL && c->session.imei == imei && !c->closing)
			tell_present(cs, trace, c, "\"in_flight\":%u,\"paused\":%s", c->in_flight,
			    c->paused ? "true" : "false");
	}
}
