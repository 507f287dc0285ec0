/* AVL frames of codec 8, 8 Extended and 16: see avl.h and doc/protocol.md, Records. */
#include "proto/avl.h"

#include "proto/stream.h"
#include "proto/wire.h"

#define MS_2010 UINT64_C(1262304000000)
#define LONGITUDE_MAX 1800000000
#define LATITUDE_MAX 900000000

#define RECORD_HEAD ((size_t)24) /* timestamp to speed: the same in all codecs */

/*
 * What a codec's records look like. Always passed as a constant: each form gets a loop of its own.
 */
struct form {
	uint8_t codec;
	uint8_t id;    /* bytes of an element's id and of the event id */
	uint8_t count; /* bytes of a count and of the total */
	bool generation;
	bool variable; /* has the section of variable-length elements */
	bool wide;     /* has Bitrek's section of 16-byte elements */
};

static const uint8_t widths[AVL_SECTIONS] = {1, 2, 4, 8, 0, 16};

#define INLINE static inline __attribute__((always_inline))

INLINE uint16_t
u8_or_u16(const uint8_t *p, uint8_t bytes)
{
	return bytes == 1 ? p[0] : wire_u16(p);
}

INLINE size_t
left(const uint8_t *p, const uint8_t *end)
{
	return (size_t)(end - p);
}

/* Behind a section of elements of `width` bytes; NULL if it goes beyond `end`. */
INLINE const uint8_t *
read_section(const uint8_t *p, const uint8_t *end, struct form form, size_t width,
    enum avl_section section, struct avl_record *record)
{
	size_t bytes;

	if (left(p, end) < form.count)
		return NULL;
	record->count[section] = u8_or_u16(p, form.count);
	p += form.count;
	record->section[section] = p;
	bytes = record->count[section] * (form.id + width);
	return left(p, end) < bytes ? NULL : p + bytes;
}

INLINE const uint8_t *
read_variable(const uint8_t *p, const uint8_t *end, struct avl_record *record)
{
	unsigned i, n;

	if (left(p, end) < 2)
		return NULL;
	n = wire_u16(p);
	p += 2;
	record->count[AVL_VAR] = (uint16_t)n;
	record->section[AVL_VAR] = p;
	for (i = 0; i < n; i++) {
		size_t len;

		if (left(p, end) < 4)
			return NULL;
		len = wire_u16(p + 2);
		p += 4;
		if (left(p, end) < len)
			return NULL;
		p += len;
	}
	return p;
}

INLINE const uint8_t *
read_record(const uint8_t *p, const uint8_t *end, struct form form, struct avl_record *record)
{
	size_t head = RECORD_HEAD + form.id + form.generation + form.count;

	if (left(p, end) < head)
		return NULL;
	record->timestamp_ms = wire_u64(p);
	record->priority = p[8];
	record->longitude = wire_i32(p + 9);
	record->latitude = wire_i32(p + 13);
	record->altitude = wire_i16(p + 17);
	record->angle = wire_u16(p + 19);
	record->satellites = p[21];
	record->speed = wire_u16(p + 22);
	record->event_id = u8_or_u16(p + RECORD_HEAD, form.id);
	record->generation = form.generation ? p[RECORD_HEAD + form.id] : 0;
	record->io_total = u8_or_u16(p + head - form.count, form.count);
	record->codec = form.codec;
	p += head;

	if ((p = read_section(p, end, form, 1, AVL_1, record)) == NULL ||
	    (p = read_section(p, end, form, 2, AVL_2, record)) == NULL ||
	    (p = read_section(p, end, form, 4, AVL_4, record)) == NULL ||
	    (p = read_section(p, end, form, 8, AVL_8, record)) == NULL)
		return NULL;
	record->count[AVL_VAR] = record->count[AVL_16] = 0;
	record->section[AVL_VAR] = record->section[AVL_16] = p;
	if (form.variable && (p = read_variable(p, end, record)) == NULL)
		return NULL;
	if (form.wide && (p = read_section(p, end, form, 16, AVL_16, record)) == NULL)
		return NULL;
	/* A body of 64 KiB can't hold so many elements that this overflows. */
	record->io_count =
	    (uint16_t)(record->count[AVL_1] + record->count[AVL_2] + record->count[AVL_4] +
		       record->count[AVL_8] + record->count[AVL_VAR] + record->count[AVL_16]);
	return p;
}

/* True if `n` records fill p[0..end) exactly. */
INLINE bool
read_records(const uint8_t *p, const uint8_t *end, struct form form, unsigned n,
    struct avl_record *records, uint16_t *total_mismatches)
{
	unsigned i, mismatches = 0;

	for (i = 0; i < n; i++) {
		p = read_record(p, end, form, &records[i]);
		if (p == NULL)
			return false;
		mismatches += records[i].io_total != records[i].io_count;
	}
	*total_mismatches = (uint16_t)mismatches;
	return p == end;
}

static bool
read_8(const uint8_t *p, const uint8_t *end, unsigned n, struct avl_record *records,
    uint16_t *mismatches)
{
	static const struct form form = {.codec = CODEC_8, .id = 1, .count = 1};

	return read_records(p, end, form, n, records, mismatches);
}

static bool
read_8_bitrek(const uint8_t *p, const uint8_t *end, unsigned n, struct avl_record *records,
    uint16_t *mismatches)
{
	static const struct form form = {.codec = CODEC_8, .id = 1, .count = 1, .wide = true};

	return read_records(p, end, form, n, records, mismatches);
}

static bool
read_8e(const uint8_t *p, const uint8_t *end, unsigned n, struct avl_record *records,
    uint16_t *mismatches)
{
	static const struct form form = {.codec = CODEC_8E, .id = 2, .count = 2, .variable = true};

	return read_records(p, end, form, n, records, mismatches);
}

static bool
read_16(const uint8_t *p, const uint8_t *end, unsigned n, struct avl_record *records,
    uint16_t *mismatches)
{
	static const struct form form = {
	    .codec = CODEC_16, .id = 2, .count = 1, .generation = true};

	return read_records(p, end, form, n, records, mismatches);
}

enum avl_result
avl_decode(const uint8_t *body, size_t len, struct avl_frame *frame,
    struct avl_record records[AVL_MAX_RECORDS])
{
	const uint8_t *p, *end;
	uint16_t mismatches = 0;
	bool good, bitrek = false;
	unsigned n;

	*frame = (struct avl_frame){0};
	if (len < 2)
		return AVL_BAD_STRUCTURE;
	frame->codec = body[0];
	frame->count1 = body[1];
	if (!codec_is_avl(body[0]))
		return AVL_BAD_CODEC;
	if (len < FRAME_BODY_MIN || len > FRAME_BODY_MAX)
		return AVL_BAD_STRUCTURE;
	p = body + 2;
	end = body + len - 1;
	n = *end;
	frame->count2 = *end;
	if (body[1] != n)
		return AVL_BAD_COUNT;

	if (body[0] == CODEC_8E) {
		good = read_8e(p, end, n, records, &mismatches);
	} else if (body[0] == CODEC_16) {
		good = read_16(p, end, n, records, &mismatches);
	} else {
		good = read_8(p, end, n, records, &mismatches);
		if (!good)
			good = bitrek = read_8_bitrek(p, end, n, records, &mismatches);
	}
	if (!good)
		return AVL_BAD_STRUCTURE;
	frame->nrecords = (uint16_t)n;
	frame->total_mismatches = mismatches;
	frame->bitrek = bitrek;
	return AVL_OK;
}

void
avl_io_start(struct avl_io_walk *walk, const struct avl_record *record)
{
	walk->record = record;
	walk->section = AVL_1;
	walk->at = record->section[AVL_1];
	walk->left = record->count[AVL_1];
}

bool
avl_io_next(struct avl_io_walk *walk, struct avl_io *io)
{
	while (walk->left == 0) {
		if (walk->section + 1 >= AVL_SECTIONS)
			return false;
		walk->section++;
		walk->at = walk->record->section[walk->section];
		walk->left = walk->record->count[walk->section];
	}
	walk->left--;
	if (walk->record->codec == CODEC_8) {
		io->id = walk->at[0];
		walk->at += 1;
	} else {
		io->id = wire_u16(walk->at);
		walk->at += 2;
	}
	io->variable = walk->section == AVL_VAR;
	if (io->variable) {
		io->len = wire_u16(walk->at);
		walk->at += 2;
	} else {
		io->len = widths[walk->section];
	}
	io->value = walk->at;
	walk->at += io->len;
	return true;
}

bool
avl_position_valid(const struct avl_record *r)
{
	return r->satellites > 0 && r->longitude >= -LONGITUDE_MAX &&
	       r->longitude <= LONGITUDE_MAX && r->latitude >= -LATITUDE_MAX &&
	       r->latitude <= LATITUDE_MAX && (r->longitude != 0 || r->latitude != 0) &&
	       /* FFFFFFFF twice is documented as "fix lost". */
	       (r->longitude != -1 || r->latitude != -1);
}

bool
avl_time_trusted(uint64_t timestamp_ms, int64_t now_ms)
{
	int64_t latest = now_ms > INT64_MAX - AVL_AHEAD_MS ? INT64_MAX : now_ms + AVL_AHEAD_MS;

	return timestamp_ms >= MS_2010 && latest >= 0 && timestamp_ms <= (uint64_t)latest;
}
