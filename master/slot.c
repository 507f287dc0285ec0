#include "master/slot.h"

#include <string.h>

static void
act(struct slot_actions *out, enum slot_verb verb, int block)
{
	out->a[out->n].verb = verb;
	out->a[out->n].block = block;
	out->n++;
}

static void
spawn(struct slot *s, int block, struct slot_actions *out)
{
	memset(&s->occupant[block], 0, sizeof(s->occupant[block]));
	s->occupant[block].state = OCCUPANT_STARTING;
	act(out, SLOT_SPAWN, block);
}

static void
spawn_current(struct slot *s, int64_t now_ms, struct slot_actions *out)
{
	s->mode = SLOT_RUNNING;
	s->spawned_ms = now_ms;
	spawn(s, s->current, out);
}

static void
kill_occupant(struct slot *s, int block, enum slot_verb verb, struct slot_actions *out)
{
	struct occupant *o = &s->occupant[block];

	if (o->state == OCCUPANT_NONE || o->state == OCCUPANT_KILLED)
		return;
	o->state = OCCUPANT_KILLED;
	o->accepting = false;
	act(out, verb, block);
}

/* One that isn't ready has nothing to finish. */
static void
drain_occupant(struct slot *s, int block, int64_t deadline_ms, struct slot_actions *out)
{
	struct occupant *o = &s->occupant[block];

	if (o->state == OCCUPANT_STARTING) {
		kill_occupant(s, block, SLOT_KILL, out);
	} else if (o->state == OCCUPANT_READY) {
		o->state = OCCUPANT_DRAINING;
		o->accepting = false;
		o->deadline_ms = deadline_ms;
		act(out, SLOT_DRAIN, block);
	} else if (o->state == OCCUPANT_DRAINING && deadline_ms < o->deadline_ms) {
		o->deadline_ms = deadline_ms;
	}
}

static int64_t
backoff_ms(int failures)
{
	int64_t ms = SLOT_BACKOFF_MS;

	while (--failures > 0 && ms < SLOT_BACKOFF_MAX_MS)
		ms *= 2;
	return ms < SLOT_BACKOFF_MAX_MS ? ms : SLOT_BACKOFF_MAX_MS;
}

void
slot_init(struct slot *s)
{
	memset(s, 0, sizeof(*s));
	s->next = -1;
	s->mode = SLOT_STOPPED;
	s->spawned_ms = SLOT_NEVER;
}

void
slot_start(struct slot *s, int64_t now_ms, struct slot_actions *out)
{
	out->n = 0;
	spawn_current(s, now_ms, out);
}

void
slot_ready(struct slot *s, int block, int64_t now_ms)
{
	struct occupant *o = &s->occupant[block];

	if (o->state != OCCUPANT_STARTING)
		return;
	o->state = OCCUPANT_READY;
	o->was_ready = true;
	o->ready_ms = now_ms;
	o->stale = 0;
	o->accepting = true;
	s->down_ticks = 0;
}

/* Decides when the current block gets its next occupant. */
static void
plan_respawn(struct slot *s, bool was_ready, int64_t now_ms, struct slot_actions *out)
{
	int64_t at;

	if (was_ready) {
		at = s->spawned_ms + SLOT_RESPAWN_MS;
	} else {
		s->failures++;
		at = now_ms + backoff_ms(s->failures);
	}
	if (at <= now_ms) {
		spawn_current(s, now_ms, out);
		return;
	}
	s->mode = SLOT_WAITING;
	s->respawn_ms = at;
}

void
slot_exited(struct slot *s, int block, int64_t now_ms, struct slot_actions *out)
{
	struct occupant *o = &s->occupant[block];
	bool was_ready = o->was_ready;

	out->n = 0;
	if (o->state == OCCUPANT_NONE)
		return;
	memset(o, 0, sizeof(*o));
	if (block != s->current || s->mode != SLOT_RUNNING)
		return;
	plan_respawn(s, was_ready, now_ms, out);
}

static void
look_at(struct slot *s, int block, const struct slot_sight *seen, int64_t now_ms,
    struct slot_actions *out)
{
	struct occupant *o = &s->occupant[block];

	if (o->state == OCCUPANT_STARTING) {
		if (++o->ticks >= SLOT_READY_TICKS)
			kill_occupant(s, block, SLOT_LATE, out);
		return;
	}
	if (o->state != OCCUPANT_READY && o->state != OCCUPANT_DRAINING)
		return;
	o->stale = seen->heartbeat == o->heartbeat ? o->stale + 1 : 0;
	o->heartbeat = seen->heartbeat;
	o->accepting = o->state == OCCUPANT_READY && seen->accepting;
	if (o->stale >= SLOT_HANG_TICKS)
		kill_occupant(s, block, SLOT_HUNG, out);
	else if (block == s->current && now_ms - o->ready_ms >= SLOT_HEALTHY_MS)
		s->failures = 0;
}

void
slot_tick(struct slot *s, const struct slot_sight seen[SLOT_BLOCKS], int64_t now_ms,
    struct slot_actions *out)
{
	bool served = false;
	int i;

	out->n = 0;
	for (i = 0; i < SLOT_BLOCKS; i++) {
		look_at(s, i, &seen[i], now_ms, out);
		/* A single late heartbeat already counts: two make the slot down. */
		if (s->occupant[i].accepting && s->occupant[i].stale == 0)
			served = true;
	}
	s->down_ticks = served ? 0 : s->down_ticks + 1;
}

void
slot_wake(struct slot *s, int64_t now_ms, struct slot_actions *out)
{
	int i;

	out->n = 0;
	for (i = 0; i < SLOT_BLOCKS; i++)
		if (s->occupant[i].state == OCCUPANT_DRAINING &&
		    s->occupant[i].deadline_ms <= now_ms)
			kill_occupant(s, i, SLOT_KILL, out);
	if (s->mode == SLOT_WAITING && s->respawn_ms <= now_ms)
		spawn_current(s, now_ms, out);
}

int64_t
slot_due(const struct slot *s)
{
	int64_t due = s->mode == SLOT_WAITING ? s->respawn_ms : SLOT_NEVER;
	int i;

	for (i = 0; i < SLOT_BLOCKS; i++)
		if (s->occupant[i].state == OCCUPANT_DRAINING && s->occupant[i].deadline_ms < due)
			due = s->occupant[i].deadline_ms;
	return due;
}

void
slot_stop(struct slot *s, int64_t deadline_ms, struct slot_actions *out)
{
	int i;

	out->n = 0;
	s->mode = SLOT_STOPPED;
	s->next = -1;
	for (i = 0; i < SLOT_BLOCKS; i++)
		drain_occupant(s, i, deadline_ms, out);
}

void
slot_kill(struct slot *s, struct slot_actions *out)
{
	int i;

	out->n = 0;
	s->mode = SLOT_STOPPED;
	s->next = -1;
	for (i = 0; i < SLOT_BLOCKS; i++)
		kill_occupant(s, i, SLOT_KILL, out);
}

void
slot_next_begin(struct slot *s, struct slot_actions *out)
{
	out->n = 0;
	s->next = !s->current;
	spawn(s, s->next, out);
}

void
slot_next_commit(struct slot *s, int64_t deadline_ms, struct slot_actions *out)
{
	int old = s->current;

	out->n = 0;
	s->current = s->next;
	s->next = -1;
	s->mode = SLOT_RUNNING;
	s->failures = 0;
	s->spawned_ms = s->occupant[s->current].ready_ms;
	drain_occupant(s, old, deadline_ms, out);
}

void
slot_next_abort(struct slot *s, int64_t deadline_ms, struct slot_actions *out)
{
	out->n = 0;
	if (s->next == -1)
		return;
	drain_occupant(s, s->next, deadline_ms, out);
	s->next = -1;
}

bool
slot_next_ready(const struct slot *s)
{
	return s->next != -1 && s->occupant[s->next].state == OCCUPANT_READY;
}

bool
slot_next_dead(const struct slot *s)
{
	return s->next != -1 && s->occupant[s->next].state != OCCUPANT_READY &&
	       s->occupant[s->next].state != OCCUPANT_STARTING;
}

bool
slot_settled(const struct slot *s)
{
	return s->occupant[!s->current].state == OCCUPANT_NONE;
}

bool
slot_empty(const struct slot *s)
{
	return s->occupant[0].state == OCCUPANT_NONE && s->occupant[1].state == OCCUPANT_NONE;
}

bool
slot_accepting(const struct slot *s, int block)
{
	return s->occupant[block].accepting && s->occupant[block].stale < SLOT_DOWN_TICKS;
}

bool
slot_is_down(const struct slot *s)
{
	return s->mode != SLOT_STOPPED && s->down_ticks >= SLOT_DOWN_TICKS;
}

const char *
occupant_state_name(enum occupant_state state)
{
	static const char *const names[] = {[OCCUPANT_NONE] = "down",
	    [OCCUPANT_STARTING] = "starting",
	    [OCCUPANT_READY] = "ready",
	    [OCCUPANT_DRAINING] = "draining",
	    [OCCUPANT_KILLED] = "killed"};

	return names[state];
}
