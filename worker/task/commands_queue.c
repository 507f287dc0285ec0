/* The whole queue: what waits for whom, what belongs to nobody, how long it is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "worker/task/commands_impl.h"

void
commands_mark(struct commands *cm, const char *imei)
{
	uint64_t token = cm->cfg.want(cm->cfg.ctx, strtoull(imei, NULL, 10));

	if (token != 0 && !commands_check(cm, token, true))
		commands_forget(cm, token);
}

bool
commands_start_poll(struct commands *cm, struct pg_conn *conn)
{
	if (!cm->looking) {
		cm->looking = true;
		cm->found = cm->look_again = false;
		cm->look_began_ms = clock_mono_ms();
		cm->cursor[0] = '\0';
	}
	cm->page_rows = 0;
	const struct command_param cursor = {.value = cm->cursor};
	return commands_send(conn, "commands_poll", &cursor, 1);
}

void
commands_take_poll(struct commands *cm, const struct pg_result *res)
{
	cm->page_rows = PQntuples(res);
	for (int i = 0; i < cm->page_rows; i++) {
		if (*PQgetvalue(res, i, 1) == 't')
			commands_mark(cm, PQgetvalue(res, i, 0));
		cm->found |= *PQgetvalue(res, i, 2) == 't';
	}
	if (cm->page_rows > 0) {
		snprintf(
		    cm->cursor, sizeof(cm->cursor), "%s", PQgetvalue(res, cm->page_rows - 1, 0));
	}
}

void
commands_end_poll(struct commands *cm, enum pg_outcome outcome)
{
	int64_t now = clock_mono_ms(), took = now - cm->look_began_ms;

	if (outcome == PG_OK && cm->page_rows == POLL_ROWS && !cm->look_again)
		return;
	cm->looking = false;
	/* A long queue of devices that are away must not keep the database busy. */
	cm->next_poll_ms = cm->look_again ? 0 : now + (took * 4 > POLL_MS ? took * 4 : POLL_MS);
	if (outcome == PG_OK)
		cm->any_due = cm->found;
}

bool
commands_start_sweep(struct commands *cm, struct pg_conn *conn)
{
	char attempts[12], timeout[12], grace[12];

	snprintf(attempts, sizeof(attempts), "%d", cm->cfg.max_attempts);
	snprintf(timeout, sizeof(timeout), "%d", cm->cfg.timeout_ms);
	snprintf(grace, sizeof(grace), "%d", GRACE_MS);
	const struct command_param params[] = {
	    {.value = attempts}, {.value = timeout}, {.value = grace}};
	return commands_send(conn, "commands_sweep", params, 3);
}

void
commands_take_sweep(struct commands *cm, const struct pg_result *res)
{
	for (int i = 0; i < PQntuples(res); i++)
		commands_count_status(
		    cm, PQgetvalue(res, i, 0), strtoull(PQgetvalue(res, i, 1), NULL, 10));
}

void
commands_take_count(struct commands *cm, const struct pg_result *res)
{
	uint64_t pending = 0, sent = 0;

	for (int i = 0; i < PQntuples(res); i++) {
		uint64_t n = strtoull(PQgetvalue(res, i, 1), NULL, 10);

		if (strcmp(PQgetvalue(res, i, 0), "sent") == 0)
			sent = n;
		else
			pending = n;
	}
	stats_set(&cm->cfg.stats->commands_pending, pending);
	stats_set(&cm->cfg.stats->commands_in_flight, sent);
}

bool
commands_start_limit(struct commands *cm, struct pg_conn *conn)
{
	char most[12];

	snprintf(most, sizeof(most), "%d", cm->cfg.max_length);
	const struct command_param param = {.value = most};
	return commands_send(conn, "commands_limit", &param, 1);
}
