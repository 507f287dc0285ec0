#include "tool/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "common/clock.h"

#define SILENT_MS 2000
#define TERMINAL_MS 200
#define LINE_MS 10000

void
progress_start(struct progress *p, const char *what, uint64_t total)
{
	*p = (struct progress){.what = what,
	    .total = total,
	    .began_ms = clock_mono_ms(),
	    .terminal = isatty(STDERR_FILENO)};
	p->next_ms = p->began_ms + (p->terminal ? SILENT_MS : LINE_MS);
}

void
progress_step(struct progress *p, uint64_t done)
{
	int64_t now = clock_mono_ms(), left = -1;

	if (now < p->next_ms)
		return;
	p->next_ms = now + (p->terminal ? TERMINAL_MS : LINE_MS);
	p->shown = true;
	if (p->total > 0 && done > 0)
		left = (int64_t)((double)(now - p->began_ms) * (double)(p->total - done) /
				 (double)done / 1000);
	fprintf(stderr, p->terminal ? "\r" : "tgctl: ");
	if (p->total > 0)
		fprintf(stderr, "%" PRIu64 " of %" PRIu64 " %s", done, p->total, p->what);
	else
		fprintf(stderr, "%" PRIu64 " %s", done, p->what);
	if (left >= 0)
		fprintf(stderr, ", %" PRId64 ":%02d left", left / 60, (int)(left % 60));
	fputs(p->terminal ? "\033[K" : "\n", stderr);
	fflush(stderr);
}

void
progress_end(struct progress *p)
{
	if (p->terminal && p->shown)
		fputs("\r\033[K", stderr);
}
