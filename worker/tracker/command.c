#include "worker/tracker/command.h"

#include <assert.h>

#include "proto/message.h"
#include "proto/stream.h"

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
	c->ended = false;
	c->state = COMMAND_CLAIMED;
	return quiet ? command_moment(c) : COMMAND_DO_NOTHING;
}

enum command_action
command_moment(struct command *c)
{
	if (c->state != COMMAND_CLAIMED)
		return COMMAND_DO_NOTHING;
	c->state = COMMAND_SENT;
	c->missing++;
	return COMMAND_DO_SEND;
}

void
command_unsent(struct command *c)
{
	assert(c->state == COMMAND_SENT);
	c->state = COMMAND_CLAIMED;
	c->missing--;
}

/* With "message timestamp" trackers answer in Codec 13, whose messages also come unasked: only while one waits. */
static bool
is_of_its_codec(const struct command *c, uint8_t codec)
{
	return codec == c->codec || (codec == CODEC_13 && c->state == COMMAND_SENT);
}

bool
command_answer(struct command *c, uint8_t codec, uint8_t type)
{
	if (c->missing == 0 || (type != MESSAGE_RESPONSE && type != MESSAGE_NACK) ||
	    !is_of_its_codec(c, codec))
		return false;
	c->missing--;
	if (c->missing == 0)
		c->late_id = 0;
	/* Another copy of what was answered already. */
	if (c->ended)
		return false;
	c->ended = true;
	c->state = COMMAND_ANSWERED;
	return true;
}

bool
command_answer_to_earlier(struct command *c)
{
	if (c->state != COMMAND_CLAIMED || c->attempt < 2)
		return false;
	c->ended = true;
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
	enum command_state was = (enum command_state)c->state;

	if ((was != COMMAND_CLAIMED && was != COMMAND_SENT) || now_ms < c->deadline_ms)
		return COMMAND_DO_NOTHING;
	c->state = COMMAND_IDLE;
	if (was == COMMAND_CLAIMED)
		return COMMAND_DO_GIVE_BACK;
	c->late_id = c->id;
	return COMMAND_DO_RETURN;
}

enum command_action
command_lost(struct command *c)
{
	enum command_state was = (enum command_state)c->state;

	c->state = COMMAND_IDLE;
	if (was == COMMAND_CLAIMED)
		return COMMAND_DO_GIVE_BACK;
	/* An answer that is on its way into the database gets there without the connection. */
	return was == COMMAND_SENT ? COMMAND_DO_RETURN : COMMAND_DO_NOTHING;
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
