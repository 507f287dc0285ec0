/*
 * A timing wheel: one timer for each of a fixed number of trackers, at a resolution of 1 ms, set and
 * cancelled in constant time. Pure but for its allocation in sim_wheel_init().
 */
#ifndef TOOL_SIM_WHEEL_H
#define TOOL_SIM_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#define SIM_WHEEL_SLOTS 8192
#define SIM_WHEEL_NONE UINT32_MAX

struct sim_wheel_node {
	int64_t at_ms;	     /* due; meaningless while not set */
	uint32_t next, prev; /* ring of its slot */
	bool set;
};

struct sim_wheel {
	int64_t now_ms; /* everything due up to here has been taken */
	uint32_t nodes;
	uint32_t set; /* how many are */
	struct sim_wheel_node *node;
	uint32_t first[SIM_WHEEL_SLOTS];
	uint64_t used[SIM_WHEEL_SLOTS / 64];
};

/* `nodes` timers, none set. False: no memory. */
bool sim_wheel_init(struct sim_wheel *, uint32_t nodes, int64_t now_ms)
    __attribute__((warn_unused_result));
void sim_wheel_free(struct sim_wheel *);

/* (Re)sets timer i. What is due in the past is due at the next millisecond. */
void sim_wheel_set(struct sim_wheel *, uint32_t i, int64_t at_ms);
void sim_wheel_cancel(struct sim_wheel *, uint32_t i);

/*
 * Takes one timer that is due at now_ms and unsets it; SIM_WHEEL_NONE when there are no more.
 * To be called until then. In between, timers may be set and cancelled.
 */
uint32_t sim_wheel_take(struct sim_wheel *, int64_t now_ms);

/* How long nothing can be due, at most `max_ms`. May be too short, never too long. */
int sim_wheel_wait(const struct sim_wheel *, int64_t now_ms, int max_ms);

#endif
