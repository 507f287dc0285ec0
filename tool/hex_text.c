#include "tool/hex_text.h"

#include <string.h>
#include <strings.h>

#define RUN_LEAST 16	/* digits of hex in a line of a log */
#define DECIMAL_MOST 24 /* a shorter run of decimal digits alone is a time or an IMEI */

struct reader {
	uint8_t *out;
	size_t n;
	int high;      /* half a byte, or -1 */
	size_t dumped; /* bytes that came out of dumps */
};

static int
digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool
is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
is_between(uint8_t c)
{
	return is_space(c) || (c != '\0' && strchr(":-,;{}[]()\"'", c) != NULL);
}

bool
hex_text_likely(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((p[i] < 0x20 && !is_space(p[i])) || p[i] == 0x7f)
			return false;
	return true;
}

static void
put(struct reader *r, int nibble)
{
	if (r->high < 0) {
		r->high = nibble;
		return;
	}
	r->out[r->n++] = (uint8_t)(r->high << 4 | nibble);
	r->high = -1;
}

/* "0x" before a byte; not within one, as "00 xx" isn't hex anyway. */
static bool
is_prefix(const uint8_t *p, size_t n)
{
	return n >= 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X');
}

/* Nothing but hex and what may stand between. */
static bool
is_plain(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n && p[i] != '#'; i++) {
		if (is_prefix(p + i, n - i))
			i++;
		else if (digit(p[i]) < 0 && !is_between(p[i]))
			return false;
	}
	return true;
}

static void
take_plain(struct reader *r, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n && p[i] != '#'; i++) {
		if (is_prefix(p + i, n - i))
			i++;
		else if (digit(p[i]) >= 0)
			put(r, digit(p[i]));
	}
}

static const uint8_t *
find(const uint8_t *p, size_t n, const char *what)
{
	size_t len = strlen(what);

	for (size_t i = 0; i + len <= n; i++)
		if (strncasecmp((const char *)p + i, what, len) == 0)
			return p + i;
	return NULL;
}

/* A string with escapes, between quotes if there are some. */
static bool
take_escaped(struct reader *r, const uint8_t *p, size_t n)
{
	static const char letters[] = "nrt0abfv\\'\"", bytes[] = "\n\r\t\0\a\b\f\v\\'\"";
	const uint8_t *first = find(p, n, "\\x"), *open;
	uint8_t quote = 0;

	for (open = first; open > p && quote == 0; open--)
		if (open[-1] == '\'' || open[-1] == '"')
			quote = open[-1];
	if (quote != 0) {
		n -= (size_t)(open + 1 - p);
		p = open + 1;
	}
	while (n > 0 && is_space(p[n - 1]))
		n--;
	for (size_t i = 0; i < n && (quote == 0 || p[i] != quote); i++) {
		const char *letter;

		if (p[i] != '\\') {
			r->out[r->n++] = p[i];
		} else if (i + 3 < n && p[i + 1] == 'x' && digit(p[i + 2]) >= 0 &&
			   digit(p[i + 3]) >= 0) {
			r->out[r->n++] = (uint8_t)(digit(p[i + 2]) << 4 | digit(p[i + 3]));
			i += 3;
		} else if (i + 1 < n && p[i + 1] != '\0' &&
			   (letter = strchr(letters, p[i + 1])) != NULL) {
			r->out[r->n++] = (uint8_t)bytes[letter - letters];
			i++;
		} else {
			return false;
		}
	}
	return true;
}

/*
 * A line of a dump: its offset is what was dumped before. Then groups of hex, up to a column of characters:
 * behind "|", or behind two blanks.
 */
static bool
take_dump(struct reader *r, const uint8_t *p, size_t n)
{
	const uint8_t *bar;
	size_t offset = 0, digits = 0, before = r->n, i = is_prefix(p, n) ? 2 : 0;
	bool wide;

	for (; i < n && digit(p[i]) >= 0 && digits < 16; i++, digits++)
		offset = offset << 4 | (size_t)digit(p[i]);
	if (digits < 4 || offset != r->dumped || r->high >= 0 || i + 1 >= n ||
	    !(p[i] == ':' || p[i] == '\t' || (p[i] == ' ' && p[i + 1] == ' ')))
		return false;
	i += p[i] == ':';
	bar = memchr(p + i, '|', n - i);
	if (bar != NULL)
		n = (size_t)(bar - p);
	while (i < n && is_space(p[i]))
		i++;
	for (; i < n; i++) {
		wide = i + 1 < n && is_space(p[i]) && is_space(p[i + 1]);
		if (bar == NULL && wide)
			break;
		if (digit(p[i]) >= 0)
			put(r, digit(p[i]));
		else if (!is_space(p[i]))
			break;
	}
	r->dumped += r->n - before;
	return true;
}

static bool
is_word(uint8_t c)
{
	return digit(c) >= 0 || (c >= 'g' && c <= 'z') || (c >= 'G' && c <= 'Z') || c == '_';
}

/* A line of a log. */
static void
take_longest(struct reader *r, const uint8_t *p, size_t n)
{
	size_t best = 0, at = 0;

	for (size_t i = 0; i < n;) {
		size_t len = 0, decimal = 0;

		for (; i + len < n && digit(p[i + len]) >= 0; len++)
			decimal += digit(p[i + len]) < 10;
		if (len > best && len >= RUN_LEAST && len % 2 == 0 &&
		    (decimal < len || len >= DECIMAL_MOST) && (i == 0 || !is_word(p[i - 1])) &&
		    (i + len == n || !is_word(p[i + len]))) {
			best = len;
			at = i;
		}
		i += len + 1;
	}
	/* What tgctl trace shows as said to the tracker. */
	if (best > 0 && !(at >= 2 && p[at - 2] == '<'))
		take_plain(r, p + at, best);
}

static bool
take_line(struct reader *r, const uint8_t *p, size_t n)
{
	const uint8_t *hex;

	while (n > 0 && is_space(p[0])) {
		p++;
		n--;
	}
	if (n == 0 || p[0] == '#' || take_dump(r, p, n))
		return true;
	if (find(p, n, "\\x") != NULL)
		return take_escaped(r, p, n);
	if (is_plain(p, n)) {
		take_plain(r, p, n);
		return true;
	}
	hex = find(p, n, "hex:");
	if (hex != NULL && is_plain(hex + 4, n - (size_t)(hex + 4 - p)))
		take_plain(r, hex + 4, n - (size_t)(hex + 4 - p));
	else
		take_longest(r, p, n);
	return true;
}

/* What comes out is never longer than what goes in, so it can stand in its place. */
bool
hex_text(uint8_t *text, size_t *len)
{
	struct reader r = {.out = text, .high = -1};
	size_t from = 0;

	while (from < *len) {
		const uint8_t *end = memchr(text + from, '\n', *len - from);
		size_t n = end != NULL ? (size_t)(end - (text + from)) : *len - from;

		if (!take_line(&r, text + from, n))
			return false;
		from += n + 1;
	}
	*len = r.n;
	return r.high < 0;
}

bool
hex_bytes(uint8_t *text, size_t *len)
{
	if (*len % 2 != 0)
		return false;
	for (size_t i = 0; i < *len; i += 2) {
		if (digit(text[i]) < 0 || digit(text[i + 1]) < 0)
			return false;
		text[i / 2] = (uint8_t)(digit(text[i]) << 4 | digit(text[i + 1]));
	}
	*len /= 2;
	return true;
}
