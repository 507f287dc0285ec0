/*
 * Many rows go in one statement, and PostgreSQL refuses one of them for its content: this finds it.
 * Rows 0 .. n-1 are sent span by span; a span that was refused is halved, until a row alone is refused.
 * Its neighbours are stored in the same number of statements whatever their order: about 2 log2(n) a
 * refused row. Pure: the caller sends, and says how it ended:
 *
 *   pg_isolate_start(&it, n);
 *   while (pg_isolate_next(&it, most)) {
 *           send rows it.now.from .. it.now.to - 1, in one transaction
 *           committed:                            nothing to say
 *           refused for its content:              if (pg_isolate_refused(&it)) row it.now.from is the one
 *           not known, or the environment's fault: pg_isolate_again(&it)
 *   }
 *
 * Spans come in ascending order, each row once.
 */
#ifndef PG_ISOLATE_H
#define PG_ISOLATE_H

#include <stdbool.h>
#include <stdint.h>

/* A span that was cut off, and halves of 2^32 rows with their second halves waiting. */
#define PG_ISOLATE_DEPTH 34

struct pg_span {
	uint32_t from, to; /* rows from .. to - 1 */
};

struct pg_isolate {
	struct pg_span now; /* that pg_isolate_next() gave */
	struct pg_span left[PG_ISOLATE_DEPTH];
	int nleft;
};

/* Rows 0 .. n-1 are to be sent. */
void pg_isolate_start(struct pg_isolate *, uint32_t n);

static inline bool
pg_isolate_is_over(const struct pg_isolate *it)
{
	return it->nleft == 0;
}

/* Takes the next span, of at most `most` rows (at least 1), into `now`. False: nothing is left. */
bool pg_isolate_next(struct pg_isolate *, uint32_t most) __attribute__((warn_unused_result));

/*
 * `now` was refused. True: it is one row, which is out. False: its halves come next.
 */
bool pg_isolate_refused(struct pg_isolate *) __attribute__((warn_unused_result));

/* `now` comes next once more. */
void pg_isolate_again(struct pg_isolate *);

#endif
