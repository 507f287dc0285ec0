/*
 * AVL frames: codec 8, 8 Extended and 16 (doc/protocol.md, Records). Pure: no I/O,
 * no clock, no allocation, no globals; memory is the caller's.
 *
 * avl_decode() checks the whole body and fills one struct avl_record per record.
 * IO elements stay where they are on the wire: a record points at its sections,
 * and avl_io_next() walks them. So records are good as long as the body is.
 */
#ifndef PROTO_AVL_H
#define PROTO_AVL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AVL_MAX_RECORDS 255

/*
 * Sections of one record, in wire order. AVL_VAR is 8E only, AVL_16 is Bitrek's fifth of codec 8.
 */
enum avl_section { AVL_1, AVL_2, AVL_4, AVL_8, AVL_VAR, AVL_16, AVL_SECTIONS };

struct avl_record {
	uint64_t timestamp_ms; /* tracker's clock, as sent: any value */
	int32_t longitude;     /* degrees x 10^7 */
	int32_t latitude;
	int16_t altitude; /* m */
	uint16_t angle;	  /* degrees from north */
	uint16_t speed;	  /* km/h */
	uint16_t event_id;
	uint16_t io_total; /* as sent */
	uint16_t io_count; /* sum of the sections */
	uint8_t priority;
	uint8_t satellites;
	uint8_t codec;	    /* CODEC_8, CODEC_8E, CODEC_16 */
	uint8_t generation; /* codec 16 only, else 0 */
	uint16_t count[AVL_SECTIONS];
	const uint8_t *section[AVL_SECTIONS]; /* first element of each */
};

enum avl_result {
	AVL_OK,
	AVL_BAD_COUNT,	   /* count 1 differs from count 2 */
	AVL_BAD_STRUCTURE, /* records don't fill the body exactly */
	AVL_BAD_CODEC,	   /* not an AVL codec */
};

struct avl_frame {
	uint8_t codec;
	uint8_t count1, count2;
	uint16_t nrecords;	   /* filled in records[]; 0 unless AVL_OK */
	uint16_t total_mismatches; /* records whose io_total is not io_count */
	bool bitrek;		   /* read with the fifth section of codec 8 */
};

/*
 * Decodes the body of a frame whose CRC is good (body[0] is the codec, the last
 * byte is count 2). `records` has room for AVL_MAX_RECORDS. On anything but
 * AVL_OK frame->count1 is still set when there is a body of two bytes or more.
 */
enum avl_result avl_decode(const uint8_t *body, size_t len, struct avl_frame *frame,
    struct avl_record records[AVL_MAX_RECORDS]) __attribute__((warn_unused_result));

struct avl_io {
	uint16_t id;
	uint16_t len;
	bool variable;	      /* of section AVL_VAR: bytes whatever their number */
	const uint8_t *value; /* big-endian bytes */
};

struct avl_io_walk {
	const struct avl_record *record;
	const uint8_t *at;
	uint16_t left;
	uint8_t section;
};

void avl_io_start(struct avl_io_walk *, const struct avl_record *);
/* The next element, in wire order; false at the end. */
bool avl_io_next(struct avl_io_walk *, struct avl_io *) __attribute__((warn_unused_result));

/* Satellites > 0, coordinates in range, not both zero and not both FFFFFFFF (doc/protocol.md, Position and fix). */
bool avl_position_valid(const struct avl_record *) __attribute__((warn_unused_result));

/* Not before 2010 and not ahead of `now_ms` (doc/protocol.md, Time, priority and event). */
#define AVL_AHEAD_MS 600000
bool avl_time_trusted(uint64_t timestamp_ms, int64_t now_ms) __attribute__((warn_unused_result));

/*
 * The identity of a record beside device and timestamp: 64 bits over timestamp,
 * priority, longitude, latitude, altitude, angle, satellites, speed, event id
 * and the multiset of elements (id, length, bytes). Not over codec, generation
 * type, order or place in the frame. AN ON-DISK FORMAT: never change it; golden
 * vectors in t/ hold it.
 */
uint64_t avl_record_hash(const struct avl_record *) __attribute__((warn_unused_result));

/*
 * A general 64-bit hash of bytes, stable on disk as well (device_ingest_raw.frame_hash).
 */
uint64_t hash_bytes(const uint8_t *p, size_t n);

#endif
