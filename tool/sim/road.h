/*
 * How a simulated vehicle moves: along a way of straight segments, accelerating and braking, waiting at
 * lights, parked with the ignition off between trips. The position is the integral of speed and heading, so
 * consecutive observations fit together whatever the time between them. Pure: no I/O, no clock, no
 * allocation; the same seed and the same steps give the same drive.
 */
#ifndef TOOL_SIM_ROAD_H
#define TOOL_SIM_ROAD_H

#include <stdbool.h>
#include <stdint.h>

#define SIM_EVENT_IGNITION 239
#define SIM_EVENT_MOVEMENT 240

enum sim_road_phase { SIM_PARKED, SIM_WAITING, SIM_DRIVING };

struct sim_road {
	double latitude, longitude; /* degrees: where the vehicle is */
	double home_latitude, home_longitude;
	double north_per_m, east_per_m; /* degrees of latitude and longitude per metre of way */
	double odometer;		/* m */
	double trip;			/* m since the ignition went on */
	double heading;			/* degrees from north, [0, 360) */
	double speed;			/* m/s */
	double limit;			/* m/s, of this segment */
	double end_speed;		/* m/s, at the end of this segment */
	double segment_left;		/* m */
	double phase_left;		/* s, parked and waiting */
	double trip_left;		/* s, until the driver looks for a place to park */
	double altitude, slope;		/* m; m per m */
	double no_fix;			/* percent of observations without a fix */
	uint64_t rng;
	int32_t seen_latitude, seen_longitude; /* last position with a fix, x 10^7 */
	uint8_t phase;
	uint8_t gsm, satellites;
	bool blind;		 /* no fix at the moment */
	bool was_on, was_moving; /* at the last observation */
};

/* What the tracker in the vehicle sees at one moment. */
struct sim_fix {
	int32_t longitude, latitude; /* degrees x 10^7 */
	int16_t altitude;	     /* m */
	uint16_t angle;		     /* degrees, 0 to 359 */
	uint16_t speed;		     /* km/h; 0 without a fix */
	uint8_t satellites;	     /* 0: no fix, and the position is the last known one */
	uint16_t event;	     /* 0, SIM_EVENT_IGNITION, SIM_EVENT_MOVEMENT, or of a profile */
	uint8_t event_value; /* of the event's element, where a profile has it */
	uint8_t priority;    /* 1 for an event */
	uint8_t ignition, movement, gsm, gnss;
	uint16_t supply_mv, battery_mv;
	uint16_t pdop, hdop;	 /* x 10 */
	uint32_t odometer, trip; /* m */
	uint32_t noise;		 /* random bits for elements without a meaning here */
};

/* A vehicle in the middle of its day. `no_fix`: percent of observations without a fix. */
void sim_road_init(struct sim_road *, uint64_t seed, double no_fix);

/* Moves the vehicle, as it is, and its home to another region: degrees, of places that roads reach. */
void sim_road_move(struct sim_road *, double latitude, double longitude);

/* Lets dt_ms go by, then observes. */
void sim_road_step(struct sim_road *, uint64_t dt_ms, struct sim_fix *);

#endif
