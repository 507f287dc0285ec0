/*
 * A device may change while its frames wait: deleted, or, when the table was truncated and filled again, with
 * another id, while the old one is another device's. What is not stored yet must not be stored under it.
 */
#include "worker/store/store_impl.h"

static bool
has_changed(const struct store *s, const struct frame *f, int64_t *now)
{
	struct device_entry e;

	*now = 0;
	if (f->from.device_id == 0)
		return false;
	registry_get(s->cfg.registry, f->from.entry, &e);
	*now = e.present ? e.id : 0;
	return *now != f->from.device_id;
}

/* Is a row of such a frame? It is not stored, and its tracker sends it again. */
static bool
leaves(struct store *s, struct row *r, uint64_t *left)
{
	struct frame *f = &s->storing->frames[r->frame];
	int64_t now;

	if (!has_changed(s, f, &now))
		return false;
	r->state = ROW_REFUSED;
	/* The raw bytes of a poisoned one go to quarantine, all of its records with them. */
	if (!f->poisoned) {
		f->forgotten = true;
		(*left)++;
	}
	return true;
}

static uint32_t
filter(struct store *s, const struct store_list *from, uint32_t at, uint32_t end, uint32_t *to,
    uint32_t n, uint64_t *left)
{
	for (; at < end; at++)
		if (!leaves(s, &s->storing->rows[from->at[at]], left))
			to[n++] = from->at[at];
	return n;
}

/* Rows that have not been sent, or have to be sent again: spans come in ascending order. */
static void
filter_rows(struct store *s)
{
	uint32_t n = 0;
	uint64_t left = 0;

	while (pg_isolate_next(&s->spans, UINT32_MAX))
		n = filter(
		    s, &s->listed, s->spans.now.from, s->spans.now.to, s->listed.at, n, &left);
	s->listed.n = n;
	store_refusals_step(s);
	pg_isolate_start(&s->spans, n);
	s->plain.n = filter(s, &s->plain, 0, s->plain.n, s->plain.at, 0, &left);
	stats_begin(s->stats);
	stats_add(&s->stats->refused, left);
	stats_sub(&s->stats->in_flight, left);
	stats_end(s->stats);
}

/* What is stored by its IMEI belongs to whatever device that is now. */
static void
update_frames(struct store *s)
{
	struct batch *b = s->storing;

	for (uint32_t i = 0; i < b->nframes; i++) {
		struct frame *f = &b->frames[i];
		int64_t now;

		if ((f->kind != FRAME_RECORDS || f->poisoned) && has_changed(s, f, &now))
			f->from.device_id = now;
	}
}

void
store_check_devices(struct store *s)
{
	uint64_t *seen = &s->version[store_which(s, s->storing)];
	uint64_t now = registry_version(s->cfg.registry);

	if (*seen == now)
		return;
	*seen = now;
	if (s->step == STEP_INSERT || s->step == STEP_COPY)
		filter_rows(s);
	update_frames(s);
}
