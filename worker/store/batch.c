#include "config.h"

#include "worker/store/batch.h"

#include <stdlib.h>
#include <string.h>

#include "pg/row.h"

bool
batch_init(struct batch *b, const struct batch_limits *limits)
{
	/* One frame may overshoot; a frame without records counts for one, see batch_has_room(). */
	size_t n = (size_t)limits->records + AVL_MAX_RECORDS;

	memset(b, 0, sizeof(*b));
	b->limits = *limits;
	b->frames = malloc(n * sizeof(*b->frames));
	b->rows = malloc(n * sizeof(*b->rows));
	b->order = malloc(n * sizeof(*b->order));
	if (b->frames != NULL && b->rows != NULL && b->order != NULL)
		return true;
	batch_free(b);
	return false;
}

void
batch_free(struct batch *b)
{
	free(b->frames);
	free(b->rows);
	free(b->order);
	free(b->bytes);
	memset(b, 0, sizeof(*b));
}

void
batch_reset(struct batch *b)
{
	b->nframes = b->nrows = b->norder = 0;
	b->used = 0;
}

/* Bytes that a frame takes at most, with its rows. */
static size_t
bound(size_t raw_len, const struct avl_record *records, uint16_t nrecords)
{
	size_t n = raw_len;

	for (uint16_t i = 0; i < nrecords; i++)
		n += row_bound(&records[i]);
	return n;
}

bool
batch_has_room(
    const struct batch *b, size_t raw_len, const struct avl_record *records, uint16_t nrecords)
{
	if (b->nframes == 0)
		return true;
	return b->nframes < b->limits.records && b->nrows + nrecords <= b->limits.records &&
	       b->used + bound(raw_len, records, nrecords) <= b->limits.bytes;
}

static bool
reserve(struct batch *b, size_t n)
{
	size_t room = b->room != 0 ? b->room : 64 * 1024;

	if (n <= b->room - b->used)
		return true;
	while (room - b->used < n)
		room *= 2;
	uint8_t *p = realloc(b->bytes, room);
	if (p == NULL)
		return false;
	b->bytes = p;
	b->room = room;
	return true;
}

static struct frame *
new_frame(struct batch *b, const struct frame_source *from, enum frame_kind kind,
    const uint8_t *raw, size_t raw_len, uint16_t count)
{
	struct frame *f = &b->frames[b->nframes];

	*f = (struct frame){
	    .from = *from,
	    .raw_off = b->used,
	    .raw_len = (uint32_t)raw_len,
	    .first_row = b->nrows,
	    .count = count,
	    .kind = (uint8_t)kind,
	};
	memcpy(b->bytes + b->used, raw, raw_len);
	b->used += raw_len;
	return f;
}

static void
add_row(struct batch *b, struct frame *f, const struct avl_record *rec)
{
	struct row *r = &b->rows[b->nrows++];
	uint64_t hash = avl_record_hash(rec);
	uint8_t *out = b->bytes + b->used;
	size_t len = row_write(rec, f->from.device_id, hash, f->from.received_wall_us, out);

	f->nrows++;
	*r = (struct row){
	    .off = b->used, .len = (uint32_t)len, .frame = b->nframes, .state = ROW_WAITING};
	if (len == 0) {
		r->state = ROW_REFUSED;
		f->poisoned = true;
		return;
	}
	r->device_id = f->from.device_id;
	r->recorded_at = row_i64(out, ROW_RECORDED_AT);
	r->hash = row_i64(out, ROW_RECORD_HASH);
	b->used += len;
}

uint32_t
batch_add_records(struct batch *b, const struct frame_source *from, const uint8_t *raw,
    size_t raw_len, const struct avl_record *records, uint16_t nrecords)
{
	if (!reserve(b, bound(raw_len, records, nrecords)))
		return BATCH_NONE;
	struct frame *f = new_frame(b, from, FRAME_RECORDS, raw, raw_len, nrecords);
	for (uint16_t i = 0; i < nrecords; i++)
		add_row(b, f, &records[i]);
	return b->nframes++;
}

uint32_t
batch_add_raw(struct batch *b, const struct frame_source *from, enum frame_kind kind,
    const char *reason, const uint8_t *raw, size_t raw_len, uint16_t count)
{
	if (!reserve(b, raw_len))
		return BATCH_NONE;
	struct frame *f = new_frame(b, from, kind, raw, raw_len, count);
	f->reason = reason;
	return b->nframes++;
}

/* Bytes of the frame's rows. */
static size_t
row_bytes(const struct batch *b, const struct frame *f)
{
	size_t n = 0;

	for (uint32_t i = 0; i < f->nrows; i++)
		n += b->rows[f->first_row + i].len;
	return n;
}

/* The frame's rows become to->rows[to->nrows ...) of its frame `frame`; the bytes go to the end. */
static void
copy_rows(struct batch *to, const struct batch *from, const struct frame *f, uint32_t frame)
{
	for (uint32_t i = 0; i < f->nrows; i++) {
		struct row row = from->rows[f->first_row + i];

		memmove(to->bytes + to->used, from->bytes + row.off, row.len);
		row.off = to->used;
		row.frame = frame;
		if (row.state == ROW_DUPLICATE)
			row.state = ROW_WAITING;
		to->used += row.len;
		to->rows[to->nrows++] = row;
	}
}

/* The frame of `from` with its bytes and rows, behind what is in `to`; its index there. */
static uint32_t
append(struct batch *to, const struct batch *from, const struct frame *frame)
{
	struct frame f = *frame;
	uint32_t first = to->nrows;

	memmove(to->bytes + to->used, from->bytes + f.raw_off, f.raw_len);
	f.raw_off = to->used;
	to->used += f.raw_len;
	copy_rows(to, from, &f, to->nframes);
	f.first_row = first;
	to->frames[to->nframes] = f;
	return to->nframes++;
}

uint32_t
batch_copy(struct batch *to, const struct batch *from, uint32_t frame)
{
	struct frame f = from->frames[frame];
	size_t bytes = f.raw_len + row_bytes(from, &f);

	if (to->nframes > 0 &&
	    (to->nframes >= to->limits.records || to->nrows + f.nrows > to->limits.records ||
		to->used + bytes > to->limits.bytes))
		return BATCH_NONE;
	if (!reserve(to, bytes))
		return BATCH_NONE;
	return append(to, from, &f);
}

void
batch_compact(struct batch *b, void (*moved)(void *ctx, uint32_t from, uint32_t to), void *ctx)
{
	uint32_t n = b->nframes;

	/* Bytes and rows lie in the order of their frames, so each moves down or stays. */
	b->nframes = b->nrows = 0;
	b->used = 0;
	for (uint32_t i = 0; i < n; i++) {
		const struct frame f = b->frames[i];

		if (f.forgotten)
			continue;
		uint32_t to = append(b, b, &f);
		if (to != i)
			moved(ctx, i, to);
	}
}

static int
compare_key(const struct row *a, const struct row *b)
{
	if (a->device_id != b->device_id)
		return a->device_id < b->device_id ? -1 : 1;
	if (a->recorded_at != b->recorded_at)
		return a->recorded_at < b->recorded_at ? -1 : 1;
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return 0;
}

/* What qsort needs to know of a frame: where its rows belong, roughly. */
struct run {
	int64_t device_id, recorded_at;
	uint32_t frame;
};

static int
compare_run(const void *x, const void *y)
{
	const struct run *a = x, *b = y;

	if (a->device_id != b->device_id)
		return a->device_id < b->device_id ? -1 : 1;
	if (a->recorded_at != b->recorded_at)
		return a->recorded_at < b->recorded_at ? -1 : 1;
	return a->frame < b->frame ? -1 : a->frame > b->frame;
}

static int
compare_order(const void *x, const void *y, void *rows)
{
	const struct row *all = rows;

	return compare_key(&all[*(const uint32_t *)x], &all[*(const uint32_t *)y]);
}

/*
 * Rows arrive nearly sorted: those of a frame belong to one device and mostly
 * ascend or descend. So whole frames are put in order first, and what is left is
 * mended by insertion, which costs one comparison a row when all is well. Where many
 * frames of a device overlap, qsort takes over.
 */
static void
sort_rows(struct batch *b)
{
	uint64_t moves = 0, patience = (uint64_t)b->norder * 32;

	for (uint32_t i = 1; i < b->norder; i++) {
		uint32_t at = b->order[i], j = i;

		while (j > 0 && compare_key(&b->rows[b->order[j - 1]], &b->rows[at]) > 0) {
			b->order[j] = b->order[j - 1];
			j--;
			moves++;
		}
		b->order[j] = at;
		if (moves > patience) {
			qsort_r(b->order, b->norder, sizeof(*b->order), compare_order, b->rows);
			return;
		}
	}
}

static void
order_by_frames(struct batch *b)
{
	struct run *runs = malloc((size_t)b->nframes * sizeof(*runs));
	uint32_t n = 0;

	b->norder = 0;
	for (uint32_t i = 0; i < b->nframes; i++) {
		const struct frame *f = &b->frames[i];

		if (f->kind != FRAME_RECORDS || f->forgotten || f->nrows == 0)
			continue;
		if (runs != NULL)
			runs[n++] = (struct run){.device_id = f->from.device_id,
			    .recorded_at = b->rows[f->first_row].recorded_at,
			    .frame = i};
		else
			for (uint32_t r = 0; r < f->nrows; r++)
				b->order[b->norder++] = f->first_row + r;
	}
	if (runs == NULL)
		return;
	qsort(runs, n, sizeof(*runs), compare_run);
	for (uint32_t i = 0; i < n; i++) {
		const struct frame *f = &b->frames[runs[i].frame];

		/* Newest first is a setting of the tracker: turn such a frame round. */
		bool down = b->rows[f->first_row].recorded_at >
			    b->rows[f->first_row + f->nrows - 1].recorded_at;
		for (uint32_t r = 0; r < f->nrows; r++)
			b->order[b->norder++] = f->first_row + (down ? f->nrows - 1 - r : r);
	}
	free(runs);
}

void
batch_seal(struct batch *b)
{
	uint32_t n = 0;

	order_by_frames(b);
	for (uint32_t i = 0; i < b->norder; i++)
		if (b->rows[b->order[i]].state == ROW_WAITING)
			b->order[n++] = b->order[i];
	b->norder = n;
	sort_rows(b);
	n = 0;
	for (uint32_t i = 0; i < b->norder; i++) {
		struct row *r = &b->rows[b->order[i]];

		if (n > 0 && compare_key(&b->rows[b->order[n - 1]], r) == 0)
			r->state = ROW_DUPLICATE;
		else
			b->order[n++] = b->order[i];
	}
	b->norder = n;
}
