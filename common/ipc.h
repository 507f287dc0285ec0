/*
 * The worker channel: messages between the master and one worker (or its resolver), over a SOCK_SEQPACKET socket pair.
 * One message per packet, whole or not at all. End of file means that the peer is dead.
 */
#ifndef COMMON_IPC_H
#define COMMON_IPC_H

#include <stdbool.h>
#include <stdint.h>

enum ipc_type {
	/* worker -> master */
	IPC_READY = 1,	  /* it accepts connections */
	IPC_START_FAILED, /* it can't start, `text` says why; the worker exits next */
	IPC_CONTACT,	  /* the database answers it, for the first time */
	IPC_DRAINED,	  /* nothing is in flight any more; the worker exits next */
	/* master -> worker */
	IPC_DRAIN, /* stop accepting, finish what is in flight, leave. If `value` is not 0, accept
		    * what is queued first */
	IPC_REOPEN_LOG,
	/* Carries a listening socket of slot `slot`, or IPC_RETIRED_SOCKETS: accept from it too. */
	IPC_LEND,
	/*
	 * Stop accepting from the sockets lent for `slot` and close them. If `value` is not 0,
	 * accept what is queued there first.
	 */
	IPC_TAKE_BACK,
	IPC_CLEAN_UP, /* end what the dead worker `value` (shm_owner() in shm/area.h) left behind */
	/*
	 * Carries a client of the operator's socket: tell it what a device does. `value` and `text`
	 * are a request, see common/trace_request.h.
	 */
	IPC_TRACE,
	/*
	 * worker -> master -> resolver: which addresses has the host named by `text`? `value` comes back
	 * with the answer: IPC_RESOLVED, with the addresses in `text`, blanks between, at most
	 * IPC_ADDRESSES; or with IPC_NO_ADDRESS in `slot` and why in `text`.
	 */
	IPC_RESOLVE,
	IPC_RESOLVED,
};

#define IPC_TEXT 512
#define IPC_ADDRESSES 16
#define IPC_NO_ADDRESS 1u	     /* instead of a slot */
#define IPC_RETIRED_SOCKETS 0x10000u /* instead of a slot: sockets of addresses out of use */

struct ipc_msg {
	uint32_t type; /* enum ipc_type */
	uint32_t slot;
	uint64_t value;
	char text[IPC_TEXT]; /* NUL-terminated */
};

/* Makes a pair: fd[0] for the master, fd[1] for the worker; both CLOEXEC and non-blocking. */
bool ipc_pair(int fd[2]) __attribute__((warn_unused_result));

/*
 * Sends one message, with descriptor `pass_fd` unless that is -1; it stays the caller's. False with
 * errno when the peer is gone or its queue is full (EAGAIN).
 */
bool ipc_send(int fd, const struct ipc_msg *, int pass_fd) __attribute__((warn_unused_result));

/*
 * Receives one message. 1: got one (*got_fd is the passed descriptor, CLOEXEC, or -1; the caller owns
 * it). 0: nothing now. -1: the peer is gone or broken.
 */
int ipc_recv(int fd, struct ipc_msg *, int *got_fd) __attribute__((warn_unused_result));

#endif
