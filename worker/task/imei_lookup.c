#include "worker/task/imei_lookup.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "pg/isolate.h"
#include "worker/task/device_query.h"
#include "worker/task/imeis.h"

#define MAX_WAITING 4096
#define REFUSALS 4096 /* 2 to the REFUSAL_BITS */
#define REFUSAL_BITS 12
#define REFUSAL_MS 1000 /* an IMEI is asked about once in this time */
#define LOG_EVERY_MS 60000

/* Where an IMEI of the present question stands. */
enum ask_state {
	ASK_OPEN,      /* no row of it has come */
	ASK_OVERTAKEN, /* changed while we asked: its waiters stay, and it is asked about again */
	ASK_INSERT,    /* unknown: a bare row is to be inserted */
	ASK_INSERTED,  /* to be looked up once more */
	ASK_SETTLED,
};

struct ask {
	uint64_t imei;
	enum ask_state state;
	enum lookup_answer answer;
};

struct waiter {
	uint64_t imei, token;
};

/* An IMEI that was not accepted a moment ago. */
struct refusal {
	uint64_t imei;
	int64_t at_ms;
	enum lookup_answer answer;
};

struct imei_lookup {
	struct devices_config cfg;
	struct pg_array imeis;
	uint64_t asked_at;
	struct waiter waiting[MAX_WAITING], ready[MAX_WAITING];
	size_t nwaiting;
	struct ask asks[DEVICE_QUERY_IMEIS]; /* the present question, sorted by IMEI */
	size_t nasks;
	bool inserting, asking_again;		 /* its second and third turn */
	struct ask *inserts[DEVICE_QUERY_IMEIS]; /* those of it that get a bare row */
	size_t ninserts;
	struct pg_isolate spans; /* of them: what is being inserted, and what is left */
	int64_t no_insert_before_ms;
	struct log_gate full_gate, insert_gate;
	struct refusal refusals[REFUSALS]; /* by hash; a newer one takes the place */
};

static int
compare_ask(const void *a, const void *b)
{
	const struct ask *x = a, *y = b;

	return x->imei < y->imei ? -1 : x->imei > y->imei;
}

static struct ask *
find_ask(struct imei_lookup *l, uint64_t imei)
{
	const struct ask key = {.imei = imei};

	if (l->nasks == 0)
		return NULL;
	return bsearch(&key, l->asks, l->nasks, sizeof(l->asks[0]), compare_ask);
}

static size_t
count_asks(const struct imei_lookup *l, enum ask_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < l->nasks; i++)
		n += l->asks[i].state == state;
	return n;
}

static struct refusal *
refusal_of(struct imei_lookup *l, uint64_t imei)
{
	return &l->refusals[(imei * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - REFUSAL_BITS)];
}

static void
settle(struct ask *a, enum lookup_answer answer)
{
	a->state = ASK_SETTLED;
	a->answer = answer;
}

static void
settle_rest(struct imei_lookup *l, enum lookup_answer answer)
{
	for (size_t i = 0; i < l->nasks; i++)
		if (l->asks[i].state != ASK_SETTLED)
			settle(&l->asks[i], answer);
}

/* ---- Asking ---- */

/* Makes a question of those who wait longest, one of each IMEI. */
static void
gather_asks(struct imei_lookup *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->nwaiting && n < DEVICE_QUERY_IMEIS; i++)
		l->asks[n++] = (struct ask){.imei = l->waiting[i].imei};
	qsort(l->asks, n, sizeof(l->asks[0]), compare_ask);
	l->nasks = 0;
	for (size_t i = 0; i < n; i++)
		if (l->nasks == 0 || l->asks[i].imei != l->asks[l->nasks - 1].imei)
			l->asks[l->nasks++] = l->asks[i];
	stats_add(&l->cfg.stats->lookups, l->nasks);
}

static bool
start_ask(struct imei_lookup *l, struct pg_conn *conn)
{
	if (!l->asking_again)
		gather_asks(l);
	pg_array_reset(&l->imeis);
	for (size_t i = 0; i < l->nasks; i++)
		if (!l->asking_again || l->asks[i].state == ASK_INSERTED)
			imeis_append(&l->imeis, l->asks[i].imei);
	return device_query_send(conn, "devices_ask", &l->imeis);
}

/* A change came in between: by its word now, or by asking again. */
static void
settle_overtaken(struct imei_lookup *l, struct ask *a)
{
	uint32_t index = registry_find(l->cfg.registry, a->imei);
	struct device_entry entry;

	a->state = ASK_OVERTAKEN;
	if (index == REGISTRY_NONE)
		return;
	registry_get(l->cfg.registry, index, &entry);
	if (entry.present && entry.enabled)
		settle(a, LOOKUP_KNOWN);
}

static void
settle_by_row(struct imei_lookup *l, struct ask *a, const struct device_row *row)
{
	switch (registry_apply(l->cfg.registry, row, l->asked_at, NULL)) {
	case REGISTRY_STALE:
		settle_overtaken(l, a);
		break;
	case REGISTRY_FULL:
		device_query_note_full(l->cfg.stats, &l->full_gate);
		settle(a, LOOKUP_FULL);
		break;
	case REGISTRY_OK:
	case REGISTRY_UNCHANGED:
		settle(a, row->enabled ? LOOKUP_KNOWN : LOOKUP_DISABLED);
		break;
	}
}

/* The database has no row of it. */
static void
settle_absent(struct imei_lookup *l, struct ask *a, int64_t now)
{
	const struct device_row gone = {.imei = a->imei};

	if (registry_find(l->cfg.registry, a->imei) != REGISTRY_NONE &&
	    registry_apply(l->cfg.registry, &gone, l->asked_at, NULL) == REGISTRY_STALE)
		settle_overtaken(l, a);
	else if (!l->cfg.allow_unknown_imei || l->asking_again)
		settle(a, LOOKUP_UNKNOWN);
	else if (now < l->no_insert_before_ms)
		settle(a, LOOKUP_UNAVAILABLE);
	else
		a->state = ASK_INSERT;
}

/* Hands out what is settled. Those that wait for something that isn't stay in the queue. */
static void
finish_asks(struct imei_lookup *l, int64_t now)
{
	size_t kept = 0, nready = 0;

	for (size_t i = 0; i < l->nasks; i++) {
		const struct ask *a = &l->asks[i];

		if (a->state == ASK_SETTLED && a->answer != LOOKUP_KNOWN)
			*refusal_of(l, a->imei) =
			    (struct refusal){.imei = a->imei, .at_ms = now, .answer = a->answer};
	}
	for (size_t i = 0; i < l->nwaiting; i++) {
		const struct ask *a = find_ask(l, l->waiting[i].imei);

		if (a != NULL && a->state == ASK_SETTLED)
			l->ready[nready++] = l->waiting[i];
		else
			l->waiting[kept++] = l->waiting[i];
	}
	l->nwaiting = kept;
	/* An answer may lead to another lookup, which adds to `waiting` behind this walk. */
	for (size_t i = 0; i < nready; i++) {
		const struct ask *a = find_ask(l, l->ready[i].imei);

		l->cfg.answer(l->cfg.ctx, l->ready[i].token, a->imei, a->answer);
	}
	l->nasks = 0;
	l->inserting = l->asking_again = false;
}

/* Rows with an IMEI alone for the unknown, if they are welcome, before they are asked about once more. */
static void
begin_inserts(struct imei_lookup *l)
{
	l->ninserts = 0;
	for (size_t i = 0; i < l->nasks; i++)
		if (l->asks[i].state == ASK_INSERT)
			l->inserts[l->ninserts++] = &l->asks[i];
	pg_isolate_start(&l->spans, (uint32_t)l->ninserts);
	l->inserting = pg_isolate_next(&l->spans, DEVICE_QUERY_IMEIS);
}

static void
end_ask(struct imei_lookup *l, enum pg_outcome outcome)
{
	int64_t now = clock_mono_ms();
	enum ask_state absent = l->asking_again ? ASK_INSERTED : ASK_OPEN;

	if (outcome == PG_ERROR)
		settle_rest(l, LOOKUP_UNAVAILABLE);
	for (size_t i = 0; i < l->nasks; i++)
		if (l->asks[i].state == absent)
			settle_absent(l, &l->asks[i], now);
	begin_inserts(l);
	if (!l->inserting)
		finish_asks(l, now);
}

/* ---- Rows for the unknown ---- */

static bool
start_insert(struct imei_lookup *l, struct pg_conn *conn)
{
	pg_array_reset(&l->imeis);
	for (uint32_t i = l->spans.now.from; i < l->spans.now.to; i++)
		imeis_append(&l->imeis, l->inserts[i]->imei);
	return device_query_send(conn, "devices_insert", &l->imeis);
}

static void
log_refused_insert(struct imei_lookup *l, uint64_t imei, const struct pg_error *error, int64_t now)
{
	uint64_t suppressed;

	if (log_gate_open(&l->insert_gate, now, LOG_EVERY_MS, &suppressed))
		log_write(LOG_WARN_, &(struct log_fields){.imei = imei},
		    "unknown device not added to devices: %s: %s (%" PRIu64
		    " more since the last line)",
		    error->sqlstate, error->text, suppressed);
}

/* Neither the rows' fault nor over in a moment: all that are left are told so. */
static void
give_up_inserts(struct imei_lookup *l, int64_t now)
{
	l->no_insert_before_ms = now + REFUSAL_MS;
	for (size_t i = l->spans.now.from; i < l->ninserts; i++)
		settle(l->inserts[i], LOOKUP_UNAVAILABLE);
	pg_isolate_start(&l->spans, 0);
}

/* True: a row was refused, and found or nearer to be found. */
static bool
end_insert(struct imei_lookup *l, enum pg_outcome outcome, const struct pg_error *error)
{
	int64_t now = clock_mono_ms();
	bool refused = outcome == PG_ERROR && pg_error_is_content(error);
	struct ask *first = l->inserts[l->spans.now.from];

	if (outcome == PG_OK) {
		for (uint32_t i = l->spans.now.from; i < l->spans.now.to; i++)
			l->inserts[i]->state = ASK_INSERTED;
	} else if (refused && pg_isolate_refused(&l->spans)) {
		log_refused_insert(l, first->imei, error, now);
		settle(first, LOOKUP_UNKNOWN);
	} else if (!refused && pg_error_is_transient(error)) {
		pg_isolate_again(&l->spans);
	} else if (!refused) {
		give_up_inserts(l, now);
	}
	l->inserting = pg_isolate_next(&l->spans, DEVICE_QUERY_IMEIS);
	if (l->inserting)
		return refused;
	l->asking_again = count_asks(l, ASK_INSERTED) > 0;
	if (!l->asking_again)
		finish_asks(l, now);
	return refused;
}

/* ---- Turns ---- */

bool
imei_lookup_due(const struct imei_lookup *l)
{
	return l->nasks > 0 || l->nwaiting > 0;
}

bool
imei_lookup_start(struct imei_lookup *l, struct pg_conn *conn, uint64_t asked_at)
{
	l->asked_at = asked_at;
	return l->inserting ? start_insert(l, conn) : start_ask(l, conn);
}

void
imei_lookup_result(struct imei_lookup *l, const struct pg_result *res)
{
	struct device_row row;

	if (l->inserting)
		return;
	for (int i = 0; i < pg_rows(res); i++) {
		struct ask *a = device_query_row(res, i, &row) ? find_ask(l, row.imei) : NULL;

		if (a != NULL)
			settle_by_row(l, a, &row);
	}
}

bool
imei_lookup_end(struct imei_lookup *l, enum pg_outcome outcome, const struct pg_error *error)
{
	if (outcome == PG_LOST)
		return false; /* imei_lookup_down() follows */
	if (l->inserting)
		return end_insert(l, outcome, error);
	end_ask(l, outcome);
	return false;
}

void
imei_lookup_down(struct imei_lookup *l)
{
	size_t n = l->nwaiting;

	l->nasks = 0;
	l->inserting = l->asking_again = false;
	l->nwaiting = 0;
	memcpy(l->ready, l->waiting, n * sizeof(l->ready[0]));
	for (size_t i = 0; i < n; i++)
		l->cfg.answer(l->cfg.ctx, l->ready[i].token, l->ready[i].imei, LOOKUP_UNAVAILABLE);
}

bool
imei_lookup_add(struct imei_lookup *l, uint64_t imei, uint64_t token, int64_t now_mono_ms,
    enum lookup_answer *now)
{
	const struct refusal *r = refusal_of(l, imei);

	*now = LOOKUP_UNAVAILABLE;
	if (r->imei == imei && now_mono_ms - r->at_ms < REFUSAL_MS) {
		*now = r->answer;
		return false;
	}
	if (l->nwaiting == MAX_WAITING)
		return false;
	l->waiting[l->nwaiting++] = (struct waiter){.imei = imei, .token = token};
	return true;
}

struct imei_lookup *
imei_lookup_new(const struct devices_config *cfg)
{
	struct imei_lookup *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->cfg = *cfg;
	pg_array_init(&l->imeis, PG_TEXT);
	return l;
}

void
imei_lookup_free(struct imei_lookup *l)
{
	if (l == NULL)
		return;
	pg_array_free(&l->imeis);
	free(l);
}
