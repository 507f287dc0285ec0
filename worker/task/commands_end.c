/* Attempts that ended without an answer: `pending` again, or over. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "worker/task/commands_impl.h"

static const char *
why(enum command_end how)
{
	static const char *const text[COMMAND_ENDS] = {
	    [COMMAND_UNANSWERED] = "no answer in time",
	    [COMMAND_DISCONNECTED] = "no answer before the connection was lost",
	    [COMMAND_UNSENT] = "not sent",
	    [COMMAND_UNSENDABLE] = "its text makes no valid frame",
	    [COMMAND_UNSTORABLE] = "its answer could not be stored, see tgctl raw",
	};

	return text[how];
}

void
commands_over(struct commands *cm, int64_t id, int32_t attempt, enum command_end how,
    int64_t delay_ms, uint64_t token)
{
	struct command_over *ends;

	if (how == COMMAND_UNANSWERED)
		stats_add(&cm->cfg.stats->commands_unanswered, 1);
	else if (how == COMMAND_DISCONNECTED)
		stats_add(&cm->cfg.stats->commands_disconnected, 1);
	ends = commands_grow(cm->ends, cm->nends, &cm->end_room, sizeof(*ends));
	if (ends == NULL) {
		log_error("no memory for the end of command %" PRId64
			  ": it is due again when its time is over",
		    id);
		return;
	}
	cm->ends = ends;
	cm->ends[cm->nends++] = (struct command_over){.id = id,
	    .attempt = attempt,
	    .how = (uint8_t)how,
	    .delay_ms = how == COMMAND_UNANSWERED ? delay_ms : -1,
	    .token = token};
	jobs_kick(&cm->job);
}

bool
commands_pending(const struct commands *cm)
{
	return cm->nends > 0;
}

bool
commands_start_over(struct commands *cm, struct pg_conn *conn)
{
	struct pg_params params = {0};

	commands_reset_arrays(cm);
	cm->writing = cm->nends < ENDS ? cm->nends : ENDS;
	for (size_t i = 0; i < cm->writing; i++) {
		const struct command_over *e = &cm->ends[i];
		const char *text = why(e->how);

		pg_array_int8(&cm->longs[0], e->id);
		pg_array_int4(&cm->ints[0], e->attempt);
		pg_array_text(&cm->texts, text, strlen(text));
		pg_array_int8(&cm->longs[1], e->delay_ms);
		pg_array_bool(&cm->unsent, e->how == COMMAND_UNSENT);
		pg_array_bool(
		    &cm->bools, e->how == COMMAND_UNSENDABLE || e->how == COMMAND_UNSTORABLE);
	}
	pg_param_array(&params, &cm->longs[0]);
	pg_param_array(&params, &cm->ints[0]);
	pg_param_array(&params, &cm->texts);
	pg_param_array(&params, &cm->longs[1]);
	pg_param_array(&params, &cm->bools);
	pg_param_int(&params, cm->cfg.max_attempts);
	pg_param_array(&params, &cm->unsent);
	return pg_send(conn, "commands_over", &params, PG_TEXT_ROWS);
}

static void
note_locked(struct commands *cm, int64_t id)
{
	for (size_t i = 0; i < cm->writing; i++)
		if (cm->ends[i].id == id)
			cm->ends[i].locked = true;
}

void
commands_take_over(struct commands *cm, const struct pg_result *res)
{
	for (int i = 0; i < pg_rows(res); i++) {
		const char *status = pg_text(res, i, 1);

		commands_count_status(cm, status, 1);
		if (strcmp(status, "locked") == 0)
			note_locked(cm, pg_int(res, i, 0));
		else if (strcmp(status, "failed") == 0)
			log_write(LOG_INFO_, &(struct log_fields){.imei = pg_uint(res, i, 2)},
			    "command %s has failed: see its error_message", pg_text(res, i, 0));
	}
}

/* Takes the first n from the queue; those that are locked go to its end. */
static void
remove_ends(struct commands *cm, size_t n)
{
	struct command_over locked[ENDS];
	size_t nlocked = 0;

	for (size_t i = 0; i < n; i++)
		if (cm->ends[i].locked) {
			locked[nlocked] = cm->ends[i];
			locked[nlocked++].locked = false;
		}
	cm->nends -= n;
	memmove(cm->ends, cm->ends + n, cm->nends * sizeof(*cm->ends));
	for (size_t i = 0; i < nlocked; i++)
		cm->ends[cm->nends++] = locked[i];
	if (nlocked > 0)
		cm->next_over_ms = clock_mono_ms() + LOCKED_MS;
}

void
commands_end_over(struct commands *cm, enum pg_outcome outcome, const struct pg_error *error)
{
	size_t n = cm->writing;

	cm->writing = 0;
	/* Refused for its content would be refused for ever; what stays `sent` is swept up. */
	if (outcome == PG_LOST || (outcome == PG_ERROR && !pg_error_is_content(error))) {
		for (size_t i = 0; i < n; i++)
			cm->ends[i].locked = false;
		if (outcome == PG_ERROR && !pg_error_is_transient(error))
			cm->next_over_ms = clock_mono_ms() + RETRY_MS;
		return;
	}
	cm->job.handled = outcome == PG_ERROR;
	if (outcome == PG_ERROR)
		log_error("ends of %zu command attempts refused: %s: %s", n, error->sqlstate,
		    error->text);
	for (size_t i = 0; i < n; i++)
		if (cm->ends[i].token != 0 && !cm->ends[i].locked)
			cm->cfg.again(cm->cfg.ctx, cm->ends[i].token, 0);
	remove_ends(cm, n);
}
