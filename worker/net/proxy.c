#include "worker/net/proxy.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "proto/wire.h"

#define V2_FIXED 16
#define V2_LOCAL 0x20 /* version 2 and the command */
#define V2_PROXY 0x21
#define WORD_MAX 48 /* the longest address as text is shorter */

static const uint8_t v1_begin[6] = {'P', 'R', 'O', 'X', 'Y', ' '};
static const uint8_t v2_begin[12] = {
    0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

/* ---- Version 1 ---- */

/* The next word of the line, up to the blank or the end; false if it is empty or too long. */
static bool
next_word(const char **line, const char *end, char word[WORD_MAX])
{
	const char *blank = memchr(*line, ' ', (size_t)(end - *line));
	size_t len = (size_t)((blank != NULL ? blank : end) - *line);

	if (len == 0 || len >= WORD_MAX || memchr(*line, '\0', len) != NULL)
		return false;
	memcpy(word, *line, len);
	word[len] = '\0';
	*line += len;
	if (*line < end)
		(*line)++;
	return true;
}

/* Decimal, without sign or leading zeros. */
static bool
read_port(const char *word, uint16_t *port)
{
	unsigned int n = 0;
	size_t len = strlen(word);

	if (len > 5 || strspn(word, "0123456789") != len || (len > 1 && word[0] == '0'))
		return false;
	for (; *word != '\0'; word++)
		n = n * 10 + (unsigned int)(*word - '0');
	*port = (uint16_t)n;
	return n <= UINT16_MAX;
}

/* "TCP4 SOURCE DESTINATION SOURCE-PORT DESTINATION-PORT"; what was for us is read, not used. */
static enum proxy_result
v1_line(const char *line, const char *end, struct proxy_header *h)
{
	char word[WORD_MAX];
	uint8_t ours[16];
	uint16_t our_port;
	int family;

	if (!next_word(&line, end, word))
		return PROXY_BAD;
	/* Whatever follows it is to be ignored. */
	if (strcmp(word, "UNKNOWN") == 0)
		return PROXY_LOCAL;
	if (strcmp(word, "TCP4") != 0 && strcmp(word, "TCP6") != 0)
		return PROXY_BAD;
	family = word[3] == '4' ? AF_INET : AF_INET6;
	h->family = (uint8_t)family;
	if (!next_word(&line, end, word) || inet_pton(family, word, h->addr) != 1 ||
	    !next_word(&line, end, word) || inet_pton(family, word, ours) != 1 ||
	    !next_word(&line, end, word) || !read_port(word, &h->port) ||
	    !next_word(&line, end, word) || !read_port(word, &our_port) || line != end)
		return PROXY_BAD;
	return end[-1] == ' ' ? PROXY_BAD : PROXY_ADDRESS;
}

static enum proxy_result
v1(const uint8_t *p, size_t n, struct proxy_header *h)
{
	size_t most = n < PROXY_V1_MAX ? n : PROXY_V1_MAX, end = sizeof(v1_begin);

	while (end < most && p[end] != '\r' && p[end] != '\n')
		end++;
	if (end < most && p[end] == '\n')
		return PROXY_BAD;
	if (end + 1 >= most)
		return most < PROXY_V1_MAX ? PROXY_MORE : PROXY_BAD;
	if (p[end + 1] != '\n')
		return PROXY_BAD;
	h->len = end + 2;
	return v1_line((const char *)p + sizeof(v1_begin), (const char *)p + end, h);
}

/* ---- Version 2 ---- */

/* The family and transport of a connection that was passed on, and its address. */
static enum proxy_result
v2_address(const uint8_t *p, size_t len, struct proxy_header *h)
{
	unsigned int family = p[13] >> 4, transport = p[13] & 0x0f;
	size_t each = family == 1 ? 4 : 16;

	if (family > 3 || transport > 2)
		return PROXY_BAD;
	/* Of no known kind, or from a Unix socket: there is no address to be had. */
	if (family == 0 || family == 3 || transport == 0)
		return PROXY_LOCAL;
	/* UDP does not come over TCP. */
	if (transport != 1 || len < 2 * each + 4)
		return PROXY_BAD;
	h->family = family == 1 ? AF_INET : AF_INET6;
	memcpy(h->addr, p + V2_FIXED, each);
	h->port = wire_u16(p + V2_FIXED + 2 * each);
	return PROXY_ADDRESS;
}

static enum proxy_result
v2(const uint8_t *p, size_t n, struct proxy_header *h)
{
	size_t len;

	if (n > 12 && p[12] != V2_LOCAL && p[12] != V2_PROXY)
		return PROXY_BAD;
	if (n < V2_FIXED)
		return PROXY_MORE;
	len = wire_u16(p + 14);
	if (V2_FIXED + len > PROXY_MAX)
		return PROXY_BAD;
	if (n < V2_FIXED + len)
		return PROXY_MORE;
	h->len = V2_FIXED + len;
	return p[12] == V2_LOCAL ? PROXY_LOCAL : v2_address(p, len, h);
}

static bool
begins(const uint8_t *p, size_t n, const uint8_t *with, size_t len)
{
	return memcmp(p, with, n < len ? n : len) == 0;
}

enum proxy_result
proxy_next(const uint8_t *p, size_t n, struct proxy_header *h)
{
	*h = (struct proxy_header){0};
	if (n == 0)
		return PROXY_MORE;
	if (begins(p, n, v1_begin, sizeof(v1_begin)))
		return n < sizeof(v1_begin) ? PROXY_MORE : v1(p, n, h);
	if (begins(p, n, v2_begin, sizeof(v2_begin)))
		return n < sizeof(v2_begin) ? PROXY_MORE : v2(p, n, h);
	return PROXY_BAD;
}
