/*
 * Fuzz target: events of a followed device, as a gateway sends them, made into a capture. Whatever comes in whatever order and
 * pieces, and whatever words are in it: tgctl decode reads the file, and finds in it the whole items that are counted, an IMEI
 * packet for each connection that was there before, and each frame that was shown to the caller.
 *
 * Input: events: what it is (1), of which connection (1), how many bytes (2), the bytes.
 */
#include "t/fuzz/fuzz.h"

#include <string.h>

#include "proto/stream.h"
#include "proto/wire.h"
#include "tool/capture.h"
#include "tool/hex_text.h"

#define HEAD 4
#define IMEI UINT64_C(352093081452251)
#define PIECE 3000 /* bytes in one event: it has to fit into a packet */

enum { CONNECTED, PRESENT, IN, OUT, CLOSED, LOST, FRAME, OTHER, KINDS };

/* Frames that the caller was shown, one after the other. */
struct shown {
	uint8_t *p;
	size_t n, frames;
};

static void
show(void *ctx, const uint8_t *body, size_t len)
{
	struct shown *s = ctx;

	s->p = realloc(s->p, s->n + len + 4);
	REQUIRE(s->p != NULL);
	wire_put_u32(s->p + s->n, (uint32_t)len);
	memcpy(s->p + s->n + 4, body, len);
	s->n += len + 4;
	s->frames++;
}

static json_t *
hex_of(const uint8_t *p, size_t n)
{
	char *text = malloc(2 * n + 1);
	json_t *value;

	REQUIRE(text != NULL);
	text[0] = '\0';
	for (size_t i = 0; i < n; i++)
		snprintf(text + 2 * i, 3, "%02x", p[i]);
	value = json_string(text);
	free(text);
	return value;
}

/* As the gateway would write it. Words come from outside, and may be any that JSON can hold. */
static json_t *
event_of(unsigned kind, unsigned conn, const uint8_t *p, size_t n)
{
	static const char *const names[KINDS] = {
	    "connected", "present", "in", "out", "closed", "lost", "frame", "other"};
	json_t *e = json_object(), *words = json_stringn((const char *)p, n);

	json_object_set_new(e, "event", json_string(names[kind]));
	json_object_set_new(e, "at", json_integer(INT64_C(1772366400123) + conn));
	json_object_set_new(e, "worker", json_integer(conn & 1));
	json_object_set_new(e, "pid", json_integer(conn >> 4));
	json_object_set_new(e, "conn", json_integer(conn & 15));
	json_object_set_new(e, "peer",
	    words != NULL && conn % 3 == 0 ? json_incref(words) : json_string("192.0.2.1:9"));
	if ((kind == IN || kind == OUT) && conn < 0xf0)
		json_object_set_new(e, "hex", hex_of(p, n));
	else if (words != NULL)
		json_object_set_new(
		    e, kind == IN || kind == OUT ? "hex" : "why", json_incref(words));
	if (kind == LOST)
		json_object_set_new(e, "events", json_integer((json_int_t)n));
	json_decref(words);
	return e;
}

/* The frames in it with a good CRC, in order. */
static void
check_frames(const uint8_t *p, size_t n, const struct shown *s)
{
	size_t at = 0, found = 0, frames = 0;
	struct stream_item item;

	while (at < n) {
		/* Connections stand one after the other and in one another, each item whole. */
		enum stream_result r = stream_next(p + at, n - at, true, &item);

		REQUIRE(r == STREAM_PING || r == STREAM_IMEI || r == STREAM_FRAME);
		if (r == STREAM_FRAME && item.crc_ok) {
			REQUIRE(found + 4 + item.body_len <= s->n &&
				wire_u32(s->p + found) == item.body_len);
			REQUIRE(memcmp(s->p + found + 4, item.body, item.body_len) == 0);
			found += 4 + item.body_len;
			frames++;
		}
		at += item.len;
	}
	REQUIRE(frames == s->frames && found == s->n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t at = 0, present = 0, len, text_len;
	struct shown shown = {0};
	char *text = NULL;
	FILE *out = open_memstream(&text, &text_len);
	struct capture *c;

	REQUIRE(out != NULL);
	c = capture_new(out, IMEI, 60);
	REQUIRE(c != NULL);
	capture_on_frame(c, show, &shown);
	while (size - at >= HEAD) {
		unsigned kind = data[at] % KINDS, conn = data[at + 1];
		json_t *event;

		len = wire_u16(data + at + 2) % (PIECE + 1);
		at += HEAD;
		if (len > size - at)
			len = size - at;
		event = event_of(kind, conn, data + at, len);
		if (!capture_event(c, event))
			REQUIRE((kind == IN || kind == OUT) && conn >= 0xf0);
		present += kind == PRESENT;
		json_decref(event);
		at += len;
	}
	REQUIRE(capture_end(c));
	fflush(out);
	len = text_len;
	REQUIRE(hex_text((uint8_t *)text, &len));
	REQUIRE(len == capture_totals(c)->bytes + present * IMEI_PACKET);
	check_frames((const uint8_t *)text, len, &shown);
	capture_free(c);
	fclose(out);
	free(text);
	free(shown.p);
	return 0;
}

static size_t
put(uint8_t *out, size_t at, uint8_t kind, uint8_t conn, const void *bytes, size_t n)
{
	out[at] = kind;
	out[at + 1] = conn;
	wire_put_u16(out + at + 2, (uint16_t)n);
	memcpy(out + at + HEAD, bytes, n);
	return at + HEAD + n;
}

/* A connection that begins, or that was there, and says the vector in pieces; with a few words between. */
size_t
fuzz_seed(const struct vector *v, uint8_t out[FUZZ_SEED_MAX])
{
	static const char imei[] = "\0\017352093081452251";
	static unsigned turn;
	uint8_t conn = (uint8_t)(16 + turn % 16);
	size_t n = 0, most = v->len > 2000 ? PIECE : 50;

	if (!v->tcp || v->len > FUZZ_SEED_MAX - 1000)
		return 0;
	if (turn++ % 2 == 0) {
		n = put(out, n, CONNECTED, conn, "", 0);
		n = put(out, n, IN, conn, imei, sizeof(imei) - 1);
	} else {
		n = put(out, n, PRESENT, conn, "", 0);
	}
	for (size_t at = 0, len; at < v->len; at += len) {
		len = v->len - at < most ? v->len - at : most;
		n = put(out, n, IN, conn, v->bytes + at, len);
	}
	n = put(out, n, FRAME, conn, "stored", 6);
	n = put(out, n, OUT, conn, "\0\0\0\1", 4);
	n = put(out, n, turn % 5 == 0 ? LOST : OTHER, conn, "not seen\n00ff", 13);
	return put(out, n, CLOSED, conn, "closed by the tracker", 21);
}
