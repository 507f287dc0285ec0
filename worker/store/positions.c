/*
 * The rows of a batch into device_positions: by COPY, which is the fastest but
 * knows no ON CONFLICT, or by INSERT ... ON CONFLICT for devices that are likely to re-send.
 */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "worker/store/store_impl.h"

/*
 * Below these a COPY isn't worth its second round trip; or, if other rows of the batch go by
 * ON CONFLICT anyway, its second COMMIT.
 */
#define COPY_MIN_ROWS 4
#define COPY_MIN_ROWS_BESIDE 64
#define COPY_CHUNK (256 * 1024)
/* libpq sends whenever it has 8 kB: what is shorter than several of these is gathered first. */
#define COPY_DIRECT (32 * 1024)
/* How long a device that had a duplicate goes by ON CONFLICT. */
#define CAREFUL_MS 60000

static const char copy_header[] =
    "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"; /* 19 bytes with the last NUL */
#define COPY_HEADER_LEN 19

bool
store_init_positions(struct store *s)
{
	size_t n = (size_t)s->cfg.limits.records + AVL_MAX_RECORDS;

	s->listed.at = malloc(n * sizeof(*s->listed.at));
	s->plain.at = malloc(n * sizeof(*s->plain.at));
	s->copy_buf = malloc(COPY_CHUNK);
	return s->listed.at != NULL && s->plain.at != NULL && s->copy_buf != NULL;
}

/* One device's rows, order[from..to): all go the same way. */
static bool
device_is_careful(const struct store *s, uint32_t from, uint32_t to, int64_t now_ms)
{
	const struct batch *b = s->storing;
	const struct frame *last = NULL;

	for (uint32_t i = from; i < to; i++) {
		const struct frame *f = &b->frames[b->rows[b->order[i]].frame];

		if (f == last)
			continue;
		last = f;
		if (f->careful)
			return true;
		int64_t seen = registry_duplicate_ms(s->cfg.registry, f->from.entry);
		if (seen != 0 && now_ms - seen < CAREFUL_MS)
			return true;
	}
	return false;
}

static void
append(struct store_list *list, const uint32_t *order, uint32_t n)
{
	memcpy(list->at + list->n, order, n * sizeof(*order));
	list->n += n;
}

/* Who goes which way: rows by INSERT to `listed`, for COPY to `plain`. */
static void
insert_gather(struct store *s)
{
	const struct batch *b = s->storing;
	int64_t now_ms = clock_mono_ms();

	s->plain.n = 0;
	for (uint32_t i = 0; i < b->norder;) {
		uint32_t end = i + 1;
		int64_t device = b->rows[b->order[i]].device_id;

		while (end < b->norder && b->rows[b->order[end]].device_id == device)
			end++;
		append(device_is_careful(s, i, end, now_ms) ? &s->listed : &s->plain, b->order + i,
		    end - i);
		i = end;
	}
	if (s->plain.n < (s->listed.n > 0 ? COPY_MIN_ROWS_BESIDE : COPY_MIN_ROWS)) {
		s->listed.n = s->plain.n = 0;
		append(&s->listed, b->order, b->norder);
	}
}

static void
fill_columns(struct store *s, struct pg_span span)
{
	row_columns_start(s->rows);
	for (uint32_t i = span.from; i < span.to; i++)
		row_append(s->storing->bytes + store_listed_row(s, i)->off, s->rows);
}

static bool
insert_start(void *ctx, struct pg_conn *conn)
{
	struct store *s = ctx;
	struct pg_params params = {0};

	s->inserted = 0;
	fill_columns(s, s->spans.now);
	pg_param_arrays(&params, s->rows, ROW_NCOLUMNS);
	pg_param_int(&params, registry_table(s->cfg.registry));
	s->started_us = clock_mono_us();
	return pg_send(conn, "positions_insert", &params, PG_BINARY_ROWS);
}

/* In the order of devices, as our rows are; what is missing stood there already. */
static void
insert_result(void *ctx, const struct pg_result *res)
{
	struct store *s = ctx;
	struct batch *b = s->storing;
	const struct pg_span span = s->spans.now;
	int64_t now_ms = clock_mono_ms();
	int at = 0, n = pg_rows(res);

	for (uint32_t i = span.from; i < span.to;) {
		uint32_t end = i + 1, new_rows = 0;
		const struct row *r = store_listed_row(s, i);

		while (end < span.to && store_listed_row(s, end)->device_id == r->device_id)
			end++;
		for (; at < n && pg_int8(res, at, 0) == r->device_id; at++)
			new_rows++;
		if (new_rows < end - i) {
			registry_set_duplicate_ms(
			    s->cfg.registry, b->frames[r->frame].from.entry, now_ms);
			b->frames[r->frame].again += (uint16_t)(end - i - new_rows);
		}
		s->inserted += new_rows;
		i = end;
	}
}

static bool
is_same(const struct row *a, const struct row *b)
{
	return a->device_id == b->device_id && a->recorded_at == b->recorded_at &&
	       a->hash == b->hash;
}

/*
 * One row alone is refused for its content: its frame goes to quarantine, the others are stored.
 * So do the frames of its twins in this batch, which would be acknowledged for a record that
 * is not stored yet, and perhaps never.
 */
static void
refuse_row(struct store *s, const struct pg_error *error)
{
	struct batch *b = s->storing;
	struct row *r = store_listed_row(s, s->spans.now.from);
	struct frame *f = &b->frames[r->frame];

	r->state = ROW_REFUSED;
	f->poisoned = true;
	for (uint32_t i = 0; i < b->nrows; i++) {
		struct row *twin = &b->rows[i];

		if (twin->state != ROW_DUPLICATE || !is_same(twin, r))
			continue;
		twin->state = ROW_REFUSED;
		b->frames[twin->frame].poisoned = true;
	}
	log_write(LOG_WARN_, &(struct log_fields){.imei = f->from.imei},
	    "the database refuses a record for its content: %s (SQLSTATE %s); its frame goes to "
	    "quarantine",
	    error->text, error->sqlstate);
}

/* A row of the span waits again, a twin of one is a duplicate again. */
static void
unrefuse(struct store *s, struct pg_span span, struct row *r)
{
	for (uint32_t i = span.from; i < span.to; i++) {
		const struct row *first = store_listed_row(s, i);

		if (r == first)
			r->state = ROW_WAITING;
		else if (is_same(r, first))
			r->state = ROW_DUPLICATE;
	}
}

void
store_unrefuse_rows(struct store *s, struct pg_span span)
{
	struct batch *b = s->storing;

	for (uint32_t i = 0; i < b->nframes; i++) {
		struct frame *f = &b->frames[i];
		bool poisoned = false;

		for (uint32_t j = f->first_row; f->poisoned && j < f->first_row + f->nrows; j++) {
			if (b->rows[j].state == ROW_REFUSED && b->rows[j].len > 0)
				unrefuse(s, span, &b->rows[j]);
			poisoned |= b->rows[j].state == ROW_REFUSED;
		}
		f->poisoned = poisoned;
	}
}

static void
span_stored(struct store *s)
{
	uint32_t n = s->spans.now.to - s->spans.now.from;

	/* It wrote something, behind all that it found there. */
	s->unproven = false;
	store_book(s, s->inserted, n - s->inserted, 0);
	store_succeeded(s, false, n);
}

static void
insert_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct store *s = ctx;

	if (outcome == PG_OK && s->inserted == 0)
		store_prove(s, span_stored);
	else if (outcome == PG_OK)
		span_stored(s);
	else if (store_rows_blocked(s, outcome, error) || store_day_refuses(s, outcome, error))
		return;
	else if (store_gives_up(s, outcome, error, outcome == PG_ERROR && pg_error_is_own(error)))
		refuse_row(s, error);
}

static const struct pg_job insert = {
    .name = "insert positions", .start = insert_start, .result = insert_result, .end = insert_end};

const struct store_step store_insert = {
    .gather = insert_gather, .most = UINT32_MAX, .statement = &insert};

static void
copy_gather(struct store *s)
{
	struct store_list empty = s->listed;

	s->listed = s->plain;
	s->plain = empty;
	s->plain.n = 0;
}

static bool
copy_start(void *ctx, struct pg_conn *conn)
{
	struct store *s = ctx;

	s->copied = s->spans.now.from;
	s->copy_began = false;
	s->started_us = clock_mono_us();
	return pg_send_text_of(conn, "positions_copy", registry_table(s->cfg.registry));
}

/* Rows from `at` on that lie side by side in the batch, as those of a frame mostly do. */
struct run {
	const uint8_t *p;
	size_t len;
	uint32_t end;
};

static struct run
run_at(const struct store *s, uint32_t at)
{
	const struct row *r = store_listed_row(s, at);
	struct run run = {.p = s->storing->bytes + r->off, .len = r->len, .end = at + 1};

	while (run.end < s->spans.now.to && run.len < COPY_CHUNK) {
		r = store_listed_row(s, run.end);
		if (s->storing->bytes + r->off != run.p + run.len)
			break;
		run.len += r->len;
		run.end++;
	}
	return run;
}

/*
 * Rows are gathered to large pieces: libpq sends on every call, and a system call a row is dear. A piece that
 * is large already goes as it lies.
 */
static enum pg_copy
copy_in(void *ctx, struct pg_conn *conn)
{
	struct store *s = ctx;
	struct run run = {0};
	size_t n = 0;

	if (!s->copy_began) {
		memcpy(s->copy_buf, copy_header, COPY_HEADER_LEN);
		n = COPY_HEADER_LEN;
		s->copy_began = true;
	}
	for (; s->copied < s->spans.now.to; s->copied = run.end, n += run.len) {
		run = run_at(s, s->copied);
		if (run.len >= COPY_DIRECT || n + run.len > COPY_CHUNK)
			break;
		memcpy(s->copy_buf + n, run.p, run.len);
	}
	if (n > 0) {
		if (!pg_put(conn, s->copy_buf, n))
			return PG_COPY_FAIL;
	} else if (s->copied < s->spans.now.to) {
		if (!pg_put(conn, run.p, run.len))
			return PG_COPY_FAIL;
		s->copied = run.end;
	}
	if (s->copied < s->spans.now.to)
		return PG_COPY_MORE;
	if (!pg_put(conn, "\377\377", 2) || !pg_put_end(conn))
		return PG_COPY_FAIL;
	return PG_COPY_END;
}

/* The rows meant for COPY, which still are `listed`, go by ON CONFLICT after all. */
static void
copy_to_insert(struct store *s)
{
	s->step = STEP_INSERT;
	pg_isolate_start(&s->spans, s->listed.n);
}

static void
copy_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct store *s = ctx;
	uint32_t n = s->spans.now.to - s->spans.now.from;

	if (outcome == PG_OK) {
		store_book(s, n, 0, 0);
		store_succeeded(s, true, n);
	} else if (outcome == PG_ERROR &&
		   (pg_error_is_duplicate(error) || pg_error_is_own(error))) {
		stats_add(&s->stats->copy_conflicts, 1);
		copy_to_insert(s);
	} else if (outcome == PG_LOST) {
		/* It may have been committed: then all would be duplicates. */
		copy_to_insert(s);
		store_failed(s, outcome, error);
	} else if (!store_rows_blocked(s, outcome, error) &&
		   !store_day_refuses(s, outcome, error)) {
		store_again(s, outcome, error);
	}
}

static const struct pg_job copy = {
    .name = "copy positions", .start = copy_start, .copy_in = copy_in, .end = copy_end};

/* With INSERT and COPY behind it, a frame of records without a refused one may be answered. */
static void
copy_over(struct store *s)
{
	struct batch *b = s->storing;

	for (uint32_t i = 0; i < b->nframes; i++)
		if (b->frames[i].kind == FRAME_RECORDS && !b->frames[i].poisoned &&
		    !b->frames[i].aside && !b->frames[i].forgotten)
			b->frames[i].done = true;
	s->cfg.stored(s->cfg.ctx, b);
}

const struct store_step store_copy = {
    .gather = copy_gather, .over = copy_over, .most = UINT32_MAX, .statement = &copy};
