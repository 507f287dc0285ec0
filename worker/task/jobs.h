/*
 * Everything a worker does with the database beside storing batches, on its
 * second connection, as tasks that take turns: registry (LISTEN, loads,
 * lookups), live rows, the ledger of refused IMEIs, orphans of dead workers,
 * partitions and retention.
 *
 * Each task module (registry_sync, live, rejected, orphans, upkeep) is a struct
 * task. When the connection is up and idle, it asks the tasks in turn whether they are
 * due, and runs the first that is. A task must be short: one statement, bounded
 * rows; a longer work is several turns.
 */
#ifndef WORKER_TASK_JOBS_H
#define WORKER_TASK_JOBS_H

#include <stdbool.h>
#include <stdint.h>

#include "pg/link.h"

struct tasks;
struct event_base;

struct task {
	struct pg_job job;
	/* True when there is something to do now. Asked often: must be cheap. */
	bool (*due)(void *ctx, int64_t now_mono_ms);
	/* The connection came up (again) or was lost. May be NULL. */
	void (*up)(void *ctx);
	void (*down)(void *ctx);
	/* A notification on `channel`. May be NULL. */
	void (*notify)(void *ctx, const char *channel, const char *payload);
	/* Statements this task needs prepared: names of pg/sql/, ended by NULL. May be NULL. */
	const char *const *statements;
	/* The same as pairs of name and text, for those that are not files yet. */
	const char *const *prepare;
	/* A drain doesn't wait for it. */
	bool background;
};

/*
 * `tasks` must outlive this. Statements of all tasks are prepared at connect.
 * `listen` is SQL run at connect ("LISTEN ...") or NULL. `connects` counts connections made, or
 * NULL.
 */
struct tasks *tasks_new(struct event_base *, const char *url, struct task *const *tasks, int ntasks,
    const char *listen, _Atomic uint64_t *connects);
void tasks_free(struct tasks *);
/* Something may have become due: look now rather than at the next tick (100 ms). */
void tasks_kick(struct tasks *);
bool tasks_is_up(const struct tasks *);
/* True while a task is running or one is due: a drain waits for the live rows by it. */
bool tasks_is_busy(const struct tasks *, int64_t now_mono_ms);

#endif
