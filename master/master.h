/*
 * The master: opens the sockets, forks the workers, supervises and reloads them, and answers the
 * operators' HTTP. It touches no tracker's bytes and no database.
 *
 * Everything hangs off struct master, for the files of this folder alone. It is single-threaded: a
 * worker's counters are retired and a scrape is answered one after the other, never at once.
 *
 * master.c          start, what follows from an event, stop
 * signals.c         signals and the clock's ticks, as events
 * memory.c          the shared memory, alone and beside another master
 * spawn.c           fork and end of one worker; does what slot.c decides
 * worker_channel.c  messages from and to a worker
 * resolver.c        addresses of the database's host names
 * contact.c         waits for the database before a generation takes over
 * cleanup.c         who ends what a dead worker left behind
 * lend.c            sockets of slots that are down, or out of use
 * reload.c          SIGHUP
 * upgrade.c         SIGUSR2: starts a successor and hands over to it
 * between.c         the processes of that: the successor, and who waits for it until it is ready
 * successor.c       the other side: takes over from a predecessor
 * status.c          the HTTP paths
 *
 * While there is a successor or a predecessor, one block of each slot is the other master's: the one
 * that isn't slot.current. No reload begins until that one is gone.
 */
#ifndef MASTER_MASTER_H
#define MASTER_MASTER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/conf.h"
#include "master/daemon.h"
#include "master/handover.h"
#include "master/listen.h"
#include "master/operator_socket.h"
#include "master/pidfile.h"
#include "master/slot.h"
#include "shm/area.h"
#include "shm/stats.h"

struct event;
struct event_base;
struct http;
struct ipc_msg;
struct master;
struct resolver;
struct trace_clients;

#define MASTER_SIGNALS 6
#define MASTER_START_MS 20000	   /* for workers to be ready in, when somebody waits for that */
#define MASTER_DRAIN_GRACE_MS 2000 /* beyond the workers' own limit for their drain */

/* One occupant: the process behind a struct occupant. */
struct worker_proc {
	struct master *master;
	int slot, block;
	pid_t pid;	 /* 0: none */
	uint32_t serial; /* of this spawn; never 0, never used twice */
	uint32_t generation;
	int channel;	      /* our end of the worker channel, or -1 */
	struct event *event;  /* on it */
	bool drained;	      /* it has said IPC_DRAINED */
	bool contact;	      /* it has said IPC_CONTACT */
	uint64_t heartbeat;   /* as last seen ... */
	int64_t heartbeat_ms; /* ... and when it had moved (monotonic); 0: never */
	int borrowed;	      /* slots whose sockets are lent to it */
};

struct master_slot {
	struct slot sup;
	struct worker_proc proc[SLOT_BLOCKS];
	uint64_t restarts;
	bool to_clean[SLOT_BLOCKS]; /* its dead occupant left sessions that nobody cleans up yet */
	uint32_t borrower;	    /* serial of the worker to which its sockets are lent, or 0 */
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
	bool wanted; /* a SIGHUP that is not yet taken care of */
	/* SIGHUPs heard: in all; when the last reload began; when the last one that is decided began. */
	uint32_t asked, begun, answered;
	struct conf *conf; /* in RELOAD_STARTING: the next one, and its sockets */
	struct listen_set listen;
	bool success;		  /* of the last one */
	char error[CONF_ERR];	  /* why the last one failed, or "" */
	int64_t finished_wall_ms; /* when that was known; 0: none since the start */
	int64_t wall_ms;	  /* when the configuration in force was taken */
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
	bool wanted;   /* a SIGUSR2 that is not yet taken care of */
	pid_t pid;     /* the successor, or 0 */
	pid_t between; /* the go-between, our child and its parent; 0: none, or no more */
	int report;    /* how it ended, by the go-between; -1 without one */
	int talk;      /* our end of the socket pair (master/handover.h), or -1 */
	int life;      /* ends with it and its workers, or -1 */
	struct event *talk_event, *life_event;
	int64_t deadline_ms; /* to get ready by, then to be gone by; SLOT_NEVER: none */
	bool told_to_end;    /* by SIGTERM */
	char why[HANDOVER_SAYS];
};

/* A successor's view of its predecessor. */
struct successor {
	bool alive; /* it, or one of its workers */
	bool ready; /* our workers accept; waiting for the word */
	bool in_charge;
	bool same_memory; /* as the predecessor's */
	bool talking;	  /* the predecessor listens to us */
	struct event *talk_event, *life_event;
};

struct master {
	/* Set by the caller of master_run(). */
	const char *program;   /* path to execute for an upgrade */
	struct handover from;  /* what a predecessor left us; .present if there is one */
	struct conf *conf;     /* in force; from malloc */
	const char *conf_file; /* NULL: the default path */
	const char *(*url_wrong)(const char *url); /* of struct conf_source */
	bool background;
	struct daemon daemon;
	struct pidfile pidfile;
	struct listen_set listen;
	int metrics_fd; /* listening, or -1 */
	struct operator_socket operator_socket;

	/* Its own. */
	struct event_base *base;
	struct event *signals[MASTER_SIGNALS];
	struct event *tick, *wake;
	struct http *http;
	struct trace_clients *trace_clients;
	struct resolver *resolver;
	struct shm shm;
	struct master_slot *slots; /* room for shm.nslots */
	int nslots; /* those that were ever used: conf->workers of them, the first, are wanted */
	uint32_t retired_borrower; /* serial of the worker that has listen.retired, or 0 */
	enum master_phase phase;
	struct reload reload;
	struct upgrade upgrade;
	struct successor successor;
	int life[2];	    /* a pipe that ends with us and our last worker */
	bool asked_to_stop; /* by a signal, not by a successor */
	bool at_once;	    /* by a second signal: nobody is waited for */
	uint32_t generation;
	uint32_t last_serial;
	int64_t start_wall_ms, start_ms;
	int64_t contact_since_ms; /* all of the next generation accept; 0: not yet, or taken over */
	int exit_status;
};

/* ---- master.c ---- */

/* Runs the gateway to its end and returns the exit status. */
int master_run(struct master *) __attribute__((warn_unused_result));

/* Where this configuration logs: the file, "syslog", or NULL for stderr. */
const char *master_log_file(const struct master *, const struct conf *);
/* Logs why the master leaves, tells whoever waits for its start, and sets the exit status. */
void master_say_failed(struct master *, int status, const char *why);

/* After anything happened: whatever follows from it (loans, reload, start, stop, next wake-up). */
void master_advance(struct master *);
/* Leaves with the workers drained; or with them killed. */
void master_stop(struct master *);
void master_kill(struct master *);
/* Slots from m->nslots up to `n` come into use. */
void master_add_slots(struct master *, int n);
bool master_serve_http(struct master *) __attribute__((warn_unused_result));
/* Workers accept, and nobody else is in charge. */
void master_in_charge(struct master *);

/* True while another master and its workers are on our sockets. */
static inline bool
master_has_other(const struct master *m)
{
	return m->successor.alive || m->upgrade.state != UPGRADE_IDLE;
}

/* ---- signals.c ---- */

bool signals_begin(struct master *) __attribute__((warn_unused_result));
void signals_end(struct master *);

/* ---- memory.c ---- */

/* Takes a predecessor's memory, else makes some. False if there is none: that was said. */
bool memory_begin(struct master *) __attribute__((warn_unused_result));
/* Our worker is dead: its counters and what it knew of addresses. */
void memory_worker_died(struct master *, const struct worker_proc *);
/* The other master and all its workers are gone: what they left behind is ours. */
void memory_other_gone(struct master *);

/* ---- upgrade.c ---- */

void upgrade_request(struct master *);
void upgrade_advance(struct master *);
/* The child that is upgrade.between has ended and was waited for. */
void upgrade_between_ended(struct master *);
void upgrade_stop(struct master *, int64_t deadline_ms);
void upgrade_forget(struct master *);

/* ---- between.c ---- */

/* Starts go-between and successor: sets pid, between and report of m->upgrade. False with errno. */
bool between_start(struct master *, const struct handover *, int text_fd)
    __attribute__((warn_unused_result));
/* Ends the go-between. False if the successor has ended, with its status. */
bool between_let_go(struct upgrade *, int *status) __attribute__((warn_unused_result));
/* After its end: forgets it. True if it told the successor's status; else it was killed. */
bool between_told(struct upgrade *, int *status) __attribute__((warn_unused_result));

/* ---- successor.c ---- */

bool successor_begin(struct master *) __attribute__((warn_unused_result));
void successor_ready(struct master *);
void successor_forget(struct master *);

/* ---- spawn.c ---- */

void spawn_actions(struct master *, int slot, const struct slot_actions *);
void spawn_reap(struct master *);
/* In a child, behind fork() with all signals blocked: nothing of the master runs in it any more. */
void spawn_begin_child(struct master *, const char *title, const char *comm);

/* ---- worker_channel.c ---- */

/* Makes a channel; returns the worker's end, or -1 with errno. */
int worker_channel_open(struct worker_proc *) __attribute__((warn_unused_result));
void worker_channel_close(struct worker_proc *);
/* Takes what the worker has said; closes the channel if it has ended. */
void worker_channel_read(struct worker_proc *);
/* False if the worker can't hear. `fd` as in ipc_send(). */
bool worker_channel_tell(struct worker_proc *, uint32_t type, uint32_t slot, uint64_t value, int fd)
    __attribute__((warn_unused_result));

/* ---- resolver.c ---- */

bool resolver_begin(struct master *) __attribute__((warn_unused_result));
void resolver_end(struct master *);
/* A worker asks for the addresses of a host: IPC_RESOLVE. */
void resolver_ask(struct worker_proc *, const struct ipc_msg *);
bool resolver_is(const struct master *, pid_t) __attribute__((warn_unused_result));
void resolver_ended(struct master *, int status);
/* What it knows, for a successor; returns how many. */
int resolver_known(const struct master *, struct handover_name[RESOLVER_NAMES])
    __attribute__((warn_unused_result));

/* ---- reload.c ---- */

void reload_request(struct master *);
void reload_advance(struct master *);
void reload_forget(struct master *);

/* ---- contact.c ---- */

/*
 * All workers of the present generation (or the next) accept. True once they may take over: all have
 * reached the database, or had time enough for it.
 */
bool contact_made(struct master *, int workers, bool next) __attribute__((warn_unused_result));
void contact_forget(struct master *);
/* When contact_made() is to be asked again at the latest. */
int64_t contact_due(const struct master *) __attribute__((warn_unused_result));
/* The present generation has the database. */
bool contact_had(const struct master *) __attribute__((warn_unused_result));

/* ---- cleanup.c, lend.c ---- */

void cleanup_advance(struct master *);
void lend_advance(struct master *);

/* ---- status.c ---- */

struct evbuffer;
int status_serve(void *master, const char *path, struct evbuffer *body, const char **type)
    __attribute__((warn_unused_result));

#endif
