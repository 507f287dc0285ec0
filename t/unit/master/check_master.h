/*
 * What the tests of the master share: the program with workers that pretend (fake_worker.c), its
 * configuration, its log, and what it says over HTTP. Waits are for conditions, never for times.
 */
#ifndef T_UNIT_CHECK_MASTER_H
#define T_UNIT_CHECK_MASTER_H

#include <check.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

#include "common/clock.h"

#define NWORKERS 3
#define PATIENCE_MS 20000
#define STEP_US 10000

extern char program[512], dir[64], conf_path[96], log_path[96], pid_path[96];
extern char socket_path[96]; /* the control socket */
extern int metrics_port;
extern pid_t master;

/* Waits until the expression is true. */
#define wait_for(expr) \
	do { \
		int64_t until_ = clock_mono_ms() + PATIENCE_MS; \
		while (!(expr)) { \
			ck_assert_msg( \
			    clock_mono_ms() < until_, "in vain: %s\n%s", #expr, log_text()); \
			usleep(STEP_US); \
		} \
	} while (0)

/* The gateway's log so far. */
const char *log_text(void);
bool logged(const char *what);
int free_port(void);
/* Writes the configuration: how the workers behave (fake_worker.c), and lines more. */
void configure(const char *mode, const char *more);
void configure_workers(int n, const char *more);
/* Starts the program with an argument more, and returns its process. */
pid_t start(const char *argument);
int wait_status(pid_t pid);
int dial(int port);
/* The answer without its head, or "" if there is none; *code is its status. */
char *get(const char *path, int *code);
int code_of(const char *path);
json_t *status(void);
int generation(void);
/* Pid of the slot's current worker if it is in that state, or 0. */
pid_t worker(int slot, const char *state);
/* Pid of the slot's ready worker if that isn't `old`, or 0. */
pid_t replacement(int slot, pid_t old);
/* How many accept, if nobody else is there; else -1. */
int ready_workers(void);
/* All slots are ready and nobody else is there. */
bool settled(void);
double metric(const char *name);
int tracker_port(void);
/* The slot whose worker answers a connection, or -1 if nobody does. */
int who_answers(int port);
void setup(void);
/*
 * Starts it in the foreground and waits until it is ready; stop() ends it and looks that nobody is
 * left.
 */
void run(void);
void teardown(void);
bool reaped_all(void);
void stop(void);
/* The process of the pidfile, or 0. */
pid_t in_charge(void);

/* check_master_upgrade.c */
void add_upgrade_tests(TCase *);
/* check_master_contact.c */
void add_contact_tests(TCase *);

#endif
