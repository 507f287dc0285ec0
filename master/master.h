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
 * adopt.c    sockets of slots that are down, or out of use
 * upgrade.c  SIGUSR2: starts a successor and hands over to it
 * successor.c  the other side: takes over from a predecessor
 * status.c   the HTTP paths
 * control.c  clients of the control socket
 *
 * While there is a successor or a predecessor, one block of each slot is the other master's:
 * the one that isn't slot.current. No reload begins until that one is gone.
 */
#ifndef MASTER_MASTER_H
#define MASTER_MASTER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/conf.h"
#include "shm/area.h"
#include "shm/stats.h"
#include "master/operator_socket.h"
#include "master/daemon.h"
#include "master/handover.h"
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
	struct conf *conf; /* in RELOAD_STARTING: the next one, and its sockets */
	struct listen_set listen;
	bool success;	 /* of the last one */
	int64_t wall_ms; /* when the configuration in force was taken */
};

enum upgrade_state {
	UPGRADE_IDLE,
	UPGRADE_STARTING, /* the successor gets ready */
	UPGRADE_GOING,	  /* it was told to take over */
	UPGRADE_FAILED,	  /* its last processes are leaving */
	UPGRADE_DONE,	  /* it is in charge; we drain */
};

/* A predecessor's view of its successor. */
struct upgrade {
	enum upgrade_state state;
	bool wanted; /* a SIGUSR2 that is not yet taken care of */
	pid_t pid;   /* our child, or 0 */
	int control, life;
	struct event *control_event, *life_event;
	int64_t deadline_ms; /* to get ready by, then to be gone by; SLOT_NEVER: none */
	bool told_to_end;    /* by SIGTERM */
	char why[HANDOVER_SAYS];
};

/* A successor's view of its predecessor. */
struct successor {
	bool alive; /* it, or a worker of its */
	bool ready; /* our workers accept; waiting for the word */
	bool in_charge;
	bool same_memory; /* as the predecessor's */
	bool control;	  /* it listens to us */
	struct event *control_event, *life_event;
};

struct master {
	/* Set by the caller of master_run(). */
	const char *program;   /* path to execute for an upgrade */
	struct handover from;  /* what a predecessor left us; .present if there is one */
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
	struct shm_master *count, *other_count; /* our share of the header, and the other's */
	struct master_slot *slots;		/* room for shm.nslots */
	int nslots; /* those that were ever used: conf->workers of them, the first, are wanted */
	uint32_t retired_adopter; /* serial of the worker that has listen.retired, or 0 */
	enum master_phase phase;
	struct reload reload;
	struct upgrade upgrade;
	struct successor successor;
	int life[2];	    /* a pipe that ends with us and our last worker */
	bool asked_to_stop; /* by a signal, not by a successor */
	uint32_t generation;
	uint32_t last_serial;
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

/* Leaves with the workers drained. */
void master_stop(struct master *);
/* Nobody starts with this configuration: leaves with that status, and says why. */
void master_fail(struct master *, int status, const char *why);
/* Slots from m->nslots up to `n` come into use. */
void master_add_slots(struct master *, int n);
bool master_serve_http(struct master *) __attribute__((warn_unused_result));
/* Workers accept, and nobody else is in charge. */
void master_in_charge(struct master *);

/* True while another master and its workers are in our memory and on our sockets. */
static inline bool
master_has_other(const struct master *m)
{
	return m->successor.alive || m->upgrade.state != UPGRADE_IDLE;
}
/* The other one and all its workers are gone: what they left behind is ours. */
void master_other_gone(struct master *);
/* What it has counted so far, with its workers, is added to `sum`. */
void master_add_other(const struct master *, struct stats *sum);

/* upgrade.c */
void upgrade_request(struct master *);
void upgrade_advance(struct master *);
void upgrade_ended(struct master *, int status);
void upgrade_stop(struct master *, int64_t deadline_ms);
void upgrade_forget(struct master *);

/* successor.c */
bool successor_begin(struct master *) __attribute__((warn_unused_result));
void successor_ready(struct master *);
void successor_forget(struct master *);

/* spawn.c */
void spawn_actions(struct master *, int slot, const struct slot_actions *);
void spawn_reap(struct master *);
void spawn_orphans(struct master *);
bool spawn_tell(struct worker_proc *, uint32_t type, uint32_t slot, uint64_t value, int fd);

/* reload.c */
void reload_request(struct master *);
void reload_advance(struct master *);
void reload_forget(struct master *);
/* True if nobody of another generation is left. */
bool reload_settled(const struct master *);

/* adopt.c */
void adopt_advance(struct master *);

/* status.c */
struct evbuffer;
int status_serve(void *master, const char *path, struct evbuffer *body, const char **type);

#endif
