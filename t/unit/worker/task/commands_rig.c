#include "t/unit/worker/task/commands_rig.h"

#include <string.h>

static struct tracker *
tracker_of(struct commands_rig *c, uint64_t token)
{
	ck_assert(token >= 1 && token <= TRACKERS);
	return &c->tracker[token];
}

static uint64_t
want(void *ctx, uint64_t imei)
{
	struct commands_rig *c = ctx;
	uint64_t n = imei - IMEI(0);

	c->wants++;
	if (n < 1 || n > TRACKERS || c->tracker[n].away || c->tracker[n].asked)
		return 0;
	c->tracker[n].asked = true;
	return n;
}

static bool
asker(void *ctx, uint64_t token, struct command_asker *out)
{
	struct tracker *t = tracker_of(ctx, token);

	t->asked = false;
	*out = t->asker;
	return !t->away;
}

static bool
claimed(void *ctx, uint64_t token, const struct command_claim *claim)
{
	struct tracker *t = tracker_of(ctx, token);

	t->claims++;
	t->claim = *claim;
	ck_assert_uint_lt(claim->len, sizeof(t->text));
	memcpy(t->text, claim->text, claim->len);
	t->text[claim->len] = '\0';
	return !t->lost;
}

static void
blocked(void *ctx, uint64_t token)
{
	tracker_of(ctx, token)->blocked++;
}

static void
again(void *ctx, uint64_t token, int64_t at_ms)
{
	struct tracker *t = tracker_of(ctx, token);

	if (at_ms == 0)
		t->again++;
	else
		t->again_at_ms = at_ms;
}

void
commands_open(struct commands_rig *c)
{
	memset(c, 0, sizeof(*c));
	rig_open(&c->rig);
	for (int i = 1; i <= TRACKERS; i++)
		c->tracker[i].asker = (struct command_asker){.imei = IMEI(i),
		    .device_id = i,
		    .session_id = INT64_C(3481600000000001000) + i, /* of 2023 */
		    .codecs = CODEC_MAY_ALL};
	c->cm = commands_new(&(struct commands_config){.registry = c->rig.registry,
	    .stats = c->rig.stats,
	    .timeout_ms = TIMEOUT_MS,
	    .max_attempts = MAX_ATTEMPTS,
	    .max_length = 99,
	    .ctx = c,
	    .want = want,
	    .asker = asker,
	    .claimed = claimed,
	    .blocked = blocked,
	    .again = again});
	ck_assert_ptr_nonnull(c->cm);
	rig_add(&c->rig, commands_job(c->cm));
}

void
commands_start(struct commands_rig *c)
{
	commands_open(c);
	rig_start(&c->rig);
}

void
commands_close(struct commands_rig *c)
{
	rig_stop(&c->rig);
	commands_free(c->cm);
	rig_close(&c->rig);
}

bool
commands_ask(struct commands_rig *c, int tracker)
{
	c->tracker[tracker].asked = true;
	return commands_check(c->cm, (uint64_t)tracker, true);
}

void
commands_queue(struct commands_rig *c, int id, int tracker)
{
	SQL(&c->rig,
	    "INSERT INTO device_commands (id, imei, command_text) VALUES (%d, '%llu', 'text %d')",
	    id, (unsigned long long)IMEI(tracker), id);
}

void
commands_send(struct commands_rig *c, int id, int tracker)
{
	commands_queue(c, id, tracker);
	UNTIL(&c->rig, c->tracker[tracker].claim.id == id);
}

const char *
commands_status(struct commands_rig *c, int id)
{
	return VALUE(&c->rig,
	    "SELECT status || ' ' || attempt_count FROM device_commands WHERE id = %d", id);
}

const char *
commands_why(struct commands_rig *c, int id)
{
	return VALUE(&c->rig, "SELECT error_message FROM device_commands WHERE id = %d", id);
}
