#include "worker/tracker/session.h"

static struct session_step
act(enum session_action action)
{
	return (struct session_step){.action = action};
}

static struct session_step
close_for(enum close_reason reason)
{
	return (struct session_step){.action = SESSION_CLOSE, .reason = reason};
}

struct session_step
session_item(
    enum conn_state state, uint64_t imei, enum stream_result result, const struct stream_item *item)
{
	bool open = state == CONN_OPEN;

	if (!open && state != CONN_HANDSHAKE)
		return act(SESSION_NOTHING);
	switch (result) {
	case STREAM_IMEI:
		if (!open)
			return act(SESSION_LOOK_UP);
		/* Records must never be booked to two devices on one connection. */
		return item->imei == imei ? act(SESSION_WELCOME_AGAIN)
					  : close_for(CLOSE_OTHER_IMEI);
	case STREAM_FRAME:
		return open ? act(SESSION_TAKE_FRAME) : close_for(CLOSE_HANDSHAKE);
	case STREAM_BAD_IMEI:
		return close_for(CLOSE_HANDSHAKE);
	case STREAM_BAD_PREAMBLE:
		return close_for(CLOSE_OUT_OF_STEP);
	case STREAM_BAD_LENGTH:
		return close_for(CLOSE_LENGTH);
	case STREAM_PING:
	case STREAM_MORE:
		break;
	}
	return act(SESSION_NOTHING);
}

struct session_step
session_answer(enum conn_state state, enum lookup_answer answer)
{
	if (state != CONN_ASKING)
		return act(SESSION_NOTHING);
	switch (answer) {
	case LOOKUP_KNOWN:
		return act(SESSION_WELCOME);
	case LOOKUP_UNKNOWN:
		return close_for(CLOSE_UNKNOWN);
	case LOOKUP_DISABLED:
		return close_for(CLOSE_DISABLED);
	case LOOKUP_FULL:
		return close_for(CLOSE_REGISTRY_FULL);
	case LOOKUP_UNAVAILABLE:
		break;
	}
	/* 00 would mean that we know: close without a word, the tracker tries again. */
	return close_for(CLOSE_UNAVAILABLE);
}

static bool
codec_allowed(uint8_t codec, uint32_t codecs)
{
	switch (codec) {
	case CODEC_8:
		return codecs & CODEC_MAY_8;
	case CODEC_8E:
		return codecs & CODEC_MAY_8E;
	case CODEC_16:
		return codecs & CODEC_MAY_16;
	case CODEC_12:
		return codecs & CODEC_MAY_12;
	case CODEC_13:
		return codecs & CODEC_MAY_13;
	case CODEC_14:
		return codecs & CODEC_MAY_14;
	case CODEC_15:
		return codecs & CODEC_MAY_15;
	default:
		return true; /* nobody knows it */
	}
}

static struct verdict
judge_bad_crc(const struct frame_facts *f)
{
	struct verdict v = {.what = VERDICT_CLOSE, .reason = "crc"};

	if (f->crc_arrivals >= SESSION_CRC_TRIES) {
		/* Not line noise: the tracker means these bytes, and they'd block it for good. */
		v.what = VERDICT_QUARANTINE;
		v.ack = codec_is_avl(f->codec);
		v.count = v.ack ? f->count1 : 0;
	}
	return v;
}

struct verdict
session_judge(const struct frame_facts *f)
{
	struct verdict v = {.what = VERDICT_QUARANTINE};
	bool allowed = codec_allowed(f->codec, f->codecs);

	if (!f->crc_ok)
		return judge_bad_crc(f);
	if (codec_is_message(f->codec)) {
		if (!allowed)
			v.reason = "codec";
		else if (f->message != MESSAGE_OK)
			v.reason = "message";
		else
			v.what = VERDICT_MESSAGE;
		return v;
	}
	if (!codec_is_avl(f->codec)) {
		/* Nobody knows the form of its answer. */
		v.reason = "unknown_codec";
		return v;
	}
	v.ack = true;
	v.count = f->count1;
	if (!allowed)
		v.reason = "codec";
	else if (f->avl == AVL_BAD_COUNT)
		v.reason = "count";
	else if (f->avl != AVL_OK)
		v.reason = "structure";
	else
		v.what = VERDICT_STORE;
	return v;
}
