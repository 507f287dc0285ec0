/*
 * Partitions and retention (doc/design.md, Partitions and retention): partitions for the past 35 days and 7 ahead,
 * rows that fell into the default partition moved into a day's new one, old partitions and old raw rows dropped.
 * The SQL lives in functions of the migrations, which let one session of all gateways work at a time; here is only
 * when: the leader asks once a minute, until there is nothing left to do.
 *
 * A step may take long (it may have to read a large partition), so this has a connection of its own, for as long as
 * there is something to do. Lookups, live rows and commands don't wait for it.
 */
#ifndef WORKER_TASK_PARTITIONS_H
#define WORKER_TASK_PARTITIONS_H

#include <stdatomic.h>
#include <stdint.h>

#include "shm/registry.h"

struct event_base;
struct partitions;
struct pg_names;

struct partitions_config {
	struct event_base *base;
	const char *url;	      /* must outlive it */
	const struct pg_names *names; /* must outlive it too; NULL if the URL has no host names */
	struct registry *registry;
	int retention_days, raw_retention_days;
	_Atomic uint64_t *connects; /* counts connections made, or NULL */
};

/* NULL when memory is short. */
struct partitions *partitions_new(const struct partitions_config *)
    __attribute__((warn_unused_result));
void partitions_free(struct partitions *);

#endif
