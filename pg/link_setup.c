/* What a new connection does before its first job: settings, the schema's version, statements. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/db_clock.h"
#include "pg/link_impl.h"
#include "pg/schema_version.h"
#include "pg/sql.h"

static bool
send_sql(struct pg_link *link, const char *text)
{
	return text != NULL && PQsendQuery(link->conn, text) == 1;
}

/* Sends the next statement to prepare; false if there is none. */
static bool
prepare_next(struct pg_link *link, bool *sent)
{
	const char *const *names = link->cb.statements;

	if (names == NULL || names[link->statement_at] == NULL)
		return false;
	const char *name = names[link->statement_at++], *text = pg_sql(name);
	*sent = text != NULL && PQsendPrepare(link->conn, name, text, 0, NULL) == 1;
	return true;
}

/* Sends what the step wants; a step that wants nothing is passed over. */
static void
run_step(struct pg_link *link)
{
	bool sent = false;

	link->failed = false;
	if (link->step == SETUP_PREPARE && !prepare_next(link, &sent))
		link->step = SETUP_CALLER;
	if (link->step == SETUP_CALLER && link->cb.setup_sql == NULL) {
		link_up(link);
		return;
	}
	if (link->step == SETUP_ABANDONED && link->nabandoned == 0)
		link->step = SETUP_DURABILITY;
	if (link->step == SETUP_CREATORS && !link->cb.says_creators)
		link->step = SETUP_SCHEMA;
	link->asked_us = clock_boot_us();
	if (link->step == SETUP_SETTINGS)
		sent = send_sql(link, pg_sql("link_settings"));
	else if (link->step == SETUP_ABANDONED)
		sent = link_send_abandoned(link);
	else if (link->step == SETUP_DURABILITY)
		sent = link_send_durability(link);
	else if (link->step == SETUP_CREATORS)
		sent = send_sql(link, pg_sql("link_creators"));
	else if (link->step == SETUP_SCHEMA)
		sent = send_sql(link, pg_sql("link_schema"));
	else if (link->step == SETUP_CALLER)
		sent = send_sql(link, link->cb.setup_sql);
	if (!sent || !link_flush(link))
		link_broken(link);
}

void
link_setup_start(struct pg_link *link)
{
	link->state = LINK_SETUP;
	link->step = SETUP_SETTINGS;
	link->statement_at = 0;
	link->schema_version = 0;
	run_step(link);
}

void
link_setup_result(struct pg_link *link, const PGresult *res)
{
	if (link->step == SETUP_ABANDONED)
		link_take_abandoned(link, res);
	if (link->step == SETUP_DURABILITY && PQntuples(res) == 1)
		link_take_durability(link, res);
	if (link->step == SETUP_CREATORS && PQntuples(res) == 1)
		link_take_creators(link, res);
	if (link->step != SETUP_SCHEMA || PQntuples(res) != 1)
		return;
	link->schema_version = strtoll(PQgetvalue(res, 0, 0), NULL, 10);
	link->server_connections = (int)strtol(PQgetvalue(res, 0, 1), NULL, 10);
	db_clock_measured(
	    link->asked_us, strtoll(PQgetvalue(res, 0, 2), NULL, 10), clock_boot_us());
}

static void
step_failed(struct pg_link *link)
{
	char why[LINK_WHY];

	if (pg_error_kind(link->error.sqlstate) == PG_KIND_SCHEMA)
		snprintf(why, sizeof(why),
		    "the schema is missing or incomplete (%.80s): run \"tgctl migrate\"",
		    link->error.text);
	else
		snprintf(why, sizeof(why), "%.*s", LINK_WHY - 1, link->error.text);
	link_lost(link, why);
}

void
link_setup_step_done(struct pg_link *link)
{
	char why[LINK_WHY];

	if (link->failed) {
		step_failed(link);
		return;
	}
	if (link->step == SETUP_SCHEMA && link->schema_version < SCHEMA_VERSION) {
		snprintf(why, sizeof(why),
		    "the schema is version %lld, this gateway needs %d: run \"tgctl migrate\"",
		    (long long)link->schema_version, SCHEMA_VERSION);
		link_lost(link, why);
		return;
	}
	if (link->step == SETUP_CALLER) {
		link_up(link);
		return;
	}
	if (link->step != SETUP_PREPARE)
		link->step++;
	run_step(link);
}
