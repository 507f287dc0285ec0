/*
 * Texts for people: clean ones, as they come from outside and must not drive the terminal, and lines that
 * fit the screen.
 */
#ifndef TOOL_OUT_TEXT_H
#define TOOL_OUT_TEXT_H

#include <stddef.h>
#include <stdio.h>

/*
 * In place: whatever is not a visible character becomes '?'. Control characters (also those beyond ASCII, U+0080
 * to U+009F), marks that turn the direction of writing, separators of lines and what is not UTF-8.
 */
void out_clean(char *text);

/* Copies, cut to `room` between two characters, and cleans. */
void out_copy(char *out, size_t room, const char *text);

/* Prints a text of several lines, each of them clean; a line may end with CR LF, and a tab is a blank. */
void out_lines(FILE *, const char *text);

/* Columns on the screen: of a clean text, and that there are (of the terminal, COLUMNS, else 80). */
int out_width(const char *text);
int out_columns(void);

/* Prints a text of any length behind `first`, further lines behind `rest`, broken between words. */
void out_wrapped(FILE *, const char *first, const char *rest, const char *text);

#endif
