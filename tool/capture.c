#include "tool/capture.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "proto/stream.h"
#include "tool/hex_text.h"
#include "tool/input.h"
#include "tool/out.h"
#include "tool/out_text.h"
#include "tool/trace_text.h"

#define STREAMS 8 /* connections of one device at a time; the oldest makes room */
#define LINE 64	  /* bytes of hex in a line */

/* One connection. */
struct stream {
	long long pid, conn; /* of whom; pid 0: not in use */
	uint64_t began;	     /* grows from one to the next */
	bool identified;     /* its IMEI packet is behind us */
	bool broken;	     /* what comes can't be cut into items any more */
	uint8_t *bytes;	     /* not a whole item yet */
	size_t len, room;
};

struct capture {
	FILE *out;
	uint64_t imei, begun;
	struct stream streams[STREAMS];
	struct capture_totals totals;
	void (*on_frame)(void *ctx, const uint8_t *body, size_t len); /* NULL: nobody asks */
	void *ctx;
};

/* ---- lines ---- */

static void
put_hex(struct capture *c, const char *prefix, const uint8_t *p, size_t n)
{
	char hex[2 * LINE + 1];

	for (size_t at = 0; at < n; at += LINE) {
		out_hex(p + at, n - at < LINE ? n - at : LINE, hex);
		fprintf(c->out, "%s%s\n", prefix, hex);
	}
}

static void
put_event(struct capture *c, const json_t *event)
{
	char line[1024];

	trace_text(event, line, sizeof(line));
	fprintf(c->out, "# %s\n", line);
}

static void
put_time(struct capture *c, const json_t *event, const char *what)
{
	char at[OUT_TIME], peer[64];
	const char *said = json_string_value(json_object_get(event, "peer"));

	out_copy(peer, sizeof(peer), said != NULL ? said : "-");
	if (!out_time((uint64_t)json_integer_value(json_object_get(event, "at")), at))
		snprintf(at, sizeof(at), "-");
	fprintf(c->out, "# %s %s %s\n", at, peer, what);
}

/* What is left of a stream that ends or can't be followed: for the eye only. */
static void
put_rest(struct capture *c, struct stream *s, const char *why)
{
	if (s->len > 0) {
		fprintf(c->out, "# %zu bytes left out, %s:\n", s->len, why);
		put_hex(c, "#   ", s->bytes, s->len);
	}
	s->len = 0;
}

/* ---- streams ---- */

void
capture_on_frame(struct capture *c, void (*frame)(void *, const uint8_t *, size_t), void *ctx)
{
	c->on_frame = frame;
	c->ctx = ctx;
}

static void
forget(struct capture *c, struct stream *s)
{
	put_rest(c, s, "an item that was never whole");
	free(s->bytes);
	memset(s, 0, sizeof(*s));
}

static struct stream *
find(struct capture *c, const json_t *event)
{
	long long pid = json_integer_value(json_object_get(event, "pid"));
	long long conn = json_integer_value(json_object_get(event, "conn"));

	for (size_t i = 0; i < STREAMS; i++)
		if (c->streams[i].pid == pid && c->streams[i].conn == conn && pid != 0)
			return &c->streams[i];
	return NULL;
}

static struct stream *
begin(struct capture *c, const json_t *event)
{
	struct stream *s = find(c, event);

	if (s == NULL) {
		s = &c->streams[0];
		for (size_t i = 1; i < STREAMS; i++)
			if (c->streams[i].began < s->began)
				s = &c->streams[i];
	}
	forget(c, s);
	s->pid = json_integer_value(json_object_get(event, "pid"));
	s->conn = json_integer_value(json_object_get(event, "conn"));
	s->began = ++c->begun;
	c->totals.connections++;
	return s;
}

/* Events in between are missing: where its next item begins is not known. */
static void
lost(struct capture *c, const json_t *event)
{
	long long pid = json_integer_value(json_object_get(event, "pid"));

	c->totals.lost += (uint64_t)json_integer_value(json_object_get(event, "events"));
	for (size_t i = 0; i < STREAMS; i++)
		if (c->streams[i].pid == pid) {
			put_rest(c, &c->streams[i], "as events are missing here");
			c->streams[i].broken = true;
		}
}

/* So that a replay has something to begin with. */
static void
put_imei_packet(struct capture *c)
{
	char text[2 * IMEI_PACKET + 1];
	uint8_t packet[IMEI_PACKET + 1] = {0, IMEI_DIGITS};

	snprintf((char *)packet + 2, sizeof(packet) - 2, "%015" PRIu64, c->imei);
	out_hex(packet, IMEI_PACKET, text);
	fprintf(c->out, "# its IMEI packet, added here\n%s\n", text);
}

/* Writes the whole items at the front and keeps the rest. */
static void
cut(struct capture *c, struct stream *s, const json_t *event)
{
	size_t at = 0;

	while (at < s->len && !s->broken) {
		struct stream_item item;
		enum stream_result r =
		    stream_next(s->bytes + at, s->len - at, s->identified, &item);
		char what[40];

		if (r == STREAM_MORE)
			break;
		s->broken = r != STREAM_PING && r != STREAM_IMEI && r != STREAM_FRAME;
		s->identified |= r == STREAM_IMEI;
		if (s->broken)
			break;
		snprintf(what, sizeof(what), "> %zu bytes", item.len);
		put_time(c, event, what);
		put_hex(c, "", s->bytes + at, item.len);
		if (c->on_frame != NULL && r == STREAM_FRAME && item.crc_ok)
			c->on_frame(c->ctx, item.body, item.body_len);
		c->totals.items++;
		c->totals.bytes += item.len;
		at += item.len;
	}
	s->len -= at;
	if (at > 0)
		memmove(s->bytes, s->bytes + at, s->len);
	if (s->broken)
		put_rest(c, s, "as they are out of step");
}

static bool
append(struct stream *s, const char *hex)
{
	size_t n = strlen(hex);
	uint8_t *p;

	if (n == 0)
		return true;
	if (s->len + n > s->room) {
		/* An item that isn't whole is shorter than the longest one; then comes a piece. */
		if (s->len + n > 2 * FRAME_MAX)
			return false;
		p = realloc(s->bytes, s->len + n);
		if (p == NULL)
			return false;
		s->bytes = p;
		s->room = s->len + n;
	}
	memcpy(s->bytes + s->len, hex, n);
	if (!hex_bytes(s->bytes + s->len, &n))
		return false;
	s->len += n;
	return true;
}

static bool
received(struct capture *c, const json_t *event)
{
	const char *hex = json_string_value(json_object_get(event, "hex"));
	struct stream *s = find(c, event);

	/* Its beginning was missed. */
	if (s == NULL && (s = begin(c, event)) != NULL)
		s->broken = true;
	if (hex == NULL || !append(s, hex))
		return false;
	cut(c, s, event);
	return true;
}

static bool
sent(struct capture *c, const json_t *event)
{
	const char *hex = json_string_value(json_object_get(event, "hex"));

	/* Nothing else may come into the file: what stands on a line of its own would be the tracker's. */
	if (hex == NULL || strspn(hex, "0123456789abcdef") != strlen(hex))
		return false;
	put_time(c, event, "< the gateway:");
	fprintf(c->out, "#   %s\n", hex);
	return true;
}

/* ---- the whole ---- */

struct capture *
capture_new(FILE *out, uint64_t imei, int seconds)
{
	struct capture *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->out = out;
	c->imei = imei;
	fprintf(out,
	    "# What %015" PRIu64 " sent within %d s, as tgctl capture saw it.\n"
	    "# tgctl decode reads it, tgctl decode --replay plays it to a gateway.\n",
	    imei, seconds);
	return c;
}

void
capture_free(struct capture *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < STREAMS; i++)
		free(c->streams[i].bytes);
	free(c);
}

bool
capture_event(struct capture *c, const json_t *event)
{
	const char *name = json_string_value(json_object_get(event, "event"));
	struct stream *s;
	bool ok = true;

	if (name == NULL)
		return false;
	if (strcmp(name, "in") == 0) {
		ok = received(c, event);
	} else if (strcmp(name, "out") == 0) {
		ok = sent(c, event);
	} else {
		put_event(c, event);
		if (strcmp(name, "connected") == 0) {
			(void)begin(c, event);
		} else if (strcmp(name, "present") == 0) {
			begin(c, event)->identified = true;
			put_imei_packet(c);
		} else if (strcmp(name, "closed") == 0 && (s = find(c, event)) != NULL) {
			forget(c, s);
		} else if (strcmp(name, "lost") == 0) {
			lost(c, event);
		}
	}
	return fflush(c->out) == 0 && !ferror(c->out) && ok;
}

bool
capture_end(struct capture *c)
{
	for (size_t i = 0; i < STREAMS; i++)
		forget(c, &c->streams[i]);
	fprintf(c->out, "# end of the capture\n");
	return fflush(c->out) == 0 && !ferror(c->out);
}

const struct capture_totals *
capture_totals(const struct capture *c)
{
	return &c->totals;
}
