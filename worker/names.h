/*
 * Addresses of host names, for the links to PostgreSQL (struct pg_names in pg/link.h): the worker asks the
 * master, which has a process that may wait for a name server. Without an answer, what was found
 * last is good enough.
 */
#ifndef WORKER_NAMES_H
#define WORKER_NAMES_H

#include "common/ipc.h"
#include "pg/link.h"

struct event_base;
struct names;

/* `channel`: to the master. NULL when memory is short. */
struct names *names_new(struct event_base *, int channel) __attribute__((warn_unused_result));
void names_free(struct names *);
/* For the links, which must end before it. */
const struct pg_names *names_ops(const struct names *);
/* The master's answer: IPC_RESOLVED. */
void names_answer(struct names *, const struct ipc_msg *);

#endif
