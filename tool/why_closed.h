/* Why sessions end (device_online.disconnect_reason; worker/tracker/close.h has them all), in words. Pure. */
#ifndef TOOL_WHY_CLOSED_H
#define TOOL_WHY_CLOSED_H

#include <stdbool.h>

struct why_ending {
	const char *reason;
	const char *text;   /* "the tracker ...": a sentence without its end, about one session */
	const char *advice; /* "" for none */
	bool fault;	    /* something is wrong: it explains why a tracker is silent */
};

/* NULL for a reason that this program does not know. */
const struct why_ending *why_ending(const char *reason) __attribute__((warn_unused_result));

#endif
