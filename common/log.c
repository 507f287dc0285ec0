#include "config.h"

#include "common/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log_fold.h"
#include "common/log_out.h"

#define MESSAGE_BYTES 2048 /* before escaping */
#define TAIL_BYTES 512	   /* kept free behind the message for the fields */

static struct {
	struct log_out out;
	enum log_format format;
	enum log_level level;
	char ident[64];
	struct fold fold;
	uint64_t dropped; /* lines since the log last said so */
	_Atomic uint64_t *drops;
} state = {
    .out = {.target = LOG_TO_STDERR, .fd = STDERR_FILENO}, .format = LOG_TEXT, .level = LOG_INFO_};

static const char *const level_upper[] = {"ERROR", "WARN", "INFO", "DEBUG"};
static const char *const level_lower[] = {"error", "warn", "info", "debug"};
static const int level_syslog[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

/* A line in the making. `end` is as far as it may grow now. */
struct line {
	char text[LOG_LINE_BYTES];
	size_t len, end;
};

static void
put_text(struct line *l, const char *s)
{
	size_t n = strlen(s);

	if (n > l->end - l->len)
		n = l->end - l->len;
	memcpy(l->text + l->len, s, n);
	l->len += n;
}

/*
 * Text from outside. Control bytes and all that is not ASCII is written as an escape, so that
 * nobody can forge a line or play with a terminal; a backslash is doubled, so that escapes are
 * unambiguous. JSON takes each such byte as the code point of its value. An escape that no longer
 * fits ends the text.
 */
static void
put_escaped(struct line *l, const char *s)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;
		char esc[8];

		if (c == '\\' || (c == '"' && state.format == LOG_JSON))
			(void)snprintf(esc, sizeof(esc), "\\%c", c);
		else if (c >= 0x20 && c < 0x7f)
			(void)snprintf(esc, sizeof(esc), "%c", c);
		else if (state.format == LOG_JSON)
			(void)snprintf(esc, sizeof(esc), "\\u%04x", c);
		else
			(void)snprintf(esc, sizeof(esc), "\\x%02x", c);
		if (strlen(esc) > l->end - l->len)
			return;
		put_text(l, esc);
	}
}

static void
put_time(struct line *l)
{
	int64_t ms = clock_wall_ms();
	time_t s = (time_t)(ms / 1000);
	struct tm tm;
	char buf[80];

	gmtime_r(&s, &tm);
	(void)snprintf(buf, sizeof(buf), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(ms % 1000));
	put_text(l, buf);
}

/* syslog and journald have time and level from elsewhere. */
static void
build_text(struct line *l, enum log_level level, const struct log_fields *f, const char *message,
    uint64_t repeated)
{
	char num[48];

	if (state.out.target != LOG_TO_SYSLOG && !state.out.journal) {
		put_time(l);
		put_text(l, " ");
		put_text(l, level_upper[level]);
		put_text(l, " ");
	}
	if (state.ident[0] != '\0') {
		put_escaped(l, state.ident);
		put_text(l, ": ");
	}
	l->end -= TAIL_BYTES;
	put_escaped(l, message);
	l->end += TAIL_BYTES;
	if (f != NULL && f->imei != 0) {
		(void)snprintf(num, sizeof(num), " imei=%015" PRIu64, f->imei);
		put_text(l, num);
	}
	if (repeated > 0) {
		(void)snprintf(num, sizeof(num), " repeated=%" PRIu64, repeated);
		put_text(l, num);
	}
	if (f != NULL && f->peer != NULL) {
		put_text(l, " peer=");
		put_escaped(l, f->peer);
	}
	if (f != NULL && f->first_bytes != NULL) {
		put_text(l, " first_bytes=");
		put_escaped(l, f->first_bytes);
	}
}

static void
build_json(struct line *l, enum log_level level, const struct log_fields *f, const char *message,
    uint64_t repeated)
{
	char num[48];

	put_text(l, "{\"ts\":\"");
	put_time(l);
	put_text(l, "\",\"level\":\"");
	put_text(l, level_lower[level]);
	put_text(l, "\",\"proc\":\"");
	put_escaped(l, state.ident);
	(void)snprintf(num, sizeof(num), "\",\"pid\":%ld", (long)getpid());
	put_text(l, num);
	put_text(l, ",\"msg\":\"");
	l->end -= TAIL_BYTES;
	put_escaped(l, message);
	l->end += TAIL_BYTES;
	put_text(l, "\"");
	if (f != NULL && f->imei != 0) {
		(void)snprintf(num, sizeof(num), ",\"imei\":\"%015" PRIu64 "\"", f->imei);
		put_text(l, num);
	}
	if (repeated > 0) {
		(void)snprintf(num, sizeof(num), ",\"repeated\":%" PRIu64, repeated);
		put_text(l, num);
	}
	if (f != NULL && f->peer != NULL) {
		put_text(l, ",\"peer\":\"");
		l->end -= 2;
		put_escaped(l, f->peer);
		l->end += 2;
		put_text(l, "\"");
	}
	if (f != NULL && f->first_bytes != NULL) {
		put_text(l, ",\"first_bytes\":\"");
		l->end -= 2;
		put_escaped(l, f->first_bytes);
		l->end += 2;
		put_text(l, "\"");
	}
	put_text(l, "}");
}

bool
log_open(const char *ident, const char *file, enum log_format format, enum log_level level)
{
	/* What was folded belongs where the lines before it went; if that can't be left, nothing is. */
	log_flush();
	if (!log_out_open(&state.out, file))
		return false;
	state.format = format;
	state.level = level;
	log_set_ident(ident);
	return true;
}

void
log_set_ident(const char *ident)
{
	(void)snprintf(state.ident, sizeof(state.ident), "%s", ident);
	/* What the parent keeps back, and what it could not write, the parent reports. */
	state.fold = (struct fold){0};
	state.dropped = 0;
}

int
log_keep_descriptor(void)
{
	log_out_forked(&state.out);
	return state.out.fd;
}

bool
log_listens(void)
{
	return log_out_listens(&state.out);
}

bool
log_reopen(void)
{
	return log_out_reopen(&state.out);
}

void
log_count_drops(_Atomic uint64_t *counter)
{
	state.drops = counter;
}

bool
log_enabled(enum log_level level)
{
	return level <= state.level;
}

static bool
put_line(
    enum log_level level, const struct log_fields *fields, const char *message, uint64_t repeated)
{
	struct line l = {.len = 0, .end = LOG_LINE_BYTES - 1};

	if (state.format == LOG_JSON)
		build_json(&l, level, fields, message, repeated);
	else
		build_text(&l, level, fields, message, repeated);
	/* One write per line, so that lines of several processes don't mix. */
	l.text[l.len++] = '\n';
	return log_out_line(&state.out, level_syslog[level], l.text, l.len);
}

/* Their reader did not take them, and was not waited for. True if there is nothing to say, or it was said. */
static bool
say_dropped(void)
{
	char message[96];

	if (state.dropped == 0)
		return true;
	(void)snprintf(message, sizeof(message),
	    "%" PRIu64 " lines of the log could not be written at once and were dropped",
	    state.dropped);
	if (!put_line(LOG_WARN_, NULL, message, 0))
		return false;
	state.dropped = 0;
	return true;
}

static void
emit(enum log_level level, const struct log_fields *fields, const char *message, uint64_t repeated)
{
	if (say_dropped() && put_line(level, fields, message, repeated))
		return;
	state.dropped++;
	if (state.drops != NULL)
		atomic_fetch_add_explicit(state.drops, 1, memory_order_relaxed);
}

static void
report(int64_t now_ms, bool all)
{
	int saved = errno;
	struct fold_report r;

	while (fold_due(&state.fold, now_ms, all, &r)) {
		struct log_fields fields = {.imei = r.imei,
		    .peer = r.peer[0] != '\0' ? r.peer : NULL,
		    .first_bytes = r.first_bytes[0] != '\0' ? r.first_bytes : NULL};
		char text[FOLD_TEXT + 64];

		if (r.left_out)
			(void)snprintf(text, sizeof(text),
			    "%" PRIu64 " more lines about trackers were left out", r.repeated);
		else
			(void)snprintf(text, sizeof(text), "%s (and %" PRIu64 " more like it)",
			    r.text, r.repeated);
		emit(r.level, &fields, text, r.left_out ? 0 : r.repeated);
	}
	errno = saved;
}

void
log_tick(int64_t now_mono_ms)
{
	int saved = errno;

	(void)say_dropped();
	errno = saved;
	report(now_mono_ms, false);
}

void
log_flush(void)
{
	report(0, true);
}

void
log_write(enum log_level level, const struct log_fields *fields, const char *fmt, ...)
{
	int saved = errno;
	int64_t now = clock_mono_ms();
	char message[MESSAGE_BYTES];
	va_list ap;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	if (vsnprintf(message, sizeof(message), fmt, ap) < 0)
		(void)snprintf(message, sizeof(message), "(message could not be formatted)");
	va_end(ap);
	report(now, false);
	if (fold_admit(&state.fold, level, fields, message, now))
		emit(level, fields, message, 0);
	errno = saved;
}

bool
log_gate_open(struct log_gate *g, int64_t now_mono_ms, int64_t every_ms, uint64_t *suppressed)
{
	if (g->last_ms != 0 && now_mono_ms - g->last_ms < every_ms) {
		g->suppressed++;
		return false;
	}
	*suppressed = g->suppressed;
	g->suppressed = 0;
	g->last_ms = now_mono_ms != 0 ? now_mono_ms : 1;
	return true;
}
