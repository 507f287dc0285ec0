#include "pg/link.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "pg/schema_version.h"
#include "pg/sql.h"

#define DB_WHY 160
#define RENEW_MS 1000
#define LASTING_MS 5000

enum db_state { DB_WAITING, DB_CONNECTING, DB_SETUP, DB_IDLE, DB_BUSY };

/* Steps of DB_SETUP; the prepared statements follow STEP_PREPARE one by one. */
enum setup_step { STEP_SETTINGS, STEP_SCHEMA, STEP_PREPARE, STEP_CALLER };

struct pg_link {
	struct event_base *base;
	char *url;
	const char *name;
	struct pg_link_callbacks cb;
	PGconn *conn;
	enum db_state state;
	enum setup_step step;
	size_t prepare_at, statement_at;
	struct event *read_ev, *write_ev;
	struct event *timer; /* next attempt, or the limit of this one */
	int attempt;	     /* attempts since it was up */
	int64_t up_since_ms;
	bool said_lost; /* the log says that it is away */
	int hosts;	/* in the connection string */
	struct pg_job job;
	bool copying;
	struct pg_error error;
	bool failed;
	int64_t schema_version;
	int server_connections;
	char why[DB_WHY];
	struct log_gate log_gate;
};

/*
 * A backend that waits for us for ever holds keys that a retry then waits for
 * (doc/write-path.md, Connections), so the server's side gets time-outs too. A role or database
 * with synchronous_commit=off would make an ACK a lie.
 */
static const char settings_sql[] =
    "SET client_encoding = 'UTF8';"
    "SET timezone = 'UTC';"
    "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3;"
    "SET tcp_user_timeout = '15s';"
    "SET idle_in_transaction_session_timeout = '30s';"
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') = 'off'";

static const char schema_sql[] =
    "SELECT coalesce(max(version), 0), current_setting('max_connections')::integer"
    " - current_setting('superuser_reserved_connections')::integer FROM schema_migrations";

static void connect_now(struct pg_link *);
static void read_cb(evutil_socket_t, short, void *);
static void write_cb(evutil_socket_t, short, void *);
static void setup_next(struct pg_link *);

static void
set_timer(struct pg_link *db, int ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};

	evtimer_add(db->timer, &tv);
}

static void
drop_events(struct pg_link *db)
{
	if (db->read_ev != NULL)
		event_free(db->read_ev);
	if (db->write_ev != NULL)
		event_free(db->write_ev);
	db->read_ev = db->write_ev = NULL;
}

/* libpq may change its socket while connecting (another host, TLS retry), so events are made anew.
 */
static bool
watch(struct pg_link *db, bool want_read, bool want_write)
{
	int fd = PQsocket(db->conn);

	drop_events(db);
	if (fd < 0)
		return false;
	db->read_ev = event_new(db->base, fd, EV_READ | EV_PERSIST, read_cb, db);
	db->write_ev = event_new(db->base, fd, EV_WRITE, write_cb, db);
	if (db->read_ev == NULL || db->write_ev == NULL)
		return false;
	if (want_read && event_add(db->read_ev, NULL) == -1)
		return false;
	return !want_write || event_add(db->write_ev, NULL) == 0;
}

/* The first line of a libpq message, without its severity. libpq never prints passwords in these.
 */
static void
copy_message(char *out, size_t room, const char *message)
{
	size_t n = strcspn(message, "\n");

	if (n >= room)
		n = room - 1;
	memcpy(out, message, n);
	out[n] = '\0';
}

static void
note_error(struct pg_link *db, const char *sqlstate, const char *message)
{
	if (db->failed)
		return;
	db->failed = true;
	memset(db->error.sqlstate, 0, sizeof(db->error.sqlstate));
	if (sqlstate != NULL)
		memcpy(db->error.sqlstate, sqlstate,
		    strnlen(sqlstate, sizeof(db->error.sqlstate) - 1));
	copy_message(db->error.text, sizeof(db->error.text), message != NULL ? message : "");
}

static void
end_job(struct pg_link *db, enum pg_outcome outcome)
{
	struct pg_job job = db->job;
	struct pg_error error = db->error;

	db->job = (struct pg_job){0};
	db->copying = false;
	db->failed = false;
	job.end(job.ctx, outcome, outcome == PG_OK ? NULL : &error);
}

/* Gives the connection up and plans the next attempt. `why` is for the operator. */
static void
lost(struct pg_link *db, const char *why)
{
	static const int delays_ms[] = {100, 250, 500, 1000, 2000};
	const int last = (int)(sizeof(delays_ms) / sizeof(delays_ms[0])) - 1;
	bool was_busy = db->state == DB_BUSY, was_up = db->state >= DB_IDLE;
	uint64_t suppressed;
	char reason[DB_WHY];

	copy_message(reason, sizeof(reason), why);
	/* A connection that comes and goes is slowed down, and reported, like one that doesn't
	 * come. */
	bool lasted = was_up && clock_mono_ms() - db->up_since_ms >= LASTING_MS;
	bool news = lasted || strcmp(reason, db->why) != 0;
	memcpy(db->why, reason, sizeof(db->why));
	/* The events go first: libpq closes the socket under them. */
	drop_events(db);
	PQfinish(db->conn);
	db->conn = NULL;
	db->state = DB_WAITING;
	if (lasted)
		db->attempt = 0;
	if (news)
		db->log_gate = (struct log_gate){0};
	if (log_gate_open(&db->log_gate, clock_mono_ms(), 60000, &suppressed)) {
		log_error("database (%s connection): %s; trying again at least every 2 s", db->name,
		    reason);
		db->said_lost = true;
	}
	set_timer(db, delays_ms[db->attempt < last ? db->attempt : last]);
	db->attempt++;
	if (was_busy) {
		db->failed = false;
		note_error(db, NULL, reason);
		end_job(db, PG_LOST);
	}
	if (was_up || news)
		db->cb.down(db->cb.ctx, db->why);
}

static void
lost_conn(struct pg_link *db)
{
	const char *message = PQerrorMessage(db->conn);

	lost(db, message != NULL && *message != '\0' ? message : "connection lost");
}

/* After something was sent: true if all of it went out or a write event will see to the rest. */
static bool
flush(struct pg_link *db)
{
	int left = PQflush(db->conn);

	if (left == -1)
		return false;
	return left == 0 || event_add(db->write_ev, NULL) == 0;
}

static void
become_up(struct pg_link *db)
{
	db->state = DB_IDLE;
	db->up_since_ms = clock_mono_ms();
	if (db->cb.connects != NULL)
		stats_add(db->cb.connects, 1);
	if (db->said_lost)
		log_info("database (%s connection): connected again", db->name);
	db->said_lost = false;
	db->cb.up(db->cb.ctx);
}

static void
setup_next(struct pg_link *db)
{
	bool sent = true;

	db->failed = false;
	switch (db->step) {
	case STEP_SETTINGS:
		sent = PQsendQuery(db->conn, settings_sql) == 1;
		break;
	case STEP_SCHEMA:
		sent = PQsendQuery(db->conn, schema_sql) == 1;
		break;
	case STEP_PREPARE:
		if (db->cb.statements != NULL && db->cb.statements[db->statement_at] != NULL) {
			const char *name = db->cb.statements[db->statement_at++];
			const char *text = pg_sql(name);

			sent = text != NULL && PQsendPrepare(db->conn, name, text, 0, NULL) == 1;
			break;
		}
		if (db->cb.prepare != NULL && db->cb.prepare[db->prepare_at] != NULL) {
			sent = PQsendPrepare(db->conn, db->cb.prepare[db->prepare_at],
				   db->cb.prepare[db->prepare_at + 1], 0, NULL) == 1;
			db->prepare_at += 2;
			break;
		}
		db->step = STEP_CALLER;
		/* fall through */
	case STEP_CALLER:
		if (db->cb.setup_sql == NULL) {
			become_up(db);
			return;
		}
		sent = PQsendQuery(db->conn, db->cb.setup_sql) == 1;
		break;
	}
	if (!sent || !flush(db))
		lost_conn(db);
}

static void
setup_step_done(struct pg_link *db)
{
	char why[DB_WHY];

	if (db->failed) {
		if (strcmp(db->error.sqlstate, "42P01") == 0 ||
		    strcmp(db->error.sqlstate, "42703") == 0)
			snprintf(why, sizeof(why),
			    "the schema is missing or incomplete (%.80s): run \"tgctl migrate\"",
			    db->error.text);
		else
			copy_message(why, sizeof(why), db->error.text);
		lost(db, why);
		return;
	}
	switch (db->step) {
	case STEP_SETTINGS:
		db->step = STEP_SCHEMA;
		break;
	case STEP_SCHEMA:
		if (db->schema_version < SCHEMA_VERSION) {
			snprintf(why, sizeof(why),
			    "the schema is version %lld, this gateway needs %d: run \"tgctl "
			    "migrate\"",
			    (long long)db->schema_version, SCHEMA_VERSION);
			lost(db, why);
			return;
		}
		db->step = STEP_PREPARE;
		db->prepare_at = db->statement_at = 0;
		break;
	case STEP_PREPARE:
		break;
	case STEP_CALLER:
		become_up(db);
		return;
	}
	setup_next(db);
}

/*
 * A standby after a failover, a plan that a migration made stale, a pooler that
 * lost our prepared statements: a new connection cures these, this one never.
 */
static bool
wants_reconnect(const char *sqlstate)
{
	return strcmp(sqlstate, "25006") == 0 || strcmp(sqlstate, "0A000") == 0 ||
	       strcmp(sqlstate, "26000") == 0;
}

/*
 * Gives the connection up for a new one, without a word: the job's owner knows of
 * the error and logs it once. Not more than once a second, as the error may stay.
 */
static void
renew(struct pg_link *db)
{
	char why[DB_WHY];

	copy_message(why, sizeof(why), db->error.text);
	drop_events(db);
	PQfinish(db->conn);
	db->conn = NULL;
	db->state = DB_WAITING;
	set_timer(db, 50);
	end_job(db, PG_ERROR);
	db->cb.down(db->cb.ctx, why);
}

static void
job_done(struct pg_link *db)
{
	if (db->failed && wants_reconnect(db->error.sqlstate) &&
	    clock_mono_ms() - db->up_since_ms >= RENEW_MS) {
		renew(db);
		return;
	}
	db->state = DB_IDLE;
	end_job(db, db->failed ? PG_ERROR : PG_OK);
}

/* Gives libpq more to send, but not before it has sent what it has: it would keep it all in memory.
 */
static bool
pump_copy(struct pg_link *db)
{
	enum pg_copy more;
	int left = PQflush(db->conn);

	if (left == 0) {
		more =
		    db->job.copy_in != NULL ? db->job.copy_in(db->job.ctx, db->conn) : PG_COPY_FAIL;
		if (more == PG_COPY_FAIL)
			return false;
		if (more == PG_COPY_END)
			db->copying = false;
		left = PQflush(db->conn);
	}
	if (left == -1)
		return false;
	/* More to give: come back as soon as the socket takes some again. */
	return (left == 0 && !db->copying) || event_add(db->write_ev, NULL) == 0;
}

/* One result of whatever runs. False: the connection is broken. */
static bool
take_result(struct pg_link *db, PGresult *res)
{
	switch (PQresultStatus(res)) {
	case PGRES_COPY_IN:
		if (db->state != DB_BUSY)
			return false;
		db->copying = true;
		return pump_copy(db);
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
	case PGRES_SINGLE_TUPLE:
	case PGRES_EMPTY_QUERY:
		if (db->state == DB_BUSY && db->job.result != NULL)
			db->job.result(db->job.ctx, res);
		else if (db->state == DB_SETUP && db->step == STEP_SCHEMA && PQntuples(res) == 1) {
			db->schema_version = strtoll(PQgetvalue(res, 0, 0), NULL, 10);
			db->server_connections = (int)strtol(PQgetvalue(res, 0, 1), NULL, 10);
		}
		return true;
	default:
		note_error(db, PQresultErrorField(res, PG_DIAG_SQLSTATE),
		    PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY) != NULL
			? PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY)
			: PQresultErrorMessage(res));
		return PQstatus(db->conn) == CONNECTION_OK;
	}
}

static void
take_notifications(struct pg_link *db)
{
	PGnotify *n;

	while (db->conn != NULL && (n = PQnotifies(db->conn)) != NULL) {
		if (db->cb.notify != NULL)
			db->cb.notify(db->cb.ctx, n->relname, n->extra);
		PQfreemem(n);
	}
}

/* Takes all that has arrived. Callbacks may start the next job or lose the connection. */
static void
drain_results(struct pg_link *db)
{
	while (db->conn != NULL && (db->state == DB_BUSY || db->state == DB_SETUP) &&
	       !db->copying && !PQisBusy(db->conn)) {
		PGresult *res = PQgetResult(db->conn);
		bool good = true;

		if (res != NULL) {
			good = take_result(db, res);
			PQclear(res);
			if (!good) {
				lost_conn(db);
				return;
			}
			continue;
		}
		if (PQstatus(db->conn) != CONNECTION_OK) {
			lost_conn(db);
			return;
		}
		if (db->state == DB_SETUP)
			setup_step_done(db);
		else
			job_done(db);
	}
}

/* Notices of the server go to our log, not to stderr. */
static void
notice_cb(void *arg, const PGresult *res)
{
	const struct pg_link *db = arg;
	const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	bool warning = severity != NULL && strcmp(severity, "WARNING") == 0;

	log_write(warning ? LOG_WARN_ : LOG_DEBUG_, NULL, "database (%s connection): %s", db->name,
	    text != NULL ? text : "");
}

static void
connect_poll(struct pg_link *db)
{
	bool watching = false;

	switch (PQconnectPoll(db->conn)) {
	case PGRES_POLLING_READING:
		watching = watch(db, true, false);
		break;
	case PGRES_POLLING_WRITING:
		watching = watch(db, false, true);
		break;
	case PGRES_POLLING_OK:
		if (PQsetnonblocking(db->conn, 1) == -1 || !watch(db, true, false))
			break;
		(void)PQsetNoticeReceiver(db->conn, notice_cb, db);
		set_timer(db, 30000); /* the set-up too must come to an end */
		db->state = DB_SETUP;
		db->step = STEP_SETTINGS;
		setup_next(db);
		return;
	default:
		break;
	}
	if (!watching)
		lost_conn(db);
}

static void
read_cb(evutil_socket_t fd, short what, void *arg)
{
	struct pg_link *db = arg;

	(void)fd, (void)what;
	if (db->state == DB_CONNECTING) {
		connect_poll(db);
		return;
	}
	if (PQconsumeInput(db->conn) == 0 || PQstatus(db->conn) != CONNECTION_OK) {
		lost_conn(db);
		return;
	}
	drain_results(db);
	take_notifications(db);
}

static void
write_cb(evutil_socket_t fd, short what, void *arg)
{
	struct pg_link *db = arg;

	(void)fd, (void)what;
	if (db->state == DB_CONNECTING) {
		connect_poll(db);
		return;
	}
	if (db->copying) {
		if (!pump_copy(db)) {
			lost_conn(db);
			return;
		}
	} else if (!flush(db)) {
		lost_conn(db);
		return;
	}
	drain_results(db);
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct pg_link *db = arg;

	(void)fd, (void)what;
	if (db->state == DB_WAITING)
		connect_now(db);
	else if (db->state == DB_CONNECTING)
		lost(db, "no answer to the connection attempt");
	else if (db->state == DB_SETUP)
		lost(db, "no answer while preparing the connection");
}

static void
connect_now(struct pg_link *db)
{
	char application[64];

	snprintf(application, sizeof(application), "telematics-gateway %s", db->name);
	const char *const keys[] = {"dbname", "fallback_application_name", "connect_timeout",
	    "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count",
	    "tcp_user_timeout", NULL};
	const char *const values[] = {
	    db->url, application, "5", "1", "10", "5", "3", "15000", NULL};

	db->state = DB_CONNECTING;
	db->conn = PQconnectStartParams(keys, values, 1);
	if (db->conn == NULL || PQstatus(db->conn) == CONNECTION_BAD) {
		if (db->conn == NULL)
			lost(db, "out of memory");
		else
			lost_conn(db);
		return;
	}
	/* An attempt has 5 s a host: asynchronous connects ignore connect_timeout. */
	set_timer(db, 5000 + 16000 * (db->hosts - 1));
	if (!watch(db, false, true))
		lost_conn(db);
}

static int
count_hosts(const char *url)
{
	PQconninfoOption *options = PQconninfoParse(url, NULL);
	int hosts = 1;

	for (PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++)
		if (strcmp(o->keyword, "host") == 0 && o->val != NULL)
			for (const char *p = o->val; *p != '\0'; p++)
				hosts += *p == ',';
	PQconninfoFree(options);
	return hosts;
}

struct pg_link *
pg_link_new(
    struct event_base *base, const char *url, const char *name, const struct pg_link_callbacks *cb)
{
	struct pg_link *db = calloc(1, sizeof(*db));

	if (db == NULL)
		return NULL;
	db->base = base;
	db->name = name;
	db->cb = *cb;
	db->url = strdup(url);
	db->timer = evtimer_new(base, timer_cb, db);
	if (db->url == NULL || db->timer == NULL) {
		pg_link_free(db);
		return NULL;
	}
	db->hosts = count_hosts(url);
	db->state = DB_WAITING;
	set_timer(db, 0);
	return db;
}

void
pg_link_free(struct pg_link *db)
{
	if (db == NULL)
		return;
	drop_events(db);
	PQfinish(db->conn);
	if (db->timer != NULL)
		event_free(db->timer);
	free(db->url);
	free(db);
}

bool
pg_link_is_up(const struct pg_link *db)
{
	return db->state >= DB_IDLE;
}

bool
pg_link_is_busy(const struct pg_link *db)
{
	return db->state == DB_BUSY;
}

int
pg_link_server_connections(const struct pg_link *db)
{
	return db->server_connections;
}

void
pg_link_run(struct pg_link *db, const struct pg_job *job)
{
	db->job = *job;
	db->state = DB_BUSY;
	db->failed = false;
	db->copying = false;
	if (!job->start(job->ctx, db->conn)) {
		lost_conn(db);
		return;
	}
	if (db->cb.single_row && PQsetSingleRowMode(db->conn) == 0)
		log_debug("database (%s connection): single-row mode refused", db->name);
	if (!flush(db))
		lost_conn(db);
}

bool
pg_error_is_content(const struct pg_error *error)
{
	return strncmp(error->sqlstate, "22", 2) == 0 || strncmp(error->sqlstate, "23", 2) == 0;
}

bool
pg_error_is_transient(const struct pg_error *error)
{
	return strcmp(error->sqlstate, "40001") == 0 || strcmp(error->sqlstate, "40P01") == 0;
}
