/* Why is it silent: does it come at all, what does it say instead of its IMEI, and why does it go? */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tool/why_closed.h"
#include "tool/why_impl.h"

#define QUIET (10 * WHY_MINUTE) /* connected and nothing for so long: worth a word */
#define GONE WHY_HOUR /* not connected for so long: more than a pause between two sendings */
#define ROW 3	      /* so many ends in a row are not an accident */

static bool
is_served(const struct why_facts *f)
{
	return f->known && f->enabled;
}

/* It has not been accepted since. */
static bool
is_news(const struct why_facts *f, int64_t at)
{
	return at > f->last_seen && at > f->connected_at;
}

void
why_not_allowed(const struct why_facts *f, struct why_reasons *r)
{
	struct why_reason *w;
	bool refused = strcmp(f->stranger.what, "outside_networks") == 0;

	if (!is_served(f) || f->online || !f->not_allowed)
		return;
	w = why_add(r, "not_allowed");
	if (refused)
		why_say(w,
		    "The gateway closes its connections unheard: its address %s is outside "
		    "TELEM_GATEWAY_ALLOW_CIDR; %" PRId64 " time%s, last %s.",
		    f->addr, f->stranger.attempts, why_plural(f->stranger.attempts),
		    why_when(f, f->stranger.last).text);
	else
		why_say(w,
		    "The address that it last came from, %s, is outside TELEM_GATEWAY_ALLOW_CIDR: "
		    "the gateway would close its connection unheard.",
		    f->addr);
	why_advise(w, "Add its network to TELEM_GATEWAY_ALLOW_CIDR and reload the gateway.");
}

/* The tracker may have another IMEI than devices says. */
void
why_other_imei(const struct why_facts *f, struct why_reasons *r)
{
	const char *how = strcmp(f->near_how, "swapped") == 0
			      ? ", the same but for two digits swapped"
			  : strcmp(f->near_how, "digit") == 0 ? ", the same but for one digit"
							      : ", from its last address";
	struct why_reason *w;

	if (!is_served(f) || f->online || *f->near_imei == '\0' || !is_news(f, f->near_last))
		return;
	w = why_add(r, "other_imei");
	why_say(w,
	    "A tracker with another IMEI comes and is refused, as nobody has registered it: %s%s; %" PRId64
	    " time%s, last from %s (%s).",
	    f->near_imei, how, f->near_refusals, why_plural(f->near_refusals), f->near_addr,
	    why_when(f, f->near_last).text);
	why_advise(w,
	    "Is that the IMEI on its label? Then correct it: tgctl device set %s --imei %s. Else "
	    "register both.",
	    f->imei, f->near_imei);
}

struct stranger_words {
	const char *what, *says, *advice;
};

static const struct stranger_words *
stranger_words(const char *what)
{
#define PLAIN \
	"Set the tracker to TCP without TLS, and the server's protocol to Teltonika's own codec."
	static const struct stranger_words all[] = {
	    {"tls", "begins like TLS", PLAIN},
	    {"mqtt", "speaks MQTT", PLAIN},
	    {"http", "speaks HTTP", PLAIN},
	    {"ssh", "speaks SSH", ""},
	    {"proxy_header", "begins with a balancer's PROXY header",
		"Add the balancer's address to TELEM_PROXY_FROM and reload the gateway."},
	    {"no_proxy_header",
		"has no PROXY header, which TELEM_PROXY_FROM demands from its address",
		"Let the balancer send the header (send-proxy), or take its address out of "
		"TELEM_PROXY_FROM."},
	    {"udp_framing", "frames its packets as for UDP", "Set the tracker's protocol to TCP."},
	    {"camera", "speaks the protocol of a camera",
		"Cameras need a server of their own: give them its address and port."},
	    {"imei_14_digits", "says an IMEI of 14 digits",
		"An IMEI has 15 digits, the last one is a check digit: the firmware or an adapter "
		"cuts it off."},
	    {"imei_16_digits", "says an IMEI of 16 digits",
		"An IMEI has 15 digits: the firmware or an adapter adds one (an IMEISV has 16)."},
	    {"imei_text", "says digits without the length of an IMEI before them",
		"An adapter in between drops the first two bytes, or it is another make of tracker."},
	    {"hex_text", "sends hex digits as text",
		"An adapter or a simulator sends hex as text: let it send the bytes."},
	    {"frame", "sends a frame without its IMEI before it",
		"It thinks that it is welcome already: a balancer or relay that reconnects by "
		"itself? A restart of the tracker helps."},
	    {"incomplete", "breaks off within its IMEI",
		"Its link is too weak, or something on the way cuts it."},
	    {"nothing", "opens a connection and says nothing",
		"It waits for the server to speak first: another protocol, or a faulty adapter."},
	    {"unknown_imei", "says unknown IMEIs, more than TELEM_UNKNOWN_IMEI_RATE allows",
		"If they are yours behind an operator's NAT: register them, or raise the rate."},
	    {"too_many", "is refused, as TELEM_MAX_CONNECTIONS are open", "Raise it."},
	    {"too_many_of_address", "is refused, as TELEM_MAX_CONNECTIONS_PER_ADDRESS are open",
		"Raise it, if it is an operator's NAT."},
	    {"outside_networks", "is refused, as it is outside TELEM_GATEWAY_ALLOW_CIDR",
		"Add its network there, if it is yours, and reload the gateway."},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(all[i].what, what) == 0)
			return &all[i];
	return NULL;
}

/* What comes may be this tracker, and is not understood. */
void
why_stranger(const struct why_facts *f, struct why_reasons *r)
{
	const struct why_stranger *s = &f->stranger;
	const struct stranger_words *words = stranger_words(s->what);
	char code[WHY_CODE];
	struct why_reason *w;

	if (!is_served(f) || f->online || *s->what == '\0' || !is_news(f, s->last) ||
	    (f->not_allowed && strcmp(s->what, "outside_networks") == 0))
		return;
	if (strcmp(s->what, "no_proxy_header") == 0)
		snprintf(code, sizeof(code), "no_proxy_header");
	else
		snprintf(code, sizeof(code), "unidentified_%.24s", s->what);
	w = why_add(r, code);
	why_say(w, "%s %s: %" PRId64 " time%s from %s, last %s.%s%s%s",
	    s->surely	? "It comes, but"
	    : s->digits ? "What comes with the first digits of its IMEI"
	    : f->seen	? "What comes from its last address"
			: "Something that may be this tracker",
	    words != NULL ? words->says : "says no IMEI", s->attempts, why_plural(s->attempts),
	    s->addr, why_when(f, s->last).text, *s->first_bytes != '\0' ? " Its first bytes: " : "",
	    s->first_bytes, *s->first_bytes != '\0' ? "." : "");
	why_advise(w, "%s%stgctl trace --peer %s shows it live.",
	    words != NULL ? words->advice : "", words != NULL && *words->advice != '\0' ? " " : "",
	    s->addr);
}

/* "3 times in a row since 2026-..., " */
static const char *
in_row(const struct why_facts *f, char *out, size_t room)
{
	*out = '\0';
	if (f->disconnects_in_row > 1)
		snprintf(out, room, ", %" PRId64 " times in a row since %s", f->disconnects_in_row,
		    why_when(f, f->disconnects_since).text);
	return out;
}

/* Its last session ended for something that is wrong, and nothing has come since. */
void
why_closed(const struct why_facts *f, struct why_reasons *r)
{
	const struct why_ending *end = why_ending(f->disconnect_reason);
	char row[WHY_TEXT * 2], code[WHY_CODE];
	struct why_reason *w;

	if (!is_served(f) || end == NULL || !end->fault || f->disconnected_at < why_arrived(f))
		return;
	snprintf(code, sizeof(code), "closed_%.24s", end->reason);
	w = why_add(r, code);
	why_say(w, "The gateway closed its last connection (%s%s): %s.",
	    why_when(f, f->disconnected_at).text, in_row(f, row, sizeof(row)), end->text);
	why_advise(w, "%s", end->advice);
}

/* When the last of the row ended: a takeover ends one as the next begins. */
static int64_t
row_end(const struct why_facts *f)
{
	return f->online && f->connected_at > f->disconnected_at ? f->connected_at
								 : f->disconnected_at;
}

/* It connects again and again, and says nothing of use in between. */
void
why_reconnects(const struct why_facts *f, struct why_reasons *r)
{
	int64_t n = f->disconnects_in_row, took = row_end(f) - f->disconnects_since;
	bool elsewhere = strcmp(f->disconnect_reason, "takeover_elsewhere") == 0;
	struct why_reason *w;

	if (!is_served(f) || n < ROW || took > n * WHY_MINUTE || f->now - row_end(f) > QUIET ||
	    why_arrived(f) > f->disconnects_since ||
	    (strcmp(f->disconnect_reason, "peer") != 0 &&
		strcmp(f->disconnect_reason, "broken") != 0 &&
		strncmp(f->disconnect_reason, "takeover", 8) != 0))
		return;
	w = why_add(r, elsewhere ? "flaps" : "reconnects");
	why_say(w,
	    "It connects again and again: %" PRId64 " connections ended within %" PRId64
	    " s, the last %s, and none brought a record%s.",
	    n, (took + 999) / 1000, why_when(f, row_end(f)).text,
	    elsewhere ? "; they come from different addresses, and each ends the one before" : "");
	if (elsewhere)
		why_advise(
		    w, "Two devices with one IMEI? tgctl trace %s shows both addresses.", f->imei);
	else
		why_advise(w,
		    "It gives up at once: its server settings (Data Protocol, response time-out), "
		    "its power, its signal. tgctl trace %s --hex shows what it says.",
		    f->imei);
}

/* Also: it goes on, but ends again and again for something that is wrong. */
void
why_often_closed(const struct why_facts *f, struct why_reasons *r)
{
	const struct why_ending *end = why_ending(f->disconnect_reason);
	char row[WHY_TEXT * 2];
	struct why_reason *w;

	if (!is_served(f) || end == NULL || f->disconnects_in_row < ROW ||
	    (!end->fault && strcmp(end->reason, "takeover_elsewhere") != 0) ||
	    f->disconnected_at >= why_arrived(f))
		return;
	w = why_add(r, "often_closed");
	why_say(w, "Its connections end for the same reason%s: %s.", in_row(f, row, sizeof(row)),
	    end->text);
	why_advise(w, "%s",
	    strcmp(end->reason, "takeover_elsewhere") == 0 ? "Two devices with one IMEI?"
							   : end->advice);
}

static bool
is_gone(const struct why_facts *f)
{
	int64_t last = f->disconnected_at > f->last_seen ? f->disconnected_at : f->last_seen;

	return f->now - last >= GONE;
}

static void
offline(const struct why_facts *f, struct why_reasons *r)
{
	const struct why_ending *end = why_ending(f->disconnect_reason);
	struct why_reason *w;

	if (!is_served(f) || !f->seen || f->online || (end != NULL && end->fault && r->n > 0))
		return;
	w = why_add(r, "offline");
	why_say(w, "It has been disconnected since %s%s%s; it was last heard %s, from %s.",
	    why_when(f, f->disconnected_at).text, end != NULL ? ": " : "",
	    end != NULL ? end->text : "", why_when(f, f->last_seen).text, f->addr);
	if (end != NULL && *end->advice != '\0')
		why_advise(w, "It has not come again. %s", end->advice);
	else
		why_advise(w,
		    "The tracker has no power, no signal or no credit on its SIM, it sleeps, or it "
		    "was set to another address or to UDP. The gateway accepts it as soon as it comes.");
}

/* What it said last matters more while it may only pause between two sendings. */
void
why_offline_long(const struct why_facts *f, struct why_reasons *r)
{
	if (is_gone(f))
		offline(f, r);
}

void
why_offline_briefly(const struct why_facts *f, struct why_reasons *r)
{
	if (!is_gone(f))
		offline(f, r);
}

static bool
only_pings(const struct why_facts *f)
{
	return f->last_seen > f->connected_at && f->last_seen > why_arrived(f) + 1000 &&
	       why_arrived(f) < f->connected_at;
}

void
why_connected(const struct why_facts *f, struct why_reasons *r)
{
	struct why_reason *w;
	int64_t last = why_received(f);

	if (!f->online || !is_served(f))
		return;
	if (only_pings(f)) {
		w = why_add(r, "pings_only");
		why_say(w,
		    "It has been connected since %s and sends pings, the last %s, but no record on "
		    "this connection; its last one came %s.",
		    why_when(f, f->connected_at).text, why_when(f, f->last_seen).text,
		    why_when(f, last).text);
		why_advise(w,
		    "It records nothing: check its data acquisition settings (Min Period), ignition "
		    "source, movement, and whether sending is off in this state (roaming, sleep).");
	} else if (last == 0 && f->raw_frames == 0) {
		w = why_add(r, "no_records");
		why_say(w, "It has been connected since %s, but has never sent a record.",
		    why_when(f, f->connected_at).text);
		why_advise(w,
		    "Trackers send when they have recorded something: check its data acquisition "
		    "settings (Min Period), ignition, movement. tgctl trace %s shows what it does.",
		    f->imei);
	} else if (last < f->connected_at && f->raw_last < f->connected_at &&
		   f->now - f->connected_at >= WHY_MINUTE) {
		w = why_add(r, "connected_silent");
		why_say(w,
		    "It has been connected since %s, but has sent no record on this connection; its "
		    "last one came %s.",
		    why_when(f, f->connected_at).text, why_when(f, last).text);
		why_advise(w,
		    "It may have nothing to say: parked, or asleep. tgctl trace %s shows "
		    "what it does.",
		    f->imei);
	} else if (f->now - last >= QUIET && f->now - f->raw_last >= QUIET &&
		   f->now - last >= 3 * f->usual_gap) {
		w = why_add(r, "quiet");
		why_say(w, "It has been connected since %s and is quiet: its last record came %s.",
		    why_when(f, f->connected_at).text, why_when(f, last).text);
		why_advise(w, "Parked trackers may send seldom: see its settings (On Stop, Min "
			      "Period).");
	}
}
