#include "worker/tracker/command.h"

#include <assert.h>

#include "proto/message.h"

#define BACKOFF_MAX_MS 3600000

enum command_action
command_claimed(
    struct command *c, int64_t id, int32_t attempt, uint8_t codec, int64_t deadline_ms, bool quiet)
{
	assert(command_may_claim(c) && (c->late_id == 0 || c->late_id == id));
	c->id = id;
	c->attempt = attempt;
	c->codec = codec;
	c->deadline_ms = deadline_ms;
	c->state = COMMAND_CLAIMED;
	return quiet ? command_moment(c) : COMMAND_DO_NOTHING;
}

enum command_action
command_moment(struct command *c)
{
	if (c->state != COMMAND_CLAIMED)
		return COMMAND_DO_NOTHING;
	c->state = COMMAND_SENT;
	return COMMAND_DO_SEND;
}

bool
command_answer(struct command *c, uint8_t codec, uint8_t type)
{
	/* Claimed once more and not yet sent again: its first answer comes late, and will do. */
	bool awaited =
	    c->state == COMMAND_SENT || (c->state == COMMAND_CLAIMED && c->late_id == c->id);

	if (!awaited || codec != c->codec || (type != MESSAGE_RESPONSE && type != MESSAGE_NACK))
		return false;
	c->state = COMMAND_ANSWERED;
	return true;
}

void
command_stored(struct command *c)
{
	if (c->state == COMMAND_ANSWERED)
		c->state = COMMAND_IDLE;
}

enum command_action
command_tick(struct command *c, int64_t now_ms)
{
	if ((c->state != COMMAND_CLAIMED && c->state != COMMAND_SENT) || now_ms < c->deadline_ms)
		return COMMAND_DO_NOTHING;
	if (c->state == COMMAND_SENT)
		c->late_id = c->id;
	c->state = COMMAND_IDLE;
	return COMMAND_DO_RETURN;
}

bool
command_lost(struct command *c)
{
	bool lost = c->state == COMMAND_CLAIMED || c->state == COMMAND_SENT;

	/* An answer that is on its way into the database gets there without the connection. */
	c->state = COMMAND_IDLE;
	return lost;
}

bool
command_may_claim(const struct command *c)
{
	return c->state == COMMAND_IDLE;
}

int64_t
command_backoff_ms(int timeout_ms, int32_t attempt, uint32_t random)
{
	int64_t wait = timeout_ms;

	for (int32_t i = 1; i < attempt && wait < BACKOFF_MAX_MS; i++)
		wait *= 2;
	if (wait > BACKOFF_MAX_MS)
		wait = BACKOFF_MAX_MS;
	/* 80 % to 120 % */
	wait = wait * 4 / 5 + (int64_t)((uint64_t)(wait * 2 / 5) * random >> 32);
	return wait < BACKOFF_MAX_MS ? wait : BACKOFF_MAX_MS;
}
