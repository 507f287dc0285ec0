#include "tool/input.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/hex_text.h"

#define INPUT_MAX ((size_t)1 << 30)

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
		form = hex_text_likely(*bytes, *len) ? INPUT_HEX : INPUT_BINARY;
	if (ok && form == INPUT_HEX) {
		size_t had = *len;

		ok = hex_text(*bytes, len) && (*len > 0 || had == 0);
		if (!ok)
			fprintf(stderr, "tgctl: %s is not hex text of whole bytes\n", name);
	}
	if (!ok) {
		free(*bytes);
		*bytes = NULL;
	}
	return ok;
}
