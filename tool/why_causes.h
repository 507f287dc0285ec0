/*
 * Why is this tracker silent? From what is known of it (tool/why_facts.h) to reasons in words, the most
 * likely one first. Pure.
 */
#ifndef TOOL_WHY_CAUSES_H
#define TOOL_WHY_CAUSES_H

#include <stddef.h>

#include "tool/why_facts.h"

#define WHY_MAX 8 /* reasons for one device */
#define WHY_CODE 40

struct why_reason {
	char code[WHY_CODE]; /* for programs */
	char answer[WHY_WORDS];
	char advice[WHY_WORDS]; /* what to do; "" for nothing */
};

/* Fills out[], the most likely first. Returns how many there are, at least one. */
size_t why_judge(const struct why_facts *, struct why_reason out[WHY_MAX]);

#endif
