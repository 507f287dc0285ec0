#include "worker/tracker/followers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"

static void
drop(struct followers *f, unsigned i)
{
	close(f->at[i].fd);
	f->at[i] = f->at[--f->n];
}

/* A request's address is one of those that inet_ntop() writes. */
static void
set_address(struct address *a, const char *text)
{
	a->family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	if (inet_pton(a->family, text, a->bytes) != 1)
		a->family = 0;
}

struct follower *
followers_add(struct followers *f, const struct trace_request *r, int64_t until_mono_ms, int fd)
{
	struct follower *new = &f->at[f->n];

	if (f->n == TRACE_MAX_CLIENTS) {
		log_warn("a trace is refused: no more than %d at a time", TRACE_MAX_CLIENTS);
		close(fd);
		return NULL;
	}
	*new = (struct follower){.whom = r->whom,
	    .imei = r->imei,
	    .bytes = r->bytes,
	    .until_ms = until_mono_ms,
	    .fd = fd};
	if (r->whom == TRACE_PEER)
		set_address(&new->address, r->address);
	f->n++;
	return new;
}

bool
follower_follows(const struct follower *f, const struct followed *peer)
{
	switch (f->whom) {
	case TRACE_IMEI:
		return f->imei == peer->imei;
	case TRACE_PEER:
		return !peer->by_imei && f->address.family == peer->address.family &&
		       memcmp(f->address.bytes, peer->address.bytes, sizeof(f->address.bytes)) == 0;
	case TRACE_UNIDENTIFIED:
		return !peer->by_imei && peer->imei == 0;
	}
	return false;
}

void
followers_free(struct followers *f)
{
	while (f->n > 0)
		drop(f, f->n - 1);
}

/* It never says anything more: what can be read is its end. */
static bool
has_hung_up(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

void
followers_tick(struct followers *f, int64_t now_mono_ms)
{
	for (unsigned i = f->n; i-- > 0;)
		if (now_mono_ms >= f->at[i].until_ms || has_hung_up(f->at[i].fd))
			drop(f, i);
}

/* Appends; a text that does not fit ends at the room's end. Returns the new length. */
static size_t __attribute__((format(printf, 3, 0)))
put_va(char *out, size_t at, const char *fmt, va_list ap)
{
	int n = vsnprintf(out + at, TRACE_EVENT_TEXT - at, fmt, ap);

	if (n < 0)
		return at;
	return at + (size_t)n < TRACE_EVENT_TEXT ? at + (size_t)n : TRACE_EVENT_TEXT - 1;
}

static size_t __attribute__((format(printf, 3, 4))) put(char *out, size_t at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	at = put_va(out, at, fmt, ap);
	va_end(ap);
	return at;
}

static size_t
put_head(const struct followers *f, const struct followed *peer, const char *event, char *out)
{
	size_t n = put(out, 0, "{\"at\":%" PRId64 ",\"worker\":%d,\"pid\":%ld", clock_wall_ms(),
	    f->worker, (long)getpid());

	if (peer->conn != 0)
		n = put(out, n, ",\"conn\":%" PRIu64, peer->conn);
	if (peer->imei != 0)
		n = put(out, n, ",\"imei\":\"%015" PRIu64 "\"", peer->imei);
	if (peer->text != NULL)
		n = put(out, n, ",\"peer\":\"%s\"", peer->text);
	return put(out, n, ",\"event\":\"%s\"", event);
}

/* False: the reader is too slow now. One that has gone is found at the next tick. */
static bool
write_packet(int fd, const char *p, size_t n)
{
	return send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n ||
	       (errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS);
}

static void
deliver(const struct followers *f, struct follower *to, const char *packet, size_t len)
{
	char line[512];
	size_t n;

	if (to->lost > 0) {
		n = put_head(f, &(struct followed){0}, "lost", line);
		n += (size_t)snprintf(
		    line + n, sizeof(line) - n, ",\"events\":%" PRIu64 "}", to->lost);
		if (!write_packet(to->fd, line, n)) {
			to->lost++;
			return;
		}
		to->lost = 0;
	}
	if (!write_packet(to->fd, packet, len))
		to->lost++;
}

static void
deliver_all(struct followers *f, const struct follower *only, const struct followed *peer,
    bool bytes, const char *packet, size_t len)
{
	for (unsigned i = 0; i < f->n; i++)
		if (follower_follows(&f->at[i], peer) && (f->at[i].bytes || !bytes) &&
		    (only == NULL || only == &f->at[i]))
			deliver(f, &f->at[i], packet, len);
}

static bool
anybody(const struct followers *f, const struct followed *peer, bool bytes)
{
	for (unsigned i = 0; i < f->n; i++)
		if (follower_follows(&f->at[i], peer) && (f->at[i].bytes || !bytes))
			return true;
	return false;
}

void
followers_tell(struct followers *f, const struct follower *only, const struct followed *peer,
    const char *event, const char *fmt, va_list ap)
{
	char packet[TRACE_EVENT_TEXT];
	size_t n;

	if (!anybody(f, peer, false))
		return;
	n = put_head(f, peer, event, packet);
	if (fmt != NULL) {
		n = put(packet, n, ",");
		n = put_va(packet, n, fmt, ap);
	}
	n = put(packet, n, "}");
	deliver_all(f, only, peer, false, packet, n);
}

void
followers_tell_bytes(struct followers *f, const struct follower *only, const struct followed *peer,
    const char *direction, const uint8_t *p, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	char packet[TRACE_EVENT_TEXT];

	if (!anybody(f, peer, true))
		return;
	for (size_t at = 0; at < len; at += FOLLOWERS_CHUNK) {
		size_t chunk = len - at < FOLLOWERS_CHUNK ? len - at : FOLLOWERS_CHUNK;
		size_t n = put_head(f, peer, direction, packet);

		n = put(packet, n, ",\"bytes\":%zu,\"hex\":\"", chunk);
		for (size_t i = 0; i < chunk; i++) {
			packet[n++] = digits[p[at + i] >> 4];
			packet[n++] = digits[p[at + i] & 15];
		}
		n = put(packet, n, "\"}");
		deliver_all(f, only, peer, true, packet, n);
	}
}
