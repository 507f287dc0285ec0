/* tgctl command wait: until a command is over. */
#include "tool/cmd/command.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "tool/cmd/cmd.h"
#include "tool/database.h"
#include "tool/out.h"
#include "tool/out_text.h"

#define POLL_MS 200
#define GOES_ON (-1) /* no exit code yet */

/* How long a lost database is waited for if no time was given. */
#define LOST_MS 60000

/* Time beyond the given one for a server that is gone without a word, s. */
#define HUNG_S 2

/* A wait for one command. Times are of the monotonic clock, ms. */
struct wait {
	struct pg_session *db;
	const struct command_args *args;
	const char *id;
	int64_t began;
	int64_t lost_since; /* -1 while there is a database */
};

/*
 * libpq would wait for TCP to notice that the server is gone. Nothing is half printed at this
 * time, as output begins when the waiting is over.
 */
static void
on_alarm(int number)
{
	static const char text[] = "tgctl: the database does not answer in time\n";
	ssize_t n = write(STDERR_FILENO, text, sizeof(text) - 1);

	(void)number;
	(void)n;
	_exit(TOOL_FAILED);
}

/* Ends the program after that time; 0: not any more. */
static void
set_alarm(unsigned seconds)
{
	struct sigaction action = {.sa_handler = on_alarm};

	if (seconds > 0 && sigaction(SIGALRM, &action, NULL) == -1)
		return;
	(void)alarm(seconds);
}

/* What is left of the time given, ms; of all time if none was given. */
static int64_t
left(const struct wait *w)
{
	if (w->args->wait_s < 0)
		return INT64_MAX;
	return w->began + w->args->wait_s * 1000 - clock_mono_ms();
}

/* The tracker's words, or its bytes if they are not text. */
static void
print_answer(const struct pg_result *res)
{
	const char *text = pg_field(res, "response_text");

	if (pg_is_null(res, 0, pg_column(res, "response_text"))) {
		fprintf(stderr, "tgctl: the answer is not text; these are its bytes in hex\n");
		puts(pg_field(res, "codec12_response_hex"));
		return;
	}
	out_lines(stdout, text);
}

/* A command that came to another end. */
static void
explain_end(const struct pg_result *res)
{
	const char *id = pg_field(res, "id"), *status = pg_field(res, "status");
	json_t *error = json_string(pg_field(res, "error_message"));
	char reason[512] = "no reason is given";

	if (strcmp(status, "cancelled") == 0) {
		fprintf(stderr, "tgctl: command %s was cancelled\n", id);
	} else if (strcmp(status, "expired") == 0) {
		fprintf(stderr,
		    "tgctl: command %s expired at %s without an answer (attempts: %s)\n", id,
		    pg_field(res, "expires_at"), pg_field(res, "attempt_count"));
	} else {
		if (error != NULL && *json_string_value(error) != '\0')
			out_scalar(error, reason, sizeof(reason));
		fprintf(stderr, "tgctl: command %s %s: %s\n", id, status, reason);
	}
	json_decref(error);
}

/* A command that is not over but will not be waited for any longer? Then says so. */
static bool
given_up(const struct wait *w, const struct pg_result *res)
{
	const char *id = pg_field(res, "id"), *status = pg_field(res, "status"),
		   *imei = pg_field(res, "imei"), *tries = pg_field(res, "attempt_count");

	if (*pg_field(res, "overdue") == 't') {
		fprintf(stderr,
		    "tgctl: command %s is still pending, though it should have expired at %s: no "
		    "gateway seems to run on this database\n",
		    id, pg_field(res, "expires_at"));
		return true;
	}
	if (left(w) > 0)
		return false;
	fprintf(stderr,
	    "tgctl: command %s is still %s after %lld s (attempts: %s); see \"tgctl device show "
	    "%s\" for its connection\n",
	    id, status, w->args->wait_s, tries, imei);
	return true;
}

/* What the row means: an exit code, or GOES_ON. */
static int
judge(const struct wait *w, const struct pg_result *res)
{
	bool json = w->args->opts.json, open;
	const char *status;

	if (pg_rows(res) == 0) {
		fprintf(stderr,
		    "tgctl: there is no command with id %s; see \"tgctl command list\"\n", w->id);
		return TOOL_FAILED;
	}
	status = pg_field(res, "status");
	open = strcmp(status, "pending") == 0 || strcmp(status, "sent") == 0;
	if (open && !given_up(w, res))
		return GOES_ON;
	if (json)
		command_print_json(w->args, res, "overdue");
	if (strcmp(status, "acked") == 0) {
		if (!json)
			print_answer(res);
		return TOOL_OK;
	}
	if (!open)
		explain_end(res);
	return TOOL_FAILED;
}

/* There is no database at the moment: an exit code, or GOES_ON. */
static int
lost(struct wait *w)
{
	int64_t now = clock_mono_ms();

	if (w->lost_since < 0) {
		fprintf(stderr, "tgctl: lost the connection to the database; trying again\n");
		w->lost_since = now;
	}
	if (left(w) > 0 && (w->args->wait_s >= 0 || now - w->lost_since < LOST_MS))
		return GOES_ON;
	fprintf(stderr,
	    "tgctl: the database did not come back in time: nobody here knows what became of "
	    "command %s\n",
	    w->id);
	return TOOL_FAILED;
}

/* One look at the row: an exit code, or GOES_ON. */
static int
look(struct wait *w)
{
	struct pg_params params = {0};
	struct pg_session_error error;
	struct pg_result *res;
	int status = TOOL_FAILED;

	if (w->lost_since >= 0 && !pg_session_reopen(w->db))
		return lost(w);
	pg_param_text(&params, w->args->show_text ? "t" : "f");
	pg_param_text(&params, w->id);
	res = pg_session_query(w->db, "command_wait", &params, &error);
	if (res != NULL) {
		w->lost_since = -1;
		status = judge(w, res);
	} else if (error.lost) {
		status = lost(w);
	} else {
		database_explain(&error, "reading the command");
	}
	pg_result_free(res);
	return status;
}

int
command_wait(struct pg_session *db, const struct command_args *a, const char *id)
{
	struct wait w = {.db = db, .args = a, .id = id, .began = clock_mono_ms(), .lost_since = -1};
	int64_t ms;
	int status;

	if (a->wait_s >= 0)
		set_alarm((unsigned)a->wait_s + HUNG_S);
	while ((status = look(&w)) == GOES_ON) {
		ms = left(&w) < POLL_MS ? left(&w) : POLL_MS;
		if (ms > 0)
			(void)nanosleep(&(struct timespec){.tv_nsec = (long)ms * 1000000}, NULL);
	}
	set_alarm(0);
	return status;
}
