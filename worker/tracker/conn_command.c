/*
 * Commands on the tracker's side: when one may be sent on a connection, its bytes, its answer, its
 * time-out. What to do says the state machine (command.h); the database's side is commands.c.
 */
#include <event2/util.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "proto/message.h"
#include "proto/stream.h"
#include "worker/tracker/conn_impl.h"
#include "worker/tracker/trace.h"

/* A tracker that has sent nothing for so long after its handshake has nothing to send first. */
#define QUIET_MS 2000
/* What the frame of a command adds to its text at most (codec 14). */
#define FRAME_EXTRA (FRAME_OVERHEAD + 16)
#define TEXT_MAX 4096 /* as TELEM_COMMAND_MAX_LENGTH */

/* Only for connections that have a command in flight, or had one that may be answered late. */
struct conn_command {
	struct command state;
	uint16_t len;
	char *text; /* until it is sent */
};

static void
drop_text(struct conn_command *cc)
{
	if (cc->text != NULL)
		explicit_bzero(cc->text, cc->len);
	free(cc->text);
	cc->text = NULL;
}

void
conn_command_free(struct conn *c)
{
	if (c->command == NULL)
		return;
	drop_text(c->command);
	free(c->command);
	c->command = NULL;
}

static bool
is_idle(const struct conn *c)
{
	return c->command == NULL || command_may_claim(&c->command->state);
}

/* Nothing of the tracker is under way: what it reads next is no ACK that it waits for. */
static bool
is_quiet(const struct conn *c)
{
	return c->in_flight == 0 && c->partial_len == 0 && !c->paused;
}

static bool
may_ask(const struct conns *cs, const struct conn *c)
{
	return c->commandable && !c->closing && c->session_id != 0 && is_idle(c) &&
	       registry_session(cs->cfg.registry, c->entry) == c->session_id;
}

static void
ask(struct conns *cs, struct conn *c, bool surely)
{
	if (!c->command_asked && may_ask(cs, c))
		c->command_asked = commands_check(cs->parts.commands, conn_token(c), surely);
}

static void
end_attempt(struct conns *cs, struct conn *c, enum command_end how)
{
	const struct command *st = &c->command->state;
	int64_t delay = 0;

	if (how == COMMAND_UNANSWERED) {
		uint32_t random;

		evutil_secure_rng_get_bytes(&random, sizeof(random));
		delay = command_backoff_ms(cs->cfg.conf->command_timeout_ms, st->attempt, random);
		commands_wake(cs->parts.commands, conn_token(c), clock_mono_ms() + delay + 1);
	}
	const char *why = how == COMMAND_UNANSWERED	? "no answer in time"
			  : how == COMMAND_DISCONNECTED ? "connection lost before the answer"
							: "can't be sent or booked";
	conn_log(
	    cs, c, LOG_DEBUG_, "command %" PRId64 ", attempt %d: %s", st->id, st->attempt, why);
	trace_event(c, "command_failed", "\"id\":%" PRId64 ",\"attempt\":%d,\"why\":\"%s\"", st->id,
	    st->attempt, why);
	commands_over(cs->parts.commands, st->id, st->attempt, how, delay,
	    how == COMMAND_DISCONNECTED ? 0 : conn_token(c));
}

/* `sent` is committed: now the bytes. */
static void
send_command(struct conns *cs, struct conn *c)
{
	uint8_t frame[TEXT_MAX + FRAME_EXTRA];
	struct conn_command *cc = c->command;
	size_t n = message_write_command(
	    cc->state.codec, c->session.imei, cc->text, cc->len, frame, sizeof(frame));
	bool sent = n > 0 && conn_send_secret(c, frame, n);

	explicit_bzero(frame, n);
	drop_text(cc);
	if (n == 0) {
		(void)command_lost(&cc->state);
		end_attempt(cs, c, COMMAND_UNSENDABLE);
	} else if (!sent) {
		conn_close(cs, c, WHY_STUCK);
	} else {
		conn_log(cs, c, LOG_DEBUG_, "command %" PRId64 " sent, attempt %d", cc->state.id,
		    cc->state.attempt);
		trace_event(c, "command_sent",
		    "\"id\":%" PRId64 ",\"attempt\":%d,\"codec\":%u,\"bytes\":%zu", cc->state.id,
		    cc->state.attempt, cc->state.codec, n);
	}
}

/* ---- What the connection tells ---- */

void
conn_command_welcome(struct conns *cs, struct conn *c)
{
	if (!entry_map_put(&cs->by_entry, c->entry, c->slot))
		conn_log(cs, c, LOG_ERROR_, "no memory: commands reach it at its next ACK only");
	commands_wake(cs->parts.commands, conn_token(c), clock_mono_ms() + QUIET_MS);
}

void
conn_command_acked(struct conns *cs, struct conn *c)
{
	if (c->command != NULL && command_moment(&c->command->state) == COMMAND_DO_SEND)
		send_command(cs, c);
	if (!c->commandable && !c->dead) {
		c->commandable = true;
		ask(cs, c, false);
	}
}

void
conn_command_quiet(struct conns *cs, struct conn *c)
{
	if (c->command != NULL && is_quiet(c) &&
	    command_moment(&c->command->state) == COMMAND_DO_SEND)
		send_command(cs, c);
}

void
conn_command_answer(
    struct conns *cs, struct conn *c, struct frame *f, const uint8_t *body, size_t len)
{
	struct message_walk walk;
	struct message m;

	if (c->command == NULL || message_open(&walk, body, len) != MESSAGE_OK)
		return;
	for (uint8_t i = 0; message_next(&walk, &m) == MESSAGE_OK; i++) {
		struct command *st = &c->command->state;

		if (!command_answer(st, m.codec, m.type))
			continue;
		drop_text(c->command);
		f->command = (struct frame_command){
		    .conn = conn_token(c), .id = st->id, .attempt = st->attempt, .message = i};
		conn_log(cs, c, LOG_DEBUG_, "command %" PRId64 " answered%s", st->id,
		    m.type == MESSAGE_NACK ? " by a nACK" : "");
		trace_event(c, "command_answered", "\"id\":%" PRId64 ",\"attempt\":%d,\"nack\":%s",
		    st->id, st->attempt, m.type == MESSAGE_NACK ? "true" : "false");
		return;
	}
}

void
conn_command_closed(struct conns *cs, struct conn *c)
{
	entry_map_remove(&cs->by_entry, c->entry, c->slot);
	if (c->command != NULL && command_lost(&c->command->state))
		end_attempt(cs, c, COMMAND_DISCONNECTED);
}

void
conns_command_stored(struct conns *cs, const struct frame *f)
{
	struct conn *c = conn_find(cs, f->command.conn);

	/* Its frame went to quarantine instead: nobody will book the answer. */
	if (f->kind != FRAME_MESSAGE)
		commands_over(cs->parts.commands, f->command.id, f->command.attempt,
		    COMMAND_UNSTORABLE, 0, f->command.conn);
	if (c == NULL || c->command == NULL)
		return;
	command_stored(&c->command->state);
	if (c->command->state.late_id == 0 && is_idle(c))
		conn_command_free(c);
	ask(cs, c, true);
}

/* ---- What commands.c tells ---- */

uint64_t
conns_command_want(void *ctx, uint64_t imei)
{
	struct conns *cs = ctx;
	uint32_t entry = registry_find(cs->cfg.registry, imei), slot;

	if (entry == REGISTRY_NONE ||
	    (slot = entry_map_get(&cs->by_entry, entry)) == ENTRY_MAP_NONE)
		return 0;
	struct conn *c = cs->slots[slot];
	if (c->command_asked || !may_ask(cs, c))
		return 0;
	c->command_asked = true;
	return conn_token(c);
}

bool
conns_command_asker(void *ctx, uint64_t token, struct command_asker *a)
{
	struct conns *cs = ctx;
	struct conn *c = conn_find(cs, token);

	if (c == NULL)
		return false;
	c->command_asked = false;
	if (!may_ask(cs, c))
		return false;
	*a = (struct command_asker){.imei = c->session.imei,
	    .device_id = c->device_id,
	    .session_id = c->session_id,
	    .late_id = c->command != NULL ? c->command->state.late_id : 0,
	    .codecs = c->codecs};
	return true;
}

bool
conns_command_claimed(void *ctx, uint64_t token, const struct command_claim *claim)
{
	struct conns *cs = ctx;
	struct conn *c = conn_find(cs, token);
	struct conn_command *cc;

	if (c == NULL || c->closing || c->session_id == 0 || !is_idle(c))
		return false;
	if (claim->len > TEXT_MAX) {
		commands_over(
		    cs->parts.commands, claim->id, claim->attempt, COMMAND_UNSENDABLE, 0, token);
		return true;
	}
	if (c->command == NULL)
		c->command = calloc(1, sizeof(*c->command));
	cc = c->command;
	if (cc == NULL || (cc->text = malloc(claim->len + 1)) == NULL) {
		conn_log(cs, c, LOG_ERROR_, "no memory for command %" PRId64, claim->id);
		return false;
	}
	memcpy(cc->text, claim->text, claim->len);
	cc->len = (uint16_t)claim->len;
	commands_wake(cs->parts.commands, token, claim->deadline_ms);
	if (command_claimed(&cc->state, claim->id, claim->attempt, claim->codec, claim->deadline_ms,
		is_quiet(c)) == COMMAND_DO_SEND)
		send_command(cs, c);
	return true;
}

void
conns_command_blocked(void *ctx, uint64_t token)
{
	struct conns *cs = ctx;
	struct conn *c = conn_find(cs, token);

	if (c != NULL)
		conn_close(cs, c, WHY_LATE_ANSWER);
}

void
conns_command_woken(void *ctx, uint64_t token)
{
	struct conns *cs = ctx;
	struct conn *c = conn_find(cs, token);
	int64_t now = clock_mono_ms();

	if (c == NULL || c->closing || c->session_id == 0)
		return;
	if (c->command != NULL && command_tick(&c->command->state, now) == COMMAND_DO_RETURN) {
		drop_text(c->command);
		end_attempt(cs, c, COMMAND_UNANSWERED);
		return;
	}
	if (!c->commandable) {
		int64_t quiet_ms = is_quiet(c) ? now - c->since_ms : 0;

		if (quiet_ms < QUIET_MS) {
			commands_wake(cs->parts.commands, token, now + QUIET_MS - quiet_ms);
			return;
		}
		c->commandable = true;
		ask(cs, c, false);
		return;
	}
	ask(cs, c, true);
}
