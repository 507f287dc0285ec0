/*
 * A day whose partition refuses rows while others take theirs: its filesystem is full or gone, a page is
 * damaged, it is missing (doc/design.md, Storing). The error doesn't say so; days are sent one by one, and
 * what alone fails is put aside.
 */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/db_clock.h"
#include "worker/store/store_impl.h"

static int64_t
day_at(const struct store *s, uint32_t i)
{
	return store_day(store_listed_row(s, i));
}

void
store_days_begin(struct store *s)
{
	s->days.taken = false;
}

void
store_days_step(struct store *s)
{
	s->days.apart = false;
	s->days.n = 0;
}

void
store_days_taken(struct store *s)
{
	s->days.taken = true;
	s->days.guessed = false;
}

uint32_t
store_days_most(const struct store *s)
{
	uint32_t from, i;

	if (!s->days.apart || pg_isolate_is_over(&s->spans))
		return UINT32_MAX;
	from = i = s->spans.left[s->spans.nleft - 1].from;
	while (i < s->listed.n && day_at(s, i) == day_at(s, from))
		i++;
	return i - from;
}

/* ---- Days one by one ---- */

static bool
is_refused(const struct store_days *d, int64_t day)
{
	for (int i = 0; i < d->n; i++)
		if (d->refused[i].day == day)
			return true;
	return false;
}

static int
sign(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* Days that were refused come last; within a day by key, as always. */
static int
compare(const void *x, const void *y, void *arg)
{
	const struct store *s = arg;
	const struct row *a = &s->storing->rows[*(const uint32_t *)x];
	const struct row *b = &s->storing->rows[*(const uint32_t *)y];
	int64_t day_a = store_day(a), day_b = store_day(b);
	int by[] = {sign(is_refused(&s->days, day_a), is_refused(&s->days, day_b)),
	    sign(day_a, day_b), sign(a->device_id, b->device_id),
	    sign(a->recorded_at, b->recorded_at), sign(a->hash, b->hash)};

	for (size_t i = 0; i < sizeof(by) / sizeof(by[0]); i++)
		if (by[i] != 0)
			return by[i];
	return 0;
}

/* What isn't stored yet goes day by day from here on. */
static void
take_apart(struct store *s)
{
	uint32_t from = s->spans.now.from;

	s->days.apart = true;
	qsort_r(s->listed.at + from, s->listed.n - from, sizeof(*s->listed.at), compare, s);
	pg_isolate_start(&s->spans, 0);
	s->spans.now = (struct pg_span){from, s->listed.n};
	pg_isolate_again(&s->spans);
}

static bool
has_several_days(const struct store *s)
{
	for (uint32_t i = s->spans.now.from + 1; i < s->spans.now.to; i++)
		if (day_at(s, i) != day_at(s, s->spans.now.from))
			return true;
	return false;
}

/* Rows are left of days that haven't been tried. */
static bool
has_other_days(const struct store *s)
{
	for (uint32_t i = s->spans.now.from; i < s->listed.n; i++)
		if (!is_refused(&s->days, day_at(s, i)))
			return true;
	return false;
}

/* ---- Whose fault it is ---- */

static bool
may_be_of_a_day(const struct pg_error *error)
{
	switch (pg_error_kind(error->sqlstate)) {
	case PG_KIND_ENVIRONMENT:
	case PG_KIND_RIGHTS: /* what the file system says, too */
		return true;
	case PG_KIND_CONTENT:
		return !pg_error_is_own(error);
	default:
		return false;
	}
}

/* Today's rows are nearly all there are: if no others are taken, it isn't the day. */
static bool
is_current(int64_t day)
{
	int64_t ahead = day - db_clock_ms() / 86400000;

	return ahead >= -1 && ahead <= 1;
}

/*
 * Nothing of another day was in the batch. Days that are aside already stay there. One that isn't is put
 * there on trial, and said to be down: if another one fails before anything is stored, it is the environment.
 */
static bool
may_guess(const struct store *s)
{
	int unknown = 0;

	for (int i = 0; i < s->days.n; i++) {
		int64_t day = s->days.refused[i].day;

		if (aside_find(&s->aside, ASIDE_DAY, day) != NULL)
			continue;
		if (is_current(day))
			return false;
		unknown++;
	}
	return unknown == 0 || (unknown == 1 && !s->days.guessed);
}

static bool
decide(struct store *s)
{
	struct store_days *d = &s->days;
	bool put = d->taken || may_guess(s);
	const struct pg_error error = d->refused[d->n - 1].error;

	for (int i = 0; i < d->n && put; i++) {
		d->guessed |=
		    !d->taken && aside_find(&s->aside, ASIDE_DAY, d->refused[i].day) == NULL;
		put = store_put_aside(s, ASIDE_DAY, d->refused[i].day, &d->refused[i].error);
	}
	d->n = 0;
	if (!put)
		return false;
	store_leave_out_rest(s);
	/* Until something else is stored it may be everything as well. */
	if (d->guessed)
		store_environment_failed(s, &error);
	return true;
}

bool
store_day_refuses(struct store *s, enum pg_outcome outcome, const struct pg_error *error)
{
	struct store_days *d = &s->days;

	if (outcome != PG_ERROR || !may_be_of_a_day(error))
		return false;
	stats_add(&s->stats->batch_failures, 1);
	if (has_several_days(s)) {
		take_apart(s);
		return true;
	}
	int64_t day = day_at(s, s->spans.now.from);
	if (!is_refused(d, day)) {
		if (d->n == STORE_DAYS)
			return false;
		d->refused[d->n].day = day;
		d->refused[d->n++].error = *error;
	}
	if (!has_other_days(s))
		return decide(s);
	take_apart(s);
	return true;
}
