/* tgctl grants: prints the GRANT statements of roles with least privilege. */
#include "tool/cmd/cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/database.h"
#include "tool/options.h"
#include "tool/out.h"

static const char help[] =
    "Usage: tgctl grants [--role gateway|web|readonly] [--to NAME]\n"
    "\n"
    "Prints the statements that give a role of PostgreSQL what it needs and nothing\n"
    "more, for the schema that DATABASE_URL finds. It changes nothing: the owner of the\n"
    "tables reads the statements and runs them, for example\n"
    "\n"
    "  tgctl grants --role gateway | psql -v ON_ERROR_STOP=1 \"$DATABASE_URL\"\n"
    "\n"
    "  gateway   the daemon: stores records, keeps live rows, sends commands. It may\n"
    "            delete old positions or raw frames and add devices only if the\n"
    "            configuration asks for that (TELEM_RETENTION_DAYS,\n"
    "            TELEM_RAW_RETENTION_DAYS, TELEM_GATEWAY_ALLOW_UNKNOWN_IMEI).\n"
    "  web       the web application: keeps the inventory and its own schema omnitrack,\n"
    "            queues and cancels commands, reads all else. As whoever may connect to the\n"
    "            database may listen to what it is told and notify as well, PUBLIC loses\n"
    "            CONNECT; a comment names who would be locked out by that\n"
    "  readonly  dashboards: reads all but the text of commands, answers and frames\n"
    "\n"
    "Only their owner can create and change the tables (tgctl migrate).\n"
    "\n"
    "Options:\n"
    "  -c, --config FILE  configuration file\n"
    "      --role ROLE    one of them (default: all three)\n"
    "      --to NAME      the role in PostgreSQL (default: telematics_gateway,\n"
    "                     telematics_web, telematics_readonly)\n"
    "      --json         print an array of objects\n"
    "  -h, --help         this text\n"
    "\n"
    "Exit status: 0 done, 1 failed (no database, or its schema is too old), 2 wrong\n"
    "arguments or configuration.\n";

enum { GATEWAY = 1, WEB = 2, READONLY = 4, ALL = GATEWAY | WEB | READONLY };

static const struct {
	const char *name, *to;
	int bit;
} roles[] = {
    {"gateway", "telematics_gateway", GATEWAY},
    {"web", "telematics_web", WEB},
    {"readonly", "telematics_readonly", READONLY},
};
#define NROLES (sizeof(roles) / sizeof(roles[0]))

/* When a grant is needed: always, or with a key of the configuration. */
enum when {
	ALWAYS,
	UNKNOWN_IMEI,
	RETENTION,
	RAW_RETENTION,
	COMMAND_RETENTION,
	MESSAGE_RETENTION,
	SESSION_RETENTION,
};

/* Columns of device_commands without what can hold a password. */
#define COMMAND_FACTS \
	"id, imei, codec, status, attempt_count, max_attempts, next_retry_at, expires_at, " \
	"created_at, created_by, updated_at, sent_at, responded_at"

/* Those of omnitrack.command_templates that are not set by the table itself. */
#define TEMPLATE_COLUMNS "name, description, command_text, parameters, codec, dangerous, min_role"

/*
 * Kinds: see pg/sql/grants_statement.sql. The functions that need their owner's rights have them (SECURITY
 * DEFINER), and look at what the caller may do: telematics_upkeep() wants INSERT on the whole of
 * device_positions, telematics_lock_rejected() DELETE on rejected_devices,
 * telematics_set_command_max_length() UPDATE on the whole of device_commands.
 * Default privileges may have taken EXECUTE from PUBLIC, so it is granted by name.
 */
static const struct grant {
	int roles;
	enum when when;
	const char *privileges, *kind, *object;
} grants[] = {
    {ALL, ALWAYS, "CONNECT", "database", ""},
    {ALL, ALWAYS, "USAGE", "schema", "schema_migrations"},
    {ALL, ALWAYS, "USAGE", "schema", "devices"},
    {ALL, ALWAYS, "SELECT", "table", "schema_migrations"},

    {GATEWAY, ALWAYS, "SELECT (id, imei, enabled, device_model, last_ping), UPDATE (last_ping)",
	"table", "devices"},
    {GATEWAY, UNKNOWN_IMEI, "INSERT (imei)", "table", "devices"},
    {GATEWAY, UNKNOWN_IMEI, "USAGE", "sequence", "devices"},
    {WEB, ALWAYS, "SELECT, INSERT, UPDATE, DELETE", "table", "devices"},
    {WEB, ALWAYS, "USAGE", "sequence", "devices"},
    {READONLY, ALWAYS, "SELECT (id, imei, name, device_model, enabled, last_ping, created_at)",
	"table", "devices"},
    {GATEWAY | READONLY, ALWAYS, "SELECT", "table", "device_models"},
    {WEB, ALWAYS, "SELECT, INSERT, UPDATE, DELETE", "table", "device_models"},

    {GATEWAY, ALWAYS, "SELECT, INSERT", "table", "device_positions"},
    {GATEWAY, RETENTION, "DELETE", "table", "device_positions"},
    {WEB | READONLY, ALWAYS, "SELECT", "table", "device_positions"},
    /* "tgctl status" says whether it is in use. */
    {ALL, ALWAYS, "SELECT", "table", "device_positions_default"},
    {GATEWAY, ALWAYS, "SELECT, INSERT, UPDATE", "table", "device_online"},
    {WEB | READONLY, ALWAYS, "SELECT", "table", "device_online"},

    {GATEWAY, ALWAYS, "SELECT, UPDATE", "table", "device_commands"},
    {WEB, ALWAYS,
	"SELECT, INSERT (imei, idempotency_key, command_text, codec, max_attempts, expires_at, "
	"created_by), UPDATE (status)",
	"table", "device_commands"},
    {READONLY, ALWAYS, "SELECT (" COMMAND_FACTS ")", "table", "device_commands"},
    {WEB, ALWAYS, "SELECT", "table", "telematics_settings"},
    {GATEWAY, COMMAND_RETENTION, "DELETE", "table", "device_commands"},
    /* "tgctl why" looks when they came, whoever asks it. */
    {GATEWAY, ALWAYS, "SELECT (imei, codec, received_at), INSERT", "table", "device_messages"},
    {GATEWAY, MESSAGE_RETENTION, "SELECT, DELETE", "table", "device_messages"},
    {WEB, ALWAYS, "SELECT", "table", "device_messages"},
    {READONLY, ALWAYS, "SELECT (id, imei, device_id, codec, type, message_time, received_at)",
	"table", "device_messages"},

    {GATEWAY, ALWAYS, "SELECT, INSERT, UPDATE", "table", "device_ingest_raw"},
    {GATEWAY, RAW_RETENTION, "DELETE", "table", "device_ingest_raw"},
    {WEB, ALWAYS, "SELECT", "table", "device_ingest_raw"},
    {READONLY, ALWAYS,
	"SELECT (id, imei, device_id, reason, attempts, received_at, last_seen_at, decoded_at)",
	"table", "device_ingest_raw"},
    {GATEWAY, ALWAYS, "SELECT, INSERT, UPDATE, DELETE", "table", "rejected_devices"},
    {WEB | READONLY, ALWAYS, "SELECT", "table", "rejected_devices"},
    {GATEWAY, ALWAYS, "SELECT, INSERT, UPDATE, DELETE", "table", "unidentified_connections"},
    {WEB | READONLY, ALWAYS, "SELECT", "table", "unidentified_connections"},

    /* What elements mean (doc/dictionary.md): who may read records may have them explained. */
    {ALL, ALWAYS, "SELECT", "table", "avl_models"},
    {ALL, ALWAYS, "SELECT", "table", "avl_families"},
    {ALL, ALWAYS, "SELECT", "table", "avl_parameters"},
    {ALL, ALWAYS, "SELECT", "table", "avl_slots"},
    {ALL, ALWAYS, "SELECT", "table", "avl_severities"},
    {ALL, ALWAYS, "SELECT", "table", "avl_meanings"},
    {WEB | READONLY, ALWAYS, "SELECT", "table", "device_state"},
    {WEB | READONLY, ALWAYS, "SELECT", "table", "device_events"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_io(json, text)"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_family(json, text)"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_families(json, text)"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_read(json, bigint)"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_event(json, text, integer, integer)"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_io(jsonb, text)"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_family(jsonb, text)"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_families(jsonb, text)"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_read(jsonb, bigint)"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_event(jsonb, text, integer, integer)"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_elements(json)"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_elements(jsonb)"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_read_one(integer, text, bigint, bigint)"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_meaning(integer, bigint)"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_number(text)"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_class(text, bigint)"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_raw(bigint, bigint)"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_model(text)"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_model_mask(text)"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_ascii(text)"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_reversed(text)"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_flags(bigint, jsonb)"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_codes(text)"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_beacons(text)"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_adverts(text)"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_signed(bytea, integer, integer)"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_eye(bytea, integer, integer)"},
    {ALL, ALWAYS, "EXECUTE", "function",
	"telematics_advert_item(bytea, integer, integer, integer)"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_hex_number(text)"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_text(\"char\", text, jsonb)"},

    {GATEWAY, ALWAYS, "SELECT, INSERT, UPDATE, DELETE", "table", "gateways"},
    {WEB | READONLY, ALWAYS, "SELECT", "table", "gateways"},

    /* Silence and sessions. */
    {GATEWAY, ALWAYS, "SELECT, INSERT, UPDATE", "table", "device_rhythm"},
    {WEB | READONLY, ALWAYS, "SELECT", "table", "device_rhythm"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_moves(text, integer)"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_patience(real, integer, boolean)"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_rhythm(bigint, integer)"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_silence()"},
    {ALL, ALWAYS, "SELECT", "table", "device_sessions"},
    {GATEWAY, ALWAYS, "INSERT, UPDATE", "table", "device_sessions"},
    {GATEWAY, SESSION_RETENTION, "DELETE", "table", "device_sessions"},

    /* What the web application keeps for itself. The audit is append only. */
    {WEB, ALWAYS, "USAGE", "schema", "omnitrack.users"},
    {WEB, ALWAYS,
	"SELECT, INSERT (login, name, password, password_changed_at, disabled, locale, settings), "
	"UPDATE (login, name, password, password_changed_at, disabled, locale, settings, "
	"last_login_at), DELETE",
	"table", "omnitrack.users"},
    {WEB, ALWAYS, "SELECT, INSERT (parent_id, name), UPDATE (parent_id, name), DELETE", "table",
	"omnitrack.groups"},
    {WEB, ALWAYS, "SELECT, INSERT, UPDATE (role, reads_commands), DELETE", "table",
	"omnitrack.roles"},
    {WEB, ALWAYS, "SELECT, INSERT, UPDATE, DELETE", "table", "omnitrack.device_groups"},
    {WEB, ALWAYS, "SELECT, INSERT, UPDATE, DELETE", "table", "omnitrack.device_details"},
    {WEB, ALWAYS, "SELECT, INSERT (sid, sess, expire), UPDATE (sess, expire), DELETE", "table",
	"omnitrack.web_sessions"},
    {WEB, ALWAYS,
	"SELECT, INSERT (token_hash, kind, user_id, created_by, expires_at), UPDATE (used_at), "
	"DELETE",
	"table", "omnitrack.links"},
    {WEB, ALWAYS,
	"SELECT, INSERT (user_id, name, token_hash, scopes, expires_at), UPDATE (last_used_at), "
	"DELETE",
	"table", "omnitrack.api_tokens"},
    {WEB, ALWAYS,
	"SELECT, INSERT (user_id, user_name, address, action, object_kind, object_id, request_id, "
	"details)",
	"table", "omnitrack.audit"},
    {WEB, ALWAYS, "SELECT, INSERT (" TEMPLATE_COLUMNS "), UPDATE (" TEMPLATE_COLUMNS "), DELETE",
	"table", "omnitrack.command_templates"},
    {WEB, ALWAYS,
	"SELECT, INSERT (key, request_hash, status, response), UPDATE (status, response), DELETE",
	"table", "omnitrack.idempotency_keys"},
    {WEB, ALWAYS, "SELECT, INSERT, UPDATE, DELETE", "table", "omnitrack.login_attempts"},
    {WEB, ALWAYS, "SELECT, UPDATE (beat_at)", "table", "omnitrack.heartbeat"},
    {WEB, ALWAYS, "SELECT", "table", "omnitrack.live"},
    {WEB, ALWAYS, "SELECT", "table", "omnitrack.live_failures"},
    {WEB, ALWAYS, "SELECT", "table", "omnitrack.live_skipped"},
    {WEB, ALWAYS, "EXECUTE", "function", "telematics_raw_request(bigint[], text, text)"},
    {GATEWAY, ALWAYS, "EXECUTE", "function", "telematics_command_status_tell(bigint[])"},

    {GATEWAY, ALWAYS, "EXECUTE", "function", "telematics_gateway_enter(text, bigint, boolean)"},
    {GATEWAY, ALWAYS, "EXECUTE", "function", "telematics_same_devices(bigint)"},
    {ALL, ALWAYS, "EXECUTE", "function", "telematics_history_kind()"},
    {GATEWAY, ALWAYS, "EXECUTE", "function", "telematics_upkeep(integer, integer)"},
    {GATEWAY, ALWAYS, "EXECUTE", "function", "telematics_lock_rejected()"},
    {GATEWAY, ALWAYS, "EXECUTE", "function", "telematics_set_command_max_length(integer)"},
    {GATEWAY | WEB, ALWAYS, "EXECUTE", "function", "telematics_commands_notify(text[])"},
};

static bool
is_wanted(const struct grant *g, const struct conf *conf)
{
	switch (g->when) {
	case UNKNOWN_IMEI:
		return conf->allow_unknown_imei;
	case RETENTION:
		return conf->retention_days > 0;
	case RAW_RETENTION:
		return conf->raw_retention_days > 0;
	case COMMAND_RETENTION:
		return conf->command_retention_days > 0;
	case MESSAGE_RETENTION:
		return conf->message_retention_days > 0;
	case SESSION_RETENTION:
		return conf->session_retention_days > 0;
	default:
		return true;
	}
}

/* The statement of one grant, "" if the object needs none; NULL after saying what is wrong. */
static struct pg_result *
statement_of(struct pg_session *db, const struct grant *g, const char *to)
{
	struct pg_params params = {0};
	struct pg_result *res;

	pg_param_text(&params, g->kind);
	pg_param_text(&params, g->object);
	pg_param_text(&params, g->privileges);
	pg_param_text(&params, to);
	res = database_query(db, "looking at the schema", "grants_statement", &params);
	if (res == NULL || *pg_field(res, "statement") != '\0' || strcmp(g->kind, "sequence") == 0)
		return res;
	fprintf(stderr,
	    "tgctl: the database has no %s %s that this role can see: run \"tgctl migrate\", and this "
	    "as the owner of the tables\n",
	    g->kind, g->object);
	pg_result_free(res);
	return NULL;
}

/* Appends the statements of one role to the array; false after saying what is wrong. */
static bool
collect(struct pg_session *db, const struct conf *conf, size_t role, const char *to, json_t *array)
{
	char last[256] = "";

	for (size_t i = 0; i < sizeof(grants) / sizeof(grants[0]); i++) {
		const struct grant *g = &grants[i];
		struct pg_result *res;
		const char *text;

		if ((g->roles & roles[role].bit) == 0 || !is_wanted(g, conf))
			continue;
		res = statement_of(db, g, to);
		if (res == NULL)
			return false;
		text = pg_field(res, "statement");
		/* Both schemas are the same one as a rule. */
		if (*text != '\0' && strcmp(text, last) != 0)
			json_array_append_new(
			    array, json_pack("{s:s, s:s, s:s}", "role", roles[role].name, "to", to,
				       "statement", text));
		snprintf(last, sizeof(last), "%s", text);
		pg_result_free(res);
	}
	return true;
}

/*
 * Everybody who may connect may listen to what the web application is told, and notify it: PUBLIC loses CONNECT. A
 * statement for the owner of the database, for others a warning. False after saying what is wrong.
 */
static bool
collect_public(struct pg_session *db, size_t role, const char *to, json_t *array)
{
	struct pg_params params = {0};
	struct pg_result *res;
	const char *statement, *loses;

	if (roles[role].bit != WEB)
		return true;
	pg_param_text(&params, to);
	res = database_query(db, "looking at who may connect", "grants_public", &params);
	if (res == NULL)
		return false;
	if (pg_rows(res) == 1) {
		statement = pg_field(res, "statement");
		loses = pg_field(res, "loses");
		if (*pg_field(res, "owner") == 't')
			json_array_append_new(
			    array, json_pack("{s:s, s:s, s:s, s:s}", "role", roles[role].name, "to",
				       to, "statement", statement, "loses", loses));
		else
			fprintf(stderr,
			    "tgctl: warning: everybody may connect to the database, listen to what "
			    "the web application is told, and notify it; its owner ends that: %s\n",
			    statement);
		if (*loses != '\0')
			fprintf(stderr,
			    "tgctl: warning: without CONNECT for PUBLIC these lose access: %s\n",
			    loses);
	}
	pg_result_free(res);
	return true;
}

static void
print_statements(const struct conf *conf, const json_t *array)
{
	const char *before = "", *loses;
	json_t *row;
	size_t i;

	json_array_foreach((json_t *)array, i, row)
	{
		const char *role = json_string_value(json_object_get(row, "role"));

		if (strcmp(role, before) != 0)
			printf("%s-- %s; the role must exist (CREATE ROLE ... LOGIN)\n",
			    i > 0 ? "\n" : "", role);
		if (strcmp(role, before) != 0 && strcmp(role, "gateway") == 0)
			printf("-- with TELEM_RETENTION_DAYS=%d, TELEM_RAW_RETENTION_DAYS=%d, "
			       "TELEM_GATEWAY_ALLOW_UNKNOWN_IMEI=%s\n",
			    conf->retention_days, conf->raw_retention_days,
			    conf->allow_unknown_imei ? "true" : "false");
		before = role;
		loses = json_string_value(json_object_get(row, "loses"));
		if (loses != NULL && *loses != '\0')
			printf(
			    "-- These lose access to the database, unless it is granted to them: %s\n",
			    loses);
		puts(json_string_value(json_object_get(row, "statement")));
	}
}

static int
run(const struct options *opts, const struct conf *conf, size_t only, const char *to)
{
	json_t *array = json_array();
	int status = TOOL_FAILED;
	struct pg_session *db = database_open(conf->database_url, &status);
	bool ok = db != NULL;

	for (size_t i = 0; ok && i < NROLES; i++)
		if (only == NROLES || only == i)
			ok = collect(db, conf, i, to != NULL ? to : roles[i].to, array) &&
			     collect_public(db, i, to != NULL ? to : roles[i].to, array);
	if (ok) {
		status = TOOL_OK;
		if (opts->json)
			out_json(json_incref(array));
		else
			print_statements(conf, array);
	} else if (db != NULL) {
		status = TOOL_FAILED;
	}
	json_decref(array);
	pg_session_close(db);
	return status;
}

int
cmd_grants(int argc, char **argv)
{
	enum { OPT_ROLE = OPT_FIRST, OPT_TO };
	static const struct option longs[] = {OPTIONS_LONG,
	    {"role", required_argument, NULL, OPT_ROLE}, {"to", required_argument, NULL, OPT_TO},
	    OPTIONS_END};
	struct options opts;
	struct conf *conf;
	const char *to = NULL;
	size_t only = NROLES;
	int c, status;

	options_start(&opts);
	while ((c = options_next(argc, argv, OPTIONS_SHORT, longs, help, &opts, &status)) != -1) {
		if (c == -2)
			return status;
		if (c == OPT_TO) {
			to = optarg;
			continue;
		}
		for (only = 0; only < NROLES && strcmp(roles[only].name, optarg) != 0;)
			only++;
		if (only == NROLES)
			return options_usage(
			    "grants", "--role is gateway, web or readonly, not \"%s\"", optarg);
	}
	if (optind < argc)
		return options_usage("grants", "unexpected argument \"%s\"", argv[optind]);
	if (to != NULL && (only == NROLES || *to == '\0'))
		return options_usage("grants", "--to takes a name, and needs --role");
	conf = calloc(1, sizeof(*conf));
	if (conf == NULL) {
		fprintf(stderr, "tgctl: out of memory\n");
		return TOOL_FAILED;
	}
	status = TOOL_USAGE;
	if (options_conf(&opts, true, conf))
		status = run(&opts, conf, only, to);
	free(conf);
	return status;
}
