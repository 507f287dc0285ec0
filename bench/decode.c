/*
 * Decoding speed on the documented frames: how many records per second one core cuts out
 * of the stream, CRC and bounds checked, into struct avl_record. Two lines: codec 8 and
 * codec 8 Extended. With -r a third: what hash, JSON and row of a record of 12 IO
 * elements take. CPU time, best of several rounds.
 *
 *   bench/bench-decode [-r] [FILE]      FILE: the vectors, default t/vectors/documented.json
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proto/avl.h"
#include "proto/io_json.h"
#include "proto/stream.h"
#include "t/vectors/vectors.h"
#include "pg/row.h"

#define STREAM_BYTES (64 * 1024)
#define ROUNDS 9
#define ROUND_S 0.1

struct load {
	uint8_t bytes[STREAM_BYTES];
	size_t len;
	unsigned frames, records; /* documented ones, before they were repeated */
};

/* Keeps the compiler from dropping what it makes. */
static volatile uint64_t sink;

static double
now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* All documented TCP frames of a codec, one behind the other, again and again. */
static void
fill(struct load *load, const struct vectors *vs, const char *codec)
{
	size_t i, once = 0;

	memset(load, 0, sizeof(*load));
	for (i = 0; i < vs->n; i++) {
		const struct vector *v = &vs->v[i];

		if (!v->tcp || strcmp(v->codec, codec) != 0 || once + v->len > STREAM_BYTES)
			continue;
		memcpy(load->bytes + once, v->bytes, v->len);
		once += v->len;
		load->frames++;
		load->records += (unsigned)json_array_size(json_object_get(v->decoded, "records"));
	}
	if (once == 0)
		return;
	for (load->len = once; load->len + once <= STREAM_BYTES; load->len += once)
		memcpy(load->bytes + load->len, load->bytes, once);
}

/* Goes once over the stream; returns the records seen. */
static uint64_t
decode_all(const struct load *load)
{
	static struct avl_record records[AVL_MAX_RECORDS];
	struct stream_item item;
	struct avl_frame frame;
	const uint8_t *p = load->bytes, *end = p + load->len;
	uint64_t n = 0;

	while (p < end) {
		if (stream_next(p, (size_t)(end - p), true, &item) != STREAM_FRAME ||
		    !item.crc_ok ||
		    avl_decode(item.body, item.body_len, &frame, records) != AVL_OK) {
			fprintf(stderr, "bench-decode: a documented frame was refused\n");
			exit(1);
		}
		n += frame.nrecords;
		sink += records[0].timestamp_ms;
		p += item.len;
	}
	return n;
}

static void
bench_decode(const struct vectors *vs, const char *codec)
{
	static struct load load;
	double best = 0;
	int round;

	fill(&load, vs, codec);
	if (load.len == 0) {
		fprintf(stderr, "bench-decode: no frame of codec %s\n", codec);
		exit(1);
	}
	for (round = 0; round < ROUNDS; round++) {
		double start = now_s(), took;
		uint64_t n = 0;

		do {
			n += decode_all(&load);
			took = now_s() - start;
		} while (took < ROUND_S);
		if ((double)n / took > best)
			best = (double)n / took;
	}
	printf(
	    "codec %-2s  %6.1f M records/s  (%u frames with %u records, CRC and bounds checked)\n",
	    codec, best / 1e6, load.frames, load.records);
}

/* A record as a car on the road sends it: 12 elements, values differ by `n`. */
static void
road_record(uint8_t body[128], unsigned n, struct avl_record *record)
{
	static const uint8_t ids[] = {239, 240, 21, 200, 69, 181, 182, 66, 24, 241, 16, 78};
	static const uint8_t widths[] = {1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 8};
	static struct avl_record records[AVL_MAX_RECORDS];
	struct avl_frame frame;
	uint8_t *p = body, width = 0;
	unsigned i, k;

	*p++ = CODEC_8;
	*p++ = 1;
	for (i = 0; i < 24; i++)
		*p++ = (uint8_t)("\0\0\1\153\100\330\352\060\1\17\16\250\120\40\232\151\254\0\160\1"
				 "\54\13\0\127"[i] ^
				 (i % 4 == 3 ? n : 0));
	*p++ = 0;
	*p++ = 12;
	for (i = 0; i < 12; i++) {
		if (widths[i] != width) {
			width = widths[i];
			*p++ = width == 1 ? 5 : width == 2 ? 4 : width == 4 ? 2 : 1;
		}
		*p++ = ids[i];
		for (k = 0; k < width; k++)
			*p++ = (uint8_t)(k + 1 == width ? n * (i + 3) : k * n / 7 % 5);
	}
	*p++ = 1;
	if (avl_decode(body, (size_t)(p - body), &frame, records) != AVL_OK) {
		fprintf(stderr, "bench-decode: the built record was refused\n");
		exit(1);
	}
	*record = records[0];
}

static void
bench_rows(void)
{
	static uint8_t bodies[1024][128], out[4096];
	static struct avl_record records[1024];
	double best = 1e9;
	unsigned i;
	int round;

	for (i = 0; i < 1024; i++)
		road_record(bodies[i], i * 2654435761u >> 20, &records[i]);
	for (round = 0; round < ROUNDS; round++) {
		double start = now_s(), took;
		uint64_t n = 0;

		do {
			for (i = 0; i < 1024; i++) {
				uint64_t hash = avl_record_hash(&records[i]);

				sink += row_bound(&records[i]);
				sink += row_write(&records[i], 4711, hash, 1700000000000000, out);
			}
			n += 1024;
			took = now_s() - start;
		} while (took < ROUND_S);
		if (took / (double)n < best)
			best = took / (double)n;
	}
	printf("row       %6.0f ns a record  (hash, JSON and row of 12 IO elements)\n", best * 1e9);
}

int
main(int argc, char **argv)
{
	const char *file = VECTORS_DIR "/documented.json";
	struct vectors vs;
	bool rows = false;
	int option;

	while ((option = getopt(argc, argv, "r")) != -1) {
		if (option != 'r') {
			fprintf(stderr, "usage: bench-decode [-r] [FILE]\n");
			return 2;
		}
		rows = true;
	}
	if (optind < argc)
		file = argv[optind];
	if (!vectors_load(&vs, file))
		return 1;
	bench_decode(&vs, "8");
	bench_decode(&vs, "8E");
	if (rows)
		bench_rows();
	vectors_free(&vs);
	return 0;
}
