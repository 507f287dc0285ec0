#include "t/unit/tool/sim/run.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool/sim/cmd.h"

#define ARGS 48

struct sim_rig sim_rig;

void
sim_run_setup(void)
{
	snprintf(sim_rig.dir, sizeof(sim_rig.dir), "check_sim.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(sim_rig.dir));
	snprintf(sim_rig.seen, sizeof(sim_rig.seen), "%s/seen", sim_rig.dir);
	snprintf(sim_rig.said, sizeof(sim_rig.said), "%s/said", sim_rig.dir);
	snprintf(sim_rig.acked, sizeof(sim_rig.acked), "%s/acked", sim_rig.dir);
	snprintf(sim_rig.sent, sizeof(sim_rig.sent), "%s/sent", sim_rig.dir);
	snprintf(sim_rig.out, sizeof(sim_rig.out), "%s/out", sim_rig.dir);
	snprintf(sim_rig.commands, sizeof(sim_rig.commands), "%s/commands", sim_rig.dir);
	snprintf(sim_rig.imeis, sizeof(sim_rig.imeis), "%s/imeis", sim_rig.dir);
}

void
sim_run_teardown(void)
{
	const char *files[] = {sim_rig.seen, sim_rig.said, sim_rig.acked, sim_rig.sent, sim_rig.out,
	    sim_rig.imeis, sim_rig.commands};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(files[i]);
	rmdir(sim_rig.dir);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct sim_run_ledger
sim_run_load(const char *path)
{
	struct sim_run_ledger l = {0, NULL};
	size_t room = 0;
	char line[128];
	FILE *f = fopen(path, "r");

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (l.n == room) {
			room = room * 2 + 1024;
			l.line = realloc(l.line, room * sizeof(*l.line));
			ck_assert_ptr_nonnull(l.line);
		}
		ck_assert_ptr_nonnull(strchr(line, '\n'));
		l.line[l.n++] = strdup(line);
	}
	fclose(f);
	if (l.n > 0)
		qsort(l.line, l.n, sizeof(*l.line), by_text);
	return l;
}

void
sim_run_free(struct sim_run_ledger *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->line[i]);
	free(l->line);
}

static size_t
repeated(const struct sim_run_ledger *l)
{
	size_t n = 0;

	for (size_t i = 1; i < l->n; i++)
		n += strcmp(l->line[i - 1], l->line[i]) == 0;
	return n;
}

size_t
sim_run_beyond(const struct sim_run_ledger *a, const struct sim_run_ledger *b)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n; i++)
		n += b->n == 0 ||
		     bsearch(&a->line[i], b->line, b->n, sizeof(*b->line), by_text) == NULL;
	return n;
}

size_t
sim_run_audit(bool complete)
{
	struct sim_run_ledger a = sim_run_load(sim_rig.acked), s = sim_run_load(sim_rig.sent),
			      e = sim_run_load(sim_rig.seen), d = sim_run_load(sim_rig.said);
	size_t n = a.n;

	ck_assert_uint_eq(repeated(&a), 0);
	ck_assert_uint_eq(repeated(&s), 0);
	ck_assert_uint_eq(sim_run_beyond(&a, &d), 0);
	ck_assert_uint_eq(sim_run_beyond(&e, &s), 0);
	if (complete) {
		ck_assert_uint_eq(sim_run_beyond(&d, &a), 0);
		ck_assert_uint_eq(sim_run_beyond(&s, &a), 0);
	}
	ck_assert_int_eq(sim_rig.server.counts->broken, 0);
	sim_run_free(&a);
	sim_run_free(&s);
	sim_run_free(&e);
	sim_run_free(&d);
	return n;
}

pid_t
sim_run_start(const char *options)
{
	char text[512], port[8], *argv[ARGS], *save;
	int argc = 0;
	pid_t pid;

	snprintf(text, sizeof(text), "%s", options);
	snprintf(port, sizeof(port), "%d", sim_rig.server.port);
	pid = fork();
	ck_assert_int_ne(pid, -1);
	if (pid > 0)
		return pid;
	argv[argc++] = (char[]){"sim"};
	argv[argc++] = (char[]){"--port"};
	argv[argc++] = port;
	argv[argc++] = (char[]){"--acked-log"};
	argv[argc++] = sim_rig.acked;
	argv[argc++] = (char[]){"--sent-log"};
	argv[argc++] = sim_rig.sent;
	argv[argc++] = (char[]){"--command-log"};
	argv[argc++] = sim_rig.commands;
	argv[argc++] = (char[]){"--json"};
	argv[argc++] = (char[]){"--quiet"};
	for (char *p = strtok_r(text, " ", &save); p != NULL; p = strtok_r(NULL, " ", &save))
		argv[argc++] = p;
	argv[argc] = NULL;
	if (sim_rig.descriptors > 0)
		setrlimit(
		    RLIMIT_NOFILE, &(struct rlimit){sim_rig.descriptors, sim_rig.descriptors});
	if (freopen(sim_rig.out, "w", stdout) == NULL)
		_exit(3);
	argc = cmd_sim(argc, argv);
	fflush(stdout);
	_exit(argc);
}

json_t *
sim_run_finish(pid_t pid, int code)
{
	int status;
	json_t *report;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	report = json_load_file(sim_rig.out, 0, NULL);
	ck_assert_msg(WEXITSTATUS(status) == code, "exit %d, not %d: %s", WEXITSTATUS(status), code,
	    report != NULL ? json_dumps(report, 0) : "(no report)");
	ck_assert_ptr_nonnull(report);
	ck_assert(json_boolean_value(json_object_get(report, "ok")) == (code == 0));
	return report;
}

long long
sim_run_number(const json_t *report, const char *key)
{
	const json_t *v = json_object_get(report, key);

	ck_assert_msg(json_is_integer(v), "no %s in the report", key);
	return json_integer_value(v);
}

json_t *
sim_run(struct sim_server_faults faults, const char *options, long long records)
{
	json_t *report;

	sim_server_start(&sim_rig.server, &faults, sim_rig.seen, sim_rig.said);
	report = sim_run_finish(sim_run_start(options), 0);
	sim_server_stop(&sim_rig.server);
	ck_assert_uint_eq(sim_run_audit(true), records);
	ck_assert_int_eq(sim_run_number(report, "records_acked"), records);
	ck_assert_int_eq(sim_run_number(report, "records_sent"), records);
	ck_assert_int_eq(sim_run_number(report, "in_flight"), 0);
	return report;
}

int
sim_run_exit_code(const char *options)
{
	int status;
	pid_t pid = sim_run_start(options);

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}
