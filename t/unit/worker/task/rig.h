/*
 * The ground the tests of worker/task stand on: a database of their own, shared memory as the
 * master makes it, an event loop, and the jobs under test.
 */
#ifndef T_UNIT_WORKER_TASK_RIG_H
#define T_UNIT_WORKER_TASK_RIG_H

#include <check.h>
#include <libpq-fe.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/db_clock.h"
#include "shm/registry.h"
#include "shm/area.h"
#include "t/unit/pg/fixture.h"
#include "worker/task/jobs.h"

#define RIG_DEVICES 20000
#define IMEI(n) (UINT64_C(350000000000000) + (uint64_t)(n))

struct rig {
	struct event_base *base;
	struct event *pulse;
	struct shm shm;
	struct registry *registry;
	struct stats *stats;
	const char *url;
	PGconn *sql; /* the test's own */
	struct job *list[5];
	int n;
	struct jobs *jobs;
	struct job look; /* the last in the round: see rig_settle() */
	bool looking, settled;
	int64_t ahead_ms;
};

void rig_open(struct rig *);
/* The same, with a registry for so many devices. */
void rig_open_sized(struct rig *, uint32_t devices);
void rig_add(struct rig *, struct job *);
/* Connects the jobs and waits until they are up. */
void rig_start(struct rig *);
/* The same with a connection string that leads nowhere. */
void rig_start_nowhere(struct rig *);
void rig_stop(struct rig *); /* the round; its jobs are freed by the test after this */
void rig_close(struct rig *);
void rig_turn(struct rig *); /* one turn of the event loop, 20 ms at most */
/* Runs until no job runs and none is due now, nor would be in `ahead_ms`. */
void rig_settle(struct rig *, int64_t ahead_ms);
/* Runs until a statement of the gateway waits for a lock. */
void rig_blocked(struct rig *);
/* The gateway's connection breaks; rig_cut() waits until it is back. */
#define RIG_CUT \
	"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = " \
	"current_database()" \
	" AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
void rig_cut(struct rig *);
/* Inserts IMEI(n) with id `n` and puts it into the registry; returns its entry. */
uint32_t rig_device(struct rig *, int n);

#define SQL(r, ...) pg_fixture_exec((r)->sql, __VA_ARGS__)
#define VALUE(r, ...) pg_fixture_value((r)->sql, __VA_ARGS__)

/* When to give up, on the clock of clock_mono_ms(): for tests that fail, and as patient as libcheck is told to be. */
int64_t rig_deadline(void);

/* Runs the loop until it is so. */
#define UNTIL(r, condition) \
	do { \
		int64_t until_end = rig_deadline(); \
		while (!(condition)) { \
			ck_assert_msg(clock_mono_ms() < until_end, "never came: %s", #condition); \
			rig_turn(r); \
		} \
	} while (0)

#define SAYS(r, text, ...) (strcmp(VALUE(r, __VA_ARGS__), text) == 0)

/* What the files of a program hand to its main(). */
TCase *commands_tests(void);
TCase *commands_queue_tests(void);
TCase *dead_workers_tests(void);
TCase *devices_tests(void);
TCase *imei_lookup_tests(void);
TCase *imeis_tests(void);
TCase *jobs_tests(void);
TCase *live_tests(void);
TCase *live_limits_tests(void);
TCase *live_ahead_tests(void);
TCase *partitions_tests(void);
TCase *rejected_tests(void);
TCase *session_ends_tests(void);
TCase *waits_tests(void);

/*
 * The main() of a test program: its cases on one PostgreSQL, which it starts. Returns the exit
 * status.
 */
int rig_main(const char *suite, TCase *const *cases, int n);

#endif
