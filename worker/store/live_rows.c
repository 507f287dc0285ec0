/* What a finished batch means for the live rows: once per device, whatever it holds of it. */
#include "worker/store/store_impl.h"
#include "worker/task/live.h"

/* What b->order[from..to), one device's rows in the order of their times, means for its live row. */
static void
move_live_row(struct store *s, uint32_t from, uint32_t to)
{
	const struct batch *b = s->storing;
	const struct row *last = &b->rows[b->order[to - 1]];
	struct live_device d = {.entry = b->frames[last->frame].from.entry,
	    .device_id = last->device_id,
	    .seen_ms = b->frames[last->frame].from.received_wall_us / 1000};

	for (uint32_t i = to; i-- > from;) {
		const struct row *r = &b->rows[b->order[i]];
		int64_t received_ms = b->frames[r->frame].from.received_wall_us / 1000;

		if (r->state != ROW_REFUSED && live_look(&d, b->bytes + r->off, received_ms))
			break;
	}
	live_stored(s->cfg.live, &d);
}

void
store_move_live_rows(struct store *s)
{
	const struct batch *b = s->storing;

	for (uint32_t i = 0, end; i < b->norder; i = end) {
		int64_t device = b->rows[b->order[i]].device_id;

		for (end = i + 1; end < b->norder && b->rows[b->order[end]].device_id == device;)
			end++;
		move_live_row(s, i, end);
	}
	for (uint32_t i = 0; i < b->nframes; i++) {
		const struct frame *f = &b->frames[i];

		if ((f->kind == FRAME_MESSAGE || f->kind == FRAME_QUARANTINE) && !f->aside)
			live_seen(s->cfg.live, f->from.entry, f->from.device_id,
			    f->from.received_wall_us / 1000);
	}
}
