/*
 * Folding for the log: what keeps repeats from filling a disk. Pure: lines and the time go in, it
 * says which are to be written. For common/log.c.
 *
 * - The same line (level, IMEI, peer's address without its port, and text, in which numbers may
 *   differ) is written FOLD_BURST times in FOLD_WINDOW_MS; the rest of that window is counted, and
 *   reported at its end as one line more. Lines of level info count only if they are about a
 *   tracker, debug lines never.
 * - All lines about trackers together: FOLD_LINES at once, then FOLD_LINES_PER_SECOND. What is
 *   left out is counted and reported once per minute. Lines about anything else are not held up by
 *   trackers.
 */
#ifndef COMMON_LOG_FOLD_H
#define COMMON_LOG_FOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/log.h"

#define FOLD_BURST 5
#define FOLD_WINDOW_MS 60000
#define FOLD_TRACKERS 48 /* different lines that are followed at a time: about trackers, */
#define FOLD_OTHERS 16	 /* and about anything else */
#define FOLD_LINES 200
#define FOLD_LINES_PER_SECOND 10
#define FOLD_TEXT 400
#define FOLD_PEER 64
#define FOLD_BYTES 40 /* of a text of first bytes */

/* A line that is due in the place of many. */
struct fold_report {
	enum log_level level;
	uint64_t imei;
	char peer[FOLD_PEER];	      /* "" for none */
	char first_bytes[FOLD_BYTES]; /* of the last of them */
	char text[FOLD_TEXT];
	uint64_t repeated; /* lines like it that were kept back; with left_out: of any kind */
	bool left_out;	   /* for want of room; there is no text then */
};

/* All zero at the start. */
struct fold {
	struct fold_line {
		uint64_t hash;	  /* 0: free */
		int64_t until_ms; /* end of its window */
		uint32_t written;
		struct fold_report last; /* of those kept back */
	} line[FOLD_TRACKERS + FOLD_OTHERS];
	unsigned open; /* lines of which something was kept back */
	int64_t credit_ms, credit_at_ms;
	uint64_t left_out;
	int64_t left_out_until_ms;
	bool started;
};

/* True if the line is to be written now. Reports that are due are to be fetched before it. */
bool fold_admit(struct fold *, enum log_level, const struct log_fields *, const char *text,
    int64_t now_ms) __attribute__((warn_unused_result));

/* Fetches a report that is due, one per call; with `all` those that are not due yet as well. */
bool fold_due(struct fold *, int64_t now_ms, bool all, struct fold_report *)
    __attribute__((warn_unused_result));

#endif
