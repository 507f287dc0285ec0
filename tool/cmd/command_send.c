/* tgctl command send: queues a command. */
#include "tool/cmd/command.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool/cmd/cmd.h"
#include "tool/database.h"
#include "tool/out.h"

/* Says what speaks against sending; true if that forbids it. */
static bool
against(const struct command_args *a, const char *what, const char *advice)
{
	if (a->force)
		fprintf(stderr, "tgctl: %s %s\n", a->imei, what);
	else
		fprintf(stderr, "tgctl: %s %s; %s\n", a->imei, what, advice);
	return !a->force;
}

/* The same about a registered device: a row of command_device.sql. */
static bool
device_against(const struct command_args *a, const struct pg_result *res)
{
	json_t *model = json_string(pg_field(res, "device_model"));
	char text[256], name[128] = "?";
	bool refuse = false;

	if (*pg_field(res, "enabled") != 't') {
		snprintf(text, sizeof(text), "tgctl device enable %s", a->imei);
		refuse |= against(a, "is disabled: the gateway refuses it", text);
	}
	if (*pg_field(res, "codec_allowed") != 't') {
		if (model != NULL)
			out_scalar(model, name, sizeof(name));
		snprintf(text, sizeof(text), "is of model \"%s\", which may not use codec %s", name,
		    a->codec);
		refuse |= against(a, text, "see the table device_models");
	}
	if (!refuse && *pg_field(res, "online") != 't')
		fprintf(stderr,
		    "tgctl: %s is not connected now: the command waits for its next connection\n",
		    a->imei);
	json_decref(model);
	return refuse;
}

/* May the device have it? Else says why not. Says also if it can't get it now. */
static bool
may_send(struct pg_session *db, const struct command_args *a)
{
	struct pg_params params = {0};
	struct pg_result *res;
	bool refuse;
	char add[64];

	pg_param_text(&params, a->imei);
	pg_param_text(&params, a->codec);
	res = database_query(db, "looking for the device", "command_device", &params);
	if (res == NULL)
		return false;
	snprintf(add, sizeof(add), "tgctl device add %s", a->imei);
	refuse = pg_rows(res) > 0 ? device_against(a, res) : against(a, "is not registered", add);
	if (refuse)
		fprintf(stderr, "tgctl: nothing was queued; --force queues it all the same\n");
	pg_result_free(res);
	return !refuse;
}

/* Who queues it, for the ledger. */
static void
author(char *out, size_t room)
{
	const struct passwd *who = getpwuid(getuid());

	if (who != NULL)
		snprintf(out, room, "%s@tgctl", who->pw_name);
	else
		snprintf(out, room, "uid %lu@tgctl", (unsigned long)getuid());
}

/* The row that has the key already, and whether it is what is to be sent; no row if there is none. */
static struct pg_result *
find(struct pg_session *db, const struct command_args *a, const char *text)
{
	struct pg_params params = {0};

	pg_param_text(&params, a->show_text ? "t" : "f");
	pg_param_text(&params, a->imei);
	pg_param_text(&params, a->key);
	pg_param_text(&params, text);
	pg_param_text(&params, a->codec);
	return database_query(db, "looking for the key", "command_find", &params);
}

/* The new row; no row if the key is taken. */
static struct pg_result *
insert(struct pg_session *db, const struct command_args *a, const char *text)
{
	struct pg_params params = {0};
	char who[128];

	author(who, sizeof(who));
	pg_param_text(&params, a->show_text ? "t" : "f");
	pg_param_text(&params, a->imei);
	pg_param_text(&params, text);
	pg_param_text(&params, a->codec);
	pg_param_text(&params, a->key);
	pg_param_int(&params, a->max_attempts);
	pg_param_int(&params, a->expires_in);
	pg_param_text(&params, a->by != NULL ? a->by : who);
	return database_query(db, "queueing the command", "command_insert", &params);
}

/* The new row or the one that holds the key already; NULL after saying why neither. */
static struct pg_result *
queue(struct pg_session *db, const struct command_args *a, const char *text)
{
	struct pg_result *res;

	/*
	 * The key is looked for first: whoever queues the same again gets the same answer, whatever
	 * became of the device.
	 */
	if (a->key != NULL) {
		res = find(db, a, text);
		if (res == NULL || pg_rows(res) > 0)
			return res;
		pg_result_free(res);
	}
	if (!may_send(db, a))
		return NULL;
	res = insert(db, a, text);
	if (res == NULL || pg_rows(res) > 0)
		return res;
	/* Somebody was faster with the same key. */
	pg_result_free(res);
	res = find(db, a, text);
	if (res != NULL && pg_rows(res) == 0) {
		fprintf(stderr, "tgctl: a command with this key came and went; try again\n");
		pg_result_free(res);
		res = NULL;
	}
	return res;
}

/* Tells of a row that was there before; false if it is not what was to be sent. */
static bool
check_existing(const struct pg_result *res, const char *imei)
{
	if (*pg_field(res, "existing") != 't')
		return true;
	if (*pg_field(res, "same") != 't') {
		fprintf(stderr,
		    "tgctl: the key belongs to command %s of %s, which has another text or codec; "
		    "nothing was queued\n",
		    pg_field(res, "id"), imei);
		return false;
	}
	fprintf(stderr, "tgctl: command %s already has this key (it is %s); nothing was queued\n",
	    pg_field(res, "id"), pg_field(res, "status"));
	return true;
}

int
command_send(struct pg_session *db, const struct command_args *a, const char *text)
{
	struct pg_result *res = queue(db, a, text);
	int status = TOOL_FAILED;

	if (res != NULL && check_existing(res, a->imei)) {
		status = TOOL_OK;
		if (a->wait) {
			if (*pg_field(res, "existing") != 't')
				fprintf(
				    stderr, "tgctl: command %s is queued\n", pg_field(res, "id"));
			status = command_wait(db, a, pg_field(res, "id"));
		} else if (a->opts.json) {
			command_print_json(a, res, "same");
		} else {
			puts(pg_field(res, "id"));
		}
	}
	pg_result_free(res);
	return status;
}
