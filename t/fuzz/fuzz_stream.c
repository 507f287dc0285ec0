/*
 * Fuzz target: the stream, cut into chunks as they may come, yields the same items as the
 * stream as a whole, ends the same way, and never reads a byte that is not there yet.
 *
 * Input: one byte that chooses the chunks, then the stream.
 */
#include "t/fuzz/fuzz.h"

#include <string.h>

#include "proto/stream.h"

/* The item at the front of n bytes that lie alone in memory. */
static enum stream_result
next(const uint8_t *p, size_t n, bool identified, struct stream_item *item)
{
	uint8_t *exact = vectors_exact(p, n);
	enum stream_result result = stream_next(exact, n, identified, item);

	if (result == STREAM_FRAME) {
		REQUIRE(item->body == exact + 8);
		REQUIRE(item->body_len + FRAME_OVERHEAD == item->len);
		REQUIRE(item->body_len >= FRAME_BODY_MIN && item->body_len <= FRAME_BODY_MAX);
	}
	if (result == STREAM_MORE)
		REQUIRE(item->need > n && item->need <= FRAME_MAX);
	else if (result == STREAM_PING || result == STREAM_IMEI || result == STREAM_FRAME)
		REQUIRE(item->len > 0 && item->len <= n);
	item->body = NULL;
	free(exact);
	return result;
}

static bool
same(const struct stream_item *a, const struct stream_item *b)
{
	return a->len == b->len && a->imei == b->imei && a->body_len == b->body_len &&
	       a->crc_ok == b->crc_ok;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *p = data + 1;
	size_t n = size > 0 ? size - 1 : 0, at = 0, there = 0, promised = 0;
	uint32_t random = size > 0 ? data[0] * 2654435761u + 1 : 1;
	bool identified = false;

	while (size > 0) {
		struct stream_item whole, part;
		enum stream_result wanted = stream_next(p + at, n - at, identified, &whole), got;

		/* What has come so far, and more of it as long as that is not enough. */
		promised = 0;
		while ((got = next(p + at, there - at, identified, &part)) == STREAM_MORE) {
			REQUIRE(part.need >= promised);
			promised = part.need;
			if (there == n)
				break;
			random = random * 1664525 + 1013904223;
			/* Of a long one in larger pieces: each try reads all that is there. */
			there += (random >> 16) % (40 + n / 50) + 1;
			if (there > n)
				there = n;
		}
		REQUIRE(got == wanted);
		REQUIRE(same(&whole, &part));
		if (got == STREAM_MORE || got >= STREAM_BAD_IMEI)
			break;
		REQUIRE(part.len >= promised);
		REQUIRE(identified || got != STREAM_FRAME);
		identified = identified || got == STREAM_IMEI;
		at += part.len;
	}
	return 0;
}

size_t
fuzz_seed(const struct vector *v, uint8_t out[FUZZ_SEED_MAX])
{
	static const char front[] = "\x55\0\017356307042441013\xff";
	size_t len = sizeof(front) - 1;

	if (!v->tcp || len + v->len + 1 > FUZZ_SEED_MAX)
		return 0;
	memcpy(out, front, len);
	memcpy(out + len, v->bytes, v->len);
	len += v->len;
	out[len++] = 0xff;
	return len;
}
