#include "tool/help_text.h"

#include <stdbool.h>
#include <string.h>

#define USAGE_IN 20

/* Where the text of an item begins: behind its name and two blanks, or behind the blanks before it. */
static int
hang_of(const char *line, int n)
{
	int at = 0;

	while (at < n && line[at] == ' ')
		at++;
	if (strncmp(line + at, "Usage: ", 7) == 0 || strncmp(line + at, "tgctl ", 6) == 0)
		return USAGE_IN;
	for (int i = at; at > 0 && i + 2 < n; i++)
		if (line[i] == ' ' && line[i + 1] == ' ') {
			while (i < n && line[i] == ' ')
				i++;
			return i;
		}
	return at;
}

static int
indent_of(const char *line, int n)
{
	int at = 0;

	while (at < n && line[at] == ' ')
		at++;
	return at;
}

/* An option's text may stand one blank behind its name: then the next line tells where it begins. */
static int
hang_at(const char *line)
{
	int n = (int)strcspn(line, "\n"), hang = hang_of(line, n), below;

	if (line[n] == '\0' || hang == USAGE_IN || hang != indent_of(line, n) || hang == 0)
		return hang;
	below = indent_of(line + n + 1, (int)strcspn(line + n + 1, "\n"));
	return below > hang && (below >= n || line[below - 1] == ' ') ? below : hang;
}

/* Lines from `at` on that are one item with the first; returns their end. */
static const char *
item(const char *at, int hang, int columns, bool *wide)
{
	bool first = true;

	*wide = false;
	while (*at != '\0') {
		int n = (int)strcspn(at, "\n"), indent = indent_of(at, n);
		bool below = hang == USAGE_IN ? indent >= USAGE_IN - 5
					      : indent == hang && hang_of(at, n) == hang;

		if (!first && (n == 0 || !below))
			break;
		*wide |= n > columns;
		first = false;
		at += n + (at[n] == '\n');
	}
	return at;
}

/* The next word; of the usage, "[--option VALUE]" is one. */
static int
word_length(const char *from)
{
	int n = (int)strcspn(from, " \n"), deep = 0;

	for (int i = 0; from[0] == '[' && from[i] != '\0' && from[i] != '\n'; i++) {
		deep += from[i] == '[';
		deep -= from[i] == ']';
		if (deep == 0)
			return i + 1 > n ? i + 1 : n;
	}
	return n;
}

/* The words of from[0..to), behind what stands before `hang` in the first line. */
static void
print_words(FILE *f, const char *from, const char *to, int hang, int columns)
{
	int at = hang_of(from, (int)strcspn(from, "\n")),
	    begins = indent_of(from, (int)(to - from));
	bool begun = false;

	if (at > begins && at != USAGE_IN) {
		fprintf(f, "%.*s", at, from);
		from += at;
	} else {
		fprintf(f, "%*s", begins, "");
		from += begins;
		at = begins;
	}
	while (from < to) {
		int n = word_length(from);

		if (begun && at + 1 + n > columns) {
			fprintf(f, "\n%*s", hang, "");
			at = hang;
			begun = false;
		}
		fprintf(f, "%s%.*s", begun ? " " : "", n, from);
		at += n + begun;
		begun = true;
		from += n;
		from += strspn(from, " \n");
	}
	fputc('\n', f);
}

void
help_text_print(FILE *f, const char *help, int columns)
{
	while (*help != '\0') {
		int n = (int)strcspn(help, "\n"), hang = hang_at(help);
		bool wide;
		const char *end;

		if (n == 0) {
			fputc('\n', f);
			help++;
			continue;
		}
		end = item(help, hang, columns, &wide);
		if (wide)
			print_words(f, help, end, hang, columns);
		else
			fprintf(f, "%.*s", (int)(end - help), help);
		help = end;
	}
}
