/*
 * How far a long work is, on stderr: on a terminal one line that is written over, else a line now and then.
 * Nothing for what is over in two seconds.
 */
#ifndef TOOL_PROGRESS_H
#define TOOL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *what; /* "decoded": behind "1,200 of 4,000" */
	uint64_t total;	  /* 0: not known */
	int64_t began_ms, next_ms;
	bool terminal, shown;
};

void progress_start(struct progress *, const char *what, uint64_t total);
void progress_step(struct progress *, uint64_t done);
/* The line on the terminal goes. */
void progress_end(struct progress *);

#endif
