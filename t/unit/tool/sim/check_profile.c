/*
 * Profiles: each element is one that the dictionary knows for the model, in its width; values are plausible,
 * temperatures below zero among them; and in a day's drive the events of the profile happen.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "proto/avl.h"
#include "proto/dictionary_read.h"
#include "proto/stream.h"
#include "tool/sim/frame.h"
#include "tool/sim/profile.h"
#include "tool/sim/road.h"

#define STEPS 40000
#define STEP_MS 3000

struct seen {
	unsigned events, kinds;
	bool negative, alarm;
	char kind[64][40];
};

static void
note_kind(struct seen *seen, const char *kind, size_t n)
{
	for (unsigned i = 0; i < seen->kinds; i++)
		if (strncmp(seen->kind[i], kind, n) == 0 && seen->kind[i][n] == '\0')
			return;
	ck_assert_uint_lt(seen->kinds, 64);
	memcpy(seen->kind[seen->kinds], kind, n);
	seen->kind[seen->kinds++][n] = '\0';
}

static void
look_at(struct seen *seen, const struct avl_record *record, uint64_t family)
{
	struct avl_io_walk walk;
	struct avl_io io;
	bool found = record->event_id == 0;

	avl_io_start(&walk, record);
	while (avl_io_next(&walk, &io)) {
		char out[DICTIONARY_READ_ROOM(64)];
		struct dictionary_reading r;
		struct dictionary_event e;

		ck_assert_uint_le(io.len, 64);
		dictionary_read(&r, family, &io, out);
		ck_assert_msg(r.row != NULL && r.note == DICTIONARY_CLEAR, "%u: %s", io.id,
		    dictionary_note_text(r.note));
		seen->negative |= r.shape == DICTIONARY_NUMBER && r.len > 0 && out[0] == '-' &&
				  strcmp(dictionary_text(r.row->unit), "°C") == 0;
		if (record->event_id != io.id)
			continue;
		found = true;
		dictionary_event(&e, r.row, r.shape == DICTIONARY_NUMBER, r.raw, record->priority);
		ck_assert_msg(e.kind != NULL, "%u is an event without a kind", io.id);
		note_kind(seen, e.kind, e.kind_len);
		seen->alarm |= e.severity == DICTIONARY_ALARM;
		seen->events++;
	}
	ck_assert_msg(found, "the event %u has no element", record->event_id);
}

static void
drive(enum sim_profile profile, struct seen *seen)
{
	static struct avl_record records[AVL_MAX_RECORDS];
	struct sim_template t;
	struct sim_road road;
	struct sim_fix fix;
	struct avl_frame frame;
	uint64_t family = dictionary_model(sim_profile_model(profile));

	ck_assert_uint_ne(family, 0);
	sim_template_of_profile(&t, profile);
	sim_road_init(&road, 42, 0);
	for (unsigned i = 0; i < STEPS; i++) {
		uint8_t buf[SIM_RECORD_MAX + 100];

		sim_road_step(&road, STEP_MS, &fix);
		sim_profile_event(profile, &fix);
		sim_frame_begin(&t, buf, 1);
		sim_frame_record(&t, buf, 0, 1700000000000u, &fix, 350000000000001u);
		sim_frame_end(&t, buf, 1);
		ck_assert_int_eq(
		    avl_decode(buf + 8, sim_frame_size(&t, 1) - FRAME_OVERHEAD, &frame, records),
		    AVL_OK);
		look_at(seen, &records[0], family);
	}
}

static bool
happened(const struct seen *seen, const char *kind)
{
	for (unsigned i = 0; i < seen->kinds; i++)
		if (strcmp(seen->kind[i], kind) == 0)
			return true;
	return false;
}

static const struct {
	enum sim_profile profile;
	const char *kinds[10];
	bool cold;
} expected[] = {
    {SIM_VAN,
	{"ignition_on", "movement_start", "overspeed", "harsh_braking", "towing", "power_cut",
	    "geofence_enter", "geofence_leave", "driver_identified", "temperature"},
	true},
    {SIM_CAN,
	{"ignition_off", "movement_stop", "overspeed", "harsh_cornering", "towing", "power_cut",
	    "geofence_enter", "driver_identified"},
	true},
    {SIM_TRUCK,
	{"ignition_on", "overspeed", "harsh_acceleration", "towing", "driver_unauthorized",
	    "geofence_leave", "driver_card_in", "temperature"},
	true},
    {SIM_ASSET, {"movement_start", "button", "tamper"}, false},
    {SIM_EYE_NEAR, {"ignition_on", "magnet", "temperature", "battery_low", "power_cut"}, true},
};

START_TEST(profiles)
{
	struct seen seen = {0};

	drive(expected[_i].profile, &seen);
	for (size_t k = 0; k < 10 && expected[_i].kinds[k] != NULL; k++)
		ck_assert_msg(happened(&seen, expected[_i].kinds[k]), "no %s in %u events",
		    expected[_i].kinds[k], seen.events);
	ck_assert(seen.alarm);
	ck_assert(seen.negative == expected[_i].cold);
	/* Not a storm of them either. */
	ck_assert_uint_lt(seen.events, STEPS / 10);
}
END_TEST

START_TEST(names)
{
	enum sim_profile profile;

	ck_assert(sim_profile_by_name("truck", &profile) && profile == SIM_TRUCK);
	ck_assert_str_eq(sim_profile_model(SIM_TRUCK), "FMB640");
	ck_assert(!sim_profile_by_name("", &profile));
	ck_assert(!sim_profile_by_name("bicycle", &profile));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("profile");
	TCase *t = tcase_create("profile");
	SRunner *runner;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, profiles, 0, sizeof(expected) / sizeof(expected[0]));
	tcase_add_test(t, names);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
