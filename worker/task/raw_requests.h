/*
 * Frames of the quarantine that somebody asked to have decoded or dropped (telematics_raw_request() in
 * migrations/0015_requests.sql): done one after the other, and booked in the frame's row.
 */
#ifndef WORKER_TASK_RAW_REQUESTS_H
#define WORKER_TASK_RAW_REQUESTS_H

#include "worker/task/jobs.h"

struct raw_requests;

/* One worker of a gateway is enough: the others are not `active`. Twice does no harm. NULL: no memory. */
struct raw_requests *raw_requests_new(bool active) __attribute__((warn_unused_result));
void raw_requests_free(struct raw_requests *);
struct job *raw_requests_job(struct raw_requests *);

#endif
