#include "tool/database.h"

#include <stdio.h>
#include <stdlib.h>

#include "pg/error.h"
#include "tool/options.h"
#include "tool/out_text.h"
#include "tool/tool.h"

/* A server's words may quote what others have written. */
static void
print_clean(const char *what, const char *text)
{
	char clean[4096];

	out_copy(clean, sizeof(clean), text);
	fprintf(stderr, "tgctl: %s%s\n", what, clean);
}

/* What the server says beside results. */
static void
print_notice(void *ctx, bool is_warning, const char *text)
{
	(void)ctx;
	print_clean(is_warning ? "warning: " : "notice: ", text);
}

struct pg_session *
database_open(const char *url, int *status)
{
	struct pg_session_error error;
	struct pg_session *db;

	*status = TOOL_USAGE;
	if (!pg_session_url_is_valid(url)) {
		fprintf(stderr, "tgctl: DATABASE_URL is not a valid connection string: write "
				"postgresql://USER:PASSWORD@HOST:PORT/DATABASE (special characters "
				"as %%XX) or host=... user=... dbname=...\n");
		return NULL;
	}
	*status = TOOL_FAILED;
	db = pg_session_open(url, print_notice, NULL, &error);
	if (db == NULL && error.lost)
		fprintf(stderr,
		    "tgctl: can't connect to the database: %s\n"
		    "tgctl: check DATABASE_URL and that PostgreSQL is running\n",
		    error.text);
	else if (db == NULL)
		database_explain(&error, "setting up the connection");
	return db;
}

struct pg_session *
database_open_configured(const struct options *opts, int *status)
{
	struct conf *conf = calloc(1, sizeof(*conf));
	struct pg_session *db = NULL;

	*status = TOOL_USAGE;
	if (conf == NULL)
		fprintf(stderr, "tgctl: out of memory\n");
	else if (options_conf(opts, true, conf))
		db = database_open(conf->database_url, status);
	free(conf);
	return db;
}

static const char *
hint_of(const char *sqlstate)
{
	switch (pg_error_kind(sqlstate)) {
	case PG_KIND_SCHEMA:
		return "Run \"tgctl migrate\" first.";
	case PG_KIND_RIGHTS:
		return "The role in DATABASE_URL lacks a right; migrations need the owner of the "
		       "tables.";
	case PG_KIND_LOCKED:
		return "Another session holds the table; try again when it has finished.";
	default:
		return "";
	}
}

void
database_explain(const struct pg_session_error *error, const char *what)
{
	const char *hint = *error->hint != '\0' ? error->hint : hint_of(error->sqlstate);

	char head[256];

	snprintf(head, sizeof(head), "%s: ", what);
	print_clean(head, error->text);
	if (*error->detail != '\0')
		print_clean("", error->detail);
	if (*hint != '\0')
		print_clean("hint: ", hint);
}

struct pg_result *
database_query(
    struct pg_session *db, const char *what, const char *statement, const struct pg_params *params)
{
	struct pg_session_error error;
	struct pg_result *res = pg_session_query(db, statement, params, &error);

	if (res == NULL)
		database_explain(&error, what);
	return res;
}

bool
database_run(
    struct pg_session *db, const char *what, const char *statement, const struct pg_params *params)
{
	struct pg_result *res = database_query(db, what, statement, params);
	bool ok = res != NULL;

	pg_result_free(res);
	return ok;
}

bool
database_script(struct pg_session *db, const char *what, const char *sql)
{
	struct pg_session_error error;

	if (pg_session_script(db, sql, &error))
		return true;
	database_explain(&error, what);
	return false;
}
