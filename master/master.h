/*
 * The master: opens the sockets, forks the workers, supervises and reloads them,
 * and answers the operators' HTTP. It touches no tracker's bytes and no database.
 *
 * Everything hangs off struct master. It is single-threaded: a worker's counters are
 * retired and a scrape is answered one after the other, never at once.
 *
 * master.c   start, loop, signals, stop
 * spawn.c    fork, messages and end of one worker; does what slot.c decides
 * reload.c   SIGHUP
 * adopt.c    sockets of slots that are down
 * status.c   the HTTP paths
 * control.c  clients of the control socket
 */
#ifndef MASTER_MASTER_H
#define MASTER_MASTER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/conf.h"
#include "common/shm.h"
#include "common/stats.h"
#include "master/control_socket.h"
#include "master/daemon.h"
#include "master/listen.h"
#include "master/pidfile.h"
#include "master/slot.h"

struct control;
struct event;
struct event_base;
struct http;
struct master;

#define MASTER_SIGNALS 6

/* One occupant: the process behind a struct occupant. */
struct worker_proc {
	struct master *master;
	int slot, block;
	pid_t pid;	 /* 0: none */
	uint32_t serial; /* of this spawn; never 0, never again */
	uint32_t generation;
	int control;	      /* our end of the socket pair, or -1 */
	struct event *event;  /* on it */
	bool drained;	      /* it has said IPC_DRAINED */
	uint64_t heartbeat;   /* as last seen ... */
	int64_t heartbeat_ms; /* ... and when it had moved (monotonic); 0: never */
	int adopted;	      /* slots whose sockets it accepts from beside its own */
};

struct master_slot {
	struct slot sup;
	struct worker_proc proc[SLOT_BLOCKS];
	uint64_t restarts;
	bool orphaned[SLOT_BLOCKS]; /* its dead occupant left sessions that nobody cleans up yet */
	uint32_t adopter;	    /* serial of the worker that accepts for it, or 0 */
	char failure[240];	    /* why its last worker could not start, or "" */
};

enum master_phase {
	MASTER_STARTING, /* until the first generation is ready */
	MASTER_RUNNING,
	MASTER_STOPPING,
};

enum reload_state {
	RELOAD_IDLE,
	RELOAD_STARTING, /* the next generation gets ready */
	RELOAD_DRAINING, /* those that lost are leaving */
};

struct reload {
	enum reload_state state;
	bool wanted;	   /* a SIGHUP that is not yet taken care of */
	struct conf *conf; /* in RELOAD_STARTING: the next one */
	bool success;	   /* of the last one */
	int64_t wall_ms;   /* when the configuration in force was taken */
};

struct master {
	/* Set by the caller of master_run(). */
	struct conf *conf;     /* in force; from malloc */
	const char *conf_file; /* NULL: the default path */
	bool background;
	struct daemon daemon;
	struct pidfile pidfile;
	struct listen_set listen;
	int metrics_fd; /* listening, or -1 */
	struct control_socket control_socket;

	/* Its own. */
	struct event_base *base;
	struct event *signals[MASTER_SIGNALS];
	struct event *tick, *wake;
	struct http *http;
	struct control *control;
	struct shm shm;
	struct stats retired; /* counters of the dead */
	struct master_slot *slots;
	int nslots;
	enum master_phase phase;
	struct reload reload;
	uint32_t generation;
	uint32_t last_serial;
	uint64_t restarts, hangs, adoptions;
	int64_t start_wall_ms, start_ms;
	int exit_status;
};

/* Runs the gateway to its end and returns the exit status. */
int master_run(struct master *) __attribute__((warn_unused_result));

/* Where this configuration logs: the file, "syslog", or NULL for stderr. */
const char *master_log_file(const struct master *, const struct conf *);

/* After anything happened: whatever follows from it (adoption, reload, start, stop, next wake-up).
 */
void master_advance(struct master *);

/* spawn.c */
void spawn_actions(struct master *, int slot, const struct slot_actions *);
void spawn_reap(struct master *);
void spawn_orphans(struct master *);
bool spawn_tell(struct worker_proc *, uint32_t type, uint32_t slot, uint64_t value, int fd);

/* reload.c */
void reload_request(struct master *);
void reload_advance(struct master *);
void reload_forget(struct master *);

/* adopt.c */
void adopt_advance(struct master *);

/* status.c */
struct evbuffer;
int status_serve(void *master, const char *path, struct evbuffer *body, const char **type);

#endif
