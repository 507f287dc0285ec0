/*
 * Fuzz target: what a tracker says, item by item, through the judgements of its session. Whatever comes, in whatever order:
 * a state is followed by one that may follow it, nothing is stored before the IMEI was welcome or of another one, what is
 * stored was whole and allowed, and only codecs that have an answer are acknowledged.
 *
 * Input: what the registry answers (1), which codecs the model may use (1), arrivals of a wrong CRC (1), then the stream.
 */
#include "t/fuzz/fuzz.h"

#include <string.h>

#include "shm/registry.h"
#include "worker/tracker/session.h"

#define HEAD 3

struct talk {
	enum conn_state state;
	uint64_t imei;
	enum lookup_answer answer;
	uint32_t codecs, crc_arrivals;
};

static void
move(struct talk *t, enum conn_state to)
{
	REQUIRE(state_may_follow(t->state, to));
	t->state = to;
}

/* In any state but these two nothing has a meaning. */
static void
check_deaf_states(enum stream_result result, const struct stream_item *item, uint64_t imei)
{
	for (int state = 0; state < CONN_STATES; state++)
		if (state != CONN_HANDSHAKE && state != CONN_OPEN)
			REQUIRE(session_item(state, imei, result, item).action == SESSION_NOTHING);
}

static uint32_t
may_bit(uint8_t codec)
{
	switch (codec) {
	case CODEC_8:
		return CODEC_MAY_8;
	case CODEC_8E:
		return CODEC_MAY_8E;
	case CODEC_16:
		return CODEC_MAY_16;
	case CODEC_12:
		return CODEC_MAY_12;
	case CODEC_13:
		return CODEC_MAY_13;
	case CODEC_14:
		return CODEC_MAY_14;
	case CODEC_15:
		return CODEC_MAY_15;
	default:
		return 0;
	}
}

static void
check_verdict(const struct frame_facts *f, const struct verdict *v)
{
	bool avl = codec_is_avl(f->codec), message = codec_is_message(f->codec);
	bool allowed = (f->codecs & may_bit(f->codec)) != 0;

	REQUIRE((v->reason == NULL) == (v->what == VERDICT_STORE || v->what == VERDICT_MESSAGE));
	REQUIRE(v->ack == (avl && v->what != VERDICT_CLOSE));
	REQUIRE(v->count == (v->ack ? f->count1 : 0));
	REQUIRE((v->what == VERDICT_CLOSE) == (!f->crc_ok && f->crc_arrivals < SESSION_CRC_TRIES));
	REQUIRE((v->what == VERDICT_STORE) == (f->crc_ok && avl && allowed && f->avl == AVL_OK));
	REQUIRE((v->what == VERDICT_MESSAGE) ==
		(f->crc_ok && message && allowed && f->message == MESSAGE_OK));
	if (f->crc_ok && !avl && !message)
		REQUIRE(strcmp(v->reason, "unknown_codec") == 0);
}

static void
judge(struct talk *t, const struct stream_item *item)
{
	static struct avl_record records[AVL_MAX_RECORDS];
	struct frame_facts f = {.codec = item->body[0],
	    .count1 = item->body[1],
	    .crc_ok = item->crc_ok,
	    .crc_arrivals = item->crc_ok ? 0 : t->crc_arrivals,
	    .codecs = t->codecs};
	struct avl_frame avl;
	struct message_walk walk;
	struct verdict v;

	if (item->crc_ok && codec_is_avl(f.codec))
		f.avl = avl_decode(item->body, item->body_len, &avl, records);
	else if (item->crc_ok && codec_is_message(f.codec))
		f.message = message_open(&walk, item->body, item->body_len);
	v = session_judge(&f);
	check_verdict(&f, &v);
	if (v.what == VERDICT_CLOSE)
		move(t, CONN_CLOSING);
}

static void
step(struct talk *t, enum stream_result result, const struct stream_item *item)
{
	struct session_step s = session_item(t->state, t->imei, result, item);

	switch (s.action) {
	case SESSION_NOTHING:
		REQUIRE(result == STREAM_PING);
		break;
	case SESSION_LOOK_UP:
		REQUIRE(result == STREAM_IMEI && t->state == CONN_HANDSHAKE);
		t->imei = item->imei;
		move(t, CONN_ASKING);
		s = session_answer(t->state, t->answer);
		REQUIRE(s.action == (t->answer == LOOKUP_KNOWN ? SESSION_WELCOME : SESSION_CLOSE));
		move(t, s.action == SESSION_WELCOME ? CONN_OPEN : CONN_CLOSING);
		break;
	case SESSION_WELCOME:
		REQUIRE(!"welcome without a look into the registry");
		break;
	case SESSION_WELCOME_AGAIN:
		REQUIRE(result == STREAM_IMEI && t->state == CONN_OPEN && item->imei == t->imei);
		break;
	case SESSION_TAKE_FRAME:
		REQUIRE(result == STREAM_FRAME && t->state == CONN_OPEN);
		judge(t, item);
		break;
	case SESSION_CLOSE:
		REQUIRE(result != STREAM_PING && s.reason < CLOSE_COUNT);
		move(t, CONN_CLOSING);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum lookup_answer answers[] = {
	    LOOKUP_KNOWN, LOOKUP_UNKNOWN, LOOKUP_DISABLED, LOOKUP_UNAVAILABLE, LOOKUP_FULL};
	struct talk t = {.state = CONN_HANDSHAKE};
	size_t at = HEAD;

	if (size < HEAD)
		return 0;
	t.answer = data[0] < 200 ? LOOKUP_KNOWN : answers[data[0] % 5];
	t.codecs = data[1] == 0xff ? CODEC_MAY_ALL : data[1];
	t.crc_arrivals = 1 + data[2] % 4;
	while (t.state != CONN_CLOSING) {
		struct stream_item item;
		enum stream_result result =
		    stream_next(data + at, size - at, t.state == CONN_OPEN, &item);

		if (result == STREAM_MORE)
			break;
		check_deaf_states(result, &item, t.imei);
		step(&t, result, &item);
		if (result < STREAM_BAD_IMEI)
			at += item.len;
	}
	return 0;
}

/* A whole talk: IMEI, frame, ping, the IMEI again, the frame again with a wrong CRC. */
size_t
fuzz_seed(const struct vector *v, uint8_t out[FUZZ_SEED_MAX])
{
	static const char imei[] = "\0\017356307042441013";
	static unsigned turn;
	const size_t said = sizeof(imei) - 1;
	size_t n = HEAD;

	if (!v->tcp || HEAD + 2 * said + 1 + 2 * v->len > FUZZ_SEED_MAX)
		return 0;
	turn++;
	out[0] = turn % 8 == 0 ? 200 + (uint8_t)(turn / 8 % 5) : 0;
	out[1] = turn % 4 == 0 ? (uint8_t)turn : 0xff;
	out[2] = (uint8_t)turn;
	memcpy(out + n, imei, said);
	memcpy(out + n + said, v->bytes, v->len);
	n += said + v->len;
	out[n++] = 0xff;
	memcpy(out + n, imei, said);
	memcpy(out + n + said, v->bytes, v->len);
	n += said + v->len;
	out[n - 1] ^= 1;
	return n;
}
