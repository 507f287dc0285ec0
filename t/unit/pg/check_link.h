/* What the tests of a link share: a link on a database of its own, and a job that runs any SQL. */
#ifndef T_UNIT_PG_CHECK_LINK_H
#define T_UNIT_PG_CHECK_LINK_H

#include <check.h>
#include <event2/event.h>
#include <stdbool.h>

#include "pg/link_impl.h"
#include "t/unit/pg/fixture.h"

struct rig {
	struct event_base *base;
	struct event *pulse;
	char url[256];
	PGconn *sql; /* the test's own connection */
	struct pg_link_callbacks cb;
	struct pg_link *link;
	_Atomic uint64_t connects;

	int ups, downs, notifications;
	char why[160], channel[64], payload[64];

	/* The job. */
	const char *text; /* what start() sends; NULL: it refuses */
	int ends, results, rows;
	enum pg_outcome outcome;
	struct pg_error error;
	char value[64]; /* of the last result, its first field */
	int copy_left;	/* rows of a COPY */
	bool copy_fails;
};

extern struct rig rig;

void rig_open(void);
void rig_close(void);
/* Starts the link with rig.cb; url NULL: the rig's. */
void rig_link(const char *url);
void rig_link_up(void);
/* Runs rig.text as a job, to its end. */
enum pg_outcome rig_run(const char *text);
void rig_start(const char *text);
void rig_start_copy(int rows);

/* Turns the loop until the condition holds; the test's time-out is the limit. */
#define UNTIL(condition) \
	do { \
		while (!(condition)) \
			event_base_loop(rig.base, EVLOOP_ONCE); \
	} while (0)

TCase *jobs_case(void);
TCase *life_case(void);
TCase *names_case(void);
TCase *watch_case(void);

#endif
