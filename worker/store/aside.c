/* What the database doesn't take for now: see aside.h. Pure. */
#include "worker/store/aside.h"

#include <stdio.h>
#include <string.h>

/* The place of what and key, or where it would stand. */
static uint32_t
place(const struct aside *a, enum aside_what what, int64_t key)
{
	uint32_t from = 0, to = a->n;

	while (from < to) {
		uint32_t middle = from + (to - from) / 2;
		const struct aside_entry *e = &a->entries[middle];

		if (e->what < what || (e->what == what && e->key < key))
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static bool
stands_at(const struct aside *a, uint32_t at, enum aside_what what, int64_t key)
{
	return at < a->n && a->entries[at].what == what && a->entries[at].key == key;
}

const struct aside_entry *
aside_find(const struct aside *a, enum aside_what what, int64_t key)
{
	uint32_t at = place(a, what, key);

	return stands_at(a, at, what, key) ? &a->entries[at] : NULL;
}

bool
aside_waits(const struct aside *a, enum aside_what what, int64_t key, int64_t now_ms)
{
	const struct aside_entry *e = aside_is_empty(a) ? NULL : aside_find(a, what, key);

	return e != NULL && now_ms < e->due_ms;
}

static int32_t
longer(int32_t pause_ms)
{
	return pause_ms > ASIDE_LAST_MS / 2 ? ASIDE_LAST_MS : pause_ms * 2;
}

const struct aside_entry *
aside_put(struct aside *a, enum aside_what what, int64_t key, int64_t now_ms, const char *sqlstate,
    const char *reason)
{
	uint32_t at = place(a, what, key);
	struct aside_entry *e = &a->entries[at];

	if (stands_at(a, at, what, key)) {
		e->pause_ms = longer(e->pause_ms);
	} else {
		if (a->n == ASIDE_MOST)
			return NULL;
		memmove(e + 1, e, (a->n - at) * sizeof(*e));
		*e = (struct aside_entry){.key = key,
		    .since_ms = now_ms,
		    .pause_ms = ASIDE_FIRST_MS,
		    .what = (uint8_t)what};
		a->n++;
		a->count[what]++;
	}
	e->due_ms = now_ms + e->pause_ms;
	snprintf(e->sqlstate, sizeof(e->sqlstate), "%s", sqlstate);
	snprintf(e->reason, sizeof(e->reason), "%s", reason);
	return e;
}

int64_t
aside_next_ms(const struct aside *a)
{
	int64_t next = INT64_MAX;

	for (uint32_t i = 0; i < a->n; i++)
		if (a->entries[i].due_ms < next)
			next = a->entries[i].due_ms;
	return next;
}

uint32_t
aside_clear_due(struct aside *a, int64_t now_ms)
{
	uint32_t n = 0, cleared;

	for (uint32_t i = 0; i < a->n; i++) {
		if (a->entries[i].due_ms > now_ms)
			a->entries[n++] = a->entries[i];
		else
			a->count[a->entries[i].what]--;
	}
	cleared = a->n - n;
	a->n = n;
	return cleared;
}
