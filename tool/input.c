#include "tool/input.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX ((size_t)1 << 30)

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

/* True if there is nothing but hex digits, white space and comments. */
static bool
looks_hex(const uint8_t *p, size_t n)
{
	bool comment = false;

	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\n')
			comment = false;
		else if (p[i] == '#')
			comment = true;
		if (!comment && digit(p[i]) < 0 && !is_space(p[i]))
			return false;
	}
	return true;
}

bool
input_unhex(uint8_t *bytes, size_t *len)
{
	size_t out = 0;
	bool comment = false;
	int high = -1;

	for (size_t i = 0; i < *len; i++) {
		uint8_t c = bytes[i];

		if (c == '\n')
			comment = false;
		else if (c == '#')
			comment = true;
		if (comment || is_space(c))
			continue;
		if (digit(c) < 0)
			return false;
		if (high < 0) {
			high = digit(c);
		} else {
			bytes[out++] = (uint8_t)(high << 4 | digit(c));
			high = -1;
		}
	}
	*len = out;
	return high < 0;
}

static bool
slurp(FILE *f, const char *name, uint8_t **bytes, size_t *len)
{
	size_t room = 0, n;
	uint8_t *more;

	*bytes = NULL;
	*len = 0;
	do {
		if (*len == room) {
			room = room == 0 ? 65536 : room * 2;
			more = room <= INPUT_MAX ? realloc(*bytes, room) : NULL;
			if (more == NULL) {
				fprintf(
				    stderr, "tgctl: %s is too large: cut it into parts\n", name);
				return false;
			}
			*bytes = more;
		}
		n = fread(*bytes + *len, 1, room - *len, f);
		*len += n;
	} while (n > 0);
	if (ferror(f)) {
		fprintf(stderr, "tgctl: reading %s: %s\n", name, strerror(errno));
		return false;
	}
	return true;
}

bool
input_read(const char *path, enum input_form form, uint8_t **bytes, size_t *len)
{
	bool standard = strcmp(path, "-") == 0;
	const char *name = standard ? "standard input" : path;
	FILE *f = standard ? stdin : fopen(path, "rb");
	bool ok;

	*bytes = NULL;
	if (f == NULL) {
		fprintf(stderr, "tgctl: can't open %s: %s\n", path, strerror(errno));
		return false;
	}
	ok = slurp(f, name, bytes, len);
	if (!standard)
		fclose(f);
	if (ok && form == INPUT_AUTO)
		form = looks_hex(*bytes, *len) ? INPUT_HEX : INPUT_BINARY;
	if (ok && form == INPUT_HEX && !input_unhex(*bytes, len)) {
		fprintf(stderr, "tgctl: %s is not hex text of whole bytes\n", name);
		ok = false;
	}
	if (!ok) {
		free(*bytes);
		*bytes = NULL;
	}
	return ok;
}
