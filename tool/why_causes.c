#include "tool/why_causes.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tool/trace_text.h"
#include "tool/why_words.h"

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)

#define QUIET (10 * MINUTE) /* connected and nothing for so long: worth a word */
#define AGAIN 3		    /* the same frame so often: it stands in the way */

#define GONE HOUR	   /* not connected for so long: more than a pause between two sendings */
#define ALIVE (5 * MINUTE) /* a gateway that has heard anybody within it is running */

struct reasons {
	struct why_reason *out;
	size_t n;
};

/* The next reason; its words follow by say() and advise(). Beyond WHY_MAX the last is replaced. */
static struct why_reason *
reason(struct reasons *r, const char *code)
{
	struct why_reason *next = &r->out[r->n < WHY_MAX ? r->n++ : WHY_MAX - 1];

	memset(next, 0, sizeof(*next));
	next->code = code;
	return next;
}

static void __attribute__((format(printf, 2, 3))) say(struct why_reason *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->answer, sizeof(r->answer), fmt, ap);
	va_end(ap);
}

static void __attribute__((format(printf, 2, 3))) advise(struct why_reason *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->advice, sizeof(r->advice), fmt, ap);
	va_end(ap);
}

/* The newest arrival of a record, whatever its clock. */
static int64_t
received(const struct why_facts *f)
{
	return f->received_last > f->wrong_received_last ? f->received_last
							 : f->wrong_received_last;
}

/* ---- what may be the matter, each on its own ---- */

static void
gateway_down(const struct why_facts *f, struct reasons *r)
{
	struct why_reason *w;

	if (f->gateway_answers && !f->gateway_ready) {
		w = reason(r, "gateway_not_ready");
		say(w, "The gateway can't store anything now: %s.", f->gateway_says);
		advise(w, "It serves no tracker before that is repaired; trackers keep their "
			  "records meanwhile. See tgctl status.");
	} else if (f->gateway_asked && !f->gateway_answers &&
		   f->now - f->fleet_last_seen >= ALIVE) {
		w = reason(r, "gateway_unreachable");
		say(w, "The gateway does not answer (%s), and no tracker has been heard for %s.",
		    f->gateway_says,
		    f->fleet_last_seen != 0 ? "five minutes or more" : "as long as is known");
		advise(w, "Is it running? See tgctl status, and its log.");
	}
	if (!f->database_answers) {
		w = reason(r, "database_unreachable");
		say(w, "The database does not answer: %s.", f->database_says);
		advise(w, "It holds what is known of the device: ask again when it answers.");
	}
}

static void
not_registered(const struct why_facts *f, struct reasons *r)
{
	struct why_reason *w;

	if (f->known)
		return;
	if (f->refused_last != 0) {
		w = reason(r, "refused_unknown");
		say(w,
		    "The gateway refused it, as its IMEI is not in the table devices: %" PRId64
		    " time%s, last from %s (%s).",
		    f->refusals, why_plural(f->refusals), f->refused_addr,
		    why_when(f, f->refused_last).text);
		advise(w, "tgctl device add %s; the gateway accepts it at its next try.", f->imei);
	} else {
		w = reason(r, "never_seen_unregistered");
		say(w, "It has never reached this gateway, and its IMEI is not in the table "
		       "devices.");
		advise(w,
		    "Is the IMEI right? tgctl device add %s, and check on the tracker: address "
		    "and port of the gateway, APN, TCP, no TLS; on the way: firewall, "
		    "TELEM_GATEWAY_ALLOW_CIDR.",
		    f->imei);
	}
}

static void
disabled(const struct why_facts *f, struct reasons *r)
{
	struct why_reason *w;

	if (!f->known || f->enabled)
		return;
	w = reason(r, "disabled");
	if (f->refused_last != 0 && strcmp(f->refused_reason, "disabled") == 0)
		say(w,
		    "The gateway refuses it, as it is disabled: %" PRId64
		    " time%s, last from %s (%s).",
		    f->refusals, why_plural(f->refusals), f->refused_addr,
		    why_when(f, f->refused_last).text);
	else
		say(w, "It is disabled, so the gateway would refuse it.");
	advise(w, "tgctl device enable %s; the gateway accepts it at its next try.", f->imei);
}

/* Refused when it last came; it would be accepted now, but has not come again. */
static void
refused_before(const struct why_facts *f, struct reasons *r)
{
	struct why_reason *w;

	if (!f->known || !f->enabled || f->online || f->refused_last == 0 ||
	    f->refused_last <= f->last_seen || f->refused_last <= f->connected_at)
		return;
	w = reason(r, "refused_before");
	say(w,
	    "The gateway refused it when it last came (%s), from %s (%s). It would accept it now, but "
	    "the tracker has not come again.",
	    f->refused_reason, f->refused_addr, why_when(f, f->refused_last).text);
	advise(w, "Wait for its next try, or make it send: ignition, movement, a restart.");
}

static void
never_seen(const struct why_facts *f, struct reasons *r)
{
	struct why_reason *w;

	if (!f->known || !f->enabled || f->seen || f->refused_last != 0)
		return;
	w = reason(r, "never_seen");
	say(w, "It has never reached this gateway: it was neither accepted nor refused.");
	advise(w,
	    "Check on the tracker: address and port of the gateway, APN, TCP and not UDP, no "
	    "TLS, signal; on the way: firewall, TELEM_GATEWAY_ALLOW_CIDR. tgctl trace %s "
	    "shows when it comes.",
	    f->imei);
}

/* Its last word was a frame that can't be stored. */
static void
poison(const struct why_facts *f, struct reasons *r)
{
	struct why_reason *w;
	bool again = f->raw_last_attempts >= AGAIN;

	if (f->raw_frames == 0 || f->raw_last < received(f))
		return;
	w = reason(r, again ? "same_frame_again" : "quarantined");
	if (again)
		say(w,
		    "It sends the same frame again and again (%" PRId64
		    " times, last %s), and it can't be stored: %s.",
		    f->raw_last_attempts, why_when(f, f->raw_last).text,
		    trace_reason(f->raw_reason));
	else
		say(w, "What it sent last (%s) can't be stored: %s.", why_when(f, f->raw_last).text,
		    trace_reason(f->raw_reason));
	if (strcmp(f->raw_reason, "codec") == 0)
		advise(w,
		    "Codec %X is off for model \"%s\" in device_models (off: %s): allow it there, "
		    "or change the tracker's Data Protocol; then tgctl raw decode --all.",
		    (unsigned)f->raw_codec, f->model, f->codecs_off);
	else
		advise(w,
		    "tgctl raw list --imei %s shows the frames; a restart of the tracker or "
		    "new firmware may help.",
		    f->imei);
}

static void
clock_wrong(const struct why_facts *f, struct reasons *r)
{
	struct why_reason *w;

	if (f->wrong_clocks == 0 || f->wrong_received_last < f->received_last)
		return;
	w = reason(r, "clock_wrong");
	say(w,
	    "Its clock is wrong: a record that came %s says %s. The gateway keeps such records, but "
	    "they don't move the live position.",
	    why_when(f, f->wrong_received_last).text, why_when(f, f->wrong_recorded).text);
	advise(w, "A tracker sets its clock by GNSS or the network: let it see the sky, and check "
		  "its time synchronisation settings.");
}

static void
no_fix(const struct why_facts *f, struct reasons *r)
{
	struct why_reason *w;

	if (f->records == 0 || f->fixes > 0 || f->received_last < f->wrong_received_last)
		return;
	w = reason(r, "no_fix");
	say(w,
	    "It sends, but has no fix: the newest %d record%s, last received %s, %s without a "
	    "valid position (at most %d satellite%s).",
	    f->records, why_plural(f->records), why_when(f, f->received_last).text,
	    f->records == 1 ? "is" : "are", f->satellites_most, why_plural(f->satellites_most));
	advise(w, "Does it see the sky? Check its place and its GNSS antenna. Last valid fix: %s.",
	    why_when(f, f->fix_at).text);
}

static void
connected(const struct why_facts *f, struct reasons *r)
{
	struct why_reason *w;
	int64_t last = received(f);

	if (!f->online)
		return;
	if (last == 0 && f->raw_frames == 0) {
		w = reason(r, "no_records");
		say(w, "It has been connected since %s, but has never sent a record.",
		    why_when(f, f->connected_at).text);
		advise(w,
		    "Trackers send when they have recorded something: check its data acquisition "
		    "settings (Min Period), ignition, movement. tgctl trace %s shows what it does.",
		    f->imei);
	} else if (last < f->connected_at && f->raw_last < f->connected_at &&
		   f->now - f->connected_at >= MINUTE) {
		w = reason(r, "connected_silent");
		say(w,
		    "It has been connected since %s, but has sent no record on this connection; its "
		    "last one came %s.",
		    why_when(f, f->connected_at).text, why_when(f, last).text);
		advise(w,
		    "It may have nothing to say: parked, or asleep. tgctl trace %s shows "
		    "what it does.",
		    f->imei);
	} else if (f->now - last >= QUIET && f->now - f->raw_last >= QUIET) {
		w = reason(r, "quiet");
		say(w, "It has been connected since %s and is quiet: its last record came %s.",
		    why_when(f, f->connected_at).text, why_when(f, last).text);
		advise(w, "Parked trackers may send seldom: see its settings (On Stop, Min "
			  "Period).");
	}
}

static bool
is_gone(const struct why_facts *f)
{
	int64_t last = f->disconnected_at > f->last_seen ? f->disconnected_at : f->last_seen;

	return f->now - last >= GONE;
}

static void
offline(const struct why_facts *f, struct reasons *r)
{
	struct why_reason *w;

	if (!f->known || !f->enabled || !f->seen || f->online)
		return;
	w = reason(r, "offline");
	say(w, "It has been disconnected since %s; it was last heard %s, from %s.",
	    why_when(f, f->disconnected_at).text, why_when(f, f->last_seen).text, f->addr);
	advise(w, "The tracker has no power, no signal or no credit on its SIM, it sleeps, or it "
		  "was set to another address. The gateway accepts it as soon as it comes.");
}

/* What it said last matters more while it may only pause between two sendings. */
static void
offline_long(const struct why_facts *f, struct reasons *r)
{
	if (is_gone(f))
		offline(f, r);
}

static void
offline_briefly(const struct why_facts *f, struct reasons *r)
{
	if (!is_gone(f))
		offline(f, r);
}

static void
all_well(const struct why_facts *f, struct reasons *r)
{
	struct why_reason *w;

	if (r->n > 0)
		return;
	w = reason(r, "not_silent");
	say(w, "It is not silent: it has been connected since %s, and its last record came %s.",
	    why_when(f, f->connected_at).text, why_when(f, received(f)).text);
}

static void
commands(const struct why_facts *f, struct reasons *r)
{
	struct why_reason *w;

	if (f->pending + f->sent == 0)
		return;
	w = reason(r, "command_waits");
	if (f->sent > 0)
		say(w, "A command that was sent %s waits for its answer; %" PRId64 " more wait%s.",
		    why_when(f, f->sent_at).text, f->pending, f->pending == 1 ? "s" : "");
	else
		say(w, "%" PRId64 " command%s for it, the oldest since %s.", f->pending,
		    f->pending == 1 ? " waits" : "s wait", why_when(f, f->pending_since).text);
	if (!f->online)
		advise(w, "The gateway sends them when it connects.");
}

size_t
why_judge(const struct why_facts *f, struct why_reason out[WHY_MAX])
{
	static void (*const all[])(const struct why_facts *, struct reasons *) = {not_registered,
	    disabled, refused_before, offline_long, poison, clock_wrong, never_seen,
	    offline_briefly, no_fix, connected, all_well, commands};
	struct reasons r = {.out = out};
	bool down = f->gateway_answers && !f->gateway_ready;

	/* If it can't serve anybody, that is the reason; one that can't be reached may be well. */
	if (down || !f->database_answers)
		gateway_down(f, &r);
	for (size_t i = 0; f->database_answers && i < sizeof(all) / sizeof(all[0]); i++) {
		/* With no gateway running, nobody is accepted. */
		if (all[i] == refused_before && !down && !f->online)
			gateway_down(f, &r);
		all[i](f, &r);
	}
	return r.n;
}
