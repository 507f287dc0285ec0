/*
 * The clients of the control socket (common/trace_request.h): takes a request, hands the client's
 * descriptor to every worker, and keeps it until the client hangs up or its time is over, so that
 * workers that start later get it too. The master itself only says how it begins and ends.
 *
 * Bounded: CONTROL_MAX_TRACES clients, each with a few seconds for its request.
 */
#ifndef MASTER_WORKER_CHANNEL_H
#define MASTER_WORKER_CHANNEL_H

struct control;
struct master;
struct worker_proc;

/* Serves on the listening socket, which stays the caller's. NULL if out of memory. */
struct control *control_new(struct master *, int listen_fd);

/*
 * For the new master of an upgrade, once it is in charge: puts a socket of its own in the place of
 * the old one's and serves on it. That it can't is logged, and no reason not to go on.
 */
void control_take_over(struct master *);

/* Tells the clients that it is over. NULL is fine, here and below. */
void control_free(struct control *);

/* A worker was forked: it gets what runs. */
void control_greet(struct control *, struct worker_proc *);

/* For a forked child: closes its copies of the descriptors and touches nothing else. */
void control_close_inherited(struct control *);

#endif
