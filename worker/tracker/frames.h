/*
 * Frames: from a connection into the filling batch, and their acknowledgements back once they are
 * stored.
 */
#ifndef WORKER_TRACKER_FRAMES_H
#define WORKER_TRACKER_FRAMES_H

#include "worker/store/batch.h"
#include "worker/tracker/trackers_impl.h"

/* False: the batch has no room; the frame stays where it is. It may close the connection. */
bool frames_take(struct conn *, const uint8_t *raw, const struct stream_item *, int64_t now_us)
    __attribute__((warn_unused_result));
/* The connection is gone: frames that are not in a transaction yet are not stored for it. */
void frames_forget(struct conn *);

/* A frame in flight is somewhere else now. */
void frames_moved(struct trackers *, int from_batch, uint32_t from, int to_batch, uint32_t to);

/* As struct store_config wants them: some frames of it are stored; all are, as far as can be. */
void frames_stored(struct trackers *, struct batch *);
void frames_finished(struct trackers *, struct batch *);

#endif
