#include "common/cidr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define NET_TEXT 64 /* longest network as text */

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* A number of bits, "0" to "128", without sign or leading zeros. */
static bool
parse_prefix(const char *s, unsigned int max, uint8_t *out)
{
	unsigned int n = 0;
	size_t len = strlen(s);

	if (len < 1 || len > 3 || strspn(s, "0123456789") != len || (len > 1 && s[0] == '0'))
		return false;
	for (; *s != '\0'; s++)
		n = n * 10 + (unsigned int)(*s - '0');
	if (n > max)
		return false;
	*out = (uint8_t)n;
	return true;
}

static bool
bits_beyond(const struct cidr *c)
{
	size_t bytes = c->v6 ? 16 : 4;

	for (size_t i = 0; i < bytes; i++) {
		unsigned int keep = c->prefix > i * 8 ? c->prefix - (unsigned int)i * 8 : 0;
		unsigned int mask = keep >= 8 ? 0xff : 0xffu << (8 - keep) & 0xff;

		if ((c->addr[i] & ~mask) != 0)
			return true;
	}
	return false;
}

/* Returns NULL, or what is wrong. */
static const char *
parse_one(struct cidr *c, const char *text, size_t len)
{
	char buf[NET_TEXT];
	char *slash;

	memset(c, 0, sizeof(*c));
	if (len == 0)
		return "an empty place in the list";
	if (len >= sizeof(buf))
		return "not a network or address";
	memcpy(buf, text, len);
	buf[len] = '\0';
	slash = strchr(buf, '/');
	if (slash != NULL)
		*slash = '\0';
	c->v6 = strchr(buf, ':') != NULL;
	if (inet_pton(c->v6 ? AF_INET6 : AF_INET, buf, c->addr) != 1)
		return "not a network or address";
	c->prefix = c->v6 ? 128 : 32;
	if (slash != NULL && !parse_prefix(slash + 1, c->prefix, &c->prefix))
		return "not a prefix length";
	if (bits_beyond(c))
		return "its address has bits beyond the prefix";
	if (c->v6 && c->prefix >= 96 && memcmp(c->addr, mapped, sizeof(mapped)) == 0) {
		memmove(c->addr, c->addr + 12, 4);
		memset(c->addr + 4, 0, 12);
		c->prefix = (uint8_t)(c->prefix - 96);
		c->v6 = false;
	}
	return NULL;
}

static bool
fail(
    struct cidr_list *list, char *err, size_t errlen, const char *why, const char *what, size_t len)
{
	memset(list, 0, sizeof(*list));
	if (len > 0)
		(void)snprintf(
		    err, errlen, "%s: %.*s", why, len < NET_TEXT ? (int)len : NET_TEXT, what);
	else
		(void)snprintf(err, errlen, "%s", why);
	return false;
}

bool
cidr_list_parse(struct cidr_list *list, const char *text, char *err, size_t errlen)
{
	const char *p = text, *why;

	memset(list, 0, sizeof(*list));
	if (strlen(text) >= sizeof(list->text))
		return fail(list, err, errlen, "too long", "", 0);
	if (text[0] == '\0')
		return true;
	for (;;) {
		size_t len;

		p += strspn(p, " \t");
		len = strcspn(p, ",");
		while (len > 0 && (p[len - 1] == ' ' || p[len - 1] == '\t'))
			len--;
		if (list->n == CIDR_MAX)
			return fail(list, err, errlen, "more than 64 networks", "", 0);
		why = parse_one(&list->net[list->n], p, len);
		if (why != NULL)
			return fail(list, err, errlen, why, p, len);
		list->n++;
		p += strcspn(p, ",");
		if (*p == '\0')
			break;
		p++;
	}
	(void)snprintf(list->text, sizeof(list->text), "%s", text);
	return true;
}

static bool
contains(const struct cidr *c, bool v6, const uint8_t *addr)
{
	size_t whole = c->prefix / 8;
	unsigned int rest = c->prefix % 8;

	if (c->v6 != v6 || memcmp(c->addr, addr, whole) != 0)
		return false;
	return rest == 0 || (c->addr[whole] ^ addr[whole]) >> (8 - rest) == 0;
}

bool
cidr_list_match(const struct cidr_list *list, const struct sockaddr *sa)
{
	uint8_t addr[16] = {0};
	bool v6 = false;

	if (list->n == 0)
		return true;
	/* Copied member by member: the caller's buffer may be of any alignment. */
	if (sa->sa_family == AF_INET) {
		memcpy(addr, (const char *)sa + offsetof(struct sockaddr_in, sin_addr), 4);
	} else if (sa->sa_family == AF_INET6) {
		memcpy(addr, (const char *)sa + offsetof(struct sockaddr_in6, sin6_addr), 16);
		v6 = memcmp(addr, mapped, sizeof(mapped)) != 0;
		if (!v6)
			memmove(addr, addr + 12, 4);
	} else {
		return false;
	}
	for (size_t i = 0; i < list->n; i++)
		if (contains(&list->net[i], v6, addr))
			return true;
	return false;
}
