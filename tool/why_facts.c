#include "tool/why_facts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "tool/trace_text.h"
#include "tool/why_closed.h"
#include "tool/why_words.h"

struct facts {
	struct why_fact *out;
	size_t n;
};

static void __attribute__((format(printf, 3, 4)))
fact(struct facts *l, const char *name, const char *fmt, ...)
{
	struct why_fact *next;
	va_list ap;

	if (l->n == WHY_MAX_FACTS)
		return;
	next = &l->out[l->n++];
	next->name = name;
	va_start(ap, fmt);
	vsnprintf(next->text, sizeof(next->text), fmt, ap);
	va_end(ap);
}

static void
list_device(const struct why_facts *f, struct facts *l)
{
	if (!f->known) {
		fact(l, "device", "not in the table devices");
	} else {
		fact(l, "device", "%s, model %s", f->enabled ? "enabled" : "disabled",
		    *f->model != '\0' ? f->model : "not set");
		if (*f->codecs_off != '\0')
			fact(l, "codecs", "its model may not use: %s", f->codecs_off);
	}
	if (f->refused_last != 0)
		fact(l, "refused", "%" PRId64 " time%s (%s), last %s from %s; first %s",
		    f->refusals, why_plural(f->refusals), f->refused_reason,
		    why_when(f, f->refused_last).text, f->refused_addr,
		    why_when(f, f->refused_first).text);
}

static void
list_session(const struct why_facts *f, struct facts *l)
{
	const struct why_ending *end = why_ending(f->disconnect_reason);

	if (!f->seen)
		return;
	if (f->online)
		fact(l, "connection", "online since %s, from %s, gateway %s, worker %d",
		    why_when(f, f->connected_at).text, f->addr, f->gateway, f->worker);
	else
		fact(l, "connection",
		    "offline since %s; the last one from %s, gateway %s, worker %d",
		    why_when(f, f->disconnected_at).text, f->addr, f->gateway, f->worker);
	if (*f->disconnect_reason != '\0')
		fact(l, "last_end", "%s; %" PRId64 " time%s in a row since %s",
		    end != NULL ? end->text : f->disconnect_reason, f->disconnects_in_row,
		    why_plural(f->disconnects_in_row), why_when(f, f->disconnects_since).text);
	fact(l, "last_seen", "%s", why_when(f, f->last_seen).text);
	if (f->fix_at != 0)
		fact(l, "last_position", "%.6f, %.6f at %s", f->latitude, f->longitude,
		    why_when(f, f->fix_at).text);
	else
		fact(l, "last_position", "none");
}

static void
list_records(const struct why_facts *f, struct facts *l)
{
	if (f->records > 0)
		fact(l, "records",
		    "newest recorded %s; of the newest %d, %d with a fix; last received %s",
		    why_when(f, f->recorded_last).text, f->records, f->fixes,
		    why_when(f, f->received_last).text);
	else if (f->known)
		fact(l, "records", "none");
	if (f->says[0] != '\0')
		fact(l, "last_record_says", "%s", f->says);
	if (f->wrong_clocks > 0)
		fact(l, "wrong_clock", "%d%s record%s, last received %s", f->wrong_clocks,
		    f->wrong_clocks >= WHY_RECORDS ? " or more" : "", why_plural(f->wrong_clocks),
		    why_when(f, f->wrong_received_last).text);
	if (f->raw_frames > 0)
		fact(l, "quarantine", "%" PRId64 " frame%s, %" PRId64 " arrival%s; last %s: %s",
		    f->raw_frames, why_plural(f->raw_frames), f->raw_attempts,
		    why_plural(f->raw_attempts), why_when(f, f->raw_last).text,
		    trace_reason(f->raw_reason));
}

static void
list_commands(const struct why_facts *f, struct facts *l)
{
	if (f->pending > 0)
		fact(l, "commands_pending", "%" PRId64 ", the oldest since %s%s%s", f->pending,
		    why_when(f, f->pending_since).text, f->next_retry != 0 ? "; next try due " : "",
		    f->next_retry != 0 ? why_when(f, f->next_retry).text : "");
	if (f->sent > 0)
		fact(l, "commands_sent", "%" PRId64 " without an answer yet, sent %s", f->sent,
		    why_when(f, f->sent_at).text);
}

size_t
why_list(const struct why_facts *f, struct why_fact out[WHY_MAX_FACTS])
{
	struct facts l = {.out = out};

	if (f->gateway_answers)
		fact(&l, "gateway", "%s%s", f->gateway_ready ? "ready" : "not ready: ",
		    f->gateway_ready ? "" : f->gateway_says);
	else
		fact(&l, "gateway", "no answer: %s", f->gateway_says);
	if (!f->database_answers)
		return l.n;
	list_device(f, &l);
	list_session(f, &l);
	list_records(f, &l);
	list_commands(f, &l);
	return l.n;
}
