/* Commands from `pending` to `sent`: one statement for many connections. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "worker/task/commands_impl.h"
#include "worker/task/imeis.h"

bool
commands_start_claim(struct commands *cm, struct pg_conn *conn)
{
	struct pg_params params = {0};

	commands_reset_arrays(cm);
	cm->nasking = 0;
	while (cm->nchecks > 0 && cm->nasking < CLAIMS) {
		struct command_asker a;
		uint64_t token = cm->check[--cm->nchecks];

		if (!cm->cfg.asker(cm->cfg.ctx, token, &a))
			continue;
		cm->asking[cm->nasking++] = token;
		imeis_append(&cm->texts, a.imei);
		pg_array_int8(&cm->longs[0], a.device_id);
		pg_array_int8(&cm->longs[1], registry_settled_session(a.session_id));
		pg_array_int4(&cm->ints[0], (int32_t)a.codecs);
		pg_array_int8(&cm->longs[2], a.late_id);
	}
	pg_param_array(&params, &cm->texts);
	pg_param_arrays(&params, cm->longs, 2);
	pg_param_array(&params, &cm->ints[0]);
	pg_param_array(&params, &cm->longs[2]);
	pg_param_int(&params, cm->cfg.max_attempts);
	pg_param_int(&params, cm->cfg.timeout_ms);
	return pg_send(conn, "commands_claim", &params, PG_TEXT_ROWS);
}

/* Takes a copy of one row of the answer. False: of no use to us. */
static bool
take_row(struct commands *cm, const struct pg_result *res, int i, struct command_claim_row *r)
{
	uint64_t n = pg_uint(res, i, 0);

	if (n < 1 || n > cm->nasking)
		return false;
	*r = (struct command_claim_row){.token = cm->asking[n - 1],
	    .claim = {.id = pg_int(res, i, 2),
		.attempt = (int32_t)pg_int(res, i, 3),
		.codec = (uint8_t)pg_uint(res, i, 4),
		.len = pg_length(res, i, 5)},
	    .wait_ms = pg_int(res, i, 6)};
	snprintf(r->status, sizeof(r->status), "%s", pg_text(res, i, 1));
	commands_count_status(cm, r->status, 1);
	if (strcmp(r->status, "sent") == 0 &&
	    (r->text = strndup(pg_text(res, i, 5), r->claim.len)) == NULL) {
		log_error("no memory for command %" PRId64
			  ": it is due again when its time is over",
		    r->claim.id);
		return false;
	}
	r->claim.text = r->text;
	return true;
}

void
commands_take_claim(struct commands *cm, const struct pg_result *res)
{
	for (int i = 0; i < pg_rows(res) && cm->nrows < CLAIMS; i++)
		cm->nrows += take_row(cm, res, i, &cm->rows[cm->nrows]);
}

static void
act_on(struct commands *cm, struct command_claim_row *r, int64_t now)
{
	if (strcmp(r->status, "sent") == 0) {
		stats_add(&cm->cfg.stats->commands_sent, 1);
		r->claim.deadline_ms = now + cm->cfg.timeout_ms;
		if (!cm->cfg.claimed(cm->cfg.ctx, r->token, &r->claim))
			commands_over(cm, r->claim.id, r->claim.attempt, COMMAND_UNSENT, 0, 0);
	} else if (strcmp(r->status, "wait") == 0) {
		cm->cfg.again(cm->cfg.ctx, r->token, now + r->wait_ms);
	} else if (strcmp(r->status, "blocked") == 0) {
		cm->cfg.blocked(cm->cfg.ctx, r->token);
	} else {
		log_info("command %" PRId64 " can't be sent: see its error_message", r->claim.id);
		cm->cfg.again(cm->cfg.ctx, r->token, 0);
	}
}

void
commands_end_claim(struct commands *cm, enum pg_outcome outcome)
{
	int64_t now = clock_mono_ms();
	size_t n = cm->nrows;

	/* Whether a lost statement was committed is not known: then it is swept up. */
	for (size_t i = 0; i < n; i++) {
		struct command_claim_row *r = &cm->rows[i];

		if (outcome == PG_OK)
			act_on(cm, r, now);
		if (r->text != NULL)
			explicit_bzero(r->text, r->claim.len);
		free(r->text);
	}
	cm->nrows = cm->nasking = 0;
}
