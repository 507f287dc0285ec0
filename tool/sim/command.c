#include "tool/sim/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "proto/message.h"
#include "proto/stream.h"
#include "tool/sim/sim.h"
#include "tool/sim/answer.h"
#include "tool/sim/random.h"

#define PREAMBLE 4
#define ANSWER_FRAME_MAX (FRAME_OVERHEAD + 16 + SIM_ANSWER_MAX)
#define PIECE_PAUSE_MS 20 /* at least; at most twice that */

enum kind { ANSWER, NACK, HANG_UP, UNASKED };

struct answer {
	int64_t due_ms;
	uint64_t rng; /* where it is cut */
	uint32_t len;
	uint8_t kind;
	bool late, split;
	uint8_t frame[ANSWER_FRAME_MAX];
};

struct sim_command {
	uint64_t rng;	 /* of the commands' fates: one draw after the other, whenever they come */
	int64_t last_ms; /* when the last answer that is not late is due: the next one follows it */
	uint32_t have;	 /* bytes in `in`: a frame from the gateway, not whole yet */
	uint32_t waiting; /* answers, by their time */
	uint32_t out;	  /* bytes of the first one that are sent */
	struct answer answer[SIM_ANSWERS];
	uint8_t in[SIM_COMMAND_FRAME_MAX];
};

/* The tracker's state for commands, made at the first one; NULL: no memory. */
static struct sim_command *
state_of(struct sim *s, struct sim_tracker *t)
{
	if (t->command == NULL) {
		t->command = calloc(1, sizeof(*t->command));
		if (t->command != NULL)
			t->command->rng = (s->opt.seed * UINT64_C(0xa0761d6478bd642f)) ^ t->imei;
	}
	return t->command;
}

/*
 * A place for an answer that is due then, behind those that are due before it or with it.
 * NULL: too many wait.
 */
static struct answer *
place(struct sim *s, struct sim_command *c, int64_t due_ms)
{
	uint32_t i = c->waiting;

	if (c->waiting == SIM_ANSWERS)
		return NULL;
	while (i > 0 && c->answer[i - 1].due_ms > due_ms)
		i--;
	memmove(&c->answer[i + 1], &c->answer[i], (c->waiting - i) * sizeof(c->answer[0]));
	c->waiting++;
	s->answers_waiting++;
	c->answer[i] = (struct answer){.due_ms = due_ms};
	return &c->answer[i];
}

static void
drop_first(struct sim *s, struct sim_command *c)
{
	c->waiting--;
	c->out = 0;
	s->answers_waiting--;
	memmove(&c->answer[0], &c->answer[1], c->waiting * sizeof(c->answer[0]));
}

static void
write_answer(
    const struct sim *s, const struct sim_tracker *t, const struct message *m, struct answer *a)
{
	struct sim_answer_facts facts = {
	    .imei = t->imei,
	    .now_ms = s->wall_ms + s->now_ms,
	    .uptime_ms = s->now_ms - (int64_t)(s->start_ns / 1000000),
	    .road = &t->road,
	};
	char text[SIM_ANSWER_MAX];
	size_t len = 0;

	if (a->kind == ANSWER)
		len = sim_answer_text(&facts, m->payload, m->payload_len, text);
	a->len =
	    (uint32_t)message_write(m->codec, a->kind == NACK ? MESSAGE_NACK : MESSAGE_RESPONSE,
		t->imei, text, len, a->frame, sizeof(a->frame));
}

/* Decides what becomes of one command. */
static void
book(struct sim *s, struct sim_tracker *t, const struct message *m)
{
	const struct sim_options *o = &s->opt;
	struct sim_command *c = t->command;
	uint64_t rng = sim_random(&c->rng);
	struct answer *a;
	int64_t due_ms;
	bool silent, hang_up, late, split;

	s->count.commands_received++;
	sim_log_command(&s->command_log, t->imei, s->wall_ms + s->now_ms,
	    s->count.commands_received, m->payload, m->payload_len);
	/* Each is drawn in any case, so that one percentage doesn't change what another one hits. */
	silent = sim_random_between(&rng, 0, 100) < o->command_silent;
	hang_up = sim_random_between(&rng, 0, 100) < o->command_hangup;
	late = sim_random_between(&rng, 0, 100) < o->command_late && !hang_up;
	split = sim_random_between(&rng, 0, 100) < o->command_split;
	due_ms = s->now_ms + o->command_delay_ms[0] +
		 (int64_t)sim_random_between(
		     &rng, 0, (double)(o->command_delay_ms[1] - o->command_delay_ms[0] + 1));
	if (silent || o->no_commands) {
		s->count.commands_silent++;
		return;
	}
	if (late) {
		due_ms += o->command_late_by_ms;
	} else {
		/* Answers come in the order of the commands; only late ones are overtaken. */
		due_ms = due_ms < c->last_ms ? c->last_ms : due_ms;
		c->last_ms = due_ms;
	}
	a = place(s, c, due_ms);
	if (a == NULL) {
		s->count.commands_dropped++;
		return;
	}
	a->late = late;
	a->split = split;
	a->rng = rng;
	a->kind = hang_up ? HANG_UP : m->codec == CODEC_14 && m->imei != t->imei ? NACK : ANSWER;
	write_answer(s, t, m, a);
}

static bool
book_all(struct sim *s, struct sim_tracker *t, const struct stream_item *item)
{
	struct message_walk walk;
	struct message m;

	if (!item->crc_ok || message_open(&walk, item->body, item->body_len) != MESSAGE_OK)
		return false;
	if ((item->body[0] != CODEC_12 && item->body[0] != CODEC_14) || walk.count == 0)
		return false;
	while (message_next(&walk, &m) == MESSAGE_OK) {
		if (m.type != MESSAGE_COMMAND)
			return false;
		book(s, t, &m);
	}
	return true;
}

enum sim_command_result
sim_command_take(struct sim *s, struct sim_tracker *t, const uint8_t *p, size_t n, size_t *used)
{
	struct sim_command *c = state_of(s, t);
	enum stream_result r = STREAM_BAD_LENGTH;
	struct stream_item item = {0};

	*used = 0;
	if (c != NULL && c->have == 0) {
		memset(c->in, 0, PREAMBLE);
		c->have = PREAMBLE;
	}
	while (c != NULL) {
		size_t part;

		r = stream_next(c->in, c->have, true, &item);
		if (r != STREAM_MORE || item.need > sizeof(c->in))
			break;
		part = item.need - c->have;
		if (part > n - *used)
			part = n - *used;
		if (part == 0)
			return SIM_COMMAND_MORE;
		memcpy(c->in + c->have, p + *used, part);
		c->have += (uint32_t)part;
		*used += part;
	}
	if (r == STREAM_FRAME && book_all(s, t, &item)) {
		c->have = 0;
		return SIM_COMMAND_WHOLE;
	}
	s->count.commands_bad++;
	return SIM_COMMAND_BAD;
}

bool
sim_command_begun(const struct sim_tracker *t)
{
	return t->command != NULL && t->command->have > 0;
}

void
sim_command_unasked(struct sim *s, struct sim_tracker *t)
{
	static const char text[] = "Unsolicited message";
	struct sim_command *c = state_of(s, t);
	struct answer *a = c != NULL ? place(s, c, s->now_ms) : NULL;

	if (a == NULL)
		return;
	a->kind = UNASKED;
	a->len = (uint32_t)message_write(
	    CODEC_12, MESSAGE_RESPONSE, 0, text, sizeof(text) - 1, a->frame, sizeof(a->frame));
}

bool
sim_command_waits(const struct sim_tracker *t)
{
	return t->command != NULL && t->command->waiting > 0;
}

bool
sim_command_partly_sent(const struct sim_tracker *t)
{
	return t->command != NULL && t->command->out > 0;
}

bool
sim_command_due(const struct sim *s, const struct sim_tracker *t)
{
	return sim_command_waits(t) && t->command->answer[0].due_ms <= s->now_ms;
}

int64_t
sim_command_next_ms(const struct sim *s, const struct sim_tracker *t)
{
	if (t->command == NULL)
		return INT64_MAX;
	for (uint32_t i = 0; i < t->command->waiting; i++)
		if (t->command->answer[i].due_ms > s->now_ms)
			return t->command->answer[i].due_ms;
	return INT64_MAX;
}

/* The first answer is out. */
static void
count_sent(struct sim *s, struct sim_command *c)
{
	const struct answer *a = &c->answer[0];

	if (a->kind == UNASKED) {
		s->count.unsolicited++;
	} else if (a->kind == NACK) {
		s->count.commands_nacked++;
	} else {
		s->count.commands_answered++;
	}
	s->count.commands_late += a->late;
	drop_first(s, c);
}

enum sim_command_sent
sim_command_send(struct sim *s, struct sim_tracker *t)
{
	struct sim_command *c = t->command;

	while (sim_command_due(s, t)) {
		struct answer *a = &c->answer[0];
		size_t left = a->len - c->out, part = left;
		ssize_t sent;

		if (a->kind == HANG_UP) {
			s->count.commands_hung_up++;
			drop_first(s, c);
			return SIM_COMMAND_HANG_UP;
		}
		/* The first cut is a real one; what is left may go in one. */
		if (a->split)
			part = 1 + sim_random_below(&a->rng, (uint32_t)left - (c->out == 0));
		sent = send(t->fd, a->frame + c->out, part, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent == -1)
			return errno == EAGAIN ? SIM_COMMAND_BLOCKED : SIM_COMMAND_LOST;
		s->count.bytes_sent += (uint64_t)sent;
		t->sent_ms = s->now_ms;
		c->out += (uint32_t)sent;
		if (c->out == a->len) {
			count_sent(s, c);
		} else if ((size_t)sent == part) {
			t->resume_ms = s->now_ms + PIECE_PAUSE_MS +
				       sim_random_below(&a->rng, PIECE_PAUSE_MS + 1);
			return SIM_COMMAND_BLOCKED;
		}
	}
	return SIM_COMMAND_NONE_DUE;
}

void
sim_command_forget(struct sim *s, struct sim_tracker *t)
{
	struct sim_command *c = t->command;

	if (c == NULL)
		return;
	for (; c->waiting > 0; drop_first(s, c))
		s->count.commands_dropped += c->answer[0].kind != UNASKED;
	c->have = 0;
	c->last_ms = 0;
}

void
sim_command_free(struct sim_tracker *t)
{
	free(t->command);
	t->command = NULL;
}
