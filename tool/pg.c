#include "tool/pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/cmd/cmd.h"
#include "tool/options.h"

/* What the server tells beside results: shown as it is, without source positions. */
static void
on_notice(void *ctx, const PGresult *res)
{
	const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

	(void)ctx;
	if (text != NULL)
		fprintf(stderr, "tgctl: %s: %s\n",
		    severity != NULL && strcmp(severity, "WARNING") == 0 ? "warning" : "notice",
		    text);
}

/*
 * libpq's own words about a string it can't parse may quote parts of it, and
 * with an unescaped @ or / in a password they would be parts of that: so such
 * strings are told from here, in general words.
 */
static bool
url_ok(const char *url)
{
	PQconninfoOption *opts = PQconninfoParse(url, NULL), *o;
	bool ok = opts != NULL;

	for (o = opts; ok && o->keyword != NULL; o++) {
		if (o->val == NULL || strcmp(o->keyword, "password") == 0)
			continue;
		if (strncmp(o->keyword, "host", 4) == 0 && strchr(o->val, '@') != NULL &&
		    o->val[0] != '@')
			ok = false;
	}
	PQconninfoFree(opts);
	if (!ok)
		fprintf(stderr, "tgctl: DATABASE_URL is no valid connection string: write "
				"postgresql://USER:PASSWORD@HOST:PORT/DATABASE (special characters "
				"as %%XX) or host=... user=... dbname=...\n");
	return ok;
}

#define SESSION_SQL \
	"SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'; " \
	"SET client_min_messages = 'warning'"

PGconn *
pg_open(const char *url, int *status)
{
	/* What stands before dbname is a default that the URL may change. */
	const char *keys[] = {
	    "fallback_application_name", "connect_timeout", "dbname", "client_encoding", NULL};
	const char *values[] = {"tgctl", "10", url, "UTF8", NULL};
	PGconn *conn;

	*status = TOOL_USAGE;
	if (!url_ok(url))
		return NULL;
	*status = TOOL_FAILED;
	conn = PQconnectdbParams(keys, values, 1);
	if (conn == NULL) {
		fprintf(stderr, "tgctl: out of memory\n");
		return NULL;
	}
	PQsetNoticeReceiver(conn, on_notice, NULL);
	if (PQstatus(conn) != CONNECTION_OK) {
		fprintf(stderr,
		    "tgctl: can't connect to the database: %s"
		    "tgctl: check DATABASE_URL and that PostgreSQL is running\n",
		    PQerrorMessage(conn));
		PQfinish(conn);
		return NULL;
	}
	if (!pg_script(conn, "setting up the connection", SESSION_SQL)) {
		PQfinish(conn);
		return NULL;
	}
	return conn;
}

PGconn *
pg_open_conf(const struct options *opts, int *status)
{
	struct conf *conf = calloc(1, sizeof(*conf));
	PGconn *conn = NULL;

	*status = TOOL_USAGE;
	if (conf == NULL)
		fprintf(stderr, "tgctl: out of memory\n");
	else if (options_conf(opts, true, conf))
		conn = pg_open(conf->database_url, status);
	free(conf);
	return conn;
}

bool
pg_reopen(PGconn *conn)
{
	PGresult *res;
	bool ok;

	PQreset(conn);
	if (PQstatus(conn) != CONNECTION_OK)
		return false;
	res = PQexec(conn, SESSION_SQL);
	ok = PQresultStatus(res) == PGRES_COMMAND_OK;
	PQclear(res);
	return ok;
}

/* "Failing row contains (...)": the server says so of a broken CHECK or NOT NULL alone. */
static bool
detail_is_row(const PGresult *res, const char *state)
{
	return state != NULL && ((strcmp(state, "23514") == 0 &&
				     PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME) != NULL) ||
				    (strcmp(state, "23502") == 0 &&
					PQresultErrorField(res, PG_DIAG_COLUMN_NAME) != NULL));
}

void
pg_explain(PGconn *conn, const PGresult *res, const char *what)
{
	const char *state = res != NULL ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
	const char *text = res != NULL ? PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	const char *detail = res != NULL ? PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL) : NULL;
	const char *hint = res != NULL ? PQresultErrorField(res, PG_DIAG_MESSAGE_HINT) : NULL;
	const char *end;

	if (text == NULL) {
		text = PQerrorMessage(conn);
		end = strchr(text, '\n');
		fprintf(stderr, "tgctl: %s: %.*s\n", what,
		    (int)(end != NULL ? (size_t)(end - text) : strlen(text)), text);
		return;
	}
	fprintf(stderr, "tgctl: %s: %s\n", what, text);
	if (detail != NULL && !detail_is_row(res, state))
		fprintf(stderr, "tgctl: %s\n", detail);
	if (hint == NULL && state != NULL) {
		if (strcmp(state, "42P01") == 0 || strcmp(state, "42883") == 0)
			hint = "Run \"tgctl migrate\" first.";
		else if (strcmp(state, "42501") == 0)
			hint =
			    "The role in DATABASE_URL lacks a right; migrations need the owner of "
			    "the tables.";
		else if (strcmp(state, "55P03") == 0)
			hint = "Another session holds the table; try again when it has finished.";
	}
	if (hint != NULL)
		fprintf(stderr, "tgctl: hint: %s\n", hint);
}

PGresult *
pg_query(PGconn *conn, const char *what, const char *sql, int nparams, const char *const *params)
{
	PGresult *res = PQexecParams(conn, sql, nparams, NULL, params, NULL, NULL, 0);
	ExecStatusType status = PQresultStatus(res);

	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
		return res;
	pg_explain(conn, res, what);
	PQclear(res);
	return NULL;
}

bool
pg_run(PGconn *conn, const char *what, const char *sql, int nparams, const char *const *params)
{
	PGresult *res = pg_query(conn, what, sql, nparams, params);
	bool ok = res != NULL;

	PQclear(res);
	return ok;
}

bool
pg_script(PGconn *conn, const char *what, const char *sql)
{
	PGresult *res = PQexec(conn, sql);
	ExecStatusType status = PQresultStatus(res);
	bool ok = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;

	if (!ok)
		pg_explain(conn, res, what);
	PQclear(res);
	return ok;
}

const char *
pg_value(const PGresult *res, const char *fallback)
{
	if (PQntuples(res) < 1 || PQgetisnull(res, 0, 0))
		return fallback;
	return PQgetvalue(res, 0, 0);
}

const char *
pg_field(const PGresult *res, const char *name)
{
	return PQgetvalue(res, 0, PQfnumber(res, name));
}
