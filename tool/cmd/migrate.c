/* tgctl migrate: brings the schema to the newest version, then makes the partitions. */
#include "tool/cmd/cmd.h"

#include <jansson.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "migrations/migrations.h"
#include "pg/sql.h"
#include "tool/cmd/migrate.h"
#include "tool/database.h"
#include "tool/options.h"
#include "tool/out.h"
#include "tool/progress.h"

#define PG_OLDEST 150000 /* as pg_session_server_version() says it */
#define UPKEEP_STEPS 100000

static const char help[] =
    "Usage: tgctl migrate [-c FILE] [--dry-run] [--yes] [--json]\n"
    "\n"
    "Brings the database to the schema that this version needs: applies the\n"
    "migrations that are not yet in the table schema_migrations, each in a\n"
    "transaction of its own, puts the dictionary of IO elements in place, makes the\n"
    "partitions of the history, applies the retention of the configuration, and gives\n"
    "each partition its index of events. It is safe at any time, while the gateway\n"
    "runs, and more than once at the same time. There is no way back.\n"
    "\n"
    "A migration that writes the history anew makes trackers wait. The command says\n"
    "first how many rows, how much disk and how long that is, looks whether the disk\n"
    "has room where it can see it, and does more than 1 GB only with --yes.\n"
    "\n"
    "A table devices that exists stays: the command adds to it what the gateway needs.\n"
    "If it can't do that (an IMEI twice, an id that is not an integer), it changes\n"
    "nothing and says what is in the way.\n"
    "\n"
    "The role in DATABASE_URL must own the tables or be allowed to create them. The\n"
    "gateway itself may run with less: see \"tgctl grants\".\n"
    "\n"
    "Options:\n"
    "  -c, --config FILE  configuration file\n"
    "      --dry-run      list what would be applied; change nothing\n"
    "      --yes          also write more than 1 GB of the history anew\n"
    "      --json         print one JSON object\n"
    "  -h, --help         this text\n"
    "\n"
    "Exit status: 0 the schema is up to date (or newer than this tgctl knows),\n"
    "1 it could not be done, 2 wrong arguments or configuration.\n";

struct migrate {
	struct pg_session *db;
	bool dry_run, json, yes;
	int before; /* newest version in the database at the start; 0: none */
	int now;
	struct migrate_rewrite rewrite;
	json_t *applied; /* of version and name */
};

static bool
begin_locked(struct migrate *m)
{
	return database_script(m->db, "starting a transaction", pg_sql("migrate_begin"));
}

static bool
rollback(struct migrate *m)
{
	pg_session_rollback(m->db);
	return false;
}

/* Is the table schema_migrations ours? True as well if there is none: *found says so. */
static bool
look_for_ledger(struct pg_session *db, bool *found)
{
	struct pg_result *res =
	    database_query(db, "looking for schema_migrations", "migrate_find_ledger", NULL);
	bool ours;

	if (res == NULL)
		return false;
	*found = pg_rows(res) > 0;
	ours = !*found || strcmp(pg_field(res, "columns"), "3") == 0;
	pg_result_free(res);
	if (!ours)
		fprintf(stderr,
		    "tgctl: the table schema_migrations belongs to another program\n"
		    "tgctl: hint: give the gateway a schema of its own: CREATE SCHEMA telematics, "
		    "and options=-csearch_path=telematics,public in DATABASE_URL\n");
	return ours;
}

/* Which version the database has; 0 if none, -1 after an error. */
static int
schema_version(struct pg_session *db)
{
	struct pg_result *res;
	bool found;
	int version;

	if (!look_for_ledger(db, &found))
		return -1;
	if (!found)
		return 0;
	res = database_query(db, "reading schema_migrations", "migrate_version", NULL);
	if (res == NULL)
		return -1;
	version = (int)pg_int(res, 0, 0);
	pg_result_free(res);
	return version;
}

static bool
make_ledger(struct migrate *m)
{
	return database_script(m->db, "making schema_migrations", pg_sql("migrate_make_ledger"));
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
	struct pg_params params = {0};
	int version;

	if (!begin_locked(m))
		return rollback(m);
	version = schema_version(m->db); /* again: another migrate may have been faster */
	if (version < 0 || version >= mig->version) {
		rollback(m);
		return version >= 0;
	}
	pg_param_int(&params, mig->version);
	pg_param_text(&params, mig->name);
	if (!database_script(m->db, mig->name, mig->sql) ||
	    !database_run(m->db, mig->name, "migrate_record", &params) ||
	    !database_script(m->db, mig->name, "COMMIT"))
		return rollback(m);
	note(m, mig);
	return true;
}

/*
 * Makes partitions and applies the retention. Trouble here is told and is not a failure: the gateway goes
 * on with it.
 */
static void
upkeep(struct migrate *m, const struct conf *conf)
{
	struct pg_params params = {0};
	struct progress progress;
	struct pg_result *res;
	bool more;

	pg_param_int(&params, conf->retention_days);
	pg_param_int(&params, conf->raw_retention_days);
	more = database_run(m->db, "upkeep of the partitions", "migrate_show_notices", NULL);
	progress_start(&progress, "steps of upkeep done", 0);
	for (int i = 0; more && i < UPKEEP_STEPS; i++) {
		progress_step(&progress, (uint64_t)i);
		res = database_query(m->db, "upkeep of the partitions", "migrate_upkeep", &params);
		more = res != NULL && pg_bool(res, 0, 0);
		if (res == NULL)
			fprintf(stderr, "tgctl: the gateway will try again by itself\n");
		pg_result_free(res);
	}
	progress_end(&progress);
}

static uint64_t
steps(const struct migrate *m)
{
	uint64_t n = 0;

	for (size_t i = 0; i < nmigrations; i++)
		n += migrations[i].version > m->before;
	return n;
}

/* A warning alone: whose database it is decides that. */
static bool
warn_of_creators(struct pg_session *db)
{
	struct pg_result *res = database_query(
	    db, "looking at the rights to the schema", "migrate_schema_creators", NULL);

	if (res == NULL)
		return false;
	for (int i = 0; i < pg_rows(res); i++)
		fprintf(stderr,
		    "tgctl: warning: %s may create functions in the schema %s, which can run with "
		    "the rights of others\n"
		    "tgctl: hint: REVOKE CREATE ON SCHEMA %s FROM %s\n",
		    pg_text(res, i, 1), pg_text(res, i, 0), pg_text(res, i, 0), pg_text(res, i, 1));
	pg_result_free(res);
	return true;
}

static bool
migrate(struct migrate *m, const struct conf *conf)
{
	const struct migrate_choice choice = {
	    .dry_run = m->dry_run, .quiet = m->json, .yes = m->yes};
	uint64_t total, done = 0;

	m->before = m->now = schema_version(m->db);
	if (m->before < 0)
		return false;
	total = steps(m);
	if (total > 0 && !migrate_rewrite(m->db, &choice, &m->rewrite))
		return false;
	if (!m->dry_run && m->before == 0 && !make_ledger(m))
		return false;
	if (!warn_of_creators(m->db))
		return false;
	for (size_t i = 0; i < nmigrations; i++) {
		if (migrations[i].version <= m->before)
			continue;
		/* A migration of large tables takes its time: who waits sees which. */
		if (!m->dry_run && isatty(STDERR_FILENO))
			fprintf(stderr, "tgctl: applying %s (%" PRIu64 " of %" PRIu64 ")\n",
			    migrations[i].name, ++done, total);
		if (m->dry_run)
			note(m, &migrations[i]);
		else if (!apply(m, &migrations[i]))
			return false;
	}
	if (m->dry_run)
		return true;
	m->now = schema_version(m->db);
	if (m->now < 0)
		return false;
	/* A newer program has put its own dictionary there. */
	if (m->now <= (int)nmigrations && !migrate_dictionary(m->db, m->json))
		return false;
	upkeep(m, conf);
	return m->now > (int)nmigrations || migrate_event_index(m->db, m->json);
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
		json_t *o = json_pack("{s:i, s:i, s:b, s:O, s:{s:I, s:I, s:f}}", "schema_version",
		    m->now, "known_version", known, "dry_run", m->dry_run, "applied", m->applied,
		    "rewrite", "rows", (json_int_t)m->rewrite.rows, "bytes",
		    (json_int_t)m->rewrite.bytes, "seconds", m->rewrite.seconds);

		out_json(o);
	} else if (m->now <= known) {
		printf("schema version %d%s\n", m->now,
		    m->dry_run || m->now != m->before ? "" : ", nothing to apply");
	}
}

int
cmd_migrate(int argc, char **argv)
{
	enum { OPT_DRY_RUN = OPT_FIRST, OPT_YES };
	static const struct option longs[] = {OPTIONS_LONG,
	    {"dry-run", no_argument, NULL, OPT_DRY_RUN}, {"yes", no_argument, NULL, OPT_YES},
	    OPTIONS_END};
	struct options opts;
	struct conf *conf;
	struct migrate m = {0};
	int c, status = TOOL_USAGE;

	options_start(&opts);
	while ((c = options_next(argc, argv, OPTIONS_SHORT, longs, help, &opts, &status)) != -1) {
		if (c == -2)
			return status;
		m.dry_run |= c == OPT_DRY_RUN;
		m.yes |= c == OPT_YES;
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
	m.db = database_open(conf->database_url, &status);
	if (m.db != NULL) {
		if (pg_session_server_version(m.db) < PG_OLDEST)
			fprintf(stderr,
			    "tgctl: the database is PostgreSQL %d; it must be 15 or newer\n",
			    pg_session_server_version(m.db) / 10000);
		else if (migrate(&m, conf))
			status = TOOL_OK;
		if (status == TOOL_OK)
			report(&m);
	}
	pg_session_close(m.db);
	json_decref(m.applied);
	free(conf);
	return status;
}
