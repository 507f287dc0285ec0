/*
 * IMEIs as the database has them, text of 15 digits: in an array of parameters, in a notification.
 */
#ifndef WORKER_TASK_IMEIS_H
#define WORKER_TASK_IMEIS_H

#include <stdint.h>

#include "pg/array.h"

void imeis_append(struct pg_array *, uint64_t imei);

enum imeis_item {
	IMEIS_END,
	IMEIS_ONE, /* *imei is one of those that changed */
	IMEIS_ALL, /* "*": too many changed to be named */
};

/* Takes the next item from the payload of a notification; what is neither is left out. */
enum imeis_item imeis_next(const char **payload, uint64_t *imei);

#endif
