/* Commands from `pending` to `sent`: one statement for many connections. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "worker/task/commands_impl.h"
#include "worker/task/device_query.h"

bool
commands_start_claim(struct commands *cm, struct pg_conn *conn)
{
	char attempts[12], timeout[12];

	commands_reset_arrays(cm);
	cm->nasking = 0;
	while (cm->nchecks > 0 && cm->nasking < CLAIMS) {
		struct command_asker a;
		uint64_t token = cm->check[--cm->nchecks];

		if (!cm->cfg.asker(cm->cfg.ctx, token, &a))
			continue;
		cm->asking[cm->nasking++] = token;
		device_query_put_imei(&cm->texts, a.imei);
		pg_array_int8(&cm->longs[0], a.device_id);
		pg_array_int8(&cm->longs[1], a.session_id);
		pg_array_int4(&cm->ints[0], (int32_t)a.codecs);
		pg_array_int8(&cm->longs[2], a.late_id);
	}
	snprintf(attempts, sizeof(attempts), "%d", cm->cfg.max_attempts);
	snprintf(timeout, sizeof(timeout), "%d", cm->cfg.timeout_ms);
	const struct command_param params[] = {commands_array(&cm->texts),
	    commands_array(&cm->longs[0]), commands_array(&cm->longs[1]),
	    commands_array(&cm->ints[0]), commands_array(&cm->longs[2]), {.value = attempts},
	    {.value = timeout}};
	return commands_send(conn, "commands_claim", params, 7);
}

void
commands_take_claim(struct commands *cm, const struct pg_result *res)
{
	for (int i = 0; i < PQntuples(res) && cm->nrows < CLAIMS; i++) {
		unsigned long n = strtoul(PQgetvalue(res, i, 0), NULL, 10);
		struct command_claim_row *r = &cm->rows[cm->nrows];

		if (n < 1 || n > cm->nasking)
			continue;
		*r = (struct command_claim_row){.token = cm->asking[n - 1],
		    .claim = {.id = strtoll(PQgetvalue(res, i, 2), NULL, 10),
			.attempt = (int32_t)strtol(PQgetvalue(res, i, 3), NULL, 10),
			.codec = (uint8_t)strtoul(PQgetvalue(res, i, 4), NULL, 10)},
		    .wait_ms = strtoll(PQgetvalue(res, i, 6), NULL, 10)};
		snprintf(r->status, sizeof(r->status), "%s", PQgetvalue(res, i, 1));
		commands_count_status(cm, r->status, 1);
		r->claim.len = (size_t)PQgetlength(res, i, 5);
		if (strcmp(r->status, "sent") == 0 &&
		    (r->text = strndup(PQgetvalue(res, i, 5), r->claim.len)) == NULL) {
			log_error("no memory for command %" PRId64
				  ": it is due again when its time "
				  "is over",
			    r->claim.id);
			continue;
		}
		r->claim.text = r->text;
		cm->nrows++;
	}
}

static void
act_on(struct commands *cm, struct command_claim_row *r, int64_t now)
{
	if (strcmp(r->status, "sent") == 0) {
		stats_add(&cm->cfg.stats->commands_sent, 1);
		r->claim.deadline_ms = now + cm->cfg.timeout_ms;
		if (!cm->cfg.claimed(cm->cfg.ctx, r->token, &r->claim))
			commands_over(
			    cm, r->claim.id, r->claim.attempt, COMMAND_DISCONNECTED, 0, 0);
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

	/* Whether a lost statement was committed nobody knows: then it is swept up. */
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
