/*
 * Commands, on the tracker's side: reads the gateway's frames of codec 12 and 14, decides what
 * becomes of each, keeps up to SIM_ANSWERS answers until their time has come, and sends them as
 * whole frames. The tracker (tracker.c) says when: never inside one of its own frames.
 *
 * What one tracker needs for it is allocated at its first command, once.
 */
#ifndef TOOL_SIM_COMMAND_H
#define TOOL_SIM_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_ANSWERS 4
#define SIM_COMMAND_FRAME_MAX 1024 /* bytes of a frame from the gateway; a longer one is bad */

struct sim;
struct sim_tracker;
struct sim_command;

enum sim_command_result {
	SIM_COMMAND_MORE,  /* everything is taken, the frame is not whole yet */
	SIM_COMMAND_WHOLE, /* what is behind *used is not part of it */
	SIM_COMMAND_BAD,   /* counted; the connection is out of step, end it */
};

/*
 * Takes bytes that follow a preamble (four zero bytes, which the caller has taken). Books the
 * commands of a whole frame.
 */
enum sim_command_result sim_command_take(struct sim *, struct sim_tracker *, const uint8_t *p,
    size_t n, size_t *used) __attribute__((warn_unused_result));
/* Is there more of a frame than its preamble? */
bool sim_command_begun(const struct sim_tracker *);

/* Has a message said that nobody asked for, unless too many answers are waiting. */
void sim_command_unasked(struct sim *, struct sim_tracker *);

/* Is an answer waiting, due or not? */
bool sim_command_waits(const struct sim_tracker *);
/* Is one partly sent? Then nothing else may go out. */
bool sim_command_partly_sent(const struct sim_tracker *);
/* Has one to go out now? */
bool sim_command_due(const struct sim *, const struct sim_tracker *);
/* When the next one that is not due yet will be; INT64_MAX: none. */
int64_t sim_command_next_ms(const struct sim *, const struct sim_tracker *);

enum sim_command_sent {
	SIM_COMMAND_NONE_DUE, /* what was due is out */
	SIM_COMMAND_BLOCKED,  /* the rest later: no room, or a pause in a split answer */
	SIM_COMMAND_LOST,     /* the connection is gone */
	SIM_COMMAND_HANG_UP,  /* the tracker is to hang up instead of answering */
};

/* Sends what is due. A pause is noted in the tracker's resume_ms. */
enum sim_command_sent sim_command_send(struct sim *, struct sim_tracker *)
    __attribute__((warn_unused_result));

/* The connection is gone: so are a piece of a frame and the answers that waited. */
void sim_command_forget(struct sim *, struct sim_tracker *);
void sim_command_free(struct sim_tracker *);

#endif
