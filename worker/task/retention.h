/*
 * Ledgers that grow for ever unless somebody says how long they are kept: commands that are over, messages,
 * sessions (TELEM_COMMAND_RETENTION_DAYS, TELEM_MESSAGE_RETENTION_DAYS, TELEM_SESSION_RETENTION_DAYS). Old rows go page by page, in statements that
 * wait for nobody's lock. Positions and raw frames are the business of partitions.h.
 */
#ifndef WORKER_TASK_RETENTION_H
#define WORKER_TASK_RETENTION_H

#include "worker/task/jobs.h"

struct retention;

/* Days; 0 keeps them for ever. One worker of a gateway is enough: the others hand in 0. NULL: no memory. */
struct retention *retention_new(int command_days, int message_days, int session_days)
    __attribute__((warn_unused_result));
void retention_free(struct retention *);
struct job *retention_job(struct retention *);

#endif
