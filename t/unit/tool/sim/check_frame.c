/*
 * The simulator's frames must be what the gateway's own decoder takes for good:
 * every codec, every number of elements, every value where it belongs. Beside
 * that, its timers fire when they should and its histogram keeps its promise.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "proto/avl.h"
#include "proto/crc16.h"
#include "proto/stream.h"
#include "tool/sim/frame.h"
#include "tool/sim/hist.h"
#include "tool/sim/random.h"
#include "tool/sim/wheel.h"

static const uint8_t codecs[] = {CODEC_8, CODEC_8E, CODEC_16};

static const struct sim_fix sample = {
    .longitude = -1234567890,
    .latitude = 547654321,
    .altitude = -12,
    .angle = 359,
    .speed = 87,
    .satellites = 11,
    .event = SIM_EVENT_IGNITION,
    .priority = 1,
    .ignition = 1,
    .movement = 1,
    .gsm = 4,
    .gnss = 1,
    .supply_mv = 14123,
    .battery_mv = 4055,
    .pdop = 14,
    .hdop = 9,
    .odometer = 123456789,
    .trip = 4321,
    .noise = 0xdeadbeef,
};

static uint64_t
element(const struct avl_record *r, unsigned id, unsigned *len)
{
	struct avl_io_walk walk;
	struct avl_io io;
	uint64_t v = 0;

	*len = 0;
	avl_io_start(&walk, r);
	while (avl_io_next(&walk, &io)) {
		if (io.id != id)
			continue;
		*len = io.len;
		for (unsigned i = 0; i < io.len && i < 8; i++)
			v = v << 8 | io.value[i];
	}
	return v;
}

static void
check_head(const struct avl_record *r, uint64_t timestamp, uint8_t codec)
{
	ck_assert_uint_eq(r->timestamp_ms, timestamp);
	ck_assert_int_eq(r->longitude, sample.longitude);
	ck_assert_int_eq(r->latitude, sample.latitude);
	ck_assert_int_eq(r->altitude, sample.altitude);
	ck_assert_uint_eq(r->angle, sample.angle);
	ck_assert_uint_eq(r->speed, sample.speed);
	ck_assert_uint_eq(r->satellites, sample.satellites);
	ck_assert_uint_eq(r->priority, 1);
	ck_assert_uint_eq(r->event_id, SIM_EVENT_IGNITION);
	ck_assert_uint_eq(r->generation, codec == CODEC_16 ? 5 : 0);
}

static void
check_elements(const struct avl_record *r)
{
	static const struct {
		unsigned id, len;
		uint64_t value;
	} expected[] = {{239, 1, 1}, {240, 1, 1}, {21, 1, 4}, {69, 1, 1}, {66, 2, 14123},
	    {67, 2, 4055}, {24, 2, 87}, {181, 2, 14}, {182, 2, 9}, {16, 4, 123456789},
	    {241, 4, 24602}, {78, 8, 350000000000123}};
	unsigned len;

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		ck_assert_uint_eq(element(r, expected[i].id, &len), expected[i].value);
		ck_assert_uint_eq(len, expected[i].len);
	}
}

static void
check_codec(uint8_t codec, unsigned io, unsigned n)
{
	static struct avl_record records[AVL_MAX_RECORDS];
	struct sim_template t;
	struct stream_item item;
	struct avl_frame frame;
	uint8_t *buf;
	size_t len;

	ck_assert(sim_template_init(&t, codec, io));
	len = sim_frame_size(&t, n);
	/* Exactly so many bytes: the sanitizer sees one too many. */
	buf = malloc(len);
	ck_assert_ptr_nonnull(buf);
	memset(buf, 0xaa, len);
	sim_frame_begin(&t, buf, n);
	for (unsigned i = 0; i < n; i++)
		sim_frame_record(&t, buf, i, 1700000000000 + i, &sample, 350000000000123);
	sim_frame_end(&t, buf, n);
	ck_assert_int_eq(stream_next(buf, len, true, &item), STREAM_FRAME);
	ck_assert_uint_eq(item.len, len);
	ck_assert(item.crc_ok);
	ck_assert_int_eq(avl_decode(item.body, item.body_len, &frame, records), AVL_OK);
	ck_assert_uint_eq(frame.nrecords, n);
	ck_assert_uint_eq(frame.codec, codec);
	ck_assert_uint_eq(frame.total_mismatches, 0);
	ck_assert(!frame.bitrek);
	for (unsigned i = 0; i < n; i++) {
		ck_assert_uint_eq(records[i].io_count, io);
		check_head(&records[i], 1700000000000 + i, codec);
	}
	if (io >= 12)
		check_elements(&records[n - 1]);
	sim_frame_spoil(buf, len);
	ck_assert_int_eq(stream_next(buf, len, true, &item), STREAM_FRAME);
	ck_assert(!item.crc_ok);
	sim_frame_spoil(buf, len);
	ck_assert_int_eq(stream_next(buf, len, true, &item), STREAM_FRAME);
	ck_assert(item.crc_ok);
	free(buf);
}

START_TEST(frames_decode)
{
	check_codec(codecs[_i], 0, 1);
	check_codec(codecs[_i], 12, 5);
	check_codec(codecs[_i], 0, 255);
	check_codec(codecs[_i], 12, 150);
	check_codec(codecs[_i], 30, 25);
	for (unsigned io = 0; io <= SIM_IO_MAX; io += 7)
		check_codec(codecs[_i], io, 2);
	check_codec(codecs[_i], SIM_IO_MAX, 2);
}
END_TEST

/* No id twice in a record, else the database would keep only one of them. */
START_TEST(ids_are_unique)
{
	static struct avl_record records[AVL_MAX_RECORDS];
	uint8_t buf[SIM_RECORD_MAX + 64], seen[65536] = {0};
	struct sim_template t;
	struct avl_frame frame;
	struct avl_io_walk walk;
	struct avl_io io;
	unsigned vin = 0;

	ck_assert(sim_template_init(&t, codecs[_i], SIM_IO_MAX));
	sim_frame_begin(&t, buf, 1);
	sim_frame_record(&t, buf, 0, 1, &sample, 350000000000123);
	sim_frame_end(&t, buf, 1);
	ck_assert_int_eq(avl_decode(buf + 8, sim_frame_size(&t, 1) - 12, &frame, records), AVL_OK);
	avl_io_start(&walk, &records[0]);
	while (avl_io_next(&walk, &io)) {
		ck_assert_uint_eq(seen[io.id], 0);
		seen[io.id] = 1;
		if (io.id != 256)
			continue;
		vin++;
		ck_assert_uint_eq(io.len, 17);
		ck_assert_mem_eq(io.value, "WSIMULAT000000123", 17);
	}
	ck_assert_uint_eq(vin, codecs[_i] == CODEC_8E);
}
END_TEST

START_TEST(what_it_can_not_write)
{
	struct sim_template t;

	ck_assert(!sim_template_init(&t, CODEC_12, 12));
	ck_assert(!sim_template_init(&t, CODEC_8, SIM_IO_MAX + 1));
}
END_TEST

/* Random timers against a plain list: each fires once, in its millisecond, never early. */
START_TEST(wheel_fires_in_time)
{
	static struct sim_wheel w;
	int64_t due[300], now = 5000, wrong = 0;
	uint64_t rng = 11;
	uint32_t i, fired = 0;

	ck_assert(sim_wheel_init(&w, 300, now));
	for (i = 0; i < 300; i++)
		due[i] = -1;
	for (int round = 0; round < 20000; round++) {
		i = sim_random_below(&rng, 300);
		if (sim_random_percent(&rng, 10)) {
			sim_wheel_cancel(&w, i);
			due[i] = -1;
		} else {
			due[i] = now + 1 + sim_random_below(&rng, round % 50 ? 400 : 40000);
			sim_wheel_set(&w, i, due[i]);
		}
		now += round % 1000 ? sim_random_below(&rng, 4) : 20000;
		while ((i = sim_wheel_take(&w, now)) != SIM_WHEEL_NONE) {
			wrong += due[i] < 0 || due[i] > now;
			due[i] = -1;
			fired++;
		}
		for (i = 0; i < 300; i++)
			wrong += due[i] >= 0 && due[i] <= now;
		for (int64_t next = INT64_MAX, wait = sim_wheel_wait(&w, now, 100); next; next = 0)
			for (i = 0; i < 300; i++)
				wrong += due[i] >= 0 && due[i] < now + wait;
	}
	ck_assert_int_eq(wrong, 0);
	ck_assert_uint_gt(fired, 5000);
	sim_wheel_free(&w);
}
END_TEST

START_TEST(wheel_takes_the_past_and_reset_timers)
{
	static struct sim_wheel w;

	ck_assert(sim_wheel_init(&w, 3, 1000));
	ck_assert_int_eq(sim_wheel_wait(&w, 1000, 100), 100);
	sim_wheel_set(&w, 0, 5);
	ck_assert_uint_eq(sim_wheel_take(&w, 1000), SIM_WHEEL_NONE);
	ck_assert_int_le(sim_wheel_wait(&w, 1000, 100), 1);
	ck_assert_uint_eq(sim_wheel_take(&w, 1001), 0);
	sim_wheel_set(&w, 1, 1010);
	sim_wheel_set(&w, 1, 1020);
	sim_wheel_set(&w, 2, 1020 + SIM_WHEEL_SLOTS);
	ck_assert_uint_eq(sim_wheel_take(&w, 1019), SIM_WHEEL_NONE);
	ck_assert_uint_eq(sim_wheel_take(&w, 1020), 1);
	ck_assert_uint_eq(sim_wheel_take(&w, 1020 + SIM_WHEEL_SLOTS - 1), SIM_WHEEL_NONE);
	ck_assert_uint_eq(sim_wheel_take(&w, 1020 + SIM_WHEEL_SLOTS), 2);
	ck_assert_uint_eq(w.set, 0);
	sim_wheel_free(&w);
}
END_TEST

START_TEST(histogram_is_close)
{
	static struct sim_hist h;
	uint64_t p;

	ck_assert_uint_eq(sim_hist_percentile(&h, 99), 0);
	for (uint64_t us = 1; us <= 1000000; us++)
		sim_hist_add(&h, us);
	ck_assert_uint_eq(h.count, 1000000);
	ck_assert_uint_eq(h.max_us, 1000000);
	for (unsigned percent = 1; percent <= 100; percent++) {
		p = sim_hist_percentile(&h, percent);
		ck_assert_uint_ge(p, percent * 10000);
		ck_assert_uint_le(p, percent * 10200);
	}
	sim_hist_add(&h, UINT64_MAX / 2);
	ck_assert_uint_eq(h.max_us, UINT64_MAX / 2);
	ck_assert_uint_le(sim_hist_percentile(&h, 50), 510000);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sim_frame");
	TCase *tc = tcase_create("frame");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, frames_decode, 0, 3);
	tcase_add_loop_test(tc, ids_are_unique, 0, 3);
	tcase_add_test(tc, what_it_can_not_write);
	tcase_add_test(tc, wheel_fires_in_time);
	tcase_add_test(tc, wheel_takes_the_past_and_reset_timers);
	tcase_add_test(tc, histogram_is_close);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
