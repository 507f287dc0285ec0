/*
 * Whose fault a refused row is: its own, or that of something which refuses all (doc/design.md, Storing).
 */
#include <stdio.h>
#include <string.h>

#include "worker/store/store_impl.h"

#define NOT_IN_THIS_STEP UINT32_MAX

void
store_refusals_over(struct store *s)
{
	s->refusals = (struct store_refusals){.from = NOT_IN_THIS_STEP};
}

void
store_refusals_step(struct store *s)
{
	s->refusals.from = NOT_IN_THIS_STEP;
}

static bool
is_positions(const struct store *s)
{
	return s->step == STEP_INSERT || s->step == STEP_COPY;
}

/* That the quarantine takes what positions refuse says nothing about positions. */
void
store_refusals_success(struct store *s)
{
	if (s->refusals.positions == is_positions(s))
		store_refusals_over(s);
}

static bool
is_known(const struct store_refusals *r, int64_t device)
{
	for (int i = 0; i < r->ndevices; i++)
		if (r->devices[i] == device)
			return true;
	return false;
}

bool
store_refused_in_a_row(struct store *s, int64_t device, const struct pg_error *error)
{
	struct store_refusals *r = &s->refusals;

	if (strcmp(r->sqlstate, error->sqlstate) != 0 || r->positions != is_positions(s))
		store_refusals_over(s);
	r->positions = is_positions(s);
	snprintf(r->sqlstate, sizeof(r->sqlstate), "%s", error->sqlstate);
	if (r->from == NOT_IN_THIS_STEP)
		r->from = s->spans.now.from;
	if (!r->everybody && (is_known(r, device) || r->ndevices < STORE_IN_A_ROW)) {
		if (!is_known(r, device))
			r->devices[r->ndevices++] = device;
		return false;
	}
	r->everybody = true;
	s->spans.now.from = r->from;
	return true;
}
