#include "tool/sim/road.h"

#include <math.h>
#include <string.h>

#include "tool/sim/random.h"

#define M_PER_DEGREE 111195.0
#define DEGREE (3.14159265358979323846 / 180)
#define ACCELERATION 1.8 /* m/s2 */
#define BRAKING 2.5
#define STEP_S 1.0	 /* longest step of the integration... */
#define STEPS_MAX 64	 /* ...unless that took more steps than this */
#define ROAM_DEGREES 0.4 /* turns home when farther away */
#define BLIND_RUN 4.0	 /* mean length of a run without a fix */

static const struct {
	float latitude, longitude;
} cities[] = {
    {54.687f, 25.280f},
    {54.898f, 23.904f},
    {56.950f, 24.105f},
    {59.437f, 24.754f},
    {52.230f, 21.012f},
    {52.520f, 13.405f},
    {50.075f, 14.437f},
    {48.208f, 16.373f},
    {45.464f, 9.190f},
    {40.417f, -3.704f},
    {51.507f, -0.128f},
    {-33.869f, 151.209f},
    {-23.551f, -46.633f},
    {-1.292f, 36.822f},
    {25.205f, 55.271f},
    {19.076f, 72.878f},
};

static const float limits_kmh[] = {30, 50, 50, 50, 70, 90, 90, 120};

static void
set_heading(struct sim_road *r, double heading)
{
	heading = fmod(heading, 360);
	if (heading < 0)
		heading += 360;
	r->heading = heading;
	r->north_per_m = cos(heading * DEGREE) / M_PER_DEGREE;
	r->east_per_m = sin(heading * DEGREE) / (M_PER_DEGREE * cos(r->latitude * DEGREE));
}

/* The next piece of road: a turn, a speed limit, and a light or a corner at its end. */
static void
next_segment(struct sim_road *r)
{
	double north = r->home_latitude - r->latitude;
	double east = (r->home_longitude - r->longitude) * cos(r->latitude * DEGREE);
	double turn = sim_random_between(&r->rng, -1, 1);

	r->limit = limits_kmh[sim_random_below(&r->rng, 8)] / 3.6;
	if (north * north + east * east > ROAM_DEGREES * ROAM_DEGREES)
		set_heading(r, atan2(east, north) / DEGREE + 30 * turn);
	else
		set_heading(r, r->heading + (r->limit > 20 ? 25 : 95) * turn);
	r->segment_left = r->limit * sim_random_between(&r->rng, 8, 60);
	r->end_speed =
	    sim_random_percent(&r->rng, 30) || r->trip_left <= 0 ? 0 : fmin(r->limit * 0.5, 12);
	r->slope = sim_random_between(&r->rng, -0.02, 0.02);
	if (r->altitude > 900 || r->altitude < 5)
		r->slope = r->altitude > 900 ? -0.02 : 0.02;
	r->gsm = (uint8_t)(1 + sim_random_below(&r->rng, 5));
	r->satellites = (uint8_t)(6 + sim_random_below(&r->rng, 12));
}

static void
drive(struct sim_road *r, double dt)
{
	double before = r->speed, after, way;
	double left = fmax(0, r->segment_left - before * dt);

	if (before > r->limit)
		after = fmax(r->limit, before - BRAKING * dt);
	else
		after = fmin(r->limit, before + ACCELERATION * dt);
	/* Slow enough to be at end_speed where the segment ends; the last metre it creeps. */
	after = fmin(after, fmax(1, sqrt(r->end_speed * r->end_speed + 2 * BRAKING * left)));

	way = (before + after) / 2 * dt;
	r->latitude += way * r->north_per_m;
	r->longitude += way * r->east_per_m;
	r->altitude += way * r->slope;
	r->odometer += way;
	r->trip += way;
	r->segment_left -= way;
	r->trip_left -= dt;
	r->speed = after;
	if (r->segment_left > 0)
		return;
	if (r->end_speed > 0) {
		next_segment(r);
		return;
	}
	r->speed = 0;
	r->phase = r->trip_left <= 0 ? SIM_PARKED : SIM_WAITING;
	if (r->phase == SIM_PARKED)
		r->phase_left = sim_random_between(&r->rng, 300, 3600);
	else
		r->phase_left = sim_random_between(&r->rng, 5, 60);
}

static void
start_trip(struct sim_road *r)
{
	r->trip_left = sim_random_between(&r->rng, 600, 5400);
	r->trip = 0;
	r->phase = SIM_DRIVING;
	next_segment(r);
}

static void
advance(struct sim_road *r, double dt)
{
	if (r->phase == SIM_DRIVING) {
		drive(r, dt);
		return;
	}
	r->phase_left -= dt;
	if (r->phase_left > 0)
		return;
	if (r->phase == SIM_PARKED) {
		start_trip(r);
	} else {
		r->phase = SIM_DRIVING;
		next_segment(r);
	}
}

void
sim_road_init(struct sim_road *r, uint64_t seed, double no_fix)
{
	uint32_t city;

	memset(r, 0, sizeof(*r));
	r->rng = seed;
	r->no_fix = no_fix;
	city = sim_random_below(&r->rng, sizeof(cities) / sizeof(cities[0]));
	r->home_latitude = cities[city].latitude;
	r->home_longitude = cities[city].longitude;
	r->latitude = r->home_latitude + sim_random_between(&r->rng, -0.2, 0.2);
	r->longitude = r->home_longitude + sim_random_between(&r->rng, -0.2, 0.2);
	r->altitude = sim_random_between(&r->rng, 10, 400);
	r->odometer = sim_random_between(&r->rng, 1e6, 3e8);
	r->heading = sim_random_between(&r->rng, 0, 360);
	start_trip(r);
	if (sim_random_percent(&r->rng, 10)) {
		r->phase = SIM_PARKED;
		r->phase_left = sim_random_between(&r->rng, 5, 600);
	} else {
		r->trip = sim_random_between(&r->rng, 0, 50000);
		r->speed = r->limit * 0.8;
	}
	r->was_on = r->phase != SIM_PARKED;
	r->was_moving = r->speed > 0;
	r->seen_latitude = (int32_t)lrint(r->latitude * 1e7);
	r->seen_longitude = (int32_t)lrint(r->longitude * 1e7);
}

void
sim_road_move(struct sim_road *r, double latitude, double longitude)
{
	r->latitude += latitude - r->home_latitude;
	r->longitude += longitude - r->home_longitude;
	r->home_latitude = latitude;
	r->home_longitude = longitude;
	r->seen_latitude = (int32_t)lrint(r->latitude * 1e7);
	r->seen_longitude = (int32_t)lrint(r->longitude * 1e7);
	set_heading(r, r->heading); /* a degree of longitude has another length there */
}

/* Tunnels come in runs; `no_fix` percent of all observations lie in one. */
static void
look_up(struct sim_road *r)
{
	double leave = 1 / BLIND_RUN, enter;

	if (r->no_fix <= 0)
		return;
	enter = r->no_fix / fmax(100 - r->no_fix, 1e-9) * leave;
	if (enter > 1) {
		enter = 1;
		leave = (100 - r->no_fix) / r->no_fix;
	}
	if (sim_random_percent(&r->rng, 100 * (r->blind ? leave : enter)))
		r->blind = !r->blind;
}

static void
observe(struct sim_road *r, struct sim_fix *fix)
{
	uint64_t bits = sim_random(&r->rng);
	bool on = r->phase != SIM_PARKED, moving = r->speed > 0;

	look_up(r);
	if (!r->blind) {
		r->seen_latitude = (int32_t)lrint(r->latitude * 1e7);
		r->seen_longitude = (int32_t)lrint(r->longitude * 1e7);
	}
	fix->longitude = r->seen_longitude;
	fix->latitude = r->seen_latitude;
	fix->altitude = (int16_t)r->altitude;
	fix->angle = (uint16_t)r->heading;
	fix->speed = r->blind ? 0 : (uint16_t)(r->speed * 3.6 + 0.5);
	fix->satellites = r->blind ? 0 : r->satellites;
	fix->event = on != r->was_on	       ? SIM_EVENT_IGNITION
		     : moving != r->was_moving ? SIM_EVENT_MOVEMENT
					       : 0;
	fix->priority = fix->event != 0;
	fix->ignition = on;
	fix->movement = moving;
	fix->gsm = r->gsm;
	fix->gnss = r->blind ? 2 : 1;
	fix->supply_mv = (uint16_t)((on ? 14100 : 12500) + (bits & 0xff));
	fix->battery_mv = (uint16_t)(4000 + (bits >> 8 & 0x3f));
	fix->hdop = (uint16_t)(6 + (bits >> 14 & 7));
	fix->pdop = (uint16_t)(fix->hdop + 2 + (bits >> 17 & 7));
	fix->odometer = (uint32_t)r->odometer;
	fix->trip = (uint32_t)r->trip;
	fix->noise = (uint32_t)(bits >> 32);
	r->was_on = on;
	r->was_moving = moving;
}

void
sim_road_step(struct sim_road *r, uint64_t dt_ms, struct sim_fix *fix)
{
	double left = (double)dt_ms / 1000, step = fmax(STEP_S, left / STEPS_MAX);

	for (; left > step; left -= step)
		advance(r, step);
	advance(r, left);
	observe(r, fix);
}
