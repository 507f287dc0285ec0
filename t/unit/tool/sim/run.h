/*
 * Runs of `tgctl sim` in a child process against the small gateway of sim_server.h, with all of
 * their files in a scratch folder. For tests with libcheck: what goes wrong fails the test.
 */
#ifndef T_UNIT_SIM_RUN_H
#define T_UNIT_SIM_RUN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "t/unit/tool/sim/server.h"

/* Paths in the scratch folder, and what runs. */
struct sim_rig {
	char dir[64];
	char seen[96], said[96];			 /* ledgers of the gateway */
	char acked[96], sent[96], commands[96], out[96]; /* of the simulator; and its report */
	char imeis[96];
	unsigned descriptors; /* limit of the simulator, 0: as it is */
	struct sim_server server;
};

extern struct sim_rig sim_rig;

/* A fixture: makes the scratch folder, and removes it. */
void sim_run_setup(void);
void sim_run_teardown(void);

/* The sorted lines of a file. */
struct sim_run_ledger {
	size_t n;
	char **line;
};

struct sim_run_ledger sim_run_load(const char *path);
void sim_run_free(struct sim_run_ledger *);
/* Lines of a that are not in b. */
size_t sim_run_beyond(const struct sim_run_ledger *a, const struct sim_run_ledger *b);

/* Holds after every run; returns the lines of the acked ledger. */
size_t sim_run_audit(bool complete);

/* Starts the simulator in a child. Its options follow, separated by blanks. */
pid_t sim_run_start(const char *options);
/* Waits for it and its exit code. The report, to be freed by the caller. */
json_t *sim_run_finish(pid_t, int code);
/* An integer of the report. */
long long sim_run_number(const json_t *report, const char *key);
/* A run with its gateway that must end well with this many records. */
json_t *sim_run(struct sim_server_faults, const char *options, long long records);
/* The exit code of a run without a gateway. */
int sim_run_exit_code(const char *options);

#endif
