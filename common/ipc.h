/*
 * Messages between the master and one worker, over a SOCK_SEQPACKET socket pair:
 * one message a packet, whole or not at all. End of file means that the peer died.
 */
#ifndef COMMON_IPC_H
#define COMMON_IPC_H

#include <stdbool.h>
#include <stdint.h>

enum ipc_type {
	/* worker -> master */
	IPC_READY = 1, /* accepting connections */
	IPC_FAILED,    /* can't start; text says why; the worker exits next */
	IPC_DRAINED,   /* nothing in flight any more; the worker exits next */
	/* master -> worker */
	IPC_DRAIN, /* stop accepting, finish what is in flight, leave; if `value` is not 0, when
		    * what is queued was accepted */
	IPC_STOP,  /* leave at once */
	IPC_REOPEN_LOG,
	IPC_ADOPT,   /* carries a listening descriptor of slot `slot`: accept from it too */
	IPC_RELEASE, /* stop accepting from slot `slot`'s sockets, close them; if `value` is not 0,
		      * when what is queued there was accepted */
	IPC_ORPHANS, /* clean up after the dead owner `value` (shm.h, shm_owner) */
	IPC_TRACE,   /* carries a client of the control socket: tell it what the device does
			(control.h) */
};

#define IPC_SLOT_NONE 0x10000u /* in place of a slot: sockets of addresses that go out of use */

struct ipc_msg {
	uint32_t type;
	uint32_t slot;
	uint64_t value;
	char text[240]; /* NUL-terminated */
};

/* Makes a pair: fd[0] for the master, fd[1] for the worker; both CLOEXEC and non-blocking. */
bool ipc_pair(int fd[2]) __attribute__((warn_unused_result));

/*
 * Sends one message, with descriptor `pass_fd` unless that is -1. False with errno
 * when the peer is gone or its queue is full (EAGAIN).
 */
bool ipc_send(int fd, const struct ipc_msg *, int pass_fd) __attribute__((warn_unused_result));

/*
 * Receives one message. 1: got one (*got_fd is the passed descriptor, CLOEXEC, or
 * -1; the caller owns it). 0: nothing now. -1: the peer is gone or broken.
 */
int ipc_recv(int fd, struct ipc_msg *, int *got_fd) __attribute__((warn_unused_result));

#endif
