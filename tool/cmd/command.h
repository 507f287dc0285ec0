/*
 * What the parts of "tgctl command" share: the arguments, how a row is printed, and the sub-commands that
 * have a file of their own (command_send.c, command_wait.c).
 */
#ifndef TOOL_CMD_COMMAND_H
#define TOOL_CMD_COMMAND_H

#include <jansson.h>
#include <stdbool.h>

#include "pg/session.h"
#include "tool/options.h"

struct command_args {
	struct options opts;
	char *imei;	    /* 15 digits, or NULL */
	const char *key;    /* idempotency_key, or NULL */
	const char *by;	    /* created_by, or NULL: who runs this */
	const char *status; /* list: this status only, or NULL */
	const char *codec;  /* "12" or "14" */
	bool force, wait, open, show_text;
	long long max_attempts; /* 0: the gateway's */
	long long expires_in;	/* s; 0: never */
	long long wait_s;	/* -1: as long as the command lives */
	long long limit;	/* rows of a list; 0: all */
	char **rest;		/* the arguments behind the sub-command */
	int nrest;
};

/*
 * Prints the one row of a statement with _command_columns.sql as an object, without the column `hidden` and,
 * unless it is asked for, without the text, in which there can be a password.
 */
void command_print_json(const struct command_args *, const struct pg_result *, const char *hidden);

/*
 * Queues a command whose text has been checked, and waits for it if that is asked for. Prints its id (or,
 * having waited, its answer). Returns an exit code.
 */
int command_send(struct pg_session *, const struct command_args *, const char *text)
    __attribute__((warn_unused_result));

/*
 * Waits until the command is over; prints the answer, or says why there is none. Returns an exit code.
 */
int command_wait(struct pg_session *, const struct command_args *, const char *id)
    __attribute__((warn_unused_result));

#endif
