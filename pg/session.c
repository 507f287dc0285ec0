#include "pg/session.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg/sql.h"
#include "pg/url.h"

struct pg_session {
	PGconn *conn;
	void (*notice)(void *ctx, bool is_warning, const char *text);
	void *ctx;
};

bool
pg_session_url_is_valid(const char *url)
{
	PQconninfoOption *opts = PQconninfoParse(url, NULL), *o;
	bool ok = opts != NULL;

	for (o = opts; ok && o->keyword != NULL; o++) {
		if (o->val == NULL || strncmp(o->keyword, "host", 4) != 0)
			continue;
		/* An abstract Unix socket begins with @. */
		ok = strchr(o->val, '@') == NULL || o->val[0] == '@';
	}
	PQconninfoFree(opts);
	return ok;
}

static void
on_notice(void *ctx, const PGresult *res)
{
	const struct pg_session *s = ctx;
	const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

	if (s->notice != NULL && text != NULL)
		s->notice(s->ctx, severity != NULL && strcmp(severity, "WARNING") == 0, text);
}

/* Whether it is the connection that failed is not known here. */
static void
own_error(struct pg_session_error *error, const char *text, size_t len)
{
	memset(error, 0, sizeof(*error));
	snprintf(error->text, sizeof(error->text), "%.*s", (int)len, text);
}

/* "Failing row contains (...)": the server says so of a broken CHECK or NOT NULL alone. */
static bool
detail_is_row(const PGresult *res, const char *state)
{
	if (strcmp(state, "23514") == 0)
		return PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME) != NULL;
	return strcmp(state, "23502") == 0 && PQresultErrorField(res, PG_DIAG_COLUMN_NAME) != NULL;
}

/*
 * libpq may call the connection good until it has read to its end: then the error is its own (no
 * SQLSTATE), or the last word of the server's process.
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

static void
copy_field(char *out, size_t room, const char *text)
{
	snprintf(out, room, "%s", text != NULL ? text : "");
}

static void
server_error(const PGconn *conn, const PGresult *res, struct pg_session_error *error)
{
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

	if (text == NULL) {
		text = PQerrorMessage(conn);
		own_error(error, text, strcspn(text, "\n"));
	} else {
		copy_field(error->text, sizeof(error->text), text);
		copy_field(error->sqlstate, sizeof(error->sqlstate),
		    PQresultErrorField(res, PG_DIAG_SQLSTATE));
		copy_field(error->hint, sizeof(error->hint),
		    PQresultErrorField(res, PG_DIAG_MESSAGE_HINT));
		copy_field(error->detail, sizeof(error->detail),
		    detail_is_row(res, error->sqlstate)
			? NULL
			: PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL));
	}
	error->lost = is_lost(conn, res);
}

static bool
is_good(const PGresult *res)
{
	ExecStatusType status = PQresultStatus(res);

	return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

bool
pg_session_script(struct pg_session *s, const char *sql, struct pg_session_error *error)
{
	PGresult *res = PQexec(s->conn, sql);
	bool ok = is_good(res);

	if (!ok)
		server_error(s->conn, res, error);
	PQclear(res);
	return ok;
}

static bool
set_up(struct pg_session *s, struct pg_session_error *error)
{
	return pg_session_script(s, pg_sql("session_setup"), error);
}

struct pg_session *
pg_session_open(const char *url, void (*notice)(void *ctx, bool is_warning, const char *text),
    void *ctx, struct pg_session_error *error)
{
	/* What stands before dbname is a default that the URL may change. */
	const char *keys[] = {
	    "fallback_application_name", "connect_timeout", "dbname", "client_encoding", NULL};
	const char *values[] = {"tgctl", "10", url, "UTF8", NULL};
	struct pg_session *s = calloc(1, sizeof(*s));
	const char *text;
	size_t len;

	if (s == NULL || (s->conn = PQconnectdbParams(keys, values, 1)) == NULL) {
		own_error(error, "out of memory", strlen("out of memory"));
		free(s);
		return NULL;
	}
	s->notice = notice;
	s->ctx = ctx;
	PQsetNoticeReceiver(s->conn, on_notice, s);
	if (PQstatus(s->conn) == CONNECTION_OK && set_up(s, error))
		return s;
	if (PQstatus(s->conn) != CONNECTION_OK) {
		text = pg_url_error(PQerrorMessage(s->conn));
		for (len = strlen(text); len > 0 && text[len - 1] == '\n';)
			len--;
		own_error(error, text, len);
		error->lost = true;
	}
	pg_session_close(s);
	return NULL;
}

void
pg_session_close(struct pg_session *s)
{
	if (s == NULL)
		return;
	PQfinish(s->conn);
	free(s);
}

bool
pg_session_reopen(struct pg_session *s)
{
	struct pg_session_error error;

	PQreset(s->conn);
	return PQstatus(s->conn) == CONNECTION_OK && set_up(s, &error);
}

bool
pg_session_is_connected(const struct pg_session *s)
{
	return PQstatus(s->conn) == CONNECTION_OK;
}

int
pg_session_server_version(const struct pg_session *s)
{
	return PQserverVersion(s->conn);
}

struct pg_result *
pg_session_query(struct pg_session *s, const char *statement, const struct pg_params *p,
    struct pg_session_error *error)
{
	static const struct pg_params none;
	const char *sql = pg_sql(statement);
	PGresult *res;

	if (p == NULL)
		p = &none;
	if (sql == NULL || p->failed) {
		sql = sql == NULL ? "there is no such statement" : "out of memory";
		own_error(error, sql, strlen(sql));
		return NULL;
	}
	res = PQexecParams(s->conn, sql, p->n, NULL, p->value, p->length, p->format, 0);
	if (is_good(res))
		return res;
	server_error(s->conn, res, error);
	PQclear(res);
	return NULL;
}

/* Sends a COPY; true if the server is in it. */
static bool
start_copy(struct pg_session *s, const char *statement, ExecStatusType want,
    struct pg_session_error *error)
{
	const char *sql = pg_sql(statement);
	PGresult *res;
	bool ok;

	if (sql == NULL) {
		own_error(
		    error, "there is no such statement", strlen("there is no such statement"));
		return false;
	}
	res = PQexec(s->conn, sql);
	ok = PQresultStatus(res) == want;
	if (!ok)
		server_error(s->conn, res, error);
	PQclear(res);
	return ok;
}

/* Reads what the server says of a COPY that is over; `left`: its end was our wish. */
static bool
end_copy(struct pg_session *s, bool left, struct pg_session_error *error)
{
	PGresult *res;
	bool ok = true;

	while ((res = PQgetResult(s->conn)) != NULL) {
		if (ok && !is_good(res)) {
			ok = false;
			server_error(s->conn, res, error);
		}
		PQclear(res);
		if (PQstatus(s->conn) != CONNECTION_OK)
			break;
	}
	if (left)
		own_error(error, "", 0);
	return ok && !left;
}

bool
pg_session_copy_out(struct pg_session *s, const char *statement,
    bool (*line)(void *ctx, const char *bytes, size_t len), void *ctx,
    struct pg_session_error *error)
{
	char *bytes, why[256];
	bool left = false;
	PGcancel *cancel;
	int len;

	if (!start_copy(s, statement, PGRES_COPY_OUT, error))
		return false;
	while ((len = PQgetCopyData(s->conn, &bytes, 0)) > 0) {
		if (!left && !line(ctx, bytes, (size_t)len)) {
			left = true;
			cancel = PQgetCancel(s->conn);
			/* Where that fails, the rest is read for nothing. */
			if (cancel != NULL)
				(void)PQcancel(cancel, why, sizeof(why));
			PQfreeCancel(cancel);
		}
		PQfreemem(bytes);
	}
	return end_copy(s, left, error);
}

bool
pg_session_copy_in(struct pg_session *s, const char *statement,
    ssize_t (*more)(void *ctx, char *bytes, size_t room), void *ctx, struct pg_session_error *error)
{
	char bytes[16384];
	ssize_t len;

	if (!start_copy(s, statement, PGRES_COPY_IN, error))
		return false;
	while ((len = more(ctx, bytes, sizeof(bytes))) > 0)
		if (PQputCopyData(s->conn, bytes, (int)len) != 1)
			break;
	/* If the server has ended it before, its reason is the result. */
	(void)PQputCopyEnd(s->conn, len < 0 ? "left by tgctl" : NULL);
	return end_copy(s, len < 0, error);
}

void
pg_session_rollback(struct pg_session *s)
{
	PQclear(PQexec(s->conn, "ROLLBACK"));
}
