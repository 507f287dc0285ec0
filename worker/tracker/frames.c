/*
 * Frames: from a connection into the filling batch, and their acknowledgements back
 * once they are stored.
 */
#include <arpa/inet.h>
#include <string.h>

#include "common/clock.h"
#include "worker/tracker/conn_impl.h"
#include "pg/row.h"
#include "worker/tracker/trace.h"

#define REF_BATCH 0x80000000u

static struct frame *
frame_of(struct conns *cs, uint32_t ref)
{
	struct batch *b = store_batch(cs->parts.store, (ref & REF_BATCH) != 0);

	return &b->frames[ref & ~REF_BATCH];
}

static uint32_t
ref_of(struct conns *cs, const struct batch *b, uint32_t frame)
{
	return frame | (store_which(cs->parts.store, b) ? REF_BATCH : 0);
}

/* ---- in ---- */

/*
 * The same bytes again while the first still wait for their ACK: one answer serves
 * both, a second would be taken for that of the next frame (doc/protocol.md, Acknowledgements).
 */
static bool
is_waiting_already(struct conns *cs, const struct conn *c, const uint8_t *raw, size_t len)
{
	for (uint32_t ref = c->first_frame; ref != NO_REF;) {
		const struct frame *f = frame_of(cs, ref);

		if (f->raw_len == len &&
		    memcmp(batch_raw(store_batch(cs->parts.store, (ref & REF_BATCH) != 0), f), raw,
			len) == 0)
			return true;
		ref = f->next;
	}
	return false;
}

static void
link_frame(struct conns *cs, struct conn *c, uint32_t ref)
{
	struct frame *f = frame_of(cs, ref);

	f->next = NO_REF;
	if (c->first_frame == NO_REF)
		c->first_frame = ref;
	else
		frame_of(cs, c->last_frame)->next = ref;
	c->last_frame = ref;
	c->in_flight++;
}

static void
count_frame(
    struct conns *cs, struct conn *c, const struct frame_facts *facts, const struct verdict *v)
{
	struct stats *st = cs->cfg.stats;

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
	conn_log(cs, c, LOG_WARN_, "bad frame (%s, codec %02x, %u records): %s", v->reason,
	    facts->codec, facts->count1,
	    v->what == VERDICT_CLOSE ? "not acknowledged, connection closed"
	    : v->ack		     ? "quarantined and acknowledged"
				     : "quarantined, not acknowledged");
}

/* A frame that shares the answer of its twin. */
static void
count_again(struct conns *cs, const struct frame_facts *facts)
{
	struct stats *st = cs->cfg.stats;

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
	    .imei = c->session.imei,
	    .device_id = c->device_id,
	    .entry = c->entry,
	    .received_mono_us = now_us,
	    .received_wall_us = clock_wall_us(),
	    .family = c->family,
	};

	memcpy(from.addr, c->addr, sizeof(from.addr));
	return from;
}

static void
book_received(struct conns *cs, uint64_t records)
{
	stats_begin(cs->cfg.stats);
	stats_add(&cs->cfg.stats->records, records);
	stats_add(&cs->cfg.stats->in_flight, records);
	stats_end(cs->cfg.stats);
}

/*
 * Arrival is a part of a message's key in device_messages: two with the same bytes within a
 * microsecond are two. (A clock that was set back is followed all the same.)
 */
static int64_t
message_time(struct conns *cs, int64_t now_us)
{
	int64_t last = cs->last_message_us;

	if (now_us <= last && last - now_us < 1000000)
		now_us = last + 1;
	return cs->last_message_us = now_us;
}

/* Puts the frame into the batch as the verdict says. BATCH_NONE: memory is short. */
static uint32_t
add_to_batch(struct conns *cs, struct conn *c, struct batch *b, const struct verdict *v,
    const struct avl_frame *avl, const uint8_t *raw, size_t len, int64_t now_us)
{
	struct frame_source from = source_of(c, v->ack || v->what == VERDICT_STORE, now_us);
	uint32_t frame;

	switch (v->what) {
	case VERDICT_STORE:
		frame = batch_add_records(b, &from, raw, len, cs->records, avl->nrecords);
		break;
	case VERDICT_MESSAGE:
		from.received_wall_us = message_time(cs, from.received_wall_us);
		frame = batch_add_raw(b, &from, FRAME_MESSAGE, NULL, raw, len, 0);
		if (frame != BATCH_NONE)
			conn_command_answer(
			    cs, c, &b->frames[frame], raw + 8, len - FRAME_OVERHEAD);
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
	book_received(cs, b->frames[frame].count);
	if (from.conn != 0)
		link_frame(cs, c, ref_of(cs, b, frame));
	store_kick(cs->parts.store);
	return frame;
}

static size_t
rows_bound(const struct conns *cs, const struct avl_frame *avl)
{
	size_t n = 0;

	for (uint16_t i = 0; i < avl->nrecords; i++)
		n += row_bound(&cs->records[i]);
	return n;
}

bool
frames_take(struct conns *cs, struct conn *c, const uint8_t *raw, const struct stream_item *item,
    int64_t now_us)
{
	struct batch *b = store_filling(cs->parts.store);
	struct avl_frame avl = {0};
	struct message_walk walk;
	struct frame_facts facts = {.codec = item->body[0],
	    .count1 = item->body[1],
	    .crc_ok = item->crc_ok,
	    .codecs = c->codecs};

	if (is_waiting_already(cs, c, raw, item->len)) {
		count_again(cs, &facts);
		trace_event(c, "frame_again", "\"bytes\":%zu", item->len);
		return true;
	}
	if (item->crc_ok && codec_is_avl(facts.codec))
		facts.avl = avl_decode(item->body, item->body_len, &avl, cs->records);
	else if (item->crc_ok && codec_is_message(facts.codec))
		facts.message = message_open(&walk, item->body, item->body_len);
	if (!batch_has_room(b, item->len, avl.nrecords, rows_bound(cs, &avl)))
		return false;
	if (!item->crc_ok)
		facts.crc_arrivals = crc_ledger_count(cs->cfg.crc_ledger, c->session.imei,
		    hash_bytes(raw, item->len), clock_wall_ms());
	struct verdict v = session_judge(&facts);
	count_frame(cs, c, &facts, &v);
	trace_frame(c, &facts, &v, item->len);
	stats_add(&cs->cfg.stats->io_total_mismatch, avl.total_mismatches);
	if ((v.what != VERDICT_CLOSE || cs->cfg.conf->ingest_raw != INGEST_RAW_OFF) &&
	    add_to_batch(cs, c, b, &v, &avl, raw, item->len, now_us) == BATCH_NONE)
		conn_close(cs, c, WHY_MEMORY);
	else if (v.what == VERDICT_CLOSE)
		conn_close(cs, c, WHY_BAD_CRC);
	return true;
}

void
frames_forget(struct conns *cs, struct conn *c)
{
	struct batch *filling = store_filling(cs->parts.store);
	uint64_t forgotten = 0;

	for (uint32_t ref = c->first_frame; ref != NO_REF;) {
		struct frame *f = frame_of(cs, ref);

		f->from.conn = 0;
		if (f->kind == FRAME_RECORDS &&
		    store_batch(cs->parts.store, (ref & REF_BATCH) != 0) == filling) {
			f->forgotten = true;
			forgotten += f->count;
		}
		ref = f->next;
	}
	c->first_frame = c->last_frame = NO_REF;
	c->in_flight = 0;
	stats_begin(cs->cfg.stats);
	stats_add(&cs->cfg.stats->refused, forgotten);
	stats_sub(&cs->cfg.stats->in_flight, forgotten);
	stats_end(cs->cfg.stats);
}

/* ---- back ---- */

/* Answers what is done at the head of the connection's frames: in order, in one piece. */
static void
answer(struct conns *cs, struct conn *c, int64_t now_us)
{
	uint32_t acks[SESSION_MAX_IN_FLIGHT];
	int64_t after_us[SESSION_MAX_IN_FLIGHT];
	size_t n = 0;

	while (c->first_frame != NO_REF && n < SESSION_MAX_IN_FLIGHT) {
		struct frame *f = frame_of(cs, c->first_frame);

		if (!f->done)
			break;
		trace_stored(
		    cs, store_batch(cs->parts.store, (c->first_frame & REF_BATCH) != 0), f);
		after_us[n] = now_us - f->from.received_mono_us;
		stats_observe(&cs->cfg.stats->ack_us, stats_time_bounds_us, (uint64_t)after_us[n]);
		acks[n++] = htonl(f->count);
		f->answered = true;
		c->first_frame = f->next;
		c->in_flight--;
		f->from.conn = 0;
	}
	if (n == 0)
		return;
	if (c->first_frame == NO_REF)
		c->last_frame = NO_REF;
	c->proven = true;
	if (!conn_send(c, acks, n * sizeof(acks[0]))) {
		conn_close(cs, c, WHY_STUCK);
		return;
	}
	stats_add(&cs->cfg.stats->acks, n);
	trace_acks(c, acks, after_us, n);
	conn_command_acked(cs, c);
	conn_settle(cs, c);
	if (!c->dead && !c->closing && !c->paused)
		conn_resume(cs, c);
}

void
conns_stored(void *ctx, struct batch *b)
{
	struct conns *cs = ctx;
	int64_t now_us = clock_mono_us();

	for (uint32_t i = 0; i < b->nframes; i++) {
		struct frame *f = &b->frames[i];
		struct conn *c;

		if (f->from.conn == 0 || !(f->done || f->unstorable))
			continue;
		if ((c = conn_find(cs, f->from.conn)) == NULL)
			f->from.conn = 0;
		else if (f->unstorable)
			conn_close(cs, c, WHY_UNSTORABLE);
		else
			answer(cs, c, now_us);
	}
}

void
conns_finished(void *ctx, struct batch *b)
{
	struct conns *cs = ctx;

	for (uint32_t i = 0; i < b->nframes; i++) {
		const struct frame *f = &b->frames[i];

		if (!f->answered && !f->forgotten && !f->unstorable)
			trace_stored(cs, b, f);
		if (f->command.id != 0)
			conns_command_stored(cs, f);
	}
}
