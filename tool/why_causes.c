#include "tool/why_causes.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tool/why_impl.h"

#define ALIVE (5 * WHY_MINUTE) /* a gateway that has heard anybody within it is running */

struct why_reason *
why_add(struct why_reasons *r, const char *code)
{
	struct why_reason *next = &r->out[r->n < WHY_MAX ? r->n++ : WHY_MAX - 1];

	memset(next, 0, sizeof(*next));
	snprintf(next->code, sizeof(next->code), "%s", code);
	return next;
}

void
why_say(struct why_reason *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->answer, sizeof(r->answer), fmt, ap);
	va_end(ap);
}

void
why_advise(struct why_reason *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->advice, sizeof(r->advice), fmt, ap);
	va_end(ap);
}

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int64_t
why_received(const struct why_facts *f)
{
	return later(f->received_last, f->wrong_received_last);
}

int64_t
why_arrived(const struct why_facts *f)
{
	return later(why_received(f), later(f->raw_last, f->message_last));
}

/* ---- what may be the matter, each on its own ---- */

static void
gateway_down(const struct why_facts *f, struct why_reasons *r)
{
	struct why_reason *w;

	if (f->gateway_answers && !f->gateway_ready) {
		w = why_add(r, "gateway_not_ready");
		why_say(w, "The gateway can't store anything now: %s.", f->gateway_says);
		why_advise(w, "It serves no tracker before that is repaired; trackers keep their "
			      "records meanwhile. See tgctl status.");
	} else if (f->gateway_asked && !f->gateway_answers &&
		   f->now - f->fleet_last_seen >= ALIVE) {
		w = why_add(r, "gateway_unreachable");
		why_say(w,
		    "The gateway does not answer (%s), and no tracker has been heard for %s.",
		    f->gateway_says,
		    f->fleet_last_seen != 0 ? "five minutes or more" : "as long as is known");
		why_advise(w, "Is it running? See tgctl status, and its log.");
	}
	if (!f->database_answers) {
		w = why_add(r, "database_unreachable");
		why_say(w, "The database does not answer: %s.", f->database_says);
		why_advise(w, "It holds what is known of the device: ask again when it answers.");
	}
}

static void
not_registered(const struct why_facts *f, struct why_reasons *r)
{
	struct why_reason *w;

	if (f->known)
		return;
	if (f->refused_last != 0) {
		w = why_add(r, "refused_unknown");
		why_say(w,
		    "The gateway refused it, as its IMEI is not in the table devices: %" PRId64
		    " time%s, last from %s (%s).",
		    f->refusals, why_plural(f->refusals), f->refused_addr,
		    why_when(f, f->refused_last).text);
		why_advise(
		    w, "tgctl device add %s; the gateway accepts it at its next try.", f->imei);
	} else {
		w = why_add(r, "never_seen_unregistered");
		why_say(w, "It has never reached this gateway, and its IMEI is not in the table "
			   "devices.");
		why_advise(w,
		    "Is the IMEI right? tgctl device add %s, and check on the tracker: address "
		    "and port of the gateway, APN, TCP, no TLS; on the way: firewall, "
		    "TELEM_GATEWAY_ALLOW_CIDR.",
		    f->imei);
	}
}

static void
disabled(const struct why_facts *f, struct why_reasons *r)
{
	struct why_reason *w;

	if (!f->known || f->enabled)
		return;
	w = why_add(r, "disabled");
	if (f->refused_last != 0 && strcmp(f->refused_reason, "disabled") == 0)
		why_say(w,
		    "The gateway refuses it, as it is disabled: %" PRId64
		    " time%s, last from %s (%s).",
		    f->refusals, why_plural(f->refusals), f->refused_addr,
		    why_when(f, f->refused_last).text);
	else
		why_say(w, "It is disabled, so the gateway would refuse it.");
	why_advise(w, "tgctl device enable %s; the gateway accepts it at its next try.", f->imei);
}

/* Refused when it last came; it would be accepted now, but has not come again. */
static void
refused_before(const struct why_facts *f, struct why_reasons *r)
{
	struct why_reason *w;

	if (!f->known || !f->enabled || f->online || f->refused_last == 0 ||
	    f->refused_last <= f->last_seen || f->refused_last <= f->connected_at)
		return;
	w = why_add(r, "refused_before");
	why_say(w,
	    "The gateway refused it when it last came (%s), from %s (%s). It would accept it now, but "
	    "the tracker has not come again.",
	    f->refused_reason, f->refused_addr, why_when(f, f->refused_last).text);
	why_advise(w, "Wait for its next try, or make it send: ignition, movement, a restart.");
}

static void
never_seen(const struct why_facts *f, struct why_reasons *r)
{
	struct why_reason *w;

	if (!f->known || !f->enabled || f->seen || f->refused_last != 0)
		return;
	w = why_add(r, "never_seen");
	why_say(w, "It has never reached this gateway: it was neither accepted nor refused.");
	why_advise(w,
	    "Check on the tracker: address and port of the gateway, APN, TCP and not UDP, no "
	    "TLS, signal; on the way: firewall, TELEM_GATEWAY_ALLOW_CIDR. tgctl trace %s "
	    "shows when it comes.",
	    f->imei);
}

static void
all_well(const struct why_facts *f, struct why_reasons *r)
{
	struct why_reason *w;

	if (r->n > 0)
		return;
	w = why_add(r, "not_silent");
	why_say(w, "It is not silent: it has been connected since %s, and its last record came %s.",
	    why_when(f, f->connected_at).text, why_when(f, why_received(f)).text);
}

size_t
why_judge(const struct why_facts *f, struct why_reason out[WHY_MAX])
{
	static void (*const all[])(const struct why_facts *, struct why_reasons *) = {
	    not_registered, disabled, why_not_allowed, refused_before, why_other_imei, why_stranger,
	    why_closed, why_reconnects, why_offline_long, why_poison, why_clock, never_seen,
	    why_offline_briefly, why_no_fix, why_connected, why_commands_failed, all_well,
	    why_often_closed, why_commands_wait};
	struct why_reasons r = {.out = out};
	bool down = f->gateway_answers && !f->gateway_ready;

	/* If it can't serve anybody, that is the reason; one that can't be reached may be well. */
	if (down || !f->database_answers)
		gateway_down(f, &r);
	for (size_t i = 0; f->database_answers && i < sizeof(all) / sizeof(all[0]); i++) {
		/* With no gateway running, nobody is accepted. */
		if (all[i] == why_not_allowed && !down && !f->online)
			gateway_down(f, &r);
		all[i](f, &r);
	}
	return r.n;
}
