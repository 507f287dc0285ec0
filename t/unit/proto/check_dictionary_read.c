/* One element in words: scales, signs, labels, structured elements, and what can't be understood. */
#include "t/unit/proto/check_proto.h"

#include <stdlib.h>
#include <string.h>

#include "proto/dictionary_read.h"
#include "t/vectors/vectors.h"

struct expected {
	const char *model; /* NULL: any family */
	uint16_t id;
	const char *hex;
	bool variable;
	const char *name, *value, *unit, *label;
	enum dictionary_note note;
};

static const struct expected expected[] = {
    {"FMB920", 239, "01", false, "ignition", "1", "", "ignition on", DICTIONARY_CLEAR},
    {"FMB920", 66, "3039", false, "external_voltage", "12.345", "V", "", DICTIONARY_CLEAR},
    {"FMB920", 66, "0000", false, "external_voltage", "0.000", "V", "", DICTIONARY_CLEAR},
    {"FMB920", 181, "000d", false, "gnss_pdop", "1.3", "", "", DICTIONARY_CLEAR},
    {"FMB920", 16, "ffffffff", false, "total_odometer", "4294967295", "m", "", DICTIONARY_CLEAR},
    {"FMB920", 17, "ffff", false, "axis_x", "-1", "mg", "", DICTIONARY_CLEAR},
    {"FMB920", 45, "0003", false, "direct_fuel_rail_pressure", "30", "kPa", "", DICTIONARY_CLEAR},
    /* The sign is that of the width. */
    {"FMB920", 72, "ffffff9c", false, "dallas_temperature_1", "-10.0", "°C", "", DICTIONARY_CLEAR},
    {"FMB640", 72, "ff9c", false, "dallas_temperature_1", "-10.0", "°C", "", DICTIONARY_CLEAR},
    {"FMB920", 32, "f6", false, "coolant_temperature", "-10", "°C", "", DICTIONARY_CLEAR},
    {"FMB920", 25, "fc18", false, "ble_temperature_1", "-10.00", "°C", "", DICTIONARY_CLEAR},
    /* Nobody has named a model: what all mean, and only that. */
    {NULL, 72, "ff9c", false, "dallas_temperature_1", "-10.0", "°C", "", DICTIONARY_CLEAR},
    {NULL, 72, "ffffff9c", false, "dallas_temperature_1", "-10.0", "°C", "", DICTIONARY_CLEAR},
    {NULL, 25, "fc18", false, NULL, "-1000", "", "", DICTIONARY_AMBIGUOUS},
    {NULL, 69, "01", false, NULL, "1", "", "", DICTIONARY_AMBIGUOUS},
    {NULL, 239, "01", false, "ignition", "1", "", "ignition on", DICTIONARY_CLEAR},
    {NULL, 200, "03", false, "sleep_mode", "3", "", "", DICTIONARY_CLEAR}, /* labels differ */
    /* No readings. */
    {"FMB920", 72, "00000352", false, "dallas_temperature_1", "", "°C", "sensor not ready",
	DICTIONARY_NO_READING},
    {"FMB920", 72, "00000bb8", false, "dallas_temperature_1", "", "°C", "sensor absent",
	DICTIONARY_NO_READING},
    {"FMB920", 201, "ffff", false, "lls_1_fuel_level", "", "", "no reading", DICTIONARY_NO_READING},
    {"FMB920", 25, "7fff", false, "ble_temperature_1", "", "°C", "sensor not found",
	DICTIONARY_NO_READING},
    /* Text, identifiers. */
    {"FMB920", 256, "5756575a5a5a314b5a4157303030303031", true, "vin", "WVWZZZ1KZAW000001", "", "",
	DICTIONARY_CLEAR},
    {"FMB920", 256, "0000000000000000000000000000000000", true, "vin", "", "", "",
	DICTIONARY_CLEAR},
    {"FMB920", 256, "", true, "vin", "", "", "", DICTIONARY_CLEAR},
    {"FMB920", 256, "0102", true, "vin", "0102", "", "", DICTIONARY_CUT_SHORT},
    {"FMB640", 195, "4142433132330000", false, "driver_1_id_msb", "ABC123", "", "",
	DICTIONARY_CLEAR},
    {"FMB920", 78, "0123456789abcdef", false, "ibutton", "efcdab8967452301", "", "",
	DICTIONARY_CLEAR},
    {"FMB920", 78, "0000000000000000", false, "ibutton", "", "", "", DICTIONARY_CLEAR},
    {"FMB920", 76, "28ff641e93160412", false, "dallas_temperature_id_1", "28ff641e93160412", "", "",
	DICTIONARY_CLEAR},
    {"FMB920", 281, "50303432302c5030313731", true, "fault_codes", "[\"P0420\",\"P0171\"]", "", "",
	DICTIONARY_CLEAR},
    {"FMB920", 281, "50300142", true, "fault_codes", "50300142", "", "", DICTIONARY_CUT_SHORT},
    /* Flags; a bit that nobody has named. */
    {"FMB920", 90, "0900", false, "door_status",
	"[\"front left door open\",\"rear right door open\"]", "", "", DICTIONARY_CLEAR},
    {"FMB920", 132, "0000000202000100", false, "security_state_flags",
	"[\"request to lock engine\",\"ignition on\",\"bit 33\"]", "", "", DICTIONARY_CLEAR},
    {"FMB920", 123, "00000000", false, "control_state_flags", "[]", "", "", DICTIONARY_CLEAR},
    /* Lists: iBeacon and Eddystone; one that ends in the middle; none. */
    {"FMB920", 385, "1121aabbccddeeff00112233445566778899000a0014ba", true, "beacon",
	"{\"part\":1,\"parts\":1,\"beacons\":[{\"uuid\":\"aabbccddeeff00112233445566778899\",\"major\":10,"
	"\"minor\":20,\"rssi\":-70}]}",
	"", "", DICTIONARY_CLEAR},
    {"FMB920", 385, "1107aabbccddeeff00112233445566778899c4012cffff", true, "beacon",
	"{\"part\":1,\"parts\":1,\"beacons\":[{\"namespace\":\"aabbccddeeff00112233\",\"instance\":"
	"\"445566778899\",\"rssi\":-60,\"battery_v\":3.00,\"temperature\":-1}]}",
	"", "", DICTIONARY_CLEAR},
    {"FMB920", 385, "1121aabb", true, "beacon", "{\"part\":1,\"parts\":1,\"beacons\":[]}", "", "",
	DICTIONARY_CUT_SHORT},
    {"FMB920", 385, "11", true, "beacon", "{\"part\":1,\"parts\":1,\"beacons\":[]}", "", "",
	DICTIONARY_CLEAR},
    {"FMB920", 385, "", true, "beacon", "", "", "", DICTIONARY_CLEAR},
    {"FMB920", 548, "010e0001c60106babbf3630022020180", true, "advanced_ble_beacon_data",
	"[{\"rssi\":-58,\"id\":\"babbf3630022\",\"low_battery\":false}]", "", "",
	DICTIONARY_CUT_SHORT},
    {"FMB920", 548, "01ff0001c6", true, "advanced_ble_beacon_data", "[{\"rssi\":-58}]", "", "",
	DICTIONARY_CUT_SHORT},
    {"FMB920", 548, "011a0001ca0104aabbccdd0202806d0504546167310e020bd6080101", true,
	"advanced_ble_beacon_data",
	"[{\"rssi\":-54,\"id\":\"aabbccdd\",\"low_battery\":false,\"battery_mv\":3090,\"name\":\"Tag1\","
	"\"battery_mv\":3030,\"magnet\":true}]",
	"", "", DICTIONARY_CLEAR},
    {"FMC650", 10500, "010e020ab70a8f264c6000ffff6bff00", true, "ble_advertisement_data",
	"[{\"temperature\":27.03,\"humidity\":38,\"magnet\":false,\"moving\":false,\"move_count\":19552,"
	"\"pitch\":0,\"roll\":-1,\"low_battery\":false,\"battery_mv\":3070,\"type_255\":\"\"}]",
	"", "", DICTIONARY_CLEAR},
    /* Not understood: raw, and why. */
    {"FMB920", 60000, "ff", false, NULL, "255", "", "", DICTIONARY_UNKNOWN},
    {"FMB920", 60000, "00ff", true, NULL, "00ff", "", "", DICTIONARY_UNKNOWN},
    {"FMB920", 800, "00003039", false, NULL, "12345", "", "", DICTIONARY_FOREIGN},
    {"FMB920", 66, "00003039", false, NULL, "12345", "", "", DICTIONARY_WIDTH},
    {"FMB920", 72, "ff9c", false, NULL, "65436", "", "", DICTIONARY_WIDTH},
    {"FMB920", 239, "0001", true, NULL, "0001", "", "", DICTIONARY_WIDTH},
};

static void
compare(const struct expected *e)
{
	struct avl_io io = {.id = e->id, .variable = e->variable};
	uint64_t families = e->model != NULL ? dictionary_model(e->model) : dictionary_all();
	struct dictionary_reading r;
	size_t len;
	uint8_t *value = vectors_unhex(e->hex, &len);
	char *out = malloc(DICTIONARY_READ_ROOM(len)), *shown;

	ck_assert_ptr_nonnull(value);
	ck_assert_ptr_nonnull(out);
	io.len = (uint16_t)len;
	io.value = value;
	dictionary_read(&r, families, &io, out);
	ck_assert_uint_le(r.len, DICTIONARY_READ_ROOM(len));
	shown = strndup(out, r.len);
	ck_assert_msg((r.row != NULL) == (e->name != NULL) &&
			  (r.row == NULL || strcmp(dictionary_text(r.row->name), e->name) == 0),
	    "%u %s: name %s", e->id, e->hex, r.row != NULL ? dictionary_text(r.row->name) : "-");
	ck_assert_msg(strcmp(shown, e->value) == 0, "%u %s: value %s", e->id, e->hex, shown);
	ck_assert_msg(
	    (r.len == 0) == (r.shape == DICTIONARY_NOTHING), "%u %s: shape", e->id, e->hex);
	ck_assert_msg(
	    r.row == NULL || strcmp(dictionary_text(r.row->unit), e->unit) == 0, "%u: unit", e->id);
	ck_assert_msg(r.label_len == strlen(e->label) &&
			  (r.label_len == 0 || memcmp(r.label, e->label, r.label_len) == 0),
	    "%u %s: label %.*s", e->id, e->hex, (int)r.label_len, r.label);
	ck_assert_msg(r.note == e->note, "%u %s: %s", e->id, e->hex, dictionary_note_text(r.note));
	free(shown);
	free(out);
	free(value);
}

START_TEST(readings)
{
	compare(&expected[_i]);
}
END_TEST

/* Every row, with values of every length up to 40 bytes of each of four fills: nothing runs over, nothing is lost. */
START_TEST(whatever_comes)
{
	uint8_t bytes[40];

	for (unsigned fill = 0; fill < 256; fill += 85) {
		memset(bytes, (int)fill, sizeof(bytes));
		for (unsigned id = 0; id < 25100; id++) {
			const struct dictionary_row *row;
			struct dictionary_reading r;
			char out[DICTIONARY_READ_ROOM(sizeof(bytes))];

			if (dictionary_rows_of((uint16_t)id, &row) == 0)
				continue;
			for (uint16_t len = 0; len <= sizeof(bytes); len++) {
				struct avl_io io = {.id = (uint16_t)id, .len = len, .value = bytes};

				io.variable = len != 1 && len != 2 && len != 4 && len != 8;
				dictionary_read(&r, row->families, &io, out);
				ck_assert_uint_le(r.len, DICTIONARY_READ_ROOM(len));
				ck_assert(
				    r.len > 0 || len == 0 || r.note == DICTIONARY_NO_READING ||
				    (r.row != NULL && (r.row->kind == DICTIONARY_ASCII ||
							  r.row->kind == DICTIONARY_IBUTTON)));
			}
		}
	}
}
END_TEST

static void
event_is(uint16_t id, const char *model, bool known, int64_t raw, uint8_t priority,
    const char *kind, enum dictionary_severity severity)
{
	const struct dictionary_row *row = dictionary_find(dictionary_model(model), id, 0);
	struct dictionary_event e;

	dictionary_event(&e, row, known, raw, priority);
	ck_assert_msg(e.kind_len == strlen(kind) &&
			  (e.kind_len == 0 || memcmp(e.kind, kind, e.kind_len) == 0),
	    "%u: %.*s", id, (int)e.kind_len, e.kind);
	ck_assert_msg(e.severity == severity, "%u: severity %d", id, e.severity);
}

START_TEST(events)
{
	event_is(239, "FMB920", true, 1, 0, "ignition_on", DICTIONARY_INFO);
	event_is(239, "FMB920", true, 0, 1, "ignition_off", DICTIONARY_WARNING);
	event_is(239, "FMB920", true, 0, 2, "ignition_off", DICTIONARY_ALARM);
	event_is(246, "FMB920", true, 1, 0, "towing", DICTIONARY_ALARM);
	event_is(246, "FMB920", true, 0, 0, "towing_end", DICTIONARY_INFO);
	event_is(252, "FMB920", true, 1, 0, "power_cut", DICTIONARY_ALARM);
	event_is(252, "FMB640", true, 1, 0, "driver_identified", DICTIONARY_INFO);
	event_is(253, "FMB920", true, 2, 1, "harsh_braking", DICTIONARY_WARNING);
	event_is(155, "FMB920", true, 1, 0, "geofence_enter", DICTIONARY_INFO);
	event_is(113, "FMB920", true, 20, 0, "battery_low", DICTIONARY_WARNING);
	event_is(113, "FMB920", true, 21, 0, "battery_level", DICTIONARY_INFO);
	event_is(255, "FMB920", false, 0, 0, "overspeed", DICTIONARY_WARNING);
	event_is(246, "FMB920", false, 0, 0, "", DICTIONARY_INFO);
	event_is(24, "FMB920", true, 50, 0, "", DICTIONARY_INFO);
	event_is(60000, "FMB920", true, 1, 3, "", DICTIONARY_ALARM);
}
END_TEST

Suite *
suite_dictionary_read(void)
{
	Suite *suite = suite_create("dictionary_read");
	TCase *t = tcase_create("dictionary_read");

	tcase_add_loop_test(t, readings, 0, sizeof(expected) / sizeof(expected[0]));
	tcase_add_test(t, whatever_comes);
	tcase_add_test(t, events);
	suite_add_tcase(suite, t);
	return suite;
}
