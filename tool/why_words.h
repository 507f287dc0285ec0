/* Words that the reasons and the facts of tgctl why share. Pure. */
#ifndef TOOL_WHY_WORDS_H
#define TOOL_WHY_WORDS_H

#include <stdint.h>

#include "tool/out.h"
#include "tool/why_facts.h"

/* "2026-03-01 12:00:00Z, 3 h ago", "never" */
struct why_when {
	char text[OUT_TIME + 48];
};

struct why_when why_when(const struct why_facts *, int64_t at);

/* The ending of a noun: "" for one, else "s". */
const char *why_plural(int64_t n);

#endif
