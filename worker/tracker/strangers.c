#include "worker/tracker/strangers.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/db_clock.h"
#include "proto/stranger.h"
#include "worker/net/proxy.h"
#include "worker/tracker/trace.h"

static const size_t counters[STRANGER_COUNT] = {
#define X(value, name, text) [STRANGER_##value] = COUNTED_AS(stranger_##name),
    STRANGERS(X)
#undef X
};

static void
note(struct trackers *t, const char *what, int family, const uint8_t *addr, const uint8_t *p,
    size_t n)
{
	rejected_note_stranger(t->parts.rejected, what, family, addr, p,
	    n < STRANGER_BYTES ? n : STRANGER_BYTES, db_clock_ms());
}

/* Its end is about what it said, or did not say. */
static bool
tells_of_stranger(enum close_reason reason)
{
	switch (reason) {
	case CLOSE_PEER:
	case CLOSE_BROKEN:
	case CLOSE_KEEPALIVE:
	case CLOSE_HANDSHAKE:
	case CLOSE_HANDSHAKE_TIMEOUT:
	case CLOSE_PROXY_HEADER:
		return true;
	default:
		return false;
	}
}

static void
put_hex(const uint8_t *p, size_t n, char out[2 * STRANGER_BYTES + 1])
{
	*out = '\0';
	for (size_t i = 0; i < n && i < STRANGER_BYTES; i++)
		snprintf(out + 2 * i, 3, "%02x", p[i]);
}

bool
strangers_closed(struct conn *c)
{
	struct trackers *t = trackers_of(c);
	const uint8_t *p = c->set->said != NULL ? c->set->said : c->partial;
	size_t n = c->set->said != NULL ? c->set->said_len : c->partial_len;
	enum stranger what = stranger_guess(p, n);
	char hex[2 * STRANGER_BYTES + 1];
	struct proxy_header header;

	if (c->imei != 0 || !tells_of_stranger(c->reason))
		return false;
	stats_add((_Atomic uint64_t *)(void *)((char *)c->set->stats + counters[what]), 1);
	/* A health check of a balancer, which may end within its header, or a look whether the port is open. */
	if ((c->reason == CLOSE_PEER || c->reason == CLOSE_BROKEN) &&
	    (n == 0 || proxy_next(p, n, &header) == PROXY_MORE))
		return false;
	put_hex(p, n, hex);
	note(t, c->reason == CLOSE_PROXY_HEADER ? "no_proxy_header" : stranger_rows[what].name,
	    c->family, c->addr, p, n);
	trace_event(c, "unidentified", "\"what\":\"%s\",\"first_bytes\":\"%s\"",
	    stranger_rows[what].name, hex);
	conn_log_bytes(c, n > 0 ? LOG_WARN_ : close_rows[c->reason].level, n > 0 ? hex : NULL,
	    "connection closed: %s; it said %s", close_rows[c->reason].text,
	    stranger_rows[what].text);
	return true;
}

void
strangers_over_rate(const struct conn *c)
{
	note(trackers_of(c), "unknown_imei", c->family, c->addr, NULL, 0);
}

void
strangers_not_admitted(
    struct trackers *t, const struct sockaddr *sa, enum admission_verdict verdict)
{
	static const char *const what[] = {[ADMISSION_OUTSIDE] = "outside_networks",
	    [ADMISSION_FULL] = "too_many",
	    [ADMISSION_ADDRESS_FULL] = "too_many_of_address"};
	struct address a;

	if (!address_read(&a, sa))
		return;
	note(t, what[verdict], a.family, a.bytes, NULL, 0);
	trace_not_admitted(t, &a, what[verdict]);
}
