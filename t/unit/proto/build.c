/* See proto_build.h. Stops the test program when memory is short. */
#include "t/unit/proto/build.h"

#include <stdlib.h>
#include <string.h>

#include "proto/crc16.h"
#include "proto/stream.h"
#include "proto/wire.h"

static uint8_t *
grow(struct build *b, size_t n)
{
	if (b->room - b->n < n) {
		b->room = (b->n + n) * 2 + 64;
		b->p = realloc(b->p, b->room);
		if (b->p == NULL)
			abort();
	}
	b->n += n;
	return b->p + b->n - n;
}

void
build_u8(struct build *b, uint8_t v)
{
	*grow(b, 1) = v;
}

void
build_u16(struct build *b, uint16_t v)
{
	wire_put_u16(grow(b, 2), v);
}

void
build_u32(struct build *b, uint32_t v)
{
	wire_put_u32(grow(b, 4), v);
}

void
build_u64(struct build *b, uint64_t v)
{
	wire_put_u64(grow(b, 8), v);
}

void
build_bytes(struct build *b, const void *p, size_t n)
{
	uint8_t *at = grow(b, n);

	if (n > 0)
		memcpy(at, p, n);
}

void
build_zeros(struct build *b, size_t n)
{
	memset(grow(b, n), 0, n);
}

void
build_free(struct build *b)
{
	free(b->p);
	*b = (struct build){0};
}

void
build_gps_of(struct build *b, const struct avl_record *r)
{
	build_u64(b, r->timestamp_ms);
	build_u8(b, r->priority);
	build_u32(b, (uint32_t)r->longitude);
	build_u32(b, (uint32_t)r->latitude);
	build_u16(b, (uint16_t)r->altitude);
	build_u16(b, r->angle);
	build_u8(b, r->satellites);
	build_u16(b, r->speed);
}

void
build_gps(struct build *b)
{
	static const struct avl_record r = {
	    .timestamp_ms = BUILD_TIME,
	    .priority = 1,
	    .longitude = 252618832,
	    .latitude = -546992512,
	    .altitude = -12,
	    .angle = 359,
	    .satellites = 11,
	    .speed = 87,
	};

	build_gps_of(b, &r);
}

void
build_wrap(struct build *b)
{
	struct build frame = {0};

	build_u32(&frame, 0);
	build_u32(&frame, (uint32_t)b->n);
	build_bytes(&frame, b->p, b->n);
	build_u32(&frame, crc16_arc_portable(b->p, b->n));
	build_free(b);
	*b = frame;
}

/* Elements of one length, the last one first. `len` 0: all that have no section of their own. */
static void
section(struct build *b, const struct avl_record *r, uint16_t len)
{
	struct avl_io io[BUILD_ELEMENTS + 1];
	struct avl_io_walk walk;
	uint16_t n = 0, i;

	avl_io_start(&walk, r);
	while (n < BUILD_ELEMENTS && avl_io_next(&walk, &io[n])) {
		uint16_t l = io[n].len;

		if (len == 0 ? l != 1 && l != 2 && l != 4 && l != 8 : l == len)
			n++;
	}
	build_u16(b, n);
	for (i = n; i-- > 0;) {
		build_u16(b, io[i].id);
		if (len == 0)
			build_u16(b, io[i].len);
		build_bytes(b, io[i].value, io[i].len);
	}
}

void
build_8e_reversed(struct build *b, const struct avl_record *r)
{
	build_u8(b, CODEC_8E);
	build_u8(b, 1);
	build_gps_of(b, r);
	build_u16(b, r->event_id);
	build_u16(b, r->io_count);
	section(b, r, 1);
	section(b, r, 2);
	section(b, r, 4);
	section(b, r, 8);
	section(b, r, 0);
	build_u8(b, 1);
}
