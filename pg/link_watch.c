/*
 * What a link watches on its connection: that a job makes progress, that a COMMIT has waited for what it
 * has to wait for, that no backend of an earlier connection lives on (doc/design.md, Storing), and that
 * nobody else may put functions beside our tables.
 */
#include <event2/event.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "pg/hosts.h"
#include "pg/link_impl.h"
#include "pg/params.h"
#include "pg/sql.h"

#define PULSE_S 1
/* Pulses, not a clock: a machine that was suspended must not cost a good connection. */
#define GIVE_UP_S 31 /* the server gives a statement up after 30 s, and says so */
#define HURRIED_S 2
#define SAY_AGAIN_MS 300000

/* ---- Progress ---- */

/*
 * An abandoned backend may hold rows that the next one then waits for: while one that should be over is
 * still there, no second is left behind.
 */
static bool
may_give_up(const struct pg_link *link)
{
	return link->silent_s >= (link->hurried ? HURRIED_S : GIVE_UP_S) && link->nheld == 0;
}

static void
pulse_cb(evutil_socket_t fd, short what, void *arg)
{
	struct pg_link *link = arg;
	char why[LINK_WHY];

	(void)fd, (void)what;
	if (link->state != LINK_BUSY)
		return;
	/* What libpq had no memory to read lies in its buffer, and no byte more comes: it reads that now. */
	link_take_results(link);
	if (link->state != LINK_BUSY)
		return;
	link->silent_s++;
	if (may_give_up(link)) {
		snprintf(why, sizeof(why),
		    "no answer to \"%s\" for %d s: a new connection is tried", link->job.name,
		    link->silent_s);
		/* An old primary would take us again: the others of the URL come first now. */
		if (!link->hurried)
			link->first_host = (link->first_host + 1) % pg_hosts_given(link->hosts);
		link_lost(link, why);
	} else if (link->silent_s >= PG_STALLED_S && link->cb.stalled != NULL) {
		link->cb.stalled(link->cb.ctx, link->job.name, link->silent_s);
	}
}

bool
link_watch_start(struct pg_link *link)
{
	const struct timeval pulse = {.tv_sec = PULSE_S};

	link->pulse = event_new(link->base, -1, EV_PERSIST, pulse_cb, link);
	return link->pulse != NULL && event_add(link->pulse, &pulse) == 0;
}

void
pg_link_hurry(struct pg_link *link)
{
	link->hurried = true;
}

const struct pg_backend *
pg_link_backend(const struct pg_link *link)
{
	return &link->backend;
}

/* ---- Backends left behind ---- */

void
link_abandon(struct pg_link *link)
{
	if (link->backend.pid == 0)
		return;
	if (link->nabandoned == LINK_ABANDONED) {
		/* Of servers that come and go: the oldest is forgotten. */
		memmove(link->abandoned, link->abandoned + 1,
		    (LINK_ABANDONED - 1) * sizeof(link->abandoned[0]));
		link->nabandoned--;
	}
	link->abandoned[link->nabandoned++] = link->backend;
	link->backend.pid = 0;
}

/* Arrays in text: no element needs quotes but times. */
bool
link_send_abandoned(struct pg_link *link)
{
	char pids[LINK_ABANDONED * 16] = "{", started[LINK_ABANDONED * 64] = "{",
				   servers[LINK_ABANDONED * 64] = "{";
	const char *values[] = {pids, started, servers};

	for (int i = 0; i < link->nabandoned; i++) {
		const struct pg_backend *b = &link->abandoned[i];
		const char *end = i + 1 < link->nabandoned ? "," : "}";
		size_t p = strlen(pids), s = strlen(started), v = strlen(servers);

		snprintf(pids + p, sizeof(pids) - p, "%d%s", b->pid, end);
		snprintf(started + s, sizeof(started) - s, "\"%s\"%s", b->started, end);
		snprintf(servers + v, sizeof(servers) - v, "\"%s\"%s", b->server, end);
	}
	return PQsendQueryParams(
		   link->conn, pg_sql("link_abandoned"), 3, NULL, values, NULL, NULL, 0) == 1;
}

void
link_take_abandoned(struct pg_link *link, const PGresult *res)
{
	int kept = 0;

	link->nheld = 0;
	for (int i = 0; i < PQntuples(res) && i < link->nabandoned; i++) {
		bool elsewhere = PQgetisnull(res, i, 0) == 1;

		if (!elsewhere && *PQgetvalue(res, i, 0) == 't') {
			log_debug(
			    "database (%s connection): backend %d of an earlier connection is over",
			    link->name, link->abandoned[i].pid);
			continue;
		}
		if (!elsewhere) {
			link->nheld++;
			log_warn(
			    "database (%s connection): backend %d of an earlier connection can't "
			    "be ended: what it has locked waits for it",
			    link->name, link->abandoned[i].pid);
		}
		link->abandoned[kept++] = link->abandoned[i];
	}
	link->nabandoned = kept;
}

/* ---- Durability ---- */

bool
link_send_durability(struct pg_link *link)
{
	const char *wanted =
	    link->cb.synchronous_commit != NULL ? link->cb.synchronous_commit : "on";

	return PQsendQueryParams(
		   link->conn, pg_sql("link_durability"), 1, NULL, &wanted, NULL, NULL, 0) == 1;
}

static bool
is_weak(const char *synchronous_commit)
{
	return strcmp(synchronous_commit, "on") != 0 &&
	       strcmp(synchronous_commit, "remote_apply") != 0;
}

void
link_take_durability(struct pg_link *link, const PGresult *res)
{
	const char *commit = PQgetvalue(res, 0, 0), *unsafe = PQgetvalue(res, 0, 1);
	uint64_t suppressed;

	link->backend.pid = (int)strtol(PQgetvalue(res, 0, 2), NULL, 10);
	snprintf(link->backend.started, sizeof(link->backend.started), "%s", PQgetvalue(res, 0, 3));
	snprintf(link->backend.server, sizeof(link->backend.server), "%s", PQgetvalue(res, 0, 4));
	if (!link->cb.says_durability || (*unsafe == '\0' && !is_weak(commit)) ||
	    !log_gate_open(&link->durability_gate, clock_mono_ms(), SAY_AGAIN_MS, &suppressed))
		return;
	if (is_weak(commit))
		log_warn("TELEM_SYNCHRONOUS_COMMIT=%s: acknowledged records may be lost when %s",
		    commit,
		    strcmp(commit, "off") == 0 ? "PostgreSQL crashes" : "a standby takes over");
	if (*unsafe != '\0')
		log_warn("database: acknowledged records may be lost in a crash of the server (%s)",
		    unsafe);
}

/* Once, and again when they are others. */
void
link_take_creators(struct pg_link *link, const PGresult *res)
{
	const char *schema = PQgetvalue(res, 0, 0), *roles = PQgetvalue(res, 0, 1);
	char before[sizeof(link->creators)];

	memcpy(before, link->creators, sizeof(before));
	snprintf(link->creators, sizeof(link->creators), "%s", roles);
	if (*roles == '\0' || strcmp(link->creators, before) == 0)
		return;
	log_warn("database: %s may create functions in the schema %s, which can run with the "
		 "gateway's rights: REVOKE CREATE ON SCHEMA %s FROM %s",
	    roles, schema, schema, roles);
}

/*
 * A COMMIT whose wait for the standby was cancelled ends well, with a warning alone. The warning's
 * SQLSTATE differs by the cause, its text by language; where it comes from doesn't.
 */
bool
link_is_doubt(const PGresult *res)
{
	const char *function = PQresultErrorField(res, PG_DIAG_SOURCE_FUNCTION);
	const char *sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);

	if (function != NULL && strcmp(function, "SyncRepWaitForLSN") == 0)
		return true;
	return sqlstate != NULL && strncmp(sqlstate, "57", 2) == 0;
}
