/* Why is it silent: what it says can't be stored, has a wrong time, or no position; and its commands. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tool/trace_text.h"
#include "tool/why_impl.h"

#define AGAIN 3			    /* the same frame so often: it stands in the way */
#define CLOCK_OFF (10 * WHY_MINUTE) /* as the live row has it */

/* A code of its own for what quarantine has a reason of its own for. */
static const char *
poison_code(const char *reason)
{
	static const char *const all[][2] = {
	    {"codec", "codec_not_allowed"},
	    {"unknown_codec", "unknown_codec"},
	    {"crc", "wrong_crc"},
	    {"count", "counts_differ"},
	    {"structure", "bad_structure"},
	    {"content", "bad_content"},
	    {"message", "bad_message"},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(all[i][0], reason) == 0)
			return all[i][1];
	return "quarantined";
}

/* Its last word was a frame that can't be stored. */
void
why_poison(const struct why_facts *f, struct why_reasons *r)
{
	struct why_reason *w;

	if (f->raw_frames == 0 || f->raw_last < why_received(f))
		return;
	w = why_add(r, poison_code(f->raw_reason));
	if (f->raw_last_attempts >= AGAIN)
		why_say(w,
		    "It sends the same frame again and again (%" PRId64
		    " times, last %s), and it can't be stored: %s.",
		    f->raw_last_attempts, why_when(f, f->raw_last).text,
		    trace_reason(f->raw_reason));
	else
		why_say(w, "What it sent last (%s) can't be stored: %s.",
		    why_when(f, f->raw_last).text, trace_reason(f->raw_reason));
	if (strcmp(f->raw_reason, "codec") == 0)
		why_advise(w,
		    "Codec %X is off for model \"%s\" in device_models (off: %s): allow it there, "
		    "or change the tracker's Data Protocol; then tgctl raw decode --all.",
		    (unsigned)f->raw_codec, f->model, f->codecs_off);
	else if (strcmp(f->raw_reason, "unknown_codec") == 0)
		why_advise(w,
		    "Set the tracker's Data Protocol to Codec 8 or 8 Extended; it gets no answer to "
		    "this one and repeats it.");
	else
		why_advise(w,
		    "tgctl raw list --imei %s shows the frames; a restart of the tracker or "
		    "new firmware may help. tgctl raw drop dismisses what nobody can decode.",
		    f->imei);
}

/* "54 years", "3 h" */
static const char *
how_far(int64_t off, char out[WHY_TEXT])
{
	static const struct {
		int64_t ms;
		const char *name;
	} units[] = {
	    {365 * WHY_DAY, "years"}, {WHY_DAY, "days"}, {WHY_HOUR, "h"}, {WHY_MINUTE, "min"}};
	int64_t n = off < 0 ? -off : off;
	size_t i = 0;

	while (i + 1 < sizeof(units) / sizeof(units[0]) && n < 2 * units[i].ms)
		i++;
	snprintf(
	    out, WHY_TEXT, "%" PRId64 " %s", (n + units[i].ms / 2) / units[i].ms, units[i].name);
	return out;
}

#define TIME_ZONE "A whole number of hours is a time zone: trackers keep UTC. "
/* The widest there is. */
#define ZONE_MAX (14 * WHY_HOUR + WHY_HOUR / 2)
#define SETS_CLOCK \
	"A tracker sets its clock by GNSS or the network: let it see the sky, and check its time " \
	"synchronisation settings."

void
why_clock(const struct why_facts *f, struct why_reasons *r)
{
	struct why_reason *w;
	char far[WHY_TEXT];

	if (f->wrong_clocks > 0 && f->wrong_received_last >= f->received_last) {
		w = why_add(r, "clock_wrong");
		why_say(w,
		    "Its clock is wrong, %s by %s: a record that came %s says %s. The gateway keeps "
		    "such records, but they don't move the live position%s.",
		    f->wrong_off < 0 ? "behind" : "ahead", how_far(f->wrong_off, far),
		    why_when(f, f->wrong_received_last).text, why_when(f, f->wrong_recorded).text,
		    f->wrong_off < 0 ? "" : " before all have been ahead for 10 min");
		why_advise(w, "%s%s",
		    f->wrong_off < 0	      ? "Or it sends records that it kept for so long. "
		    : f->wrong_off < ZONE_MAX ? TIME_ZONE
					      : "",
		    SETS_CLOCK);
	} else if (f->clock_off > CLOCK_OFF || (f->clock_off < -CLOCK_OFF && f->clock_off_steady)) {
		w = why_add(r, "clock_wrong");
		why_say(w, "Its clock is %s by %s: the record that came last, %s, says %s.",
		    f->clock_off < 0 ? "behind" : "ahead", how_far(f->clock_off, far),
		    why_when(f, f->received_last).text, why_when(f, f->recorded_last).text);
		why_advise(w, "Its records are stored with that time. " TIME_ZONE SETS_CLOCK);
	}
}

void
why_no_fix(const struct why_facts *f, struct why_reasons *r)
{
	struct why_reason *w;

	if (f->records == 0 || f->fixes > 0 || f->received_last < f->wrong_received_last)
		return;
	w = why_add(r, "no_fix");
	why_say(w,
	    "It sends, but has no fix: the newest %d record%s, last received %s, %s without a "
	    "valid position (at most %d satellite%s).",
	    f->records, why_plural(f->records), why_when(f, f->received_last).text,
	    f->records == 1 ? "is" : "are", f->satellites_most, why_plural(f->satellites_most));
	why_advise(w,
	    "Does it see the sky? Check its place and its GNSS antenna. Last valid fix: %s.",
	    why_when(f, f->fix_at).text);
}

/* It may send, but does not do as it is told. */
void
why_commands_failed(const struct why_facts *f, struct why_reasons *r)
{
	struct why_reason *w;

	if (f->failed == 0)
		return;
	w = why_add(r, "command_unanswered");
	why_say(w,
	    "It did not answer %" PRId64 " command%s; the last one, %" PRId64 ", failed %s: %s.%s",
	    f->failed, why_plural(f->failed), f->failed_id, why_when(f, f->failed_last).text,
	    f->failed_why,
	    f->late_answers > 0 ? " Answers that came too late lie in device_messages." : "");
	if (f->late_answers > 0)
		why_advise(w, "It answers later than TELEM_COMMAND_TIMEOUT_MS: raise it.");
	else
		why_advise(w,
		    "Does its firmware know the command? Is GPRS control on, and does it take commands "
		    "from any server?");
}

void
why_commands_wait(const struct why_facts *f, struct why_reasons *r)
{
	struct why_reason *w;

	if (f->pending + f->sent == 0)
		return;
	w = why_add(r, "command_waits");
	if (f->sent > 0)
		why_say(w,
		    "A command that was sent %s waits for its answer; %" PRId64 " more wait%s.",
		    why_when(f, f->sent_at).text, f->pending, f->pending == 1 ? "s" : "");
	else
		why_say(w, "%" PRId64 " command%s for it, the oldest since %s.", f->pending,
		    f->pending == 1 ? " waits" : "s wait", why_when(f, f->pending_since).text);
	if (!f->online)
		why_advise(w, "The gateway sends them when it connects.");
}
