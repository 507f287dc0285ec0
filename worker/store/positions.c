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
/* How long a device that had a duplicate goes by ON CONFLICT. */
#define CAREFUL_MS 60000

static const char copy_header[] =
    "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"; /* 19 bytes with the last NUL */
#define COPY_HEADER_LEN 19

static const struct row *
row_at(const struct store *s, const struct row_list *list, uint32_t i)
{
	return &s->storing->rows[list->at[i]];
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
append(struct row_list *list, const uint32_t *order, uint32_t n)
{
	memcpy(list->at + list->n, order, n * sizeof(*order));
	list->n += n;
}

void
store_split(struct store *s)
{
	struct batch *b = s->storing;
	int64_t now_ms = clock_mono_ms();

	s->careful.n = s->plain.n = 0;
	for (uint32_t i = 0; i < b->norder;) {
		uint32_t end = i + 1;
		int64_t device = b->rows[b->order[i]].device_id;

		while (end < b->norder && b->rows[b->order[end]].device_id == device)
			end++;
		append(device_is_careful(s, i, end, now_ms) ? &s->careful : &s->plain, b->order + i,
		    end - i);
		i = end;
	}
	if (s->plain.n < (s->careful.n > 0 ? COPY_MIN_ROWS_BESIDE : COPY_MIN_ROWS)) {
		s->careful.n = s->plain.n = 0;
		append(&s->careful, b->order, b->norder);
	}
	s->nspans = 0;
	if (s->careful.n > 0)
		s->spans[s->nspans++] = (struct span){0, s->careful.n};
}

static void
fill_params(struct store *s, struct span span)
{
	static const struct {
		enum row_offset off;
		uint8_t len;
	} field[] = {{ROW_DEVICE_ID, 8}, {ROW_RECORDED_AT, 8}, {ROW_RECORD_HASH, 8},
	    {ROW_RECEIVED_AT, 8}, {ROW_LATITUDE, 8}, {ROW_LONGITUDE, 8}, {ROW_ALTITUDE, 2},
	    {ROW_HEADING, 4}, {ROW_SATELLITES, 2}, {ROW_SPEED, 4}, {ROW_VALID, 1},
	    {ROW_PRIORITY, 2}, {ROW_EVENT_IO_ID, 4}, {ROW_CODEC, 2}};
	const int nfixed = (int)(sizeof(field) / sizeof(field[0]));

	for (int c = 0; c < ROW_NCOLUMNS; c++)
		pg_array_reset(&s->rows[c]);
	for (uint32_t i = span.from; i < span.to; i++) {
		const uint8_t *row = s->storing->bytes + row_at(s, &s->careful, i)->off;
		int16_t generation;
		size_t io_len;
		const uint8_t *io = row_io(row, &io_len);

		for (int c = 0; c < nfixed; c++)
			pg_array_raw(&s->rows[c], row + field[c].off, field[c].len);
		if (row_generation(row, &generation))
			pg_array_int2(&s->rows[nfixed], generation);
		else
			pg_array_null(&s->rows[nfixed]);
		pg_array_raw(&s->rows[nfixed + 1], io, io_len);
	}
}

static bool
insert_start(void *ctx, struct pg_conn *conn)
{
	struct store *s = ctx;
	struct pg_params params = {0};

	fill_params(s, s->span);
	pg_param_arrays(&params, s->rows, ROW_NCOLUMNS);
	s->started_us = clock_mono_us();
	return pg_send(conn, "positions_insert", &params, PG_BINARY_ROWS);
}

/* In the order of devices, as our rows are; what is missing stood there already. */
static void
insert_result(void *ctx, const struct pg_result *res)
{
	struct store *s = ctx;
	struct batch *b = s->storing;
	int64_t now_ms = clock_mono_ms();
	int at = 0, n = pg_rows(res);

	for (uint32_t i = s->span.from; i < s->span.to;) {
		uint32_t end = i + 1, new_rows = 0;
		const struct row *r = row_at(s, &s->careful, i);

		while (end < s->span.to && row_at(s, &s->careful, end)->device_id == r->device_id)
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

static void
halve_span(struct store *s)
{
	struct span span = s->span;
	uint32_t middle = span.from + (span.to - span.from) / 2;

	s->spans[s->nspans++] = (struct span){middle, span.to};
	s->spans[s->nspans++] = (struct span){span.from, middle};
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
	struct row *r = &b->rows[s->careful.at[s->span.from]];
	struct frame *f = &b->frames[r->frame];

	r->state = ROW_REFUSED;
	f->poisoned = true;
	for (uint32_t i = 0; i < b->nrows; i++) {
		struct row *twin = &b->rows[i];

		if (twin->state != ROW_DUPLICATE || twin->device_id != r->device_id ||
		    twin->recorded_at != r->recorded_at || twin->hash != r->hash)
			continue;
		twin->state = ROW_REFUSED;
		b->frames[twin->frame].poisoned = true;
	}
	log_write(LOG_WARN_, &(struct log_fields){.imei = f->from.imei},
	    "the database refuses a record for its content: %s (SQLSTATE %s); its frame goes to "
	    "quarantine",
	    error->text, error->sqlstate);
}

/* The span is stored, or refused, or halved: on to what is left. */
static void
span_done(struct store *s)
{
	if (s->nspans == 0)
		store_step_done(s);
	store_next(s);
}

static void
span_stored(struct store *s)
{
	uint32_t n = s->span.to - s->span.from;

	store_book(s, s->inserted, n - s->inserted, 0);
	store_succeeded(s, false, n);
	span_done(s);
}

static void
span_failed(struct store *s, enum pg_outcome outcome, const struct pg_error *error)
{
	s->spans[s->nspans++] = s->span;
	store_failed(s, outcome, error);
}

static bool
prove_start(void *ctx, struct pg_conn *conn)
{
	(void)ctx;
	return pg_send_text(conn, "positions_prove");
}

static void
prove_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct store *s = ctx;

	if (outcome == PG_OK)
		span_stored(s);
	else
		span_failed(s, outcome, error);
}

static void
insert_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	const struct pg_job prove = {
	    .name = "prove duplicates", .ctx = ctx, .start = prove_start, .end = prove_end};
	struct store *s = ctx;
	uint32_t n = s->span.to - s->span.from;

	if (outcome == PG_OK && s->inserted == 0) {
		pg_link_run(s->db, &prove);
	} else if (outcome == PG_OK) {
		span_stored(s);
	} else if (outcome == PG_ERROR && pg_error_is_content(error) && n > 1) {
		halve_span(s);
		span_done(s);
	} else if (outcome == PG_ERROR && pg_error_is_content(error)) {
		refuse_row(s, error);
		span_done(s);
	} else {
		span_failed(s, outcome, error);
	}
}

void
store_run_insert(struct store *s)
{
	const struct pg_job job = {.name = "insert positions",
	    .ctx = s,
	    .start = insert_start,
	    .result = insert_result,
	    .end = insert_end};

	s->span = s->spans[--s->nspans];
	s->inserted = 0;
	pg_link_run(s->db, &job);
}

static bool
copy_start(void *ctx, struct pg_conn *conn)
{
	struct store *s = ctx;

	if (s->copy_buf == NULL && (s->copy_buf = malloc(COPY_CHUNK)) == NULL)
		return false;
	s->copied = 0;
	s->started_us = clock_mono_us();
	return pg_send_text(conn, "positions_copy");
}

/* Rows are gathered to large pieces: libpq sends on every call, and a system call a row is dear. */
static enum pg_copy
copy_in(void *ctx, struct pg_conn *conn)
{
	struct store *s = ctx;
	size_t n = 0;

	if (s->copied == 0) {
		memcpy(s->copy_buf, copy_header, COPY_HEADER_LEN);
		n = COPY_HEADER_LEN;
	}
	while (s->copied < s->plain.n) {
		const struct row *r = row_at(s, &s->plain, s->copied);

		if (n + r->len > COPY_CHUNK && n > 0)
			break;
		if (r->len > COPY_CHUNK) {
			if (!pg_put(conn, s->storing->bytes + r->off, r->len))
				return PG_COPY_FAIL;
		} else {
			memcpy(s->copy_buf + n, s->storing->bytes + r->off, r->len);
			n += r->len;
		}
		s->copied++;
	}
	if (n > 0 && !pg_put(conn, s->copy_buf, n))
		return PG_COPY_FAIL;
	if (s->copied < s->plain.n)
		return PG_COPY_MORE;
	if (!pg_put(conn, "\377\377", 2) || !pg_put_end(conn))
		return PG_COPY_FAIL;
	return PG_COPY_END;
}

/* The rows meant for COPY go by ON CONFLICT after all. */
static void
copy_to_insert(struct store *s)
{
	s->careful.n = 0;
	append(&s->careful, s->plain.at, s->plain.n);
	s->plain.n = 0;
	s->spans[0] = (struct span){0, s->careful.n};
	s->nspans = 1;
	s->step = STEP_INSERT;
}

static void
copy_end(void *ctx, enum pg_outcome outcome, const struct pg_error *error)
{
	struct store *s = ctx;

	if (outcome == PG_OK) {
		store_book(s, s->plain.n, 0, 0);
		store_succeeded(s, true, s->plain.n);
		store_step_done(s);
	} else if (outcome == PG_ERROR && pg_error_is_content(error)) {
		stats_add(&s->stats->copy_conflicts, 1);
		copy_to_insert(s);
	} else {
		/* After a lost connection it may have been committed: then all would be duplicates.
		 */
		if (outcome == PG_LOST)
			copy_to_insert(s);
		store_failed(s, outcome, error);
		return;
	}
	store_next(s);
}

void
store_run_copy(struct store *s)
{
	const struct pg_job job = {.name = "copy positions",
	    .ctx = s,
	    .start = copy_start,
	    .copy_in = copy_in,
	    .end = copy_end};

	pg_link_run(s->db, &job);
}
