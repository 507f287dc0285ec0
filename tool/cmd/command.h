/* What the parts of "tgctl command" share: arguments, columns, and the two that have a file of
 * their own. */
#ifndef TOOL_CMD_COMMAND_H
#define TOOL_CMD_COMMAND_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "tool/options.h"

struct command_args {
	struct options opts;
	const char *imei;   /* 15 digits, or NULL */
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

/* A row as JSON shows it. The text is apart, as it can hold passwords: only if it is asked for. */
#define COMMAND_COLUMNS \
	"id, imei, idempotency_key, codec, status, attempt_count, max_attempts, next_retry_at, " \
	"expires_at, created_at, created_by, updated_at, sent_at, responded_at, response_text, " \
	"codec12_response_hex, error_message"
#define COMMAND_COLUMNS_TEXT COMMAND_COLUMNS ", command_text"

/*
 * Queues a command whose text has been checked, and waits for it if that is asked for. Prints its
 * id (or, having waited, its answer). Returns an exit code.
 */
int command_send(PGconn *, const struct command_args *, const char *text)
    __attribute__((warn_unused_result));

/* Waits until the command is over; prints the answer, or says why there is none. Returns an exit
 * code. */
int command_wait(PGconn *, const struct command_args *, const char *id)
    __attribute__((warn_unused_result));

#endif
