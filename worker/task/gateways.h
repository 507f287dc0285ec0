/*
 * The table gateways (doc/design.md, Several gateways): this gateway says that it lives, measures its clock against
 * the database's, and marks the trackers of gateways offline that are silent.
 *
 * The worker that leads (registry_try_lead) does this. Every connection to the database begins with
 * telematics_gateway_enter(), which refuses an id that another instance has.
 */
#ifndef WORKER_TASK_GATEWAYS_H
#define WORKER_TASK_GATEWAYS_H

#include <stdint.h>

#include "shm/area.h"
#include "shm/registry.h"
#include "worker/task/jobs.h"

struct gateways;

/* NULL when memory is short. */
struct gateways *gateways_new(struct registry *, struct shm_header *, const char *gateway_id)
    __attribute__((warn_unused_result));
void gateways_free(struct gateways *);
struct job *gateways_job(struct gateways *);

/* The worker leaves: another instance may have the id as soon as all of them have said so. */
void gateways_drain(struct gateways *);

/* For the set-up of another connection of the worker than the one that this job is on. */
const char *gateways_enter_sql(const struct gateways *);

#endif
