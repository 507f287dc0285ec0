/* What a simulated tracker hears: the answer to its IMEI, acknowledgements, commands. */
#include "tool/sim/sim.h"

#include "proto/wire.h"
#include "tool/sim/random.h"

/* The answer to the IMEI. */
static enum sim_received
take_answer(struct sim *s, struct sim_tracker *t, uint8_t answer)
{
	if (answer != 1) {
		if (answer == 0)
			s->count.refused++;
		else
			s->count.wrong_acks++;
		return answer == 0 && !s->opt.retry_refused ? SIM_GIVE_UP : SIM_LOSE;
	}
	s->count.handshakes++;
	s->opening--;
	s->up++;
	t->state = SIM_UP;
	t->progress_ms = s->now_ms;
	if (s->opt.idle || s->opt.handshake_only)
		t->fails = 0;
	if (!s->opt.handshake_only)
		return SIM_GO_ON;
	sim_hist_add(&s->latency, (s->now_ns - t->opened_ns) / 1000);
	return ++t->acked >= sim_frames_wanted(s) ? SIM_FINISH : SIM_COME_BACK;
}

/* Four bytes that should acknowledge the oldest frame. */
static enum sim_received
take_ack(struct sim *s, struct sim_tracker *t, uint32_t records)
{
	struct sim_unacked *frame;

	if (t->sent == 0 || records != s->opt.records || sim_unacked_at(s, t, 0)->spoilt) {
		/* There is no partial acceptance: everything comes again, on a fresh stream. */
		s->count.wrong_acks++;
		return SIM_LOSE;
	}
	frame = sim_unacked_at(s, t, 0);
	t->fails = 0;
	t->progress_ms = s->now_ms;
	t->head = t->head + 1 < s->opt.window ? t->head + 1 : 0;
	t->used--;
	t->sent--;
	s->in_flight--;
	sim_hist_add(&s->latency, (s->now_ns - frame->sent_ns) / 1000);
	if (frame->repeat)
		return SIM_GO_ON;
	t->acked++;
	t->acked_here++;
	s->count.frames_acked++;
	s->count.records_acked += records;
	sim_log_unacked(s, &s->acked_log, t, frame);
	if (!s->stopping && sim_random_percent(&t->rng, s->opt.unsolicited))
		sim_command_unasked(s, t);
	if (!s->stopping && sim_random_percent(&t->rng, s->opt.duplicate)) {
		struct sim_unacked *last = sim_unacked_at(s, t, t->used), old = *last;

		*last = *frame;
		if (frame != last)
			*frame = old;
		last->repeat = true;
		t->used++;
		s->in_flight++;
	}
	return SIM_GO_ON;
}

/*
 * One byte of an ACK, or of a preamble: it sends no frames without records, so four zero bytes
 * acknowledge nothing.
 */
static enum sim_received
take_word(struct sim *s, struct sim_tracker *t, uint8_t byte)
{
	uint32_t word;

	t->in[t->in_len++] = byte;
	if (t->in_len < sizeof(t->in))
		return SIM_GO_ON;
	word = wire_u32(t->in);
	if (word == 0)
		return SIM_GO_ON; /* in_len says that a command is coming */
	t->in_len = 0;
	return take_ack(s, t, word);
}

/* A piece of a command, of `*used` bytes. */
static enum sim_received
take_command(struct sim *s, struct sim_tracker *t, const uint8_t *p, size_t n, size_t *used)
{
	switch (sim_command_take(s, t, p, n, used)) {
	case SIM_COMMAND_BAD:
		return SIM_LOSE;
	case SIM_COMMAND_WHOLE:
		t->in_len = 0;
		break;
	case SIM_COMMAND_MORE:
		break;
	}
	return SIM_GO_ON;
}

enum sim_received
sim_receive(struct sim *s, struct sim_tracker *t, const uint8_t *p, size_t n)
{
	enum sim_received r = SIM_GO_ON;

	for (size_t used; n > 0 && r == SIM_GO_ON; p += used, n -= used) {
		used = 1;
		if (t->state == SIM_OPENING)
			r = take_answer(s, t, *p);
		else if (t->in_len < sizeof(t->in))
			r = take_word(s, t, *p);
		else
			r = take_command(s, t, p, n, &used);
	}
	return r;
}
