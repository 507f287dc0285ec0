/*
 * Fuzz target: a body, as if its CRC were good. Decoding and everything made of a record
 * (walk, JSON, row, hash) stay inside memory of exactly the size asked for; JSON is JSON; the hash
 * is the same for the same record of codec 8E with its elements in the opposite order.
 *
 * Input: the body.
 */
#include "t/fuzz/fuzz.h"

#include <string.h>

#include "proto/avl.h"
#include "proto/io_json.h"
#include "proto/message.h"
#include "proto/stream.h"
#include "proto/wire.h"
#include "t/unit/proto/build.h"
#include "pg/row.h"

static volatile unsigned sink;

static void
touch(const uint8_t *p, size_t n)
{
	unsigned sum = 0;

	for (; n > 0; n--)
		sum += *p++;
	sink = sum;
}

static void
check_walk(const struct avl_record *r, const uint8_t *body, size_t len)
{
	struct avl_io_walk walk;
	struct avl_io io;
	unsigned n = 0;

	avl_io_start(&walk, r);
	for (; avl_io_next(&walk, &io); n++) {
		REQUIRE(io.value >= body && io.len <= (size_t)(body + len - io.value));
		touch(io.value, io.len);
	}
	REQUIRE(n == r->io_count);
	REQUIRE(!avl_io_next(&walk, &io));
}

static void
check_json(const struct avl_record *r)
{
	size_t bound = io_json_bound(r), n;
	char *out = malloc(bound);
	json_t *object;

	REQUIRE(out != NULL);
	n = io_json_write(r, out);
	REQUIRE(n >= 2 && n <= bound);
	object = json_loadb(out, n, JSON_REJECT_DUPLICATES, NULL);
	REQUIRE(json_is_object(object));
	REQUIRE(json_object_size(object) <= r->io_count);
	json_decref(object);
	free(out);
}

static void
check_row(const struct avl_record *r, uint64_t hash)
{
	size_t bound = row_bound(r), n, io_len;
	uint8_t *out = malloc(bound);
	const uint8_t *io;
	int16_t generation;

	REQUIRE(out != NULL);
	n = row_write(r, 42, hash, 1700000000000000, out);
	REQUIRE((n == 0) == (r->timestamp_ms > ROW_MAX_TIMESTAMP_MS));
	if (n > 0) {
		REQUIRE(n <= bound);
		REQUIRE(row_i64(out, ROW_RECORD_HASH) == (int64_t)hash);
		REQUIRE(wire_i32(out + ROW_EVENT_IO_ID) == r->event_id);
		REQUIRE(row_generation(out, &generation) == (r->codec == CODEC_16));
		io = row_io(out, &io_len);
		REQUIRE(io[0] == '{' && io_len <= io_json_bound(r));
		REQUIRE(io + io_len == out + n);
	}
	free(out);
}

static void
check_hash(const struct avl_record *r, uint64_t hash)
{
	static struct avl_record again[AVL_MAX_RECORDS];
	struct avl_frame frame;
	struct build b = {0};

	/* The builder takes so many of one length. */
	if (r->io_count <= BUILD_ELEMENTS) {
		build_8e_reversed(&b, r);
		REQUIRE(avl_decode(b.p, b.n, &frame, again) == AVL_OK);
		REQUIRE(frame.nrecords == 1 && again[0].io_count == r->io_count);
		REQUIRE(avl_record_hash(&again[0]) == hash);
		REQUIRE(avl_position_valid(&again[0]) == avl_position_valid(r));
		build_free(&b);
	}
}

static void
check_records(const uint8_t *body, size_t len)
{
	static struct avl_record records[AVL_MAX_RECORDS];
	struct avl_frame frame;
	unsigned i, mismatches = 0;

	if (avl_decode(body, len, &frame, records) != AVL_OK) {
		REQUIRE(frame.nrecords == 0);
		REQUIRE(len < 2 || frame.count1 == body[1]);
		return;
	}
	REQUIRE(frame.nrecords == body[1] && frame.count1 == body[1] && frame.count2 == body[1]);
	REQUIRE(!frame.bitrek || frame.codec == CODEC_8);
	for (i = 0; i < frame.nrecords; i++) {
		const struct avl_record *r = &records[i];
		uint64_t hash = avl_record_hash(r);

		mismatches += r->io_total != r->io_count;
		check_walk(r, body, len);
		check_json(r);
		check_row(r, hash);
		check_hash(r, hash);
	}
	REQUIRE(mismatches == frame.total_mismatches);
}

static void
check_messages(const uint8_t *body, size_t len)
{
	struct message_walk walk;
	struct message m;
	unsigned n = 0;
	size_t text_len;

	if (message_open(&walk, body, len) != MESSAGE_OK) {
		REQUIRE(message_next(&walk, &m) == MESSAGE_END);
		return;
	}
	for (; message_next(&walk, &m) == MESSAGE_OK; n++) {
		REQUIRE(m.payload >= body && m.payload_len < (size_t)(body + len - m.payload));
		REQUIRE(m.codec == body[0] && m.imei <= UINT64_C(999999999999999));
		touch(m.payload, m.payload_len);
		sink = message_is_text(m.payload, m.payload_len, &text_len);
		REQUIRE(text_len <= m.payload_len);
	}
	REQUIRE(n == body[1]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *body = vectors_exact(data, size);

	check_records(body, size);
	check_messages(body, size);
	sink = (unsigned)hash_bytes(body, size);
	free(body);
	return 0;
}

size_t
fuzz_seed(const struct vector *v, uint8_t out[FUZZ_SEED_MAX])
{
	const size_t header = v->tcp ? 8 : 23, rest = v->tcp ? 4 : 0;

	if (v->len < header + rest + FRAME_BODY_MIN || v->len > FUZZ_SEED_MAX ||
	    strcmp(v->codec, "imei") == 0)
		return 0;
	memcpy(out, v->bytes + header, v->len - header - rest);
	return v->len - header - rest;
}
