#include "common/log_fold.h"

#include <stdio.h>
#include <string.h>

#define LINE_MS (1000 / FOLD_LINES_PER_SECOND)
#define CREDIT_MS ((int64_t)FOLD_LINES * LINE_MS)

static uint64_t
mix(uint64_t h, uint64_t v)
{
	/* FNV-1a. */
	return (h ^ v) * UINT64_C(0x100000001b3);
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* What makes two lines the same. Never 0. */
static uint64_t
hash_line(enum log_level level, const struct log_fields *f, const char *text)
{
	uint64_t h = mix(UINT64_C(0xcbf29ce484222325), (uint64_t)level);

	for (const char *p = text; *p != '\0'; p++)
		if (!is_digit(*p) || !is_digit(p[1]))
			h = mix(h, is_digit(*p) ? '0' : (unsigned char)*p);
	if (f != NULL) {
		h = mix(h, f->imei);
		if (f->peer != NULL) {
			const char *port = strrchr(f->peer, ':');
			const char *end = port != NULL ? port : f->peer + strlen(f->peer);

			for (const char *p = f->peer; p < end; p++)
				h = mix(h, (unsigned char)*p);
		}
	}
	return h != 0 ? h : 1;
}

static bool
is_about_tracker(const struct log_fields *f)
{
	return f != NULL && (f->imei != 0 || f->peer != NULL);
}

/*
 * The place of the line. One of which something was kept back stays until it is reported; of the
 * others, one whose window is over or ends first makes room. NULL if all are such.
 */
static struct fold_line *
place(struct fold *f, uint64_t hash, bool tracker, int64_t now_ms)
{
	struct fold_line *at = f->line + (tracker ? 0 : FOLD_TRACKERS), *free_line = NULL;
	int n = tracker ? FOLD_TRACKERS : FOLD_OTHERS;

	for (; n > 0; n--, at++) {
		if (at->hash == hash && now_ms < at->until_ms)
			return at;
		if (at->last.repeated > 0)
			continue;
		if (free_line == NULL || at->hash == 0 ||
		    (free_line->hash != 0 && at->until_ms < free_line->until_ms))
			free_line = at;
	}
	if (free_line != NULL) {
		free_line->hash = hash;
		free_line->until_ms = now_ms + FOLD_WINDOW_MS;
		free_line->written = 0;
	}
	return free_line;
}

static void
keep_back(struct fold *f, struct fold_line *l, enum log_level level,
    const struct log_fields *fields, const char *text)
{
	struct fold_report *r = &l->last;

	if (r->repeated++ == 0)
		f->open++;
	r->level = level;
	r->imei = fields != NULL ? fields->imei : 0;
	(void)snprintf(r->peer, sizeof(r->peer), "%s",
	    fields != NULL && fields->peer != NULL ? fields->peer : "");
	(void)snprintf(r->first_bytes, sizeof(r->first_bytes), "%s",
	    fields != NULL && fields->first_bytes != NULL ? fields->first_bytes : "");
	(void)snprintf(r->text, sizeof(r->text), "%s", text);
}

/* Room among the lines about trackers? */
static bool
spend(struct fold *f, int64_t now_ms)
{
	if (!f->started) {
		f->started = true;
		f->credit_ms = CREDIT_MS;
	} else {
		f->credit_ms += now_ms - f->credit_at_ms;
		if (f->credit_ms > CREDIT_MS)
			f->credit_ms = CREDIT_MS;
	}
	f->credit_at_ms = now_ms;
	if (f->credit_ms >= LINE_MS) {
		f->credit_ms -= LINE_MS;
		return true;
	}
	if (f->left_out++ == 0)
		f->left_out_until_ms = now_ms + FOLD_WINDOW_MS;
	return false;
}

bool
fold_admit(struct fold *f, enum log_level level, const struct log_fields *fields, const char *text,
    int64_t now_ms)
{
	bool tracker = is_about_tracker(fields);
	struct fold_line *l;

	if (level == LOG_DEBUG_ || (level == LOG_INFO_ && !tracker))
		return true;
	l = place(f, hash_line(level, fields, text), tracker, now_ms);
	if (l != NULL && l->written == FOLD_BURST) {
		keep_back(f, l, level, fields, text);
		return false;
	}
	if (l != NULL)
		l->written++;
	return !tracker || spend(f, now_ms);
}

bool
fold_due(struct fold *f, int64_t now_ms, bool all, struct fold_report *out)
{
	for (int i = 0; f->open > 0 && i < FOLD_TRACKERS + FOLD_OTHERS; i++) {
		struct fold_line *l = &f->line[i];

		if (l->last.repeated == 0 || (!all && now_ms < l->until_ms))
			continue;
		*out = l->last;
		l->hash = 0;
		l->last.repeated = 0;
		f->open--;
		return true;
	}
	if (f->left_out == 0 || (!all && now_ms < f->left_out_until_ms))
		return false;
	*out = (struct fold_report){.level = LOG_WARN_, .repeated = f->left_out, .left_out = true};
	f->left_out = 0;
	return true;
}
