/* Completion for shells: what may stand next on a command line of tgctl. */
#ifndef TOOL_COMPLETE_H
#define TOOL_COMPLETE_H

#include "tool/tool.h"

#include <stddef.h>

/*
 * words[0..n): what stands behind "tgctl", the last of them what has been typed of the next (maybe ""). Prints
 * what it may become, a line each; the line ":files" stands for names of files.
 */
void complete(const struct tool_command *commands, size_t ncommands, char **words, int n);

#endif
