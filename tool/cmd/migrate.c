/* tgctl migrate: brings the schema to the newest version, then makes the partitions. */
#include "tool/cmd/cmd.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "migrations/migrations.h"
#include "tool/options.h"
#include "tool/pg.h"

#define PG_OLDEST 150000 /* as PQserverVersion() */
#define UPKEEP_STEPS 100000

static const char help[] =
    "Usage: tgctl migrate [-c FILE] [--dry-run] [--json]\n"
    "\n"
    "Brings the database to the schema that this version needs: applies the\n"
    "migrations that are not yet in the table schema_migrations, each in a\n"
    "transaction of its own, then makes the partitions of the history and applies\n"
    "the retention of the configuration. Safe to run at any time, while the gateway\n"
    "runs, and more than once at the same time. There is no way back.\n"
    "\n"
    "A table devices that exists is kept: what the gateway needs is added to it. If\n"
    "that can't be done (an IMEI twice, an id that is no integer), nothing is changed\n"
    "and you are told what is in the way.\n"
    "\n"
    "The role in DATABASE_URL must own the tables or be allowed to make them. The\n"
    "gateway itself may run with less: see \"tgctl grants\".\n"
    "\n"
    "Options:\n"
    "  -c, --config FILE  configuration file\n"
    "      --dry-run      list what would be applied; change nothing\n"
    "      --json         print one JSON object\n"
    "  -h, --help         this text\n"
    "\n"
    "Exit status: 0 the schema is up to date (or newer than this tgctl knows),\n"
    "1 it could not be done, 2 wrong arguments or configuration.\n";

struct migrate {
	PGconn *conn;
	bool dry_run, json;
	int before; /* newest version in the database at the start; 0: none */
	int now;
	json_t *applied; /* of version and name */
};

/*
 * A lock for each transaction rather than one for the session, so that it works
 * through a transaction-pooling proxy as well. lock_timeout: a migration that waits
 * for a table makes everybody else wait behind it.
 */
static bool
begin_locked(struct migrate *m)
{
	return pg_script(m->conn, "starting a transaction",
	    "BEGIN; SELECT pg_advisory_xact_lock(1952803941, 2); SET LOCAL lock_timeout = '10s'");
}

static bool
rollback(struct migrate *m)
{
	PQclear(PQexec(m->conn, "ROLLBACK"));
	return false;
}

/* Which version the database has; 0 if none, -1 after an error. */
static int
schema_version(PGconn *conn)
{
	PGresult *res = pg_query(conn, "looking for schema_migrations",
	    "SELECT (SELECT count(*) FROM pg_attribute WHERE attrelid = t "
	    "AND attname IN ('version', 'name', 'applied_at') AND NOT attisdropped) "
	    "FROM to_regclass(format('%I.schema_migrations', current_schema())) AS t "
	    "WHERE t IS NOT NULL",
	    0, NULL);
	int version = 0;

	if (res == NULL)
		return -1;
	if (PQntuples(res) == 0) {
		PQclear(res);
		return 0;
	}
	if (strcmp(pg_value(res, "0"), "3") != 0) {
		fprintf(stderr,
		    "tgctl: the table schema_migrations belongs to another program\n"
		    "tgctl: hint: give the gateway a schema of its own: CREATE SCHEMA telematics, "
		    "and options=-csearch_path=telematics,public in DATABASE_URL\n");
		PQclear(res);
		return -1;
	}
	PQclear(res);
	res = pg_query(conn, "reading schema_migrations",
	    "SELECT max(version) FROM schema_migrations", 0, NULL);
	if (res == NULL)
		return -1;
	version = atoi(pg_value(res, "0"));
	PQclear(res);
	return version;
}

static bool
make_ledger(struct migrate *m)
{
	if (!begin_locked(m))
		return rollback(m);
	if (!pg_script(m->conn, "making schema_migrations",
		"SET LOCAL client_min_messages = 'error'; "
		"CREATE TABLE IF NOT EXISTS schema_migrations (version integer PRIMARY KEY, "
		"name text, applied_at timestamptz DEFAULT now()); COMMIT"))
		return rollback(m);
	return true;
}

static void
note(struct migrate *m, const struct migration *mig)
{
	if (m->json) {
		json_array_append_new(m->applied,
		    json_pack("{s:i, s:s}", "version", mig->version, "name", mig->name));
		return;
	}
	printf("%s %s\n", m->dry_run ? "would apply" : "applied", mig->name);
	fflush(stdout);
}

static bool
apply(struct migrate *m, const struct migration *mig)
{
	char number[16];
	const char *params[] = {number, mig->name};
	int version;

	if (!begin_locked(m))
		return rollback(m);
	version = schema_version(m->conn); /* again: another migrate may have been faster */
	if (version < 0 || version >= mig->version) {
		rollback(m);
		return version >= 0;
	}
	snprintf(number, sizeof(number), "%d", mig->version);
	if (!pg_script(m->conn, mig->name, mig->sql) ||
	    !pg_run(m->conn, mig->name,
		"INSERT INTO schema_migrations (version, name) VALUES ($1, $2)", 2, params) ||
	    !pg_script(m->conn, mig->name, "COMMIT"))
		return rollback(m);
	note(m, mig);
	return true;
}

/* Partitions and retention. Trouble here is told and is no failure: the gateway goes on with it. */
static void
upkeep(struct migrate *m, const struct conf *conf)
{
	char days[16], raw_days[16];
	const char *params[] = {days, raw_days};
	PGresult *res;
	bool more = true;

	snprintf(days, sizeof(days), "%d", conf->retention_days);
	snprintf(raw_days, sizeof(raw_days), "%d", conf->raw_retention_days);
	PQclear(PQexec(m->conn, "SET client_min_messages = 'notice'"));
	for (int i = 0; more && i < UPKEEP_STEPS; i++) {
		res = pg_query(m->conn, "upkeep of the partitions",
		    "SELECT telematics_upkeep($1::integer, $2::integer)", 2, params);
		more = res != NULL && strcmp(pg_value(res, "f"), "t") == 0;
		if (res == NULL)
			fprintf(stderr, "tgctl: the gateway will try again by itself\n");
		PQclear(res);
	}
}

static bool
migrate(struct migrate *m, const struct conf *conf)
{
	m->before = m->now = schema_version(m->conn);
	if (m->before < 0)
		return false;
	if (!m->dry_run && m->before == 0 && !make_ledger(m))
		return false;
	for (size_t i = 0; i < nmigrations; i++) {
		if (migrations[i].version <= m->before)
			continue;
		if (m->dry_run)
			note(m, &migrations[i]);
		else if (!apply(m, &migrations[i]))
			return false;
	}
	if (m->dry_run)
		return true;
	m->now = schema_version(m->conn);
	if (m->now < 0)
		return false;
	upkeep(m, conf);
	return true;
}

static void
report(const struct migrate *m)
{
	int known = (int)nmigrations;

	if (m->now > known)
		fprintf(stderr,
		    "tgctl: the schema (version %d) is newer than this tgctl, which knows "
		    "version %d; nothing to do\n",
		    m->now, known);
	if (m->json) {
		json_t *o = json_pack("{s:i, s:i, s:b, s:O}", "schema_version", m->now,
		    "known_version", known, "dry_run", m->dry_run, "applied", m->applied);

		json_dumpf(o, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(o);
	} else if (m->now <= known) {
		printf("schema version %d%s\n", m->now,
		    m->dry_run || m->now != m->before ? "" : ", nothing to apply");
	}
}

int
cmd_migrate(int argc, char **argv)
{
	enum { OPT_DRY_RUN = OPT_FIRST };
	static const struct option longs[] = {
	    OPTIONS_LONG, {"dry-run", no_argument, NULL, OPT_DRY_RUN}, OPTIONS_END};
	struct options opts;
	struct conf *conf;
	struct migrate m = {0};
	int c, status = TOOL_USAGE;

	options_start(&opts);
	while ((c = options_next(argc, argv, OPTIONS_SHORT, longs, help, &opts, &status)) != -1) {
		if (c == -2)
			return status;
		m.dry_run = true;
	}
	if (optind < argc)
		return options_usage(argv[0], "unexpected argument \"%s\"", argv[optind]);
	conf = calloc(1, sizeof(*conf));
	if (conf == NULL || !options_conf(&opts, true, conf)) {
		free(conf);
		return TOOL_USAGE;
	}
	m.json = opts.json;
	m.applied = json_array();
	m.conn = pg_open(conf->database_url, &status);
	if (m.conn != NULL) {
		if (PQserverVersion(m.conn) < PG_OLDEST)
			fprintf(stderr,
			    "tgctl: the database is PostgreSQL %d; 15 or newer is needed\n",
			    PQserverVersion(m.conn) / 10000);
		else if (migrate(&m, conf))
			status = TOOL_OK;
		if (status == TOOL_OK)
			report(&m);
	}
	PQfinish(m.conn);
	json_decref(m.applied);
	free(conf);
	return status;
}
