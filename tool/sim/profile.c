#include "tool/sim/profile.h"

#include <string.h>

#include "proto/stream.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What every vehicle tracker sends of itself, its network, its place and its moves. */
#define OF_VEHICLES \
	{239, 1, SIM_IGNITION, 0}, {240, 1, SIM_MOVEMENT, 0}, {21, 1, SIM_GSM, 0}, \
	    {200, 1, SIM_CONSTANT, 0}, {69, 1, SIM_GNSS, 0}, {113, 1, SIM_CONSTANT, 97}, \
	    {1, 1, SIM_IGNITION, 0}, {179, 1, SIM_CONSTANT, 0}, {80, 1, SIM_CONSTANT, 1}, \
	    {252, 1, SIM_EVENT, 0}, {253, 1, SIM_EVENT, 0}, {254, 1, SIM_HARSH, 0}, \
	    {255, 1, SIM_EVENT, 0}, {246, 1, SIM_EVENT, 0}, {155, 1, SIM_EVENT, 0}, \
	    {66, 2, SIM_SUPPLY, 0}, {67, 2, SIM_BATTERY, 0}, {68, 2, SIM_NOISE, 0x3f}, \
	    {24, 2, SIM_SPEED, 0}, {181, 2, SIM_PDOP, 0}, {182, 2, SIM_HDOP, 0}, \
	    {205, 2, SIM_CONSTANT, 41527}, {206, 2, SIM_CONSTANT, 3021}, {17, 2, SIM_AXIS, 0}, \
	    {18, 2, SIM_AXIS, 0}, {19, 2, SIM_AXIS, 0}, {16, 4, SIM_ODOMETER, 0}, \
	    {199, 4, SIM_TRIP, 0}, {241, 4, SIM_CONSTANT, 24602}, \
	{ \
		78, 8, SIM_KEY, 0 \
	}

static const struct sim_element van[] = {OF_VEHICLES, {72, 4, SIM_FREEZER, 0}};

static const struct sim_element can[] = {OF_VEHICLES, {81, 1, SIM_SPEED, 0}, {82, 1, SIM_LOAD, 0},
    {89, 1, SIM_FUEL, 0}, {114, 1, SIM_LOAD, 0}, {85, 2, SIM_RPM, 0}, {84, 2, SIM_FUEL_LITRES, 0},
    {115, 2, SIM_COOLANT, 0}, {90, 2, SIM_CONSTANT, 0}, {110, 2, SIM_LOAD, 0},
    {83, 4, SIM_FUEL_USED, 0}, {87, 4, SIM_ODOMETER, 0}, {102, 4, SIM_CONSTANT, 81234},
    {132, 8, SIM_CONSTANT, 0x12000000}, {325, 0, SIM_IDENT, 0}};

static const struct sim_element truck[] = {{239, 1, SIM_IGNITION, 0}, {240, 1, SIM_MOVEMENT, 0},
    {21, 1, SIM_GSM, 0}, {71, 1, SIM_GNSS_PRO, 0}, {22, 1, SIM_CONSTANT, 1},
    {1, 1, SIM_IGNITION, 0}, {4, 1, SIM_CONSTANT, 0}, {252, 1, SIM_EVENT, 1},
    {253, 1, SIM_EVENT, 0}, {254, 1, SIM_HARSH, 0}, {255, 1, SIM_EVENT, 0}, {246, 1, SIM_EVENT, 0},
    {155, 1, SIM_EVENT, 0}, {30, 1, SIM_SPEED, 0}, {31, 1, SIM_LOAD, 0}, {37, 1, SIM_FUEL, 0},
    {184, 1, SIM_WORK, 0}, {187, 1, SIM_EVENT, 1}, {66, 2, SIM_SUPPLY, 0}, {67, 2, SIM_BATTERY, 0},
    {24, 2, SIM_SPEED, 0}, {70, 2, SIM_COOLANT, 0}, {181, 2, SIM_PDOP, 0}, {182, 2, SIM_HDOP, 0},
    {72, 2, SIM_FREEZER, 0}, {25, 2, SIM_COOLANT, 0}, {34, 2, SIM_FUEL_LITRES, 0},
    {35, 2, SIM_RPM, 0}, {56, 2, SIM_DRIVING_MIN, 0}, {69, 2, SIM_DRIVING_MIN, 0},
    {241, 4, SIM_CONSTANT, 24602}, {216, 4, SIM_ODOMETER, 0}, {199, 4, SIM_TRIP, 0},
    {36, 4, SIM_ODOMETER, 0}, {192, 4, SIM_ODOMETER, 0}, {33, 4, SIM_FUEL_USED, 0},
    {195, 8, SIM_CARD_HIGH, 0}, {196, 8, SIM_CARD_LOW, 0}};

static const struct sim_element asset[] = {{240, 1, SIM_MOVEMENT, 0}, {21, 1, SIM_GSM, 0},
    {69, 1, SIM_GNSS, 0}, {113, 1, SIM_FUEL, 0}, {116, 1, SIM_CONSTANT, 0},
    {200, 1, SIM_CONSTANT, 0}, {310, 1, SIM_EVENT, 1}, {392, 1, SIM_EVENT, 0},
    {520, 1, SIM_EVENT, 0}, {67, 2, SIM_BATTERY, 0}, {68, 2, SIM_NOISE, 0x3f},
    {24, 2, SIM_SPEED, 0}, {181, 2, SIM_PDOP, 0}, {182, 2, SIM_HDOP, 0},
    {206, 2, SIM_CONSTANT, 3021}, {636, 4, SIM_CONSTANT, 12345678}, {241, 4, SIM_CONSTANT, 24602}};

static const struct sim_element eye[] = {OF_VEHICLES, {10804, 1, SIM_HUMIDITY, 0},
    {10808, 1, SIM_EVENT, 1}, {10812, 1, SIM_MOVEMENT, 0}, {10816, 1, SIM_CONSTANT, 0xfd},
    {10820, 1, SIM_EVENT, 0}, {10800, 2, SIM_EYE, 0}, {10824, 2, SIM_CONSTANT, 3030},
    {10832, 2, SIM_CONSTANT, 0xffa6}, {385, 0, SIM_CONSTANT, 0}};

static const struct profile {
	const char *name, *model;
	const struct sim_element *elements;
	size_t n;
	uint8_t codec;
} profiles[SIM_PROFILES] = {
    [SIM_PLAIN] = {"", "", NULL, 0, CODEC_8},
    [SIM_VAN] = {"van", "FMB920", van, COUNT(van), CODEC_8},
    [SIM_CAN] = {"can", "FMC130", can, COUNT(can), CODEC_8E},
    [SIM_TRUCK] = {"truck", "FMB640", truck, COUNT(truck), CODEC_8E},
    [SIM_ASSET] = {"asset", "TAT140", asset, COUNT(asset), CODEC_8E},
    [SIM_EYE_NEAR] = {"eye", "FMC125", eye, COUNT(eye), CODEC_8E},
};

bool
sim_profile_by_name(const char *name, enum sim_profile *profile)
{
	for (int i = SIM_VAN; i < SIM_PROFILES; i++)
		if (strcmp(profiles[i].name, name) == 0) {
			*profile = (enum sim_profile)i;
			return true;
		}
	return false;
}

const char *
sim_profile_model(enum sim_profile profile)
{
	return profiles[profile].model;
}

uint8_t
sim_profile_codec(enum sim_profile profile)
{
	return profiles[profile].codec;
}

const struct sim_element *
sim_profile_elements(enum sim_profile profile, size_t *n)
{
	*n = profiles[profile].n;
	return profiles[profile].elements;
}

static void
happens(struct sim_fix *fix, uint16_t event, uint8_t value, uint8_t priority)
{
	fix->event = event;
	fix->event_value = value;
	fix->priority = priority;
}

/* `dice` is 0 to 999: some thirty records with an event in a thousand. */
static void
on_the_road(enum sim_profile profile, struct sim_fix *fix, unsigned dice, unsigned more)
{
	if (profile == SIM_ASSET) {
		if (dice < 12)
			happens(fix, 310, 0, 0);
	} else if (dice < 8 && fix->speed >= 80) {
		happens(fix, 255, fix->speed < 255 ? (uint8_t)fix->speed : 255, 1);
	} else if (dice < 16) {
		happens(fix, 253, (uint8_t)(1 + more % 3), 1);
	} else if (dice < 24) {
		happens(fix, 155, more & 1, 0);
	} else if (dice < 28 && (profile == SIM_VAN || profile == SIM_TRUCK)) {
		happens(fix, 72, 0, 0);
	} else if (dice < 32 && profile == SIM_EYE_NEAR) {
		happens(fix, 10800, 0, 0);
	}
}

static void
standing(enum sim_profile profile, struct sim_fix *fix, unsigned dice, unsigned more)
{
	if (profile == SIM_ASSET) {
		if (dice < 4)
			happens(fix, 392, 0x11, 2); /* the alarm button */
		else if (dice < 8)
			happens(fix, 520, 1, 1); /* somebody tampers with it */
	} else if (fix->ignition) {
		if (dice < 20)
			happens(fix, profile == SIM_TRUCK ? 187 : 78, 1, 0);
	} else if (dice < 4) {
		happens(fix, 246, 1, 1); /* it is towed */
	} else if (dice < 7 && profile == SIM_TRUCK) {
		happens(fix, 252, 2, 1); /* a key that nobody knows */
	} else if (dice < 7) {
		happens(fix, 252, 1, 1); /* its power is cut */
		fix->supply_mv = 0;
	} else if (dice < 15 && profile == SIM_EYE_NEAR) {
		happens(fix, 10808, more & 1, 0); /* a door */
	} else if (dice < 17 && profile == SIM_EYE_NEAR) {
		happens(fix, 10820, 1, 0);
	}
}

void
sim_profile_event(enum sim_profile profile, struct sim_fix *fix)
{
	uint64_t dice = fix->noise * UINT64_C(0x9e3779b97f4a7c15) + 0x2545f491;

	if (profile == SIM_TRUCK)
		fix->supply_mv = (uint16_t)(2 * fix->supply_mv);
	/* What the road has made; an asset tracker knows of no ignition. */
	if (fix->event == SIM_EVENT_IGNITION && profile == SIM_ASSET)
		fix->event = fix->priority = 0;
	if (profile == SIM_PLAIN || fix->event != 0) {
		fix->event_value = fix->event == SIM_EVENT_IGNITION ? fix->ignition : fix->movement;
		return;
	}
	if (fix->movement)
		on_the_road(profile, fix, (unsigned)(dice >> 40) % 1000, (unsigned)(dice >> 20));
	else
		standing(profile, fix, (unsigned)(dice >> 40) % 1000, (unsigned)(dice >> 20));
}

/* Eight of sixteen ASCII characters: a country, a number, blanks. */
static uint64_t
card(uint64_t ident, bool low)
{
	char text[17] = "LT00000000000001";
	uint64_t v = 0;

	for (int i = 13; i > 5; i--, ident /= 10)
		text[i] = (char)('0' + ident % 10);
	for (int i = 0; i < 8; i++)
		v = v << 8 | (uint8_t)text[i + (low ? 8 : 0)];
	return v;
}

uint64_t
sim_profile_value(enum sim_what what, const struct sim_fix *fix, uint64_t ident)
{
	/* The tank empties over 700 km, and is filled again. */
	uint32_t tank = 1000 - fix->odometer / 700 % 1000;
	int32_t chill = (int32_t)(fix->noise >> 3 & 31);

	switch (what) {
	case SIM_GNSS_PRO:
		return fix->satellites > 0 ? 3 : 2;
	case SIM_RPM:
		return fix->ignition ? 780 + fix->speed * 21u + (fix->noise & 63) : 0;
	case SIM_COOLANT:
		/* A winter's night: cold, until the engine is warm. */
		return (uint64_t)(int64_t)(fix->ignition
					       ? 620 + (int32_t)(fix->trip < 24000 ? fix->trip / 100
										   : 240)
					       : -120 + chill);
	case SIM_FUEL:
		return tank / 10;
	case SIM_FUEL_LITRES:
		return tank * 7 / 10;
	case SIM_FUEL_USED:
		return fix->odometer / 120;
	case SIM_LOAD:
		return fix->ignition ? 12 + fix->speed / 3u + (fix->noise & 15) : 0;
	case SIM_AXIS:
		return (uint64_t)(int64_t)((int32_t)(fix->noise >> 5 & 511) - 256);
	case SIM_FREEZER:
		return (uint64_t)(int64_t)(-185 + chill);
	case SIM_EYE:
		return (uint64_t)(int64_t)(-410 + 17 * chill);
	case SIM_HUMIDITY:
		return 40 + (fix->noise >> 9 & 15);
	case SIM_KEY:
		return fix->ignition ? ident << 8 | 1 : 0;
	case SIM_CARD_HIGH:
	case SIM_CARD_LOW:
		return fix->ignition ? card(ident, what == SIM_CARD_LOW) : 0;
	case SIM_WORK:
		return fix->movement ? 3 : fix->ignition ? 2 : 0;
	case SIM_DRIVING_MIN:
		return fix->trip / 1000;
	case SIM_HARSH:
		return fix->event == 253 ? 30 + (fix->noise & 31) : 0;
	default:
		return 0;
	}
}
