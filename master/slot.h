/*
 * The supervisor of one worker slot, as a pure state machine: it is told what happened and when, and
 * says what to do. No processes, no clock, no I/O; the caller (the master) forks, signals, reaps and
 * measures.
 *
 * A slot has two blocks, hence up to two occupants. `current` is the block whose occupant serves, or
 * would serve if it lived; the other one holds the next generation while a reload waits for it, or an
 * old one that drains.
 *
 * The rules (doc/design.md, Processes):
 *  - an occupant that had been ready and dies is replaced at once, at most once per second;
 *  - one that dies before it is ready is tried again after 1, 2, 4 ... 30 s; a healthy minute forgets
 *    these failures;
 *  - one that isn't ready within ten ticks, or whose heartbeat stands still for ten, is killed.
 *
 * Times are milliseconds of a monotonic clock. Hangs are counted in the caller's own ticks of one
 * second instead, so that a machine that was suspended doesn't find all its workers late.
 */
#ifndef MASTER_SLOT_H
#define MASTER_SLOT_H

#include <stdbool.h>
#include <stdint.h>

#define SLOT_BLOCKS 2
#define SLOT_READY_TICKS 10  /* to become ready in */
#define SLOT_HANG_TICKS 10   /* without a heartbeat */
#define SLOT_DOWN_TICKS 2    /* without anybody accepting: its sockets are lent */
#define SLOT_RESPAWN_MS 1000 /* between two spawns */
/* After a failure before being ready: the first pause, then twice the last one, at most this. */
#define SLOT_BACKOFF_MS 1000
#define SLOT_BACKOFF_MAX_MS 30000
#define SLOT_HEALTHY_MS 60000 /* for failures to be forgotten */
#define SLOT_NEVER INT64_MAX

enum occupant_state {
	OCCUPANT_NONE,
	OCCUPANT_STARTING,
	OCCUPANT_READY,
	OCCUPANT_DRAINING,
	OCCUPANT_KILLED, /* told to die, not yet reaped */
};

/* What keeps `current` empty, if it is. */
enum slot_mode {
	SLOT_RUNNING, /* nothing: it has an occupant */
	SLOT_WAITING, /* until respawn_ms */
	SLOT_STOPPED, /* before the start, and when asked to stop */
};

struct occupant {
	enum occupant_state state;
	int ticks;	     /* in STARTING: since it was spawned */
	int stale;	     /* ticks since the heartbeat moved */
	uint64_t heartbeat;  /* as last seen */
	bool was_ready;	     /* it has been ready, whatever it is now */
	int64_t ready_ms;    /* when it became so */
	int64_t deadline_ms; /* in DRAINING: when it is killed */
	bool accepting;	     /* as last seen: what it says itself, and its heart beats */
};

struct slot {
	struct occupant occupant[SLOT_BLOCKS];
	int current;
	int next; /* block of the next generation while a reload waits, or -1 */
	enum slot_mode mode;
	int failures;	    /* in a row, before being ready */
	int64_t spawned_ms; /* last spawn of a current occupant; SLOT_NEVER: none yet */
	int64_t respawn_ms; /* in SLOT_WAITING */
	int down_ticks;	    /* ticks with nobody accepting */
};

enum slot_verb {
	SLOT_SPAWN, /* fork an occupant into the block */
	SLOT_DRAIN, /* ask it to finish and leave */
	SLOT_KILL,  /* SIGKILL */
	SLOT_HUNG,  /* SIGKILL, for it hangs */
	SLOT_LATE,  /* SIGKILL, for it did not become ready in time */
};

struct slot_action {
	enum slot_verb verb;
	int block;
};

/* Filled by the functions below, which empty it first; done in order by the caller. */
struct slot_actions {
	int n;
	struct slot_action a[2 * SLOT_BLOCKS];
};

/* What the caller saw of an occupant at a tick. */
struct slot_sight {
	uint64_t heartbeat;
	bool accepting;
};

void slot_init(struct slot *);
void slot_start(struct slot *, int64_t now_ms, struct slot_actions *);

void slot_ready(struct slot *, int block, int64_t now_ms);
/* The occupant was reaped, or could not be forked. */
void slot_exited(struct slot *, int block, int64_t now_ms, struct slot_actions *);
/* Once per second. */
void slot_tick(
    struct slot *, const struct slot_sight[SLOT_BLOCKS], int64_t now_ms, struct slot_actions *);
/* When slot_due() has come: what waits for a time and not for a tick. */
void slot_wake(struct slot *, int64_t now_ms, struct slot_actions *);
int64_t slot_due(const struct slot *) __attribute__((warn_unused_result));

/* Everybody leaves, until deadline_ms; then they are killed. Nobody is spawned any more. */
void slot_stop(struct slot *, int64_t deadline_ms, struct slot_actions *);
/* Everybody dies now. */
void slot_kill(struct slot *, struct slot_actions *);

/* A reload. Begin needs slot_settled(); then commit or abort follows, or a stop. */
void slot_next_begin(struct slot *, struct slot_actions *);
void slot_next_commit(struct slot *, int64_t deadline_ms, struct slot_actions *);
void slot_next_abort(struct slot *, int64_t deadline_ms, struct slot_actions *);
bool slot_next_ready(const struct slot *) __attribute__((warn_unused_result));
bool slot_next_dead(const struct slot *) __attribute__((warn_unused_result));

/* True if the block that isn't current is free. */
bool slot_settled(const struct slot *) __attribute__((warn_unused_result));
/* True if nobody lives in it. */
bool slot_empty(const struct slot *) __attribute__((warn_unused_result));
/* True if the occupant takes new connections and its heart beats. */
bool slot_accepting(const struct slot *, int block) __attribute__((warn_unused_result));
/* True if nobody has accepted on this slot's sockets for a while: another slot's worker should. */
bool slot_is_down(const struct slot *) __attribute__((warn_unused_result));

const char *occupant_state_name(enum occupant_state);

#endif
