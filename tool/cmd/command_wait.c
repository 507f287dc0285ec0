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
#include "tool/out.h"
#include "tool/pg.h"

#define POLL_MS 200
#define GOES_ON (-1) /* no exit code yet */

/* How long a lost database is waited for if no time was given. */
#define LOST_MS 60000

/* What a server that is gone without a word gets beyond the given time, s. */
#define HUNG_S 2

/* A wait for one command. Times are of the monotonic clock, ms. */
struct wait {
	PGconn *conn;
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

/* The tracker's words, or its bytes if they are none. */
static void
print_answer(const PGresult *res)
{
	const char *text = pg_field(res, "response_text");
	size_t n = strlen(text);

	if (PQgetisnull(res, 0, PQfnumber(res, "response_text"))) {
		fprintf(stderr, "tgctl: the answer is not text; these are its bytes in hex\n");
		puts(pg_field(res, "codec12_response_hex"));
		return;
	}
	fputs(text, stdout);
	if (n == 0 || text[n - 1] != '\n')
		putchar('\n');
}

/* A command that came to another end. */
static void
explain_end(const PGresult *res)
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
given_up(const struct wait *w, const PGresult *res)
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

static void
print_json(const PGresult *res)
{
	json_t *row = out_row_json(res, 0);

	json_object_del(row, "overdue");
	out_json(row);
}

/* What the row means: an exit code, or GOES_ON. */
static int
judge(const struct wait *w, const PGresult *res)
{
	bool json = w->args->opts.json, open;
	const char *status;

	if (PQntuples(res) == 0) {
		fprintf(stderr,
		    "tgctl: there is no command with id %s; see \"tgctl command list\"\n", w->id);
		return TOOL_FAILED;
	}
	status = pg_field(res, "status");
	open = strcmp(status, "pending") == 0 || strcmp(status, "sent") == 0;
	if (open && !given_up(w, res))
		return GOES_ON;
	if (json)
		print_json(res);
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
		fprintf(stderr, "tgctl: the connection to the database is lost; trying again\n");
		w->lost_since = now;
	}
	if (left(w) > 0 && (w->args->wait_s >= 0 || now - w->lost_since < LOST_MS))
		return GOES_ON;
	fprintf(stderr,
	    "tgctl: the database did not come back in time: what became of command %s is not "
	    "known here\n",
	    w->id);
	return TOOL_FAILED;
}

/*
 * Was it the connection that failed, and not the statement? libpq may call the connection good
 * until it has read to its end: then the error is its own (no SQLSTATE) or the session's last.
 */
static bool
is_lost(const PGconn *conn, const PGresult *res)
{
	const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);

	return PQstatus(conn) != CONNECTION_OK ||
	       PQresultErrorField(res, PG_DIAG_SQLSTATE) == NULL ||
	       (severity != NULL &&
		   (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0));
}

/* The row is overdue if it expired long before any gateway would have noticed (2 s: doc/design.md, Commands). */
#define WAIT_SQL(columns) \
	"SELECT status = 'pending' AND coalesce(expires_at < now() - interval '10 s', false) " \
	"AS overdue, " columns " FROM device_commands WHERE id = $1::bigint"

/* One look at the row: an exit code, or GOES_ON. */
static int
look(struct wait *w)
{
	const char *params[] = {w->id}, *sql;
	PGresult *res;
	int status;

	if (w->lost_since >= 0 && !pg_reopen(w->conn))
		return lost(w);
	sql = w->args->show_text ? WAIT_SQL(COMMAND_COLUMNS_TEXT) : WAIT_SQL(COMMAND_COLUMNS);
	res = PQexecParams(w->conn, sql, 1, NULL, params, NULL, NULL, 0);
	if (PQresultStatus(res) == PGRES_TUPLES_OK) {
		w->lost_since = -1;
		status = judge(w, res);
	} else if (is_lost(w->conn, res)) {
		status = lost(w);
	} else {
		pg_explain(w->conn, res, "reading the command");
		status = TOOL_FAILED;
	}
	PQclear(res);
	return status;
}

int
command_wait(PGconn *conn, const struct command_args *a, const char *id)
{
	struct wait w = {
	    .conn = conn, .args = a, .id = id, .began = clock_mono_ms(), .lost_since = -1};
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
