#include "worker/tracker/conn_command.h"

#include <event2/util.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "proto/message.h"
#include "proto/stream.h"
#include "worker/tracker/command.h"
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
	return c->in_flight == 0 && c->partial_len == 0 && c->state == CONN_OPEN;
}

static bool
may_ask(const struct conn *c)
{
	return c->commandable && c->session_id != 0 && is_idle(c) &&
	       registry_session(trackers_of(c)->cfg.registry, c->entry) == c->session_id;
}

static void
ask(struct conn *c, bool surely)
{
	if (!c->command_asked && may_ask(c))
		c->command_asked =
		    commands_check(trackers_of(c)->parts.commands, conn_token(c), surely);
}

/* ---- Times ---- */

static void
arm(struct trackers *t)
{
	int64_t next = wakeups_next(&t->wakeups), wait;

	if (next == INT64_MAX)
		return;
	wait = next - clock_mono_ms();
	if (wait < 0)
		wait = 0;
	struct timeval tv = {.tv_sec = wait / 1000, .tv_usec = (wait % 1000) * 1000};
	if (evtimer_add(t->wakeup_ev, &tv) == -1)
		log_error("commands: no timer");
}

/* The connection is looked at again then, see wake(). */
static void
wake_at(struct trackers *t, uint64_t token, int64_t at_ms)
{
	int64_t before = wakeups_next(&t->wakeups);

	if (!wakeups_add(&t->wakeups, token, at_ms))
		log_error("no memory for the timer of a command: its time-out comes late");
	else if (at_ms < before)
		arm(t);
}

/* ---- The attempt ---- */

/* `token`: of the connection, which may ask again then; 0: it is gone. */
static void
end_attempt(struct conn *c, enum command_end how, uint64_t token)
{
	struct trackers *t = trackers_of(c);
	const struct command *st = &c->command->state;
	int64_t delay = 0;

	if (how == COMMAND_UNANSWERED) {
		uint32_t random;

		evutil_secure_rng_get_bytes(&random, sizeof(random));
		delay = command_backoff_ms(t->cfg.conf->command_timeout_ms, st->attempt, random);
		wake_at(t, token, clock_mono_ms() + delay + 1);
	}
	const char *why = how == COMMAND_UNANSWERED	? "no answer in time"
			  : how == COMMAND_DISCONNECTED ? "no answer before the connection was lost"
			  : how == COMMAND_UNSENT	? "not sent: no byte of it went out"
							: "can't be sent or booked";
	conn_log(c, LOG_DEBUG_, "command %" PRId64 ", attempt %d: %s", st->id, st->attempt, why);
	trace_event(c, "command_failed", "\"id\":%" PRId64 ",\"attempt\":%d,\"why\":\"%s\"", st->id,
	    st->attempt, why);
	commands_over(t->parts.commands, st->id, st->attempt, how, delay, token);
}

/* What the state machine says of an attempt that is over. */
static void
end_as(struct conn *c, enum command_action action, enum command_end unanswered, uint64_t token)
{
	drop_text(c->command);
	end_attempt(c, action == COMMAND_DO_GIVE_BACK ? COMMAND_UNSENT : unanswered, token);
}

/* `sent` is committed: now the bytes. */
static void
send_command(struct conn *c)
{
	uint8_t frame[TEXT_MAX + FRAME_EXTRA];
	struct conn_command *cc = c->command;
	size_t n = message_write_command(
	    cc->state.codec, c->imei, cc->text, cc->len, frame, sizeof(frame));
	size_t went = n > 0 ? conn_write(c, frame, n) : 0;

	explicit_bzero(frame, n);
	drop_text(cc);
	if (n == 0) {
		command_unsent(&cc->state);
		(void)command_lost(&cc->state);
		end_attempt(c, COMMAND_UNSENDABLE, conn_token(c));
	} else if (went < n) {
		if (went == 0)
			command_unsent(&cc->state);
		conn_close(c, CLOSE_STUCK);
	} else {
		c->commanded = true;
		conn_log(c, LOG_DEBUG_, "command %" PRId64 " sent, attempt %d", cc->state.id,
		    cc->state.attempt);
		trace_event(c, "command_sent",
		    "\"id\":%" PRId64 ",\"attempt\":%d,\"codec\":%u,\"bytes\":%zu", cc->state.id,
		    cc->state.attempt, cc->state.codec, n);
	}
}

/* ---- What the connection tells ---- */

void
conn_command_welcome(struct conn *c)
{
	struct trackers *t = trackers_of(c);

	if (!intmap_put(&t->by_device, c->entry, c->seat.index))
		conn_log(c, LOG_ERROR_, "no memory: commands reach it at its next ACK only");
	wake_at(t, conn_token(c), clock_mono_ms() + QUIET_MS);
}

/* Its moment has come, if it waits for one. */
static void
seize_moment(struct conn *c)
{
	if (c->command != NULL && command_moment(&c->command->state) == COMMAND_DO_SEND)
		send_command(c);
}

void
conn_command_acked(struct conn *c)
{
	seize_moment(c);
	if (c->commandable)
		return;
	c->commandable = true;
	ask(c, false);
}

void
conn_command_quiet(struct conn *c)
{
	if (is_quiet(c))
		seize_moment(c);
}

/* The message is the answer to the command in flight, or to one that timed out on this connection. */
static bool
is_answer(struct conn *c, const struct message *m)
{
	return c->command != NULL && command_answer(&c->command->state, m->codec, m->type);
}

/*
 * Nothing was sent on this connection, so it answers what was sent on an earlier one: which command that is
 * knows the database.
 */
static bool
is_answer_to_earlier(const struct conn *c, const struct message *m)
{
	return !c->commanded && (m->codec == CODEC_12 || m->codec == CODEC_14) &&
	       (m->type == MESSAGE_RESPONSE || m->type == MESSAGE_NACK);
}

static void
note_answer(struct conn *c, struct frame *f, const struct message *m, uint8_t place)
{
	const struct command *st = &c->command->state;

	drop_text(c->command);
	f->command = (struct frame_command){
	    .conn = conn_token(c), .id = st->id, .attempt = st->attempt, .message = place};
	conn_log(c, LOG_DEBUG_, "command %" PRId64 " answered%s", st->id,
	    m->type == MESSAGE_NACK ? " by a nACK" : "");
	trace_event(c, "command_answered", "\"id\":%" PRId64 ",\"attempt\":%d,\"nack\":%s", st->id,
	    st->attempt, m->type == MESSAGE_NACK ? "true" : "false");
}

void
conn_command_answer(struct conn *c, struct frame *f, const uint8_t *body, size_t len)
{
	struct message_walk walk;
	struct message m;

	if (message_open(&walk, body, len) != MESSAGE_OK)
		return;
	for (uint8_t i = 0; f->command.conn == 0 && message_next(&walk, &m) == MESSAGE_OK; i++) {
		if (is_answer(c, &m))
			note_answer(c, f, &m, i);
		else if (!is_answer_to_earlier(c, &m))
			continue;
		else if (c->command != NULL && command_answer_to_earlier(&c->command->state))
			note_answer(c, f, &m, i);
		else
			f->command = (struct frame_command){.conn = conn_token(c), .message = i};
	}
	/* The last copy that was missing may have been answered: another command may go. */
	ask(c, false);
}

void
conn_command_closed(struct conn *c)
{
	enum command_action action;

	intmap_remove(&trackers_of(c)->by_device, c->entry, c->seat.index);
	if (c->command != NULL && (action = command_lost(&c->command->state)) != COMMAND_DO_NOTHING)
		end_as(c, action, COMMAND_DISCONNECTED, 0);
}

void
conn_command_stored(struct trackers *t, const struct frame *f)
{
	struct conn *c = conn_find(&t->conns, f->command.conn);

	/* Its frame went to quarantine instead: nobody will book the answer. */
	if (f->kind != FRAME_MESSAGE && f->command.id != 0)
		commands_over(t->parts.commands, f->command.id, f->command.attempt,
		    COMMAND_UNSTORABLE, 0, f->command.conn);
	if (c == NULL)
		return;
	if (c->command != NULL && f->command.id != 0) {
		command_stored(&c->command->state);
		if (c->command->state.missing == 0 && is_idle(c))
			conn_command_free(c);
	}
	ask(c, true);
}

/* ---- What commands.c tells ---- */

uint64_t
conn_command_want(void *ctx, uint64_t imei)
{
	struct trackers *t = ctx;
	uint32_t entry = registry_find(t->cfg.registry, imei), index;

	if (entry == REGISTRY_NONE || (index = intmap_get(&t->by_device, entry)) == INTMAP_NONE)
		return 0;
	struct conn *c = conn_at(&t->conns, index);
	if (c->command_asked || !may_ask(c))
		return 0;
	c->command_asked = true;
	return conn_token(c);
}

bool
conn_command_asker(void *ctx, uint64_t token, struct command_asker *a)
{
	struct trackers *t = ctx;
	struct conn *c = conn_find(&t->conns, token);

	if (c == NULL)
		return false;
	c->command_asked = false;
	if (!may_ask(c))
		return false;
	*a = (struct command_asker){.imei = c->imei,
	    .device_id = c->device_id,
	    .session_id = c->session_id,
	    .late_id = c->command != NULL ? c->command->state.late_id : 0,
	    .codecs = c->codecs};
	return true;
}

bool
conn_command_claimed(void *ctx, uint64_t token, const struct command_claim *claim)
{
	struct trackers *t = ctx;
	struct conn *c = conn_find(&t->conns, token);
	struct conn_command *cc;

	if (c == NULL || c->session_id == 0 || !is_idle(c))
		return false;
	if (claim->len > TEXT_MAX) {
		commands_over(
		    t->parts.commands, claim->id, claim->attempt, COMMAND_UNSENDABLE, 0, token);
		return true;
	}
	if (c->command == NULL)
		c->command = calloc(1, sizeof(*c->command));
	cc = c->command;
	if (cc == NULL || (cc->text = malloc(claim->len + 1)) == NULL) {
		conn_log(c, LOG_ERROR_, "no memory for command %" PRId64, claim->id);
		return false;
	}
	memcpy(cc->text, claim->text, claim->len);
	cc->len = (uint16_t)claim->len;
	wake_at(t, token, claim->deadline_ms);
	if (command_claimed(&cc->state, claim->id, claim->attempt, claim->codec, claim->deadline_ms,
		is_quiet(c)) == COMMAND_DO_SEND)
		send_command(c);
	return true;
}

void
conn_command_blocked(void *ctx, uint64_t token)
{
	struct trackers *t = ctx;
	struct conn *c = conn_find(&t->conns, token);

	if (c != NULL)
		conn_close(c, CLOSE_LATE_ANSWER);
}

/* Its time has come: to give up waiting, or to ask for the next command. */
static void
wake(struct trackers *t, uint64_t token)
{
	struct conn *c = conn_find(&t->conns, token);
	int64_t now = clock_mono_ms(), quiet_ms;
	enum command_action action;

	if (c == NULL || c->session_id == 0)
		return;
	if (c->command != NULL &&
	    (action = command_tick(&c->command->state, now)) != COMMAND_DO_NOTHING) {
		end_as(c, action, COMMAND_UNANSWERED, token);
		return;
	}
	if (c->commandable) {
		ask(c, true);
		return;
	}
	quiet_ms = is_quiet(c) ? now - c->seat.since_ms : 0;
	if (quiet_ms < QUIET_MS) {
		wake_at(t, token, now + QUIET_MS - quiet_ms);
		return;
	}
	c->commandable = true;
	ask(c, false);
}

void
conn_command_again(void *ctx, uint64_t token, int64_t at_ms)
{
	struct trackers *t = ctx;

	if (at_ms <= clock_mono_ms())
		wake(t, token);
	else
		wake_at(t, token, at_ms);
}

static void
wakeup_cb(evutil_socket_t fd, short what, void *arg)
{
	struct trackers *t = arg;
	int64_t now = clock_mono_ms();
	uint64_t token;

	(void)fd, (void)what;
	while (wakeups_take(&t->wakeups, now, &token))
		wake(t, token);
	arm(t);
}

bool
conn_command_start(struct trackers *t)
{
	return (t->wakeup_ev = evtimer_new(t->cfg.base, wakeup_cb, t)) != NULL;
}

void
conn_command_stop(struct trackers *t)
{
	if (t->wakeup_ev != NULL)
		event_free(t->wakeup_ev);
	wakeups_free(&t->wakeups);
	intmap_free(&t->by_device);
}
