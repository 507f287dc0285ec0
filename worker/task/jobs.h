/*
 * Everything a worker does with the database beside storing batches, on its second connection, as
 * jobs that take turns: devices (which keeps the registry, and looks up IMEIs), live rows,
 * rejected, dead workers, partitions, commands.
 *
 * When the connection is up and idle, the round asks the jobs one after the other whether they are
 * due, and runs the first that is. A turn must be short: one statement, bounded rows; a longer work
 * takes several turns.
 */
#ifndef WORKER_TASK_JOBS_H
#define WORKER_TASK_JOBS_H

#include <stdbool.h>
#include <stdint.h>

#include "pg/link.h"

struct jobs;
struct event_base;

struct job {
	/* One turn, as pg/link.h has it. Its ctx is that of all callbacks. */
	struct pg_job turn;
	/* True when there is something to do now. Asked often: must be cheap. */
	bool (*due)(void *ctx, int64_t now_mono_ms);
	/* The connection came up (again) or was lost. May be NULL. */
	void (*up)(void *ctx);
	void (*down)(void *ctx);
	/*
	 * The channel of notifications that the job listens to, or NULL; and what to do with one.
	 */
	const char *channel;
	void (*notify)(void *ctx, const char *payload);
	/* One statement of SQL to be run at connect, behind all that is prepared, or NULL. */
	const char *setup_sql;
	/* What the job needs prepared: names of pg/sql/, ended by NULL. May be NULL. */
	const char *const *statements;
	/*
	 * For end() to set: the error was about the content of a row, which is out now, or will be
	 * found by what is sent next. So it is not logged here, and the next turn may follow at
	 * once.
	 */
	bool handled;
	struct jobs *jobs; /* the round it is in: set by jobs_new(), for jobs_kick() */
};

/*
 * The jobs must outlive this. `names`: as in pg/link.h. `synchronous_commit` is what the session sets (NULL: on);
 * `connects` counts connections made, or NULL. NULL: no memory.
 */
struct jobs *jobs_new(struct event_base *, const char *url, const struct pg_names *names,
    const char *synchronous_commit, struct job *const *list, int n, _Atomic uint64_t *connects)
    __attribute__((warn_unused_result));
void jobs_free(struct jobs *);

/*
 * The job may have become due: look now rather than at the next tick (100 ms). Nothing runs from
 * inside this call. Without a round (before jobs_new(), after jobs_free()) it does nothing.
 */
void jobs_kick(const struct job *);
bool jobs_is_up(const struct jobs *);

/*
 * The first job of the list has a question that can't wait: a job that makes no progress gives the
 * connection up for a new one, on which the first job comes first.
 */
void jobs_hurry(struct jobs *);

#endif
