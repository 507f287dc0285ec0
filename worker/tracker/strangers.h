/*
 * Connections that end without an IMEI, or were not even let in: counted by what they said instead, logged
 * with their first bytes, and noted by address in unidentified_connections.
 */
#ifndef WORKER_TRACKER_STRANGERS_H
#define WORKER_TRACKER_STRANGERS_H

#include <stdbool.h>

#include "worker/tracker/trackers_impl.h"

struct sockaddr;

/* It closes, for conn.reason. False: it has said its IMEI, or its end says nothing about who it was. */
bool strangers_closed(struct conn *);

/* It has said an IMEI, about which nobody is asked now: TELEM_UNKNOWN_IMEI_RATE. */
void strangers_over_rate(const struct conn *);

/* A connection from there was refused. */
void strangers_not_admitted(struct trackers *, const struct sockaddr *, enum admission_verdict);

#endif
