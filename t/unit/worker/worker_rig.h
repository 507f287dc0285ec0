/*
 * A whole worker, worker_main() itself, in a thread of the test: on a real PostgreSQL, with the master's end of its
 * channel and the trackers' ends of its connections in the test's hands. The worker alone writes the log.
 */
#ifndef T_UNIT_WORKER_WORKER_RIG_H
#define T_UNIT_WORKER_WORKER_RIG_H

#include <check.h>
#include <pthread.h>
#include <stdint.h>

#include "common/ipc.h"
#include "t/unit/pg/fixture.h"
#include "worker/worker.h"

#define RIG_IMEI UINT64_C(350000000000001) /* registered, with the id 1 */

struct rig {
	struct conf conf;
	struct shm shm;
	struct worker_env env;
	struct shm_worker *self;
	int master; /* the master's end of the channel; -1: closed */
	int listener, port;
	const char *url;
	struct pg_conn *sql; /* the test's own */
	pthread_t thread;
	int status; /* after rig_join() */
	char folder[64], log[128];
};

/* A fixture: what a worker needs. A test may change the configuration before it starts one. */
extern struct rig r;
void rig_open(void);
void rig_close(void);

void rig_start(void);
/* Started, accepts, and has reached the database. */
void rig_start_well(void);
/* Until it has ended by itself: its exit status. */
int rig_join(void);
/* Asked to drain: it says that it has, and leaves with 0. */
void rig_drain(void);

/* As the master. */
void rig_tell(const struct ipc_msg *, int pass_fd);
/* The next message of this type; others are left out. */
struct ipc_msg rig_hear(enum ipc_type);

/* Another listening socket on loopback. */
int rig_listen(int *port);
/* A tracker's connection; -1: refused. */
int rig_dial(int port);
/* The same, which said this IMEI and was welcomed. */
int rig_session(int port, uint64_t imei);
/* A frame with so many records, from that second on. */
void rig_send_frame(int fd, uint8_t records, uint32_t second);
/* So many bytes in hex; "." behind them is the end of the stream. */
const char *rig_read(int fd, size_t n);

/* The log has a line with this text by now. */
bool rig_logged(const char *text);

#define SQL(...) pg_fixture_exec(r.sql, __VA_ARGS__)
#define VALUE(...) pg_fixture_value(r.sql, __VA_ARGS__)
#define SAYS(text, ...) (strcmp(VALUE(__VA_ARGS__), text) == 0)

/* Waits until it is so; the time-out is for tests that fail. */
#define UNTIL(condition) \
	do { \
		int until_tries = 0; \
		while (!(condition)) { \
			ck_assert_msg(until_tries++ < 2000, "never came: %s", #condition); \
			usleep(10000); \
		} \
	} while (0)

#endif
