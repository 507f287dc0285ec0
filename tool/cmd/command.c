/* tgctl command: the queue of commands to trackers (table device_commands). */
#include "tool/cmd/cmd.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/cmd/command.h"
#include "tool/cmd/command_text.h"
#include "tool/database.h"
#include "tool/out.h"

static const char help[] =
    "Usage: tgctl command send IMEI TEXT [--codec 12|14] [--key KEY] [--max-attempts N]\n"
    "                     [--expires-in DURATION] [--wait[=SECONDS]] [--by NAME] [--force]\n"
    "       tgctl command list [IMEI] [--status STATUS | --open] [--limit N] [--text]\n"
    "       tgctl command cancel ID... | --imei IMEI\n"
    "       tgctl command wait ID [--timeout SECONDS]\n"
    "\n"
    "Commands to trackers: the database queues them, and the gateway that holds the\n"
    "tracker's connection sends them, one at a time, the oldest first. A tracker that\n"
    "is not connected gets them when it comes back.\n"
    "\n"
    "  send    queues one and prints its id. A TEXT of - reads one line from standard\n"
    "          input, so that no list of processes shows a password; put \"--\" before a\n"
    "          TEXT that begins with -. It refuses a device that is unknown or disabled,\n"
    "          or whose model may not use the codec.\n"
    "  list    lists them, the latest first. It shows what they say only with --text,\n"
    "          as there can be passwords in it.\n"
    "  cancel  takes back commands that have not been sent yet (pending); --imei: all\n"
    "          those of a device\n"
    "  wait    waits until a command is over and prints the tracker's answer (in hex\n"
    "          if it is not text), or says why there is none\n"
    "\n"
    "A status is pending, sent, acked (answered), failed, expired or cancelled.\n"
    "\n"
    "Options:\n"
    "  -c, --config FILE    configuration file\n"
    "      --codec N        send: 12 (default), or 14, which names the IMEI\n"
    "      --key KEY        send: a name for this command. If the device already has a\n"
    "                       command of this name, its id is printed and nothing queued.\n"
    "      --max-attempts N send: send it at most N times (default\n"
    "                       TELEM_COMMAND_MAX_ATTEMPTS); 1 for what must not run twice\n"
    "      --expires-in D   send: not later than in 90s, 10m, 2h, 1d (default: no limit)\n"
    "      --wait[=SECONDS] send: wait as \"wait\" does, and print the answer instead of\n"
    "                       the id\n"
    "      --by NAME        send: who sends it (default USER@tgctl)\n"
    "      --force          send: queue it whatever the device is\n"
    "      --status STATUS  list: only commands with this status\n"
    "      --open           list: only what is pending or sent\n"
    "      --limit N        list: at most N (default 50; 0 for all)\n"
    "      --text           show what commands say, with --json too\n"
    "      --imei IMEI      list, cancel: those of this device\n"
    "      --timeout S      wait: at most S seconds. Without it, as long as the command\n"
    "                       lives: until it expires, or for ever if it does not. If the\n"
    "                       database is lost, it connects again until the time is over\n"
    "                       (without --timeout: for a minute).\n"
    "      --json           print JSON: the row as an object; list, cancel: an array\n"
    "  -h, --help           this text\n"
    "\n"
    "Exit status: 0 done (wait: answered), 1 failed (wait: no answer; cancel: one could\n"
    "not be cancelled), 2 wrong arguments or configuration.\n";

void
command_print_json(const struct command_args *a, const struct pg_result *res, const char *hidden)
{
	json_t *row = out_row_json(res, 0);

	json_object_del(row, hidden);
	if (!a->show_text)
		json_object_del(row, "command_text");
	out_json(row);
}

static int
command_list(struct pg_session *db, const struct command_args *a, int max_attempts)
{
	struct pg_params params = {0};
	struct pg_result *res;

	pg_param_text(&params, a->show_text ? "t" : "f");
	pg_param_text(&params, a->imei);
	pg_param_text(&params, a->status);
	pg_param_text(&params, a->open ? "t" : "f");
	pg_param_int(&params, a->limit);
	if (!a->opts.json)
		pg_param_int(&params, max_attempts);
	res = database_query(
	    db, "listing commands", a->opts.json ? "command_rows" : "command_list", &params);
	if (res == NULL)
		return TOOL_FAILED;
	out_array(out_rows_json(res, a->show_text ? NULL : "command_text"), a->opts.json);
	out_list_notes(res, a->opts.json, a->limit, "no such commands", "latest");
	pg_result_free(res);
	return TOOL_OK;
}

/* Columns of command_cancel.sql. */
enum { COL_ID, COL_IMEI, COL_STATUS, COL_CANCELLED };

/* Why the command of this row stays. */
static void
explain_stays(const struct pg_result *res, int row)
{
	const char *id = pg_text(res, row, COL_ID), *status = pg_text(res, row, COL_STATUS);

	if (pg_is_null(res, row, COL_STATUS))
		fprintf(stderr, "tgctl: there is no command with id %s\n", id);
	else if (strcmp(status, "sent") == 0)
		fprintf(stderr, "tgctl: command %s was already sent to the tracker\n", id);
	else if (strcmp(status, "pending") == 0)
		fprintf(stderr, "tgctl: command %s has just changed; look again\n", id);
	else
		fprintf(stderr, "tgctl: command %s is over: %s%s\n", id,
		    strcmp(status, "cancelled") == 0 ? "already " : "", status);
}

/* Prints what was cancelled and says why others were not. Returns an exit code. */
static int
show_cancelled(const struct pg_result *res, bool json)
{
	json_t *array = json_array(), *row;
	int status = TOOL_OK;

	for (int i = 0; i < pg_rows(res); i++) {
		bool done = pg_bool(res, i, COL_CANCELLED);

		if (done || json) {
			row = out_row_json(res, i);
			/* All rows of the table are cancelled. */
			if (!json)
				json_object_del(row, "cancelled");
			json_array_append_new(array, row);
		}
		if (!done) {
			explain_stays(res, i);
			status = TOOL_FAILED;
		}
	}
	out_array(array, json);
	return status;
}

static int
command_cancel(struct pg_session *db, const struct command_args *a)
{
	struct pg_params params = {0};
	struct pg_array ids;
	struct pg_result *res;
	int status = TOOL_FAILED;

	pg_array_init(&ids, PG_INT8);
	for (int i = 0; i < a->nrest; i++) /* they have been checked */
		pg_array_int8(&ids, strtoll(a->rest[i], NULL, 10));
	pg_param_array(&params, &ids);
	pg_param_text(&params, a->imei);
	res = database_query(db, "cancelling", "command_cancel", &params);
	if (res != NULL) {
		status = show_cancelled(res, a->opts.json);
		if (pg_rows(res) == 0 && !a->opts.json)
			fprintf(stderr, "tgctl: %s has no command to cancel\n", a->imei);
	}
	pg_result_free(res);
	pg_array_free(&ids);
	return status;
}

/* One line of standard input, without its end; a longer one is cut at the room, which is too long. */
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
	struct pg_session *db;
	int status;

	if (strcmp(text, "-") == 0) {
		if (!read_line(line, sizeof(line) - 1, &len))
			return TOOL_FAILED;
		line[len] = '\0';
		text = line;
	}
	if (!command_text_check(text, len, (size_t)conf->command_max_length, why))
		return options_usage("command", "this text can't be a command: %s", why);
	db = database_open(conf->database_url, &status);
	if (db != NULL)
		status = command_send(db, a, text);
	pg_session_close(db);
	return status;
}

static int
run(const char *sub, const struct command_args *a)
{
	struct conf *conf = calloc(1, sizeof(*conf));
	struct pg_session *db = NULL;
	int status = TOOL_USAGE;

	if (conf == NULL) {
		fprintf(stderr, "tgctl: out of memory\n");
		return TOOL_FAILED;
	}
	if (options_conf(&a->opts, true, conf)) {
		if (strcmp(sub, "send") == 0)
			status = run_send(a, conf);
		else if ((db = database_open(conf->database_url, &status)) == NULL)
			; /* it has said why */
		else if (strcmp(sub, "list") == 0)
			status = command_list(db, a, conf->command_max_attempts);
		else if (strcmp(sub, "cancel") == 0)
			status = command_cancel(db, a);
		else
			status = command_wait(db, a, a->rest[0]);
	}
	pg_session_close(db);
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
		return options_usage("command", "send takes an IMEI first: 15 digits");
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
		return options_usage("command", "--status and --open exclude one another");
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
			return options_usage("command", "\"%s\" is not an id", a->rest[i]);
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
		if (!options_duration(optarg, &a->expires_in))
			return options_usage("command",
			    "--expires-in takes a time like 90s, 10m, 2h or 1d, not \"%s\"",
			    optarg);
		break;
	case OPT_WAIT:
		a->wait = true;
		/* fall through */
	case OPT_TIMEOUT:
		if (optarg != NULL && !options_number(optarg, 0, LONGEST_WAIT_S, &a->wait_s))
			return options_usage(
			    "command", "\"%s\" is not a number of seconds to wait", optarg);
		break;
	case OPT_LIMIT:
		if (!options_number(optarg, 0, 1000000000, &a->limit))
			return options_usage(
			    "command", "--limit takes a number, not \"%s\"", optarg);
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
