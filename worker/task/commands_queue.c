/* The whole queue: which devices a command waits for, what belongs to nobody, how long it is. */
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "worker/task/commands_impl.h"

void
commands_mark(struct commands *cm, uint64_t imei)
{
	uint64_t token = cm->cfg.want(cm->cfg.ctx, imei);

	if (token != 0 && !commands_check(cm, token, true))
		commands_forget(cm, token);
}

bool
commands_start_poll(struct commands *cm, struct pg_conn *conn)
{
	struct pg_params params = {0};

	if (!cm->looking) {
		cm->looking = true;
		cm->found = cm->look_again = false;
		cm->look_began_ms = clock_mono_ms();
		cm->cursor[0] = '\0';
	}
	cm->page_rows = 0;
	pg_param_text(&params, cm->cursor);
	return pg_send(conn, "commands_poll", &params, PG_TEXT_ROWS);
}

void
commands_take_poll(struct commands *cm, const struct pg_result *res)
{
	cm->page_rows = pg_rows(res);
	for (int i = 0; i < cm->page_rows; i++) {
		if (pg_bool(res, i, 1))
			commands_mark(cm, pg_uint(res, i, 0));
		cm->found |= pg_bool(res, i, 2);
	}
	if (cm->page_rows > 0)
		snprintf(cm->cursor, sizeof(cm->cursor), "%s", pg_text(res, cm->page_rows - 1, 0));
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
	struct pg_params params = {0};

	pg_param_int(&params, cm->cfg.max_attempts);
	pg_param_int(&params, cm->cfg.timeout_ms);
	pg_param_int(&params, GRACE_MS);
	return pg_send(conn, "commands_sweep", &params, PG_TEXT_ROWS);
}

void
commands_take_sweep(struct commands *cm, const struct pg_result *res)
{
	for (int i = 0; i < pg_rows(res); i++)
		commands_count_status(cm, pg_text(res, i, 0), pg_uint(res, i, 1));
}

bool
commands_start_count(struct pg_conn *conn)
{
	return pg_send(conn, "commands_count", NULL, PG_TEXT_ROWS);
}

void
commands_take_count(struct commands *cm, const struct pg_result *res)
{
	uint64_t pending = 0, sent = 0;

	for (int i = 0; i < pg_rows(res); i++) {
		if (strcmp(pg_text(res, i, 0), "sent") == 0)
			sent = pg_uint(res, i, 1);
		else
			pending = pg_uint(res, i, 1);
	}
	stats_set(&cm->cfg.stats->commands_pending, pending);
	stats_set(&cm->cfg.stats->commands_in_flight, sent);
}

bool
commands_start_limit(struct commands *cm, struct pg_conn *conn)
{
	struct pg_params params = {0};

	pg_param_int(&params, cm->cfg.max_length);
	return pg_send(conn, "commands_limit", &params, PG_TEXT_ROWS);
}
