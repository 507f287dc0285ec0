#include "tool/out_text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define COLUMNS_DEFAULT 80
#define COLUMNS_LEAST 40

/* The code point at p and its length; length 1 and UINT32_MAX if it is not UTF-8. */
static uint32_t
decode(const unsigned char *p, size_t *len)
{
	size_t n = p[0] < 0x80	 ? 1
		   : p[0] < 0xc2 ? 0
		   : p[0] < 0xe0 ? 2
		   : p[0] < 0xf0 ? 3
		   : p[0] < 0xf5 ? 4
				 : 0;
	uint32_t c = n < 2 ? p[0] : p[0] & (0x7fu >> n);

	*len = 1;
	if (n == 0)
		return UINT32_MAX;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return UINT32_MAX;
		c = c << 6 | (p[i] & 0x3f);
	}
	if ((n == 3 && (c < 0x800 || (c >= 0xd800 && c < 0xe000))) ||
	    (n == 4 && (c < 0x10000 || c > 0x10ffff)))
		return UINT32_MAX;
	*len = n;
	return c;
}

static bool
is_seen(uint32_t c)
{
	return c >= 0x20 && !(c >= 0x7f && c < 0xa0) &&	   /* controls */
	       c != 0x61c && c != 0x200e && c != 0x200f && /* marks of direction */
	       !(c >= 0x2028 && c <= 0x202e) &&		   /* separators, embedding, override */
	       !(c >= 0x2066 && c <= 0x2069) &&		   /* isolates */
	       c != 0xfeff && c <= 0x10ffff;
}

void
out_clean(char *text)
{
	unsigned char *from = (unsigned char *)text, *to = from;
	size_t n;

	for (; *from != '\0'; from += n) {
		if (is_seen(decode(from, &n))) {
			memmove(to, from, n);
			to += n;
		} else {
			*to++ = '?';
		}
	}
	*to = '\0';
}

void
out_copy(char *out, size_t room, const char *text)
{
	size_t n = strlen(text);

	if (n >= room)
		for (n = room - 1; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80; n--)
			;
	memmove(out, text, n);
	out[n] = '\0';
	out_clean(out);
}

void
out_lines(FILE *f, const char *text)
{
	char *copy = strdup(text), *rest = copy, *line;

	while ((line = strsep(&rest, "\n")) != NULL) {
		size_t n = strlen(line);

		if (rest == NULL && n == 0 && line != copy)
			break;
		if (n > 0 && line[n - 1] == '\r')
			line[n - 1] = '\0';
		for (char *tab = line; (tab = strchr(tab, '\t')) != NULL;)
			*tab = ' ';
		out_clean(line);
		fprintf(f, "%s\n", line);
	}
	free(copy);
}

/* Code points, as bytes of 10xxxxxx continue one. */
int
out_width(const char *text)
{
	int n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

int
out_columns(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	int n = COLUMNS_DEFAULT;

	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
	    size.ws_col > 0)
		n = size.ws_col;
	else if (columns != NULL)
		n = atoi(columns);
	return n < COLUMNS_LEAST ? COLUMNS_DEFAULT : n;
}

void
out_wrapped(FILE *f, const char *first, const char *rest, const char *text)
{
	int room = out_columns(), at = out_width(first);
	bool begun = false;

	fputs(first, f);
	while (*(text += strspn(text, " ")) != '\0') {
		char word[512];
		size_t n = strcspn(text, " ");

		snprintf(word, sizeof(word), "%.*s", (int)(n < sizeof(word) ? n : sizeof(word) - 1),
		    text);
		if (begun && at + 1 + out_width(word) > room) {
			fprintf(f, "\n%s", rest);
			at = out_width(rest);
			begun = false;
		}
		fprintf(f, "%s%s", begun ? " " : "", word);
		at += begun + out_width(word);
		begun = true;
		text += n;
	}
	fputc('\n', f);
}
