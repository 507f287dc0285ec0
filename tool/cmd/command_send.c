/* tgctl command send: queues a command. */
#include "tool/cmd/command.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool/cmd/cmd.h"
#include "tool/out.h"
#include "tool/pg.h"

/* Says what speaks against sending; true if that forbids it. */
static bool
against(const struct command_args *a, const char *what, const char *advice)
{
	if (a->force)
		fprintf(stderr, "tgctl: %s %s\n", a->imei, what);
	else
		fprintf(stderr, "tgctl: %s %s; %s\n", a->imei, what, advice);
	return !a->force;
}

/* The same about a registered device: a row of enabled, may use the codec, connected, model. */
static bool
device_against(const struct command_args *a, const PGresult *res)
{
	json_t *model = json_string(PQgetvalue(res, 0, 3));
	char text[256], name[128] = "?";
	bool refuse = false;

	if (*PQgetvalue(res, 0, 0) != 't') {
		snprintf(text, sizeof(text), "tgctl device enable %s", a->imei);
		refuse |= against(a, "is disabled: the gateway does not let it in", text);
	}
	if (*PQgetvalue(res, 0, 1) != 't') {
		if (model != NULL)
			out_scalar(model, name, sizeof(name));
		snprintf(text, sizeof(text), "is of model \"%s\", which may not use codec %s", name,
		    a->codec);
		refuse |= against(a, text, "see the table device_models");
	}
	if (!refuse && *PQgetvalue(res, 0, 2) != 't')
		fprintf(stderr,
		    "tgctl: %s is not connected now: the command waits for its next connection\n",
		    a->imei);
	json_decref(model);
	return refuse;
}

/* May the device have it? Else says why not. Says also if it can't get it now. */
static bool
may_send(PGconn *conn, const struct command_args *a)
{
	const char *params[] = {a->imei, a->codec};
	bool refuse;
	char add[64];
	PGresult *res;

	res = pg_query(conn, "looking for the device",
	    "SELECT d.enabled, coalesce(CASE $2::text WHEN '14' THEN m.codec_14 ELSE m.codec_12 "
	    "END, "
	    "true), coalesce(o.online, false), d.device_model FROM devices d "
	    "LEFT JOIN device_models m ON m.device_model = d.device_model "
	    "LEFT JOIN device_online o ON o.device_id = d.id WHERE d.imei = $1",
	    2, params);
	if (res == NULL)
		return false;
	snprintf(add, sizeof(add), "tgctl device add %s", a->imei);
	refuse = PQntuples(res) > 0 ? device_against(a, res) : against(a, "is not registered", add);
	if (refuse)
		fprintf(stderr, "tgctl: nothing was queued; --force queues it all the same\n");
	PQclear(res);
	return !refuse;
}

/* Who queues it, for the ledger. */
static void
author(char *out, size_t room)
{
	const struct passwd *who = getpwuid(getuid());

	if (who != NULL)
		snprintf(out, room, "%s@tgctl", who->pw_name);
	else
		snprintf(out, room, "uid %lu@tgctl", (unsigned long)getuid());
}

/* The row that has the key already, and whether it is what is to be sent; no row if there is none.
 */
#define FIND_SQL(columns) \
	"SELECT true AS existing, command_text = $3 AND codec = $4::smallint AS same, " columns \
	" FROM device_commands WHERE imei = $1 AND idempotency_key = $2"

static PGresult *
find(PGconn *conn, const struct command_args *a, const char *text)
{
	const char *params[] = {a->imei, a->key, text, a->codec};

	return pg_query(conn, "looking for the key",
	    a->show_text ? FIND_SQL(COMMAND_COLUMNS_TEXT) : FIND_SQL(COMMAND_COLUMNS), 4, params);
}

/* The new row; no row if the key is taken. */
#define INSERT_SQL(columns) \
	"INSERT INTO device_commands (imei, command_text, codec, idempotency_key, max_attempts, " \
	"expires_at, created_by) VALUES ($1, $2, $3::smallint, $4, $5::integer, " \
	"now() + make_interval(secs => $6::double precision), $7) " \
	"ON CONFLICT (imei, idempotency_key) DO NOTHING " \
	"RETURNING false AS existing, true AS same, " columns

static PGresult *
insert(PGconn *conn, const struct command_args *a, const char *text)
{
	char attempts[24], seconds[24], who[128];
	const char *params[] = {a->imei, text, a->codec, a->key,
	    a->max_attempts > 0 ? attempts : NULL, a->expires_in > 0 ? seconds : NULL,
	    a->by != NULL ? a->by : who};

	snprintf(attempts, sizeof(attempts), "%lld", a->max_attempts);
	snprintf(seconds, sizeof(seconds), "%lld", a->expires_in);
	author(who, sizeof(who));
	return pg_query(conn, "queueing the command",
	    a->show_text ? INSERT_SQL(COMMAND_COLUMNS_TEXT) : INSERT_SQL(COMMAND_COLUMNS), 7,
	    params);
}

/* The new row or the one that holds the key already; NULL after saying why neither. */
static PGresult *
queue(PGconn *conn, const struct command_args *a, const char *text)
{
	PGresult *res;

	/* Asked first: who sends again what is queued hears the same, whatever became of the
	 * device. */
	if (a->key != NULL) {
		res = find(conn, a, text);
		if (res == NULL || PQntuples(res) > 0)
			return res;
		PQclear(res);
	}
	if (!may_send(conn, a))
		return NULL;
	res = insert(conn, a, text);
	if (res == NULL || PQntuples(res) > 0)
		return res;
	/* Somebody was faster with the same key. */
	PQclear(res);
	res = find(conn, a, text);
	if (res != NULL && PQntuples(res) == 0) {
		fprintf(stderr, "tgctl: a command with this key came and went; try again\n");
		PQclear(res);
		res = NULL;
	}
	return res;
}

/* Tells of a row that was there before; false if it is not what was to be sent. */
static bool
check_existing(const PGresult *res, const char *imei)
{
	if (*pg_field(res, "existing") != 't')
		return true;
	if (*pg_field(res, "same") != 't') {
		fprintf(stderr,
		    "tgctl: the key belongs to command %s of %s, which has another text or codec; "
		    "nothing was queued\n",
		    pg_field(res, "id"), imei);
		return false;
	}
	fprintf(stderr, "tgctl: command %s has this key already (it is %s); nothing was queued\n",
	    pg_field(res, "id"), pg_field(res, "status"));
	return true;
}

int
command_send(PGconn *conn, const struct command_args *a, const char *text)
{
	PGresult *res = queue(conn, a, text);
	int status = TOOL_FAILED;
	json_t *row;

	if (res != NULL && check_existing(res, a->imei)) {
		status = TOOL_OK;
		if (a->wait) {
			if (*pg_field(res, "existing") != 't')
				fprintf(
				    stderr, "tgctl: command %s is queued\n", pg_field(res, "id"));
			status = command_wait(conn, a, pg_field(res, "id"));
		} else if (a->opts.json) {
			row = out_row_json(res, 0);
			json_object_del(row, "same");
			out_json(row);
		} else {
			puts(pg_field(res, "id"));
		}
	}
	PQclear(res);
	return status;
}
