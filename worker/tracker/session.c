#include "worker/tracker/session.h"

void
session_init(struct session *s)
{
	*s = (struct session){.state = SESSION_NEW};
}

bool
session_close(struct session *s, enum session_why why)
{
	if (s->state == SESSION_CLOSING)
		return false;
	s->state = SESSION_CLOSING;
	s->why = (uint8_t)why;
	return true;
}

static enum session_action
close_for(struct session *s, enum session_why why)
{
	return session_close(s, why) ? SESSION_DO_CLOSE : SESSION_DO_NOTHING;
}

static enum session_action
imei_said(struct session *s, uint64_t imei)
{
	if (s->state == SESSION_NEW) {
		s->imei = imei;
		s->state = SESSION_ASKING;
		return SESSION_DO_LOOK_UP;
	}
	/* Records must never be booked to two devices on one connection. */
	return imei == s->imei ? SESSION_DO_WELCOME_AGAIN : close_for(s, WHY_OTHER_IMEI);
}

enum session_action
session_item(struct session *s, enum stream_result result, const struct stream_item *item)
{
	if (s->state != SESSION_NEW && s->state != SESSION_OPEN)
		return SESSION_DO_NOTHING;
	switch (result) {
	case STREAM_PING:
	case STREAM_MORE:
		return SESSION_DO_NOTHING;
	case STREAM_IMEI:
		return imei_said(s, item->imei);
	case STREAM_FRAME:
		return s->state == SESSION_OPEN ? SESSION_DO_TAKE_FRAME
						: close_for(s, WHY_BAD_HANDSHAKE);
	case STREAM_BAD_IMEI:
		return close_for(s, WHY_BAD_HANDSHAKE);
	case STREAM_BAD_PREAMBLE:
		return close_for(s, WHY_BAD_PREAMBLE);
	case STREAM_BAD_LENGTH:
		return close_for(s, WHY_BAD_LENGTH);
	}
	return SESSION_DO_NOTHING;
}

enum session_action
session_answer(struct session *s, enum lookup_answer answer)
{
	if (s->state != SESSION_ASKING)
		return SESSION_DO_NOTHING;
	switch (answer) {
	case LOOKUP_KNOWN:
		s->state = SESSION_OPEN;
		return SESSION_DO_WELCOME;
	case LOOKUP_UNKNOWN:
		session_close(s, WHY_UNKNOWN);
		return SESSION_DO_REFUSE_UNKNOWN;
	case LOOKUP_DISABLED:
		session_close(s, WHY_DISABLED);
		return SESSION_DO_REFUSE_DISABLED;
	case LOOKUP_UNAVAILABLE:
		break;
	}
	/* 00 would mean that we know: close without a word, the tracker tries again. */
	return close_for(s, WHY_UNAVAILABLE);
}

enum session_wait
session_waits_for(const struct session *s, bool has_partial_item)
{
	if (s->state == SESSION_NEW || s->state == SESSION_ASKING)
		return WAIT_HANDSHAKE;
	return has_partial_item ? WAIT_FRAME : WAIT_IDLE;
}

enum session_why
session_timeout_why(enum session_wait wait)
{
	switch (wait) {
	case WAIT_HANDSHAKE:
		return WHY_TIMEOUT_HANDSHAKE;
	case WAIT_FRAME:
		return WHY_TIMEOUT_FRAME;
	case WAIT_IDLE:
		break;
	}
	return WHY_TIMEOUT_IDLE;
}

const char *
session_why_text(enum session_why why)
{
	static const char *const text[WHY_COUNT] = {
	    [WHY_NONE] = "open",
	    [WHY_PEER] = "closed by the tracker",
	    [WHY_BAD_HANDSHAKE] = "not a tracker: no IMEI packet at the start",
	    [WHY_BAD_PREAMBLE] = "stream out of step: no zero preamble",
	    [WHY_BAD_LENGTH] = "frame length out of bounds",
	    [WHY_BAD_CRC] = "wrong CRC",
	    [WHY_OTHER_IMEI] = "said another IMEI on a connection in use",
	    [WHY_UNKNOWN] = "IMEI not in devices",
	    [WHY_DISABLED] = "device is disabled",
	    [WHY_UNAVAILABLE] = "IMEI not known here and the database can't be asked now",
	    [WHY_TAKEN_OVER] = "a newer connection of the same IMEI took over",
	    [WHY_REMOVED] = "device was disabled or deleted",
	    [WHY_TIMEOUT_HANDSHAKE] = "no IMEI in time",
	    [WHY_TIMEOUT_FRAME] = "frame stayed incomplete",
	    [WHY_TIMEOUT_IDLE] = "silent for too long",
	    [WHY_MEMORY] = "the worker's buffers are full",
	    [WHY_DRAIN] = "worker is draining",
	    [WHY_STUCK] = "tracker does not read its acknowledgements",
	    [WHY_BAD_PROXY] = "no valid PROXY header from an address in TELEM_PROXY_FROM",
	    [WHY_GUARDED] = "refused by a guard of the port",
	    [WHY_UNKNOWN_RATE] =
		"unknown IMEI from an address that is over TELEM_UNKNOWN_IMEI_RATE",
	    [WHY_UNSTORABLE] = "its frame can't be stored in any form",
	    [WHY_LATE_ANSWER] =
		"the answer of an older command could be taken for that of the next",
	};

	return why < WHY_COUNT ? text[why] : "unknown";
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
		return true;
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

	if (!f->crc_ok)
		return judge_bad_crc(f);
	if (codec_is_message(f->codec)) {
		if (!codec_allowed(f->codec, f->codecs))
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
	if (!codec_allowed(f->codec, f->codecs))
		v.reason = "codec";
	else if (f->avl == AVL_BAD_COUNT)
		v.reason = "count";
	else if (f->avl != AVL_OK)
		v.reason = "structure";
	else
		v.what = VERDICT_STORE;
	return v;
}
