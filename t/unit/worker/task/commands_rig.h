/*
 * What the tests of commands share: connections that only pretend, and the queue in the database.
 */
#ifndef T_UNIT_WORKER_TASK_COMMANDS_RIG_H
#define T_UNIT_WORKER_TASK_COMMANDS_RIG_H

#include "t/unit/worker/task/rig.h"
#include "worker/task/commands.h"

#define TRACKERS 8
#define TIMEOUT_MS 30000
#define MAX_ATTEMPTS 3

/* The connection of IMEI(n), whose token is n and whose device has the id n; from 1. */
struct tracker {
	bool away;  /* nothing may be claimed for it */
	bool lost;  /* it goes while a claim is under way */
	bool asked; /* for it commands_check() was called */
	struct command_asker asker;
	int claims, blocked;
	int again;		    /* how often it may ask again at once */
	int64_t again_at_ms;	    /* and when it may, as it was told last */
	struct command_claim claim; /* the last one */
	char text[64];
};

struct commands_rig {
	struct rig rig;
	struct commands *cm;
	struct tracker tracker[TRACKERS + 1];
	int wants; /* how often it was asked for a connection */
};

void commands_open(struct commands_rig *);
/* The same, connected. */
void commands_start(struct commands_rig *);
void commands_close(struct commands_rig *);

/* Asks for the tracker, as a connection does that has become ready. */
bool commands_ask(struct commands_rig *, int tracker);
/* Queues a command with the id for IMEI(tracker). */
void commands_queue(struct commands_rig *, int id, int tracker);
/* Queues and claims it. */
void commands_send(struct commands_rig *, int id, int tracker);
/* "status attempts" of a command. */
const char *commands_status(struct commands_rig *, int id);
#define COMMANDS_UNTIL(c, id, text) UNTIL(&(c)->rig, strcmp(commands_status(c, id), text) == 0)
/* Its error_message. */
const char *commands_why(struct commands_rig *, int id);

#endif
