/*
 * Profiles: what real families of devices send (doc/dictionary.md), with plausible values, widths and signs, and
 * the events of a day. A profile is a list of elements, a codec, and what happens to the vehicle. Pure.
 */
#ifndef TOOL_SIM_PROFILE_H
#define TOOL_SIM_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tool/sim/road.h"

enum sim_what {
	SIM_CONSTANT,
	SIM_IGNITION,
	SIM_MOVEMENT,
	SIM_GSM,
	SIM_GNSS,
	SIM_SUPPLY,
	SIM_BATTERY,
	SIM_SPEED,
	SIM_PDOP,
	SIM_HDOP,
	SIM_ODOMETER,
	SIM_TRIP,
	SIM_IDENT,
	SIM_NOISE,
	/* Of profiles; sim_profile_value() knows them. */
	SIM_EVENT, /* its resting value, but in the record of its event */
	SIM_GNSS_PRO,
	SIM_RPM,
	SIM_COOLANT,	 /* x 10 */
	SIM_FUEL,	 /* percent */
	SIM_FUEL_LITRES, /* x 10 */
	SIM_FUEL_USED,	 /* x 10 */
	SIM_LOAD,
	SIM_AXIS,    /* mg, signed */
	SIM_FREEZER, /* x 10, below zero */
	SIM_EYE,     /* x 100, mostly below zero */
	SIM_HUMIDITY,
	SIM_KEY,       /* the driver's, while the ignition is on */
	SIM_CARD_HIGH, /* the driver's tachograph card, ASCII */
	SIM_CARD_LOW,
	SIM_WORK, /* what the tachograph says the driver does */
	SIM_DRIVING_MIN,
	SIM_HARSH, /* strength of the harsh manoeuvre, if the record is about one */
};

struct sim_element {
	uint16_t id;
	uint8_t width; /* 0: variable length */
	uint8_t what;
	uint32_t value; /* of CONSTANT and EVENT; of NOISE the mask */
};

enum sim_profile { SIM_PLAIN, SIM_VAN, SIM_CAN, SIM_TRUCK, SIM_ASSET, SIM_EYE_NEAR, SIM_PROFILES };

/* "van" to "eye"; false for another name. */
bool sim_profile_by_name(const char *name, enum sim_profile *) __attribute__((warn_unused_result));
/* The model that it pretends to be: its elements are those that such a tracker sends. */
const char *sim_profile_model(enum sim_profile);
uint8_t sim_profile_codec(enum sim_profile);
/* Its elements; *n says how many. */
const struct sim_element *sim_profile_elements(enum sim_profile, size_t *n);

/* What happens at this moment, if nothing else does: fills in event, its value and priority. */
void sim_profile_event(enum sim_profile, struct sim_fix *);

/* The value of an element of a profile at that moment; two's complement where it is signed. */
uint64_t sim_profile_value(enum sim_what, const struct sim_fix *, uint64_t ident);

#endif
