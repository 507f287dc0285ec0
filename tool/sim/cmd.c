/* tgctl sim: a fleet of simulated trackers, which is also the load of the benchmarks. */
#include "tool/sim/cmd.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tool/sim/sim.h"

static void
on_signal(int sig)
{
	(void)sig;
	sim_stop();
}

/* Ends at the first signal; at a second one as any program would. */
static void
catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static void
raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Was everything acknowledged that was asked for? */
static bool
is_complete(const struct sim *s)
{
	uint32_t done = 0;

	if (s->opt.idle)
		return s->up == s->opt.trackers;
	for (uint32_t i = 0; i < s->opt.trackers; i++) {
		if (s->tracker[i].state == SIM_REFUSED)
			return false;
		done += s->tracker[i].state == SIM_DONE;
	}
	if (s->opt.frames >= 0 && done < s->opt.trackers)
		return false;
	if (s->opt.handshake_only)
		return s->count.handshakes > 0;
	return s->in_flight == 0 && s->count.frames_acked > 0;
}

static bool
open_logs(struct sim *s)
{
	const char *bad = NULL;

	s->acked_log.fd = s->sent_log.fd = s->command_log.fd = -1;
	if (!sim_log_open(&s->acked_log, s->opt.acked_log))
		bad = s->opt.acked_log;
	else if (!sim_log_open(&s->sent_log, s->opt.sent_log))
		bad = s->opt.sent_log;
	else if (!sim_log_open(&s->command_log, s->opt.command_log))
		bad = s->opt.command_log;
	if (bad != NULL)
		fprintf(stderr, "tgctl sim: %s: %s\n", bad, strerror(errno));
	return bad == NULL;
}

int
cmd_sim(int argc, char **argv)
{
	struct sim *s = calloc(1, sizeof(*s));
	enum sim_options_result parsed;
	bool ok = false, logged;

	if (s == NULL)
		return TOOL_FAILED;
	s->epoll = -1;
	parsed = sim_options_parse(&s->opt, argc, argv);
	if (parsed != SIM_OPTIONS_OK) {
		free(s);
		return parsed == SIM_OPTIONS_HELP ? TOOL_OK : TOOL_USAGE;
	}
	raise_limit();
	catch_signals();
	if (open_logs(s) && sim_fleet_init(s)) {
		sim_fleet_run(s);
		ok = is_complete(s);
		logged = sim_log_close(&s->acked_log);
		logged = sim_log_close(&s->sent_log) && logged;
		logged = sim_log_close(&s->command_log) && logged;
		if (!logged)
			fprintf(stderr, "tgctl sim: a log could not be written\n");
		ok = ok && logged;
		sim_report_final(s, ok);
	}
	sim_fleet_free(s);
	free(s);
	return ok ? TOOL_OK : TOOL_FAILED;
}
