#include "tool/trace_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tool/out.h"
#include "tool/out_text.h"

struct line {
	char *out;
	size_t room, len;
};

static void __attribute__((format(printf, 2, 3))) put(struct line *l, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->out + l->len, l->room - l->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		l->len += (size_t)n < l->room - l->len ? (size_t)n : l->room - l->len - 1;
}

static long long
number(const json_t *e, const char *key)
{
	return json_integer_value(json_object_get(e, key));
}

static const char *
text(const json_t *e, const char *key)
{
	const char *value = json_string_value(json_object_get(e, key));

	return value != NULL ? value : "";
}

static const char *
plural(long long n)
{
	return n == 1 ? "" : "s";
}

const char *
trace_reason(const char *reason)
{
	static const struct {
		const char *reason, *words;
	} all[] = {
	    {"crc", "its CRC is wrong"},
	    {"codec", "the device's model may not use this codec"},
	    {"count", "its two record counts differ"},
	    {"structure", "its records don't fit into its length"},
	    {"content", "the database refuses its content"},
	    {"unknown_codec", "the gateway does not know this codec"},
	    {"message", "the message is malformed"},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(reason, all[i].reason) == 0)
			return all[i].words;
	return reason;
}

static void
put_tracing(struct line *l, const json_t *e)
{
	long long workers = number(e, "workers"), missed = number(e, "workers_missed");

	put(l, "following %s for %lld s, in %lld worker%s",
	    *text(e, "imei") != '\0'   ? text(e, "imei")
	    : *text(e, "peer") != '\0' ? text(e, "peer")
				       : "connections without an IMEI",
	    number(e, "seconds"), workers, plural(workers));
	if (missed > 0)
		put(l, "; %lld more could not be asked", missed);
}

static void
put_present(struct line *l, const json_t *e)
{
	long long n = number(e, "in_flight");

	put(l, "is already connected");
	if (n > 0)
		put(l, ", %lld frame%s not yet stored", n, plural(n));
	if (json_is_true(json_object_get(e, "paused")))
		put(l, ", not read further until the database has stored more");
}

static void
put_opened(struct line *l, const json_t *e)
{
	(void)e;
	put(l, "opened");
}

static void
put_unidentified(struct line *l, const json_t *e)
{
	put(l, "ends without an IMEI: %s%s%s", text(e, "what"),
	    *text(e, "first_bytes") != '\0' ? ", first bytes " : "", text(e, "first_bytes"));
}

static void
put_not_admitted(struct line *l, const json_t *e)
{
	put(l, "not admitted: %s", text(e, "what"));
}

static void
put_connected(struct line *l, const json_t *e)
{
	put(l, "connected, sent its IMEI%s%s after %lld ms", *text(e, "imei") != '\0' ? " " : "",
	    text(e, "imei"), number(e, "imei_after_ms"));
}

static void
put_accepted(struct line *l, const json_t *e)
{
	put(l, "handshake accepted (device %lld)", number(e, "device_id"));
}

static void
put_refused(struct line *l, const json_t *e)
{
	put(l, "handshake refused: %s", text(e, "why"));
}

static void
put_takes_over(struct line *l, const json_t *e)
{
	(void)e;
	put(l, "takes over from an older connection of the same IMEI");
}

static void
put_flaps(struct line *l, const json_t *e)
{
	put(l, "its address has changed %lld times within a minute: two devices with one IMEI?",
	    number(e, "changes"));
}

static void
put_ping(struct line *l, const json_t *e)
{
	(void)e;
	put(l, "ping");
}

static void
put_frame(struct line *l, const json_t *e)
{
	const char *verdict = text(e, "verdict"), *reason = text(e, "reason");

	put(l, "frame: codec %llX, ", number(e, "codec"));
	if (json_object_get(e, "records") != NULL)
		put(l, "%lld record%s, ", number(e, "records"), plural(number(e, "records")));
	put(l, "%lld bytes, CRC %s", number(e, "bytes"),
	    json_is_true(json_object_get(e, "crc_ok")) ? "ok" : "wrong");
	if (strcmp(verdict, "quarantine") == 0)
		put(l, "; it goes to quarantine: %s", trace_reason(reason));
	else if (strcmp(verdict, "close") == 0)
		put(l, "; not acknowledged: %s", trace_reason(reason));
	else if (strcmp(verdict, "message") == 0)
		put(l, "; a message");
}

static void
put_frame_again(struct line *l, const json_t *e)
{
	(void)e;
	put(l, "the same frame again while the first waits for its answer: they share it");
}

static void
put_paused(struct line *l, const json_t *e)
{
	(void)e;
	put(l, "not read further until the database has stored more");
}

static void
put_stored(struct line *l, const json_t *e)
{
	long long twice = number(e, "duplicate"), bad = number(e, "quarantined");

	put(l, "stored: %lld new", number(e, "stored"));
	if (twice > 0)
		put(l, ", %lld stored before", twice);
	if (bad > 0)
		put(l, ", %lld quarantined: %s", bad, trace_reason("content"));
}

static void
put_quarantined(struct line *l, const json_t *e)
{
	put(l, "the frame is in quarantine: %s", trace_reason(text(e, "reason")));
}

static void
put_message_stored(struct line *l, const json_t *e)
{
	(void)e;
	put(l, "the message is stored");
}

static void
put_copied(struct line *l, const json_t *e)
{
	put(l, "a copy of the frame is kept: %s", trace_reason(text(e, "reason")));
}

static void
put_ack(struct line *l, const json_t *e)
{
	put(l, "ACK %lld, %.1f ms after the frame", number(e, "count"),
	    (double)number(e, "after_us") / 1000);
}

static void
put_command_sent(struct line *l, const json_t *e)
{
	put(l, "command %lld sent, attempt %lld: codec %lld, %lld bytes", number(e, "id"),
	    number(e, "attempt"), number(e, "codec"), number(e, "bytes"));
}

static void
put_command_answered(struct line *l, const json_t *e)
{
	put(l, "command %lld answered%s", number(e, "id"),
	    json_is_true(json_object_get(e, "nack")) ? ": not for this device (nACK)" : "");
}

static void
put_command_failed(struct line *l, const json_t *e)
{
	put(l, "command %lld, attempt %lld: %s", number(e, "id"), number(e, "attempt"),
	    text(e, "why"));
}

static void
put_in(struct line *l, const json_t *e)
{
	put(l, "> %s", text(e, "hex"));
}

static void
put_out(struct line *l, const json_t *e)
{
	put(l, "< %s", text(e, "hex"));
}

static void
put_closed(struct line *l, const json_t *e)
{
	put(l, "closed: %s", text(e, "why"));
}

static void
put_lost(struct line *l, const json_t *e)
{
	put(l, "%lld event%s missing here: this reader was too slow", number(e, "events"),
	    number(e, "events") == 1 ? " is" : "s are");
}

static void
put_end(struct line *l, const json_t *e)
{
	put(l, "end: %s", text(e, "why"));
}

/* An event that this tool has no words for: its name and members. */
static void
put_other(struct line *l, const json_t *e)
{
	static const char *const shown[] = {"at", "worker", "pid", "conn", "peer", "event"};
	const char *key;
	json_t *value;
	char cell[256];

	put(l, "%s", text(e, "event"));
	json_object_foreach((json_t *)e, key, value)
	{
		bool known = false;

		for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
			known |= strcmp(key, shown[i]) == 0;
		if (known)
			continue;
		out_scalar(value, cell, sizeof(cell));
		put(l, " %s=%s", key, cell);
	}
}

void
trace_text(const json_t *e, char *out, size_t room)
{
	static const struct {
		const char *event;
		void (*put)(struct line *, const json_t *);
	} words[] = {
	    {"tracing", put_tracing},
	    {"present", put_present},
	    {"opened", put_opened},
	    {"unidentified", put_unidentified},
	    {"not_admitted", put_not_admitted},
	    {"connected", put_connected},
	    {"accepted", put_accepted},
	    {"refused", put_refused},
	    {"takes_over", put_takes_over},
	    {"flaps", put_flaps},
	    {"ping", put_ping},
	    {"frame", put_frame},
	    {"frame_again", put_frame_again},
	    {"paused", put_paused},
	    {"stored", put_stored},
	    {"quarantined", put_quarantined},
	    {"message_stored", put_message_stored},
	    {"copied", put_copied},
	    {"ack", put_ack},
	    {"command_sent", put_command_sent},
	    {"command_answered", put_command_answered},
	    {"command_failed", put_command_failed},
	    {"in", put_in},
	    {"out", put_out},
	    {"closed", put_closed},
	    {"lost", put_lost},
	    {"end", put_end},
	};
	struct line l = {.out = out, .room = room};
	char at[OUT_TIME];
	size_t i, n = sizeof(words) / sizeof(words[0]);

	*out = '\0';
	if (out_time((uint64_t)number(e, "at"), at))
		put(&l, "%s ", at);
	if (json_object_get(e, "worker") != NULL)
		put(&l, "worker %lld ", number(e, "worker"));
	if (*text(e, "peer") != '\0' && strcmp(text(e, "event"), "tracing") != 0)
		put(&l, "%s ", text(e, "peer"));
	for (i = 0; i < n && strcmp(text(e, "event"), words[i].event) != 0; i++)
		;
	if (i < n)
		words[i].put(&l, e);
	else
		put_other(&l, e);
	/* Another gateway's words, perhaps. */
	out_clean(out);
}
