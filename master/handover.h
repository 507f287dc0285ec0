/*
 * The handover: what a master gives to the one that takes over from it (SIGUSR2), and how the two talk.
 *
 * The successor is executed with inherited descriptors. What they are stands in a text, in a memory file
 * whose descriptor the environment names: HANDOVER_ENV. The text has a version of its own: masters of
 * different releases can take over from each other.
 *
 * They talk over a socket pair, one line per message:
 *   successor:    "ready"             its workers accept
 *   predecessor:  "go"                be in charge
 *   successor:    "taken"             it is: pidfile and metrics are its own
 *   successor:    "failed STATUS WHY" it leaves
 */
#ifndef MASTER_HANDOVER_H
#define MASTER_HANDOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/conf.h"
#include "common/ipc.h"
#include "master/pidfile.h"

#define HANDOVER_ENV "TELEMATICS_HANDOVER"
#define HANDOVER_SAYS 400 /* bytes of a message */

#define RESOLVER_NAMES 16 /* host names that the resolver knows */
#define RESOLVER_NAME 256 /* the longest, with its NUL */

struct handover_name {
	char host[RESOLVER_NAME];
	char addresses[IPC_TEXT]; /* with blanks between */
};

/* Descriptors are -1 where there is none. */
struct handover {
	bool present;
	int talk;	 /* our end of the socket pair */
	int life;	 /* reads end of file when the predecessor and all its workers are gone */
	int own_life[2]; /* the same of the successor: reading and writing end */
	struct pidfile pidfile;
	int metrics;
	int memory;	     /* shm/area.h */
	bool background;     /* it had gone there */
	int64_t instance;    /* shm/area.h; 0: the predecessor did not say */
	uint32_t generation; /* of the predecessor's workers */
	int naddr, nslots;
	int *fds;   /* listen_set.fd; from malloc */
	int *block; /* of each slot: where the predecessor's worker is; from malloc */
	int nnames; /* addresses that it knows; a release that doesn't tell them knows none */
	struct handover_name names[RESOLVER_NAMES];
};

/* Writes the text; returns the descriptor of the memory file, or -1 with errno. */
int handover_write(const struct handover *) __attribute__((warn_unused_result));
/* Reads it; false with a message in err. */
bool handover_read(struct handover *, int fd, char err[CONF_ERR])
    __attribute__((warn_unused_result));

/*
 * At the start of a program: takes what the environment names, and takes the name out of it, also
 * out of what /proc shows. Without it h->present is false. False with a message in err.
 */
bool handover_take(struct handover *, char err[CONF_ERR]) __attribute__((warn_unused_result));

#define HANDOVER_SINGLE 7 /* descriptors beside those of the trackers' sockets */

/* Writes all its descriptors, and -1 for those that aren't there, to a list; returns how many. */
int handover_descriptors(const struct handover *, int *list) __attribute__((warn_unused_result));
/* Sets or clears "close on exec" of all its descriptors. */
void handover_cloexec(const struct handover *, bool on);
/* Forgets it, with the memory; the descriptors are left open. */
void handover_forget(struct handover *);

bool handover_say(int talk, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), warn_unused_result));
/* 1: a message; 0: none now; -1: the other one is gone. */
int handover_hear(int talk, char text[HANDOVER_SAYS]) __attribute__((warn_unused_result));

#endif
