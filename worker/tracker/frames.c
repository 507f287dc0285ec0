#include "worker/tracker/frames.h"

#include <arpa/inet.h>
#include <string.h>

#include "common/clock.h"
#include "common/db_clock.h"
#include "worker/tracker/conn_command.h"
#include "worker/tracker/trace.h"

/* A reference: the index of a frame, and in which of the batches. CONN_NO_FRAME is none. */
#define REF_SHIFT 30
#define REF_FRAME ((UINT32_C(1) << REF_SHIFT) - 1)

static struct batch *
batch_of(struct trackers *t, uint32_t ref)
{
	return store_batch(t->parts.store, (int)(ref >> REF_SHIFT));
}

static struct frame *
frame_of(struct trackers *t, uint32_t ref)
{
	return &batch_of(t, ref)->frames[ref & REF_FRAME];
}

static uint32_t
make_ref(int which, uint32_t frame)
{
	return frame | (uint32_t)which << REF_SHIFT;
}

/* ---- in ---- */

/*
 * The same bytes again while the first still wait for their ACK: one answer serves
 * both, a second would be taken for that of the next frame (doc/protocol.md, Acknowledgements).
 */
static bool
is_waiting_already(struct trackers *t, const struct conn *c, const uint8_t *raw, size_t len)
{
	for (uint32_t ref = c->first_frame; ref != CONN_NO_FRAME;) {
		const struct frame *f = frame_of(t, ref);

		if (f->raw_len == len && memcmp(batch_raw(batch_of(t, ref), f), raw, len) == 0)
			return true;
		ref = f->next;
	}
	return false;
}

static void
link_frame(struct trackers *t, struct conn *c, uint32_t ref)
{
	struct frame *f = frame_of(t, ref);

	f->next = CONN_NO_FRAME;
	if (c->first_frame == CONN_NO_FRAME)
		c->first_frame = ref;
	else
		frame_of(t, c->last_frame)->next = ref;
	c->last_frame = ref;
	c->in_flight++;
}

static void
count_frame(const struct conn *c, const struct frame_facts *facts, const struct verdict *v)
{
	struct stats *st = c->set->stats;

	stats_add(codec_is_message(facts->codec) ? &st->frames_message : &st->frames_avl, 1);
	if (v->reason == NULL)
		return;
	if (!facts->crc_ok)
		stats_add(&st->err_crc, 1);
	else if (facts->avl == AVL_BAD_COUNT)
		stats_add(&st->err_count, 1);
	else if (strcmp(v->reason, "structure") == 0 || strcmp(v->reason, "message") == 0)
		stats_add(&st->err_structure, 1);
	else if (strcmp(v->reason, "unknown_codec") == 0)
		stats_add(&st->unknown_codec, 1);
	conn_log(c, LOG_WARN_, "bad frame (%s, codec %02x, %u records): %s", v->reason,
	    facts->codec, facts->count1,
	    v->what == VERDICT_CLOSE ? "not acknowledged, connection closed"
	    : v->ack		     ? "quarantined and acknowledged"
				     : "quarantined, not acknowledged");
}

/* A frame that shares the answer of its twin. */
static void
count_again(struct stats *st, const struct frame_facts *facts)
{
	stats_begin(st);
	stats_add(&st->frames_avl, 1);
	stats_add(&st->records, facts->count1);
	stats_add(&st->duplicate, facts->count1);
	if (!facts->crc_ok)
		stats_add(&st->err_crc, 1);
	stats_end(st);
}

static struct frame_source
source_of(const struct conn *c, bool answered, int64_t now_us)
{
	struct frame_source from = {
	    .conn = answered ? conn_token(c) : 0,
	    .imei = c->imei,
	    .device_id = c->device_id,
	    .entry = c->entry,
	    .received_mono_us = now_us,
	    .received_wall_us = db_clock_us(),
	    .family = c->family,
	};

	memcpy(from.addr, c->addr, sizeof(from.addr));
	return from;
}

static void
book_received(struct stats *st, uint64_t records)
{
	stats_begin(st);
	stats_add(&st->records, records);
	stats_add(&st->in_flight, records);
	stats_end(st);
}

/*
 * Arrival is a part of a message's key in device_messages: two with the same bytes within a
 * microsecond are two. (A clock that was set back is followed all the same.)
 */
static int64_t
message_time(struct trackers *t, int64_t now_us)
{
	int64_t last = t->last_message_us;

	if (now_us <= last && last - now_us < 1000000)
		now_us = last + 1;
	return t->last_message_us = now_us;
}

/* Puts the frame into the batch as the verdict says. BATCH_NONE: memory is short. */
static uint32_t
add_to_batch(struct trackers *t, struct conn *c, struct batch *b, const struct verdict *v,
    const struct avl_frame *avl, const uint8_t *raw, size_t len, int64_t now_us)
{
	struct frame_source from = source_of(c, v->ack || v->what == VERDICT_STORE, now_us);
	uint32_t frame;

	switch (v->what) {
	case VERDICT_STORE:
		frame = batch_add_records(b, &from, raw, len, t->records, avl->nrecords);
		break;
	case VERDICT_MESSAGE:
		from.received_wall_us = message_time(t, from.received_wall_us);
		frame = batch_add_raw(b, &from, FRAME_MESSAGE, NULL, raw, len, 0);
		if (frame != BATCH_NONE)
			conn_command_answer(c, &b->frames[frame], raw + 8, len - FRAME_OVERHEAD);
		break;
	case VERDICT_QUARANTINE:
		frame = batch_add_raw(b, &from, FRAME_QUARANTINE, v->reason, raw, len, v->count);
		break;
	default:
		frame = batch_add_raw(b, &from, FRAME_DEBUG, v->reason, raw, len, 0);
		break;
	}
	if (frame == BATCH_NONE)
		return frame;
	b->frames[frame].careful = !c->proven;
	c->records += b->frames[frame].count;
	book_received(t->cfg.stats, b->frames[frame].count);
	if (from.conn != 0)
		link_frame(t, c, make_ref(store_which(t->parts.store, b), frame));
	store_kick(t->parts.store);
	return frame;
}

/* Decodes what a verdict rests on. The records lie in trackers.records. */
static void
look_into(struct trackers *t, const struct stream_item *item, struct frame_facts *facts,
    struct avl_frame *avl)
{
	struct message_walk walk;

	if (!item->crc_ok)
		return;
	if (codec_is_avl(facts->codec))
		facts->avl = avl_decode(item->body, item->body_len, avl, t->records);
	else if (codec_is_message(facts->codec))
		facts->message = message_open(&walk, item->body, item->body_len);
}

bool
frames_take(struct conn *c, const uint8_t *raw, const struct stream_item *item, int64_t now_us)
{
	struct trackers *t = trackers_of(c);
	struct batch *b = store_filling(t->parts.store);
	struct device_entry device;
	struct avl_frame avl = {0};
	struct frame_facts facts = {.codec = item->body[0],
	    .count1 = item->body[1],
	    .crc_ok = item->crc_ok,
	    .codecs = c->codecs};

	/* Something has changed in the registry that the tick will look at: not under an id that is over. */
	if (registry_version(t->cfg.registry) != t->version) {
		registry_get(t->cfg.registry, c->entry, &device);
		if (!device.present || device.id != c->device_id) {
			conn_close(c, CLOSE_REMOVED);
			return true;
		}
	}
	if (is_waiting_already(t, c, raw, item->len)) {
		count_again(t->cfg.stats, &facts);
		trace_event(c, "frame_again", "\"bytes\":%zu", item->len);
		return true;
	}
	look_into(t, item, &facts, &avl);
	if (!batch_has_room(b, item->len, t->records, avl.nrecords))
		return false;
	if (!item->crc_ok)
		facts.crc_arrivals = crc_ledger_count(
		    t->cfg.crc_ledger, c->imei, hash_bytes(raw, item->len), clock_boot_us() / 1000);
	struct verdict v = session_judge(&facts);
	count_frame(c, &facts, &v);
	trace_frame(c, &facts, &v, item->len);
	stats_add(&t->cfg.stats->io_total_mismatch, avl.total_mismatches);
	if ((v.what != VERDICT_CLOSE || t->cfg.conf->ingest_raw != INGEST_RAW_OFF) &&
	    add_to_batch(t, c, b, &v, &avl, raw, item->len, now_us) == BATCH_NONE)
		conn_close(c, CLOSE_MEMORY);
	else if (v.what == VERDICT_CLOSE)
		conn_close(c, CLOSE_CRC);
	return true;
}

void
frames_forget(struct conn *c)
{
	struct trackers *t = trackers_of(c);
	uint64_t forgotten = 0;

	for (uint32_t ref = c->first_frame; ref != CONN_NO_FRAME;) {
		struct frame *f = frame_of(t, ref);

		f->from.conn = 0;
		if (store_forget(t->parts.store, (int)(ref >> REF_SHIFT), ref & REF_FRAME))
			forgotten += f->count;
		ref = f->next;
	}
	c->first_frame = c->last_frame = CONN_NO_FRAME;
	c->in_flight = 0;
	stats_begin(t->cfg.stats);
	stats_add(&t->cfg.stats->refused, forgotten);
	stats_sub(&t->cfg.stats->in_flight, forgotten);
	stats_end(t->cfg.stats);
}

void
frames_moved(struct trackers *t, int from_batch, uint32_t from, int to_batch, uint32_t to)
{
	const uint32_t old = make_ref(from_batch, from), new = make_ref(to_batch, to);
	struct frame *f = frame_of(t, new);
	struct conn *c = f->from.conn != 0 ? conn_find(&t->conns, f->from.conn) : NULL;

	if (c == NULL) {
		f->from.conn = 0;
		return;
	}
	for (uint32_t *ref = &c->first_frame; *ref != CONN_NO_FRAME; ref = &frame_of(t, *ref)->next)
		if (*ref == old) {
			*ref = new;
			break;
		}
	if (c->last_frame == old)
		c->last_frame = new;
}

/* ---- back ---- */

/* Answers what is done at the head of the connection's frames: in order, in one piece. */
static void
answer(struct trackers *t, struct conn *c, int64_t now_us)
{
	uint32_t acks[CONN_MAX_IN_FLIGHT];
	int64_t after_us[CONN_MAX_IN_FLIGHT];
	size_t n = 0;

	while (c->first_frame != CONN_NO_FRAME && n < CONN_MAX_IN_FLIGHT) {
		struct frame *f = frame_of(t, c->first_frame);

		if (!f->done)
			break;
		trace_stored(t, batch_of(t, c->first_frame), f);
		after_us[n] = now_us - f->from.received_mono_us;
		stats_observe(&t->cfg.stats->ack_us, stats_time_bounds_us, (uint64_t)after_us[n]);
		acks[n++] = htonl(f->count);
		f->answered = true;
		c->first_frame = f->next;
		c->in_flight--;
		f->from.conn = 0;
	}
	if (n == 0)
		return;
	if (c->first_frame == CONN_NO_FRAME)
		c->last_frame = CONN_NO_FRAME;
	c->proven = true;
	trace_bytes(c, "out", (const uint8_t *)acks, n * sizeof(acks[0]));
	if (!conn_send(c, acks, n * sizeof(acks[0]))) {
		conn_close(c, CLOSE_STUCK);
		return;
	}
	stats_add(&t->cfg.stats->acks, n);
	trace_acks(c, acks, after_us, n);
	conn_command_acked(c);
	conn_settle(c);
	conn_resume(c);
}

/* Its frame was left out, as its device is another now: there will be no answer to wait for. */
static void
close_removed(struct conn *c)
{
	conn_close(c, CLOSE_REMOVED);
	if (c->state == CONN_CLOSING)
		conn_drop(c);
}

void
frames_stored(struct trackers *t, struct batch *b)
{
	int64_t now_us = clock_mono_us();

	for (uint32_t i = 0; i < b->nframes; i++) {
		struct frame *f = &b->frames[i];
		struct conn *c;

		if (f->from.conn == 0 || !(f->done || f->unstorable || f->forgotten))
			continue;
		if ((c = conn_find(&t->conns, f->from.conn)) == NULL)
			f->from.conn = 0;
		else if (f->forgotten)
			close_removed(c);
		else if (f->unstorable)
			conn_close(c, CLOSE_UNSTORABLE);
		else
			answer(t, c, now_us);
	}
}

void
frames_finished(struct trackers *t, struct batch *b)
{
	for (uint32_t i = 0; i < b->nframes; i++) {
		const struct frame *f = &b->frames[i];

		if (f->aside)
			continue;
		if (!f->answered && !f->forgotten && !f->unstorable)
			trace_stored(t, b, f);
		if (f->command.conn != 0)
			conn_command_stored(t, f);
	}
}
