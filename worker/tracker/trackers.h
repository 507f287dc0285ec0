/*
 * The trackers of a worker: their connections from the first byte to the last, frames into the
 * filling batch, acknowledgements and commands back. Nobody includes this folder but worker.c, which
 * hands sockets in and wires what the other folders call.
 */
#ifndef WORKER_TRACKER_TRACKERS_H
#define WORKER_TRACKER_TRACKERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/trace_request.h"
#include "worker/tracker/trackers_config.h"

struct trackers;

/* NULL when memory is short. */
struct trackers *trackers_new(const struct trackers_config *) __attribute__((warn_unused_result));
/* Once, before the first connection. */
void trackers_attach(struct trackers *, const struct trackers_parts *);
void trackers_free(struct trackers *);

/*
 * For accept.h: takes an accepted, non-blocking socket; false (and it is closed) when memory is
 * short. `header`: a PROXY header comes first, which tells whose connection it is.
 */
bool trackers_open(void *trackers, int fd, const struct sockaddr *, bool header)
    __attribute__((warn_unused_result));

/* For accept.h: one was not let in. */
void trackers_refused(void *trackers, const struct sockaddr *, enum admission_verdict);

uint32_t trackers_count(const struct trackers *);

/* A few times per second: time-outs, sessions that the registry has ended. */
void trackers_tick(struct trackers *, int64_t now_mono_ms);

/*
 * From now on closes the connections one after the other, at the pace of drain.h, each as soon as
 * nothing of it is in flight; those whose turn hasn't come are served. No new ones may be opened.
 */
void trackers_drain(struct trackers *, int64_t now_mono_ms, int64_t limit_ms);

/* Somebody follows what the request says until then, see trace.h; takes `fd` over. */
void trackers_follow(
    struct trackers *, const struct trace_request *, int64_t until_mono_ms, int fd);

/* devices.h and store.h call back here. */
void trackers_answer(void *trackers, uint64_t token, uint64_t imei, enum lookup_answer);
void trackers_stored(struct trackers *, struct batch *);
void trackers_finished(struct trackers *, struct batch *);
void trackers_room(struct trackers *);
void trackers_moved(struct trackers *, int from_batch, uint32_t from, int to_batch, uint32_t to);
void trackers_store_down(struct trackers *);
/* Fills in what commands.h calls. */
void trackers_serve_commands(struct trackers *, struct commands_config *);

#endif
