/*
 * What a tracker says to a command: for the usual ones a text in the form that trackers give, with
 * values of its own; for anything else that it knows no such command. Pure.
 */
#ifndef TOOL_SIM_ANSWER_H
#define TOOL_SIM_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "tool/sim/road.h"

#define SIM_ANSWER_MAX 320 /* bytes of the longest text, and of what is kept of longer ones */

struct sim_answer_facts {
	uint64_t imei;
	int64_t now_ms;	   /* since 1970 */
	int64_t uptime_ms; /* since the tracker was switched on */
	const struct sim_road *road;
};

/*
 * Writes the answer to command[0..len), which may be any bytes, to out without a NUL behind it;
 * returns its length, at least 1. Commands are case-sensitive, as on trackers.
 */
size_t sim_answer_text(
    const struct sim_answer_facts *, const uint8_t *command, size_t len, char out[SIM_ANSWER_MAX]);

#endif
