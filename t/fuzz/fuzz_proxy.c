/*
 * Fuzz target: a PROXY header that comes in pieces is judged as the header as a whole is, within
 * its bounds, and what follows it makes no difference.
 *
 * Input: what a balancer's connection begins with.
 */
#include "t/fuzz/fuzz.h"

#include <string.h>
#include <sys/socket.h>

#include "worker/net/proxy.h"

/* Of n bytes that lie alone in memory. */
static enum proxy_result
next(const uint8_t *p, size_t n, struct proxy_header *h)
{
	uint8_t *exact = vectors_exact(p, n);
	enum proxy_result result = proxy_next(exact, n, h);

	free(exact);
	return result;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t most = size < PROXY_MAX + 1 ? size : PROXY_MAX + 1, n = 0;
	struct proxy_header whole, part;
	enum proxy_result wanted = next(data, size, &whole), got;

	/* It says so as early as it can, and stays with it. */
	while ((got = next(data, n, &part)) == PROXY_MORE && n < most)
		n++;
	REQUIRE(got == wanted);
	REQUIRE(got != PROXY_MORE || n < PROXY_MAX);
	if (got != PROXY_ADDRESS && got != PROXY_LOCAL)
		return 0;
	REQUIRE(part.len == n && n <= PROXY_MAX);
	REQUIRE(part.len == whole.len && part.port == whole.port && part.family == whole.family);
	REQUIRE(memcmp(part.addr, whole.addr, sizeof(part.addr)) == 0);
	if (got == PROXY_ADDRESS)
		REQUIRE(part.family == AF_INET || part.family == AF_INET6);
	return 0;
}

/* One kind of header before each of the vectors, in turn. */
size_t
fuzz_seed(const struct vector *v, uint8_t out[FUZZ_SEED_MAX])
{
#define V2 "\r\n\r\n\0\r\nQUIT\n"
#define HEADER(s) \
	{ \
		s, sizeof(s) - 1 \
	}
	static const struct {
		const char *bytes;
		size_t len;
	} headers[] = {
	    HEADER("PROXY TCP4 203.0.113.7 192.0.2.1 40000 5027\r\n"),
	    HEADER("PROXY TCP6 2001:db8::7 2001:db8::1 40000 5027\r\n"),
	    HEADER("PROXY UNKNOWN ffff::1 ::1 65535 0\r\n"),
	    HEADER(V2 "\x21\x11\0\x0c\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c"),
	    HEADER(V2 "\x21\x21\0\x24"
		      "0123456789abcdef0123456789abcdef\1\2\3\4"),
	    HEADER(V2 "\x21\x11\0\x11\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\4\0\2ab"),
	    HEADER(V2 "\x20\0\0\0"),
	};
	static size_t turn;
	size_t i = turn++ % (sizeof(headers) / sizeof(headers[0])), len = headers[i].len;

	if (!v->tcp || len + v->len > FUZZ_SEED_MAX)
		return 0;
	memcpy(out, headers[i].bytes, len);
	memcpy(out + len, v->bytes, v->len);
	return len + v->len;
}
