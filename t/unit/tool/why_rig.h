/* Facts about a tracker, and what is to come out of them. */
#ifndef T_UNIT_TOOL_WHY_RIG_H
#define T_UNIT_TOOL_WHY_RIG_H

#include <check.h>

#include "tool/why_causes.h"

#define NOW INT64_C(1772366400000) /* 2026-03-01 12:00:00 */
#define S INT64_C(1000)
#define MIN (60 * S)
#define H (60 * MIN)
#define D (24 * H)

/* A device that is well: connected, a record with a fix a moment ago; one that nobody knows; and one that never came. */
struct why_facts why_well(void);
struct why_facts why_nobody(void);
struct why_facts why_never(void);

/* Judges; the reasons' codes must be these, parted by blanks, and the words of the first hold these. */
void why_expect(
    const struct why_facts *, const char *codes, const char *answer, const char *advice);

TCase *contact_tests(void);

#endif
