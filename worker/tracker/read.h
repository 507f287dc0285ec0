/* Bytes to items: the PROXY header, then what stream.h cuts out of the stream. */
#ifndef WORKER_TRACKER_READ_H
#define WORKER_TRACKER_READ_H

#include "worker/tracker/trackers_impl.h"

/* As struct conn_ops wants them. */
void read_readable(struct conn *);
void read_resumed(struct conn *);

#endif
