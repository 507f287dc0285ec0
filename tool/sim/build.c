/* What a simulated tracker records: its clock, its road, its frames. */
#include "tool/sim/sim.h"

#include <stdlib.h>

#include "tool/sim/random.h"

#define BACKLOG_STEP_MS 1000

struct sim_unacked *
sim_unacked_at(const struct sim *s, const struct sim_tracker *t, uint32_t i)
{
	uint32_t at = t->head + i;

	return &t->unacked[at < s->opt.window ? at : at - s->opt.window];
}

size_t
sim_frame_len(const struct sim *s, const struct sim_tracker *t)
{
	return sim_frame_size(t->template, s->opt.records);
}

static bool
make_ring(struct sim *s, struct sim_tracker *t)
{
	size_t len = sim_frame_len(s, t), table = s->opt.window * sizeof(*t->unacked);
	uint8_t *memory = malloc(table + s->opt.window * len);

	if (memory == NULL)
		return false;
	t->unacked = (struct sim_unacked *)memory;
	for (uint32_t i = 0; i < s->opt.window; i++)
		t->unacked[i].frame = memory + table + i * len;
	return true;
}

void
sim_log_unacked(struct sim *s, struct sim_log *log, const struct sim_tracker *t,
    const struct sim_unacked *frame)
{
	char imei[IMEI_DIGITS];
	uint64_t left = t->imei;

	if (log->fd == -1)
		return;
	for (unsigned i = IMEI_DIGITS; i > 0; left /= 10)
		imei[--i] = (char)('0' + left % 10);
	sim_log_frame(log, imei, frame->frame, sim_frame_len(s, t));
}

/*
 * The time between the records of the next frame. Without a fixed step it is what
 * went by since the last frame, at least 1 ms per record, so that timestamps grow
 * however fast the gateway is.
 */
static int64_t
next_step(const struct sim *s, const struct sim_tracker *t)
{
	int64_t gone;

	if (s->step_ms > 0)
		return s->step_ms;
	if (t->built < s->opt.backlog)
		return BACKLOG_STEP_MS;
	gone = (s->wall_ms + s->now_ms - t->clock_ms) / s->opt.records;
	return gone > 1 ? gone : 1;
}

bool
sim_build_frame(struct sim *s, struct sim_tracker *t)
{
	const struct sim_template *template = t->template;
	int64_t step = next_step(s, t);
	struct sim_unacked *frame;
	struct sim_fix fix;

	if (t->unacked == NULL && !make_ring(s, t))
		return false;
	frame = sim_unacked_at(s, t, t->used);
	sim_frame_begin(template, frame->frame, s->opt.records);
	for (uint32_t i = 0; i < s->opt.records; i++) {
		t->clock_ms += step;
		sim_road_step(&t->road, (uint64_t)step, &fix);
		sim_profile_event(template->profile, &fix);
		sim_frame_record(
		    template, frame->frame, i, (uint64_t)(t->clock_ms + t->skew_ms), &fix, t->imei);
	}
	sim_frame_end(template, frame->frame, s->opt.records);
	frame->sent_ns = 0;
	frame->repeat = false;
	sim_log_unacked(s, &s->sent_log, t, frame);
	frame->spoilt = sim_random_percent(&t->rng, s->opt.bad_crc);
	if (frame->spoilt) {
		sim_frame_spoil(frame->frame, sim_frame_len(s, t));
		s->count.spoilt++;
	}
	t->used++;
	if (s->opt.interval_ms > 0 && t->built >= s->opt.backlog)
		t->due_ms += s->opt.interval_ms;
	t->built++;
	s->in_flight++;
	return true;
}
