/*
 * Frames of a simulated tracker: codec 8, 8 Extended, 16. A template holds one record ready-made: writing
 * a record is a copy of it and a few stores, as the simulator shares its cores with what it measures. Pure.
 */
#ifndef TOOL_SIM_FRAME_H
#define TOOL_SIM_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tool/sim/profile.h"
#include "tool/sim/road.h"

#define SIM_IO_MAX 150
#define SIM_RECORD_MAX 1400

struct sim_patch {
	uint16_t at;   /* offset in the record */
	uint8_t width; /* bytes: 1, 2, 4, 8 */
	uint8_t what;  /* enum sim_what */
	uint16_t id;
};

struct sim_template {
	uint8_t codec;
	enum sim_profile profile; /* SIM_PLAIN: none */
	uint16_t len;		  /* bytes of a record */
	uint16_t patches;
	uint16_t vin; /* offset of the VIN's 17 bytes, 0 if there is none */
	uint8_t record[SIM_RECORD_MAX];
	struct sim_patch patch[SIM_IO_MAX];
};

/* False if `codec` is not an AVL codec or `io` is more than SIM_IO_MAX. */
bool sim_template_init(struct sim_template *, uint8_t codec, unsigned io)
    __attribute__((warn_unused_result));

void sim_template_of_profile(struct sim_template *, enum sim_profile);

/* Bytes of a whole frame with n records (1 to 255). */
size_t sim_frame_size(const struct sim_template *, unsigned n);

/*
 * Writes into buf, which has room for sim_frame_size(): first the head, then every
 * record by its place (0 to n - 1), then the end with the CRC. `ident` is what tells this
 * tracker's constant elements (driver's key, VIN) from the others': its IMEI.
 */
void sim_frame_begin(const struct sim_template *, uint8_t *buf, unsigned n);
void sim_frame_record(const struct sim_template *, uint8_t *buf, unsigned place,
    uint64_t timestamp_ms, const struct sim_fix *, uint64_t ident);
void sim_frame_end(const struct sim_template *, uint8_t *buf, unsigned n);

/* Makes the CRC of a whole frame wrong; a second time, right again. */
void sim_frame_spoil(uint8_t *buf, size_t len);

#endif
