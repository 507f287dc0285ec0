/* tgctl command: the queue of commands to trackers (table device_commands). */
#include "tool/cmd/cmd.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/cmd/command.h"
#include "tool/cmd/command_text.h"
#include "tool/out.h"
#include "tool/pg.h"

static const char help[] =
    "Usage: tgctl command send IMEI TEXT [--codec 12|14] [--key KEY] [--max-attempts N]\n"
    "                     [--expires-in DURATION] [--wait[=SECONDS]] [--by NAME] [--force]\n"
    "       tgctl command list [IMEI] [--status STATUS | --open] [--limit N] [--text]\n"
    "       tgctl command cancel ID... | --imei IMEI\n"
    "       tgctl command wait ID [--timeout SECONDS]\n"
    "\n"
    "Commands to trackers: they are queued in the database, and the gateway that holds\n"
    "the tracker's connection sends them, one at a time, the oldest first. A tracker\n"
    "that is not connected gets them when it comes back.\n"
    "\n"
    "  send    queues one and prints its id. A TEXT of - reads one line from standard\n"
    "          input, so that a password stands in no list of processes; \"--\" stands\n"
    "          before a TEXT that begins with -. A device that is unknown or disabled,\n"
    "          or whose model may not use the codec, is refused.\n"
    "  list    lists them, the latest first. What they say is shown with --text only,\n"
    "          as there can be passwords in it.\n"
    "  cancel  takes commands back that are not sent yet (pending); --imei: all of a\n"
    "          device\n"
    "  wait    waits until a command is over and prints the tracker's answer (in hex\n"
    "          if it is not text), or says why there is none\n"
    "\n"
    "A status is pending, sent, acked (answered), failed, expired or cancelled.\n"
    "\n"
    "Options:\n"
    "  -c, --config FILE    configuration file\n"
    "      --codec N        send: 12 (default), or 14, which names the IMEI\n"
    "      --key KEY        send: a name for this command. If the device has one with\n"
    "                       it already, nothing is queued again, and its id is printed.\n"
    "      --max-attempts N send: how often at most (default\n"
    "                       TELEM_COMMAND_MAX_ATTEMPTS); 1 for what must not run twice\n"
    "      --expires-in D   send: not after 90s, 10m, 2h, 1d (default: never)\n"
    "      --wait[=SECONDS] send: waits as \"wait\" does, and prints the answer instead of\n"
    "                       the id\n"
    "      --by NAME        send: who it comes from (default USER@tgctl)\n"
    "      --force          send: whatever the device is\n"
    "      --status STATUS  list: with this status only\n"
    "      --open           list: only what is pending or sent\n"
    "      --limit N        list: at most N (default 50; 0 for all)\n"
    "      --text           show what commands say, with --json too\n"
    "      --imei IMEI      list, cancel: those of this device\n"
    "      --timeout S      wait: at most S seconds. Without it, as long as the command\n"
    "                       can live: until it expires, or for ever if it does not. A\n"
    "                       lost database is tried again until the time is over (without\n"
    "                       --timeout: for a minute).\n"
    "      --json           print JSON: the row as an object; list, cancel: an array\n"
    "  -h, --help           this text\n"
    "\n"
    "Exit status: 0 done (wait: answered), 1 failed (wait: no answer; cancel: one could\n"
    "not be cancelled), 2 wrong arguments or configuration.\n";

/*
 * Answers and errors shortened, in one line: blanks are one, and other control characters are
 * out.c's affair. What is due is so only as long as the command is open.
 */
#define LIST_COLUMNS \
	"id, imei, status, attempt_count || '/' || coalesce(max_attempts, $5::integer) AS " \
	"attempts, " \
	"codec, date_trunc('second', created_at) AS created_at, " \
	"CASE WHEN status IN ('pending', 'sent') THEN date_trunc('second', next_retry_at) END " \
	"AS due_at, date_trunc('second', sent_at) AS sent_at, " \
	"date_trunc('second', responded_at) AS answered_at, " \
	"CASE WHEN length(said) > 40 THEN left(said, 37) || '...' ELSE said END AS result"
#define LIST_SQL(columns) \
	"SELECT " columns " FROM device_commands, LATERAL (SELECT regexp_replace(CASE status " \
	"WHEN 'acked' THEN coalesce(response_text, '0x' || codec12_response_hex) " \
	"ELSE error_message END, '\\s+', ' ', 'g') AS said) AS s " \
	"WHERE ($1::text IS NULL OR imei = $1) AND ($2::text IS NULL OR status = $2) " \
	"AND ($3::boolean IS NULL OR status IN ('pending', 'sent')) " \
	"ORDER BY id DESC LIMIT $4::bigint"

static int
command_list(PGconn *conn, const struct command_args *a, int max_attempts)
{
	char limit[24], attempts[24];
	const char *params[] = {
	    a->imei, a->status, a->open ? "t" : NULL, a->limit > 0 ? limit : NULL, attempts};
	const char *sql;
	PGresult *res;

	snprintf(limit, sizeof(limit), "%lld", a->limit);
	snprintf(attempts, sizeof(attempts), "%d", max_attempts);
	if (a->opts.json)
		sql = a->show_text ? LIST_SQL(COMMAND_COLUMNS_TEXT) : LIST_SQL(COMMAND_COLUMNS);
	else
		sql =
		    a->show_text ? LIST_SQL(LIST_COLUMNS ", command_text") : LIST_SQL(LIST_COLUMNS);
	res = pg_query(conn, "listing commands", sql, a->opts.json ? 4 : 5, params);
	if (res == NULL)
		return TOOL_FAILED;
	out_rows(res, a->opts.json);
	if (PQntuples(res) == 0 && !a->opts.json)
		fprintf(stderr, "tgctl: no such commands\n");
	if (a->limit > 0 && PQntuples(res) == a->limit)
		fprintf(
		    stderr, "tgctl: the latest %lld are shown; --limit 0 shows all\n", a->limit);
	PQclear(res);
	return TOOL_OK;
}

/* Why the command of this row stays. */
static void
explain_stays(const PGresult *res, int row)
{
	const char *id = PQgetvalue(res, row, 0), *status = PQgetvalue(res, row, 2);

	if (PQgetisnull(res, row, 2))
		fprintf(stderr, "tgctl: there is no command with id %s\n", id);
	else if (strcmp(status, "sent") == 0)
		fprintf(stderr, "tgctl: command %s is with the tracker already\n", id);
	else if (strcmp(status, "pending") == 0)
		fprintf(
		    stderr, "tgctl: command %s was changed at this very moment; look again\n", id);
	else
		fprintf(stderr, "tgctl: command %s is over: %s%s\n", id, status,
		    strcmp(status, "cancelled") == 0 ? " already" : "");
}

/*
 * One statement, so that no gateway gets in between. A row is what was asked for: with
 * "cancelled" false its status is that of before (NULL: no such row).
 */
static const char cancel_sql[] =
    "WITH wanted AS (SELECT unnest($1::bigint[]) AS id UNION "
    "SELECT id FROM device_commands WHERE imei = $2 AND status IN ('pending', 'sent')), "
    "done AS (UPDATE device_commands SET status = 'cancelled' "
    "WHERE id IN (SELECT id FROM wanted) AND status = 'pending' RETURNING id, imei, status) "
    "SELECT w.id, coalesce(d.imei, c.imei) AS imei, coalesce(d.status, c.status) AS status, "
    "d.id IS NOT NULL AS cancelled FROM wanted w LEFT JOIN done d ON d.id = w.id "
    "LEFT JOIN device_commands c ON c.id = w.id ORDER BY w.id";

/* Prints what was cancelled and says why others were not. Returns an exit code. */
static int
show_cancelled(const PGresult *res, bool json)
{
	json_t *array = json_array();
	int status = TOOL_OK;

	for (int i = 0; i < PQntuples(res); i++) {
		bool done = *PQgetvalue(res, i, 3) == 't';

		if (done || json)
			json_array_append_new(array, out_row_json(res, i));
		if (!done) {
			explain_stays(res, i);
			status = TOOL_FAILED;
		}
	}
	if (json) {
		out_json(array);
		return status;
	}
	for (size_t i = 0; i < json_array_size(array); i++)
		json_object_del(json_array_get(array, i), "cancelled");
	if (json_array_size(array) > 0)
		out_objects(array);
	json_decref(array);
	return status;
}

/* "{1,2,...}": an array parameter of ids, which have been checked. The caller frees. */
static char *
id_array(char *const *ids, int n)
{
	size_t room = 3, len;
	char *text;

	for (int i = 0; i < n; i++)
		room += strlen(ids[i]) + 1;
	text = malloc(room);
	if (text == NULL) {
		fprintf(stderr, "tgctl: out of memory\n");
		return NULL;
	}
	text[0] = '{';
	len = 1;
	for (int i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, room - len, "%s%s", i > 0 ? "," : "", ids[i]);
	memcpy(text + len, "}", 2);
	return text;
}

static int
command_cancel(PGconn *conn, const struct command_args *a)
{
	char *ids = id_array(a->rest, a->nrest);
	const char *params[] = {ids, a->imei};
	PGresult *res = ids != NULL ? pg_query(conn, "cancelling", cancel_sql, 2, params) : NULL;
	int status = TOOL_FAILED;

	if (res != NULL) {
		status = show_cancelled(res, a->opts.json);
		if (PQntuples(res) == 0 && !a->opts.json)
			fprintf(stderr, "tgctl: %s has no command to be cancelled\n", a->imei);
	}
	PQclear(res);
	free(ids);
	return status;
}

/* One line of standard input, without its end; longer ones are cut at the room, which is too long.
 */
static bool
read_line(char *text, size_t room, size_t *len)
{
	int c = EOF;

	*len = 0;
	while (*len < room && (c = getchar()) != EOF && c != '\n')
		text[(*len)++] = (char)c;
	if (c == EOF && ferror(stdin)) {
		perror("tgctl: reading the command from standard input");
		return false;
	}
	if (*len > 0 && text[*len - 1] == '\r')
		(*len)--;
	return true;
}

/* The text is checked before anything is asked of the database. It is quoted in no message. */
static int
run_send(const struct command_args *a, const struct conf *conf)
{
	char line[COMMAND_TEXT_LONGEST + 3], why[COMMAND_TEXT_WHY];
	const char *text = a->rest[1];
	size_t len = strlen(text);
	PGconn *conn;
	int status;

	if (strcmp(text, "-") == 0) {
		if (!read_line(line, sizeof(line) - 1, &len))
			return TOOL_FAILED;
		line[len] = '\0';
		text = line;
	}
	if (!command_text_check(text, len, (size_t)conf->command_max_length, why))
		return options_usage("command", "the text can't be a command: %s", why);
	conn = pg_open(conf->database_url, &status);
	if (conn != NULL)
		status = command_send(conn, a, text);
	PQfinish(conn);
	return status;
}

static int
run(const char *sub, const struct command_args *a)
{
	struct conf *conf = calloc(1, sizeof(*conf));
	PGconn *conn = NULL;
	int status = TOOL_USAGE;

	if (conf == NULL) {
		fprintf(stderr, "tgctl: out of memory\n");
		return TOOL_FAILED;
	}
	if (options_conf(&a->opts, true, conf)) {
		if (strcmp(sub, "send") == 0)
			status = run_send(a, conf);
		else if ((conn = pg_open(conf->database_url, &status)) == NULL)
			; /* it has said why */
		else if (strcmp(sub, "list") == 0)
			status = command_list(conn, a, conf->command_max_attempts);
		else if (strcmp(sub, "cancel") == 0)
			status = command_cancel(conn, a);
		else
			status = command_wait(conn, a, a->rest[0]);
	}
	PQfinish(conn);
	free(conf);
	return status;
}

/* What stands behind "send"; what may be the text of a command is not quoted. */
static int
check_send(struct command_args *a)
{
	if (a->nrest != 2)
		return options_usage(
		    "command", "send takes an IMEI and a text (one argument: put it in quotes)");
	if (strlen(a->rest[0]) != 15 || strspn(a->rest[0], "0123456789") != 15)
		return options_usage("command", "send takes an IMEI first: 15 digits are needed");
	a->imei = a->rest[0];
	return TOOL_OK;
}

static int
check_list(struct command_args *a)
{
	static const char *const all[] = {
	    "pending", "sent", "acked", "failed", "expired", "cancelled"};
	bool known = a->status == NULL;

	if (a->nrest + (a->imei != NULL) > 1)
		return options_usage("command", "list takes one IMEI");
	if (a->nrest == 1)
		a->imei = a->rest[0];
	if (a->imei != NULL && !options_imei("command", a->imei))
		return TOOL_USAGE;
	if (a->status != NULL && a->open)
		return options_usage("command", "--status and --open exclude each other");
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		known = known || strcmp(a->status, all[i]) == 0;
	if (!known)
		return options_usage("command", "there is no status \"%s\"", a->status);
	return TOOL_OK;
}

/* Behind "cancel" and "wait". */
static int
check_ids(const struct command_args *a, bool wait)
{
	long long id;

	if (wait && a->nrest != 1)
		return options_usage("command", "wait takes one id");
	if (!wait && (a->nrest > 0) == (a->imei != NULL))
		return options_usage("command", "cancel takes ids, or --imei");
	if (a->imei != NULL && !options_imei("command", a->imei))
		return TOOL_USAGE;
	for (int i = 0; i < a->nrest; i++)
		if (!options_number(a->rest[i], 1, INT64_MAX, &id))
			return options_usage("command", "\"%s\" is no id", a->rest[i]);
	return TOOL_OK;
}

enum {
	OPT_CODEC = OPT_FIRST,
	OPT_KEY,
	OPT_MAX_ATTEMPTS,
	OPT_EXPIRES_IN,
	OPT_WAIT,
	OPT_TIMEOUT,
	OPT_BY,
	OPT_FORCE,
	OPT_STATUS,
	OPT_OPEN,
	OPT_LIMIT,
	OPT_TEXT,
	OPT_IMEI
};

/* Seconds to wait: what alarm() can count, with something to spare. */
#define LONGEST_WAIT_S 100000000LL

/* An option that takes a value that has to be right. */
static int
take_value(struct command_args *a, int option)
{
	switch (option) {
	case OPT_CODEC:
		a->codec = optarg;
		if (strcmp(optarg, "12") != 0 && strcmp(optarg, "14") != 0)
			return options_usage("command", "--codec is 12 or 14, not \"%s\"", optarg);
		break;
	case OPT_KEY:
		a->key = optarg;
		if (*optarg == '\0')
			return options_usage("command", "--key is empty");
		break;
	case OPT_MAX_ATTEMPTS:
		if (!options_number(optarg, 1, 100, &a->max_attempts))
			return options_usage(
			    "command", "--max-attempts is 1 to 100, not \"%s\"", optarg);
		break;
	case OPT_EXPIRES_IN:
		if (!command_duration(optarg, &a->expires_in))
			return options_usage("command",
			    "--expires-in needs a time like 90s, 10m, 2h or 1d, not \"%s\"",
			    optarg);
		break;
	case OPT_WAIT:
		a->wait = true;
		/* fall through */
	case OPT_TIMEOUT:
		if (optarg != NULL && !options_number(optarg, 0, LONGEST_WAIT_S, &a->wait_s))
			return options_usage(
			    "command", "\"%s\" is no number of seconds to wait", optarg);
		break;
	case OPT_LIMIT:
		if (!options_number(optarg, 0, 1000000000, &a->limit))
			return options_usage(
			    "command", "--limit needs a number, not \"%s\"", optarg);
		break;
	default:
		return options_usage("command", "wrong option");
	}
	return TOOL_OK;
}

static int
take_option(struct command_args *a, int option)
{
	switch (option) {
	case OPT_BY:
		a->by = optarg;
		break;
	case OPT_FORCE:
		a->force = true;
		break;
	case OPT_STATUS:
		a->status = optarg;
		break;
	case OPT_OPEN:
		a->open = true;
		break;
	case OPT_TEXT:
		a->show_text = true;
		break;
	case OPT_IMEI:
		a->imei = optarg;
		break;
	default:
		return take_value(a, option);
	}
	return TOOL_OK;
}

int
cmd_command(int argc, char **argv)
{
	static const struct option longs[] = {OPTIONS_LONG,
	    {"codec", required_argument, NULL, OPT_CODEC},
	    {"key", required_argument, NULL, OPT_KEY},
	    {"max-attempts", required_argument, NULL, OPT_MAX_ATTEMPTS},
	    {"expires-in", required_argument, NULL, OPT_EXPIRES_IN},
	    {"wait", optional_argument, NULL, OPT_WAIT},
	    {"timeout", required_argument, NULL, OPT_TIMEOUT},
	    {"by", required_argument, NULL, OPT_BY}, {"force", no_argument, NULL, OPT_FORCE},
	    {"status", required_argument, NULL, OPT_STATUS}, {"open", no_argument, NULL, OPT_OPEN},
	    {"limit", required_argument, NULL, OPT_LIMIT}, {"text", no_argument, NULL, OPT_TEXT},
	    {"imei", required_argument, NULL, OPT_IMEI}, OPTIONS_END};
	struct command_args a = {.codec = "12", .wait_s = -1, .limit = 50};
	const char *sub;
	int c, status;

	options_start(&a.opts);
	while ((c = options_next(argc, argv, OPTIONS_SHORT, longs, help, &a.opts, &status)) != -1) {
		if (c != -2)
			status = take_option(&a, c);
		if (c == -2 || status != TOOL_OK)
			return status;
	}
	/* Not quoted if it is something else, as the text of a command may have slipped to here. */
	sub = optind < argc ? argv[optind++] : "";
	a.rest = argv + optind;
	a.nrest = argc - optind;
	if (strcmp(sub, "send") == 0)
		status = check_send(&a);
	else if (strcmp(sub, "list") == 0)
		status = check_list(&a);
	else if (strcmp(sub, "cancel") == 0 || strcmp(sub, "wait") == 0)
		status = check_ids(&a, strcmp(sub, "wait") == 0);
	else
		return options_usage("command", "send, list, cancel or wait?");
	return status != TOOL_OK ? status : run(sub, &a);
}
