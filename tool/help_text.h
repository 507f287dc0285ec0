/* Texts of --help on a narrow screen. */
#ifndef TOOL_HELP_TEXT_H
#define TOOL_HELP_TEXT_H

#include <stdio.h>

/* Prints it; items with a line that is too long are broken anew, set in as they were. */
void help_text_print(FILE *, const char *help, int columns);

#endif
