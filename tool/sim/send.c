/* A simulated tracker's bytes on their way out: its IMEI packet and its AVL frames. */
#include "tool/sim/sim.h"

#include "tool/sim/random.h"

static size_t
imei_packet(const struct sim_tracker *t, uint8_t packet[IMEI_PACKET])
{
	uint64_t left = t->imei;

	packet[0] = 0;
	packet[1] = IMEI_DIGITS;
	for (unsigned i = IMEI_DIGITS; i > 0; left /= 10)
		packet[1 + i--] = (uint8_t)('0' + left % 10);
	return IMEI_PACKET;
}

int
sim_send_gather(const struct sim *s, const struct sim_tracker *t, uint8_t packet[IMEI_PACKET],
    struct iovec iov[SIM_IOVS], size_t *total)
{
	size_t len = sim_frame_len(s, t);
	int n = 0;

	*total = 0;
	if (t->imei_out < IMEI_PACKET) {
		iov[n].iov_len = imei_packet(t, packet) - t->imei_out;
		iov[n].iov_base = packet + t->imei_out;
		*total += iov[n++].iov_len;
	}
	if (t->state == SIM_OPENING && !s->opt.glue)
		return n;
	for (uint32_t i = t->sent; i < t->used && n < SIM_IOVS; i++) {
		uint32_t skip = i == t->sent ? t->out : 0;

		iov[n].iov_base = sim_unacked_at(s, t, i)->frame + skip;
		iov[n].iov_len = len - skip;
		*total += iov[n++].iov_len;
		/* No further than to the end of a frame: an answer goes out behind it. */
		if (sim_command_due(s, t))
			break;
	}
	return n;
}

void
sim_send_advance(struct sim *s, struct sim_tracker *t, size_t bytes)
{
	size_t len = sim_frame_len(s, t);

	s->count.bytes_sent += bytes;
	t->sent_ms = s->now_ms;
	if (t->imei_out < IMEI_PACKET) {
		size_t part = (size_t)(IMEI_PACKET - t->imei_out);

		if (part > bytes)
			part = bytes;
		t->imei_out = (uint8_t)(t->imei_out + part);
		bytes -= part;
	}
	while (bytes > 0) {
		size_t part = len - t->out;
		struct sim_unacked *frame = sim_unacked_at(s, t, t->sent);

		if (bytes < part) {
			t->out += (uint32_t)bytes;
			return;
		}
		bytes -= part;
		t->out = 0;
		t->sent++;
		if (frame->repeat) {
			s->count.duplicates++;
		} else if (frame->sent_ns != 0) {
			s->count.frames_resent++;
		} else {
			s->count.frames_sent++;
			s->count.records_sent += s->opt.records;
		}
		frame->sent_ns = s->now_ns;
	}
}

int
sim_send_cut(struct sim_tracker *t, struct iovec iov[SIM_IOVS], int n, size_t *total)
{
	size_t left = 1 + sim_random_below(&t->rng, (uint32_t)*total);

	*total = left;
	for (int i = 0; i < n; i++) {
		if (iov[i].iov_len >= left) {
			iov[i].iov_len = left;
			return i + 1;
		}
		left -= iov[i].iov_len;
	}
	return n;
}
