/*
 * The clients of the operator's socket, which follow a device (common/trace_request.h): takes a request,
 * hands the client's descriptor to every worker, and keeps it until the client hangs up or its time is
 * over, so that workers that start later get it too. The master itself only says how it begins and
 * ends.
 *
 * Bounded: TRACE_MAX_CLIENTS clients, each with a few seconds for its request.
 */
#ifndef MASTER_TRACE_CLIENTS_H
#define MASTER_TRACE_CLIENTS_H

struct trace_clients;
struct master;
struct worker_proc;

/* Serves on the listening socket, which stays the caller's. NULL if out of memory. */
struct trace_clients *trace_clients_new(struct master *, int listen_fd)
    __attribute__((warn_unused_result));

/*
 * For the new master of an upgrade, once it is in charge: puts a socket of its own in the place of
 * the old one's and serves on it. If that fails, it is logged, and the master goes on.
 */
void trace_clients_take_over(struct master *);

/* Tells the clients that it is over. NULL is fine, here and below. */
void trace_clients_free(struct trace_clients *);

/* A worker was forked: it gets what runs. */
void trace_clients_greet(struct trace_clients *, struct worker_proc *);

#endif
