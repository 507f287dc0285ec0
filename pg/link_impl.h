/*
 * Inside a link: what link.c (the life of the connection), link_names.c (its hosts' addresses),
 * link_setup.c (what comes before its first job) and link_job.c (jobs and results) share.
 */
#ifndef PG_LINK_IMPL_H
#define PG_LINK_IMPL_H

#include <stddef.h>

#include "common/log.h"
#include "pg/link.h"

#define LINK_WHY 160
#define LINK_ABANDONED 4

struct event;

/* Those from LINK_IDLE on are "up". */
enum link_state { LINK_WAITING, LINK_NAMING, LINK_CONNECTING, LINK_SETUP, LINK_IDLE, LINK_BUSY };

/* Of LINK_SETUP, in this order; the statements to prepare go one by one. */
enum setup_step {
	SETUP_SETTINGS,
	SETUP_ABANDONED,
	SETUP_DURABILITY,
	SETUP_CREATORS,
	SETUP_SCHEMA,
	SETUP_PREPARE,
	SETUP_CALLER,
};

struct pg_link {
	struct event_base *base;
	char *url;
	const char *name;
	struct pg_link_callbacks cb;
	struct pg_conn *conn; /* NULL while LINK_WAITING or LINK_NAMING */
	enum link_state state;
	enum setup_step step;
	size_t statement_at;
	struct event *read_ev, *write_ev;
	struct event *timer; /* next attempt, or the limit of this one */
	int attempt;	     /* attempts since it was up */
	int64_t up_since_ms;
	bool said_lost;		/* the log says that it is away */
	struct pg_hosts *hosts; /* of this attempt */
	char unnamed[LINK_WHY]; /* why a host has no address, or "" */
	int first_host; /* that is tried first: the one before it stayed and did not answer */
	struct pg_job job;
	bool copying;
	struct pg_error error; /* the first one of what runs, if it failed */
	bool failed;
	int64_t schema_version;

	/* link_watch.c */
	struct event *pulse;
	int silent_s; /* of the job that runs: since something came or went */
	bool hurried;
	bool doubtful; /* its COMMIT did not wait for the standby */
	struct pg_backend backend;
	struct pg_backend abandoned[LINK_ABANDONED]; /* of connections that were lost under a job */
	int nabandoned;
	int nheld; /* of these: could not be ended */
	struct log_gate durability_gate;
	char creators[LINK_WHY]; /* the log says that they may create, or "" */

	int64_t asked_us; /* boot clock: when the schema was asked for, and with it the time */
	int server_connections;
	char why[LINK_WHY];
	struct log_gate log_gate;
};

/* link.c */
/* Gives the connection up and plans the next attempt. `why` is for the operator. */
void link_lost(struct pg_link *, const char *why);
/* The same with libpq's words. */
void link_broken(struct pg_link *);
/* Gives the connection up for a new one, as the job that has just failed wants one. */
void link_renew(struct pg_link *);
/* After something was sent: true if all of it went out or a write event will see to the rest. */
bool link_flush(struct pg_link *) __attribute__((warn_unused_result));
/* An event will come when the socket takes more. */
bool link_watch_write(struct pg_link *) __attribute__((warn_unused_result));
/* The set-up is over. */
void link_up(struct pg_link *);
/* All addresses are known. */
void link_connect(struct pg_link *);

/* link_names.c */
/* The next attempt: asks for the addresses that it needs, if any, then link_connect() follows. */
void link_name_hosts(struct pg_link *);

/* link_watch.c */
bool link_watch_start(struct pg_link *) __attribute__((warn_unused_result));
/* The connection is lost under a job: its backend may live on. */
void link_abandon(struct pg_link *);
bool link_send_abandoned(struct pg_link *) __attribute__((warn_unused_result));
void link_take_abandoned(struct pg_link *, const struct pg_result *);
bool link_send_durability(struct pg_link *) __attribute__((warn_unused_result));
void link_take_durability(struct pg_link *, const struct pg_result *);
void link_take_creators(struct pg_link *, const struct pg_result *);
/* Does a warning say that a COMMIT has not waited for its standby? */
bool link_is_doubt(const struct pg_result *);

/* link_setup.c */
void link_setup_start(struct pg_link *);
void link_setup_result(struct pg_link *, const struct pg_result *);
/* All results of what it sent last have come: `failed` says how it went. */
void link_setup_step_done(struct pg_link *);

/* link_job.c */
/* Takes all that has arrived. Callbacks may start the next job or lose the connection. */
void link_take_results(struct pg_link *);
/* Gives libpq more of a COPY, once it has sent what it has. */
bool link_pump_copy(struct pg_link *) __attribute__((warn_unused_result));
void link_end_job(struct pg_link *, enum pg_outcome);

#endif
