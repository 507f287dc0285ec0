#include "tool/sim/frame.h"

#include <string.h>

#include "proto/crc16.h"
#include "proto/stream.h"
#include "proto/wire.h"

#define HEAD 10 /* preamble, length, codec, count 1 */
#define GPS 24	/* timestamp to speed */

/* The first ones make the default of 12. */
static const struct sim_element elements[] = {
    {239, 1, SIM_IGNITION, 0},
    {240, 1, SIM_MOVEMENT, 0},
    {21, 1, SIM_GSM, 0},
    {69, 1, SIM_GNSS, 0},
    {66, 2, SIM_SUPPLY, 0},
    {67, 2, SIM_BATTERY, 0},
    {24, 2, SIM_SPEED, 0},
    {181, 2, SIM_PDOP, 0},
    {182, 2, SIM_HDOP, 0},
    {16, 4, SIM_ODOMETER, 0},
    {241, 4, SIM_CONSTANT, 24602},
    {78, 8, SIM_IDENT, 0},
    {256, 0, SIM_IDENT, 0},
    {199, 4, SIM_TRIP, 0},
    {200, 1, SIM_CONSTANT, 0},
    {68, 2, SIM_NOISE, 0x3f},
    {113, 1, SIM_CONSTANT, 97},
    {205, 2, SIM_CONSTANT, 41527},
    {206, 2, SIM_CONSTANT, 3021},
    {11, 8, SIM_IDENT, 0},
    {80, 1, SIM_CONSTANT, 1},
    {1, 1, SIM_IGNITION, 0},
    {9, 2, SIM_NOISE, 0x1fff},
    {17, 2, SIM_NOISE, 0x7ff},
    {18, 2, SIM_NOISE, 0x7ff},
    {19, 2, SIM_NOISE, 0x7ff},
    {14, 8, SIM_IDENT, 0},
};
#define ELEMENTS (sizeof(elements) / sizeof(elements[0]))

static void
put(uint8_t *p, unsigned width, uint64_t v)
{
	switch (width) {
	case 1:
		*p = (uint8_t)v;
		break;
	case 2:
		wire_put_u16(p, (uint16_t)v);
		break;
	case 4:
		wire_put_u32(p, (uint32_t)v);
		break;
	default:
		wire_put_u64(p, v);
		break;
	}
}

static bool
is_listed(unsigned id)
{
	for (size_t i = 0; i < ELEMENTS; i++)
		if (elements[i].id == id)
			return true;
	return false;
}

/*
 * The first `io` elements that this codec can carry; beyond the known ones, ids
 * that are not among them, of 1, 2 and 4 bytes in turn.
 */
static void
choose(struct sim_element *chosen, unsigned io, uint8_t codec)
{
	unsigned n = 0, id = 2;

	for (size_t i = 0; i < ELEMENTS && n < io; i++)
		if (elements[i].width != 0 || codec == CODEC_8E)
			chosen[n++] = elements[i];
	for (; n < io; id++) {
		if (is_listed(id))
			continue;
		chosen[n].id = (uint16_t)id;
		chosen[n].width = (uint8_t)(1u << n % 3);
		chosen[n].what = SIM_NOISE;
		chosen[n++].value = 0xff;
	}
}

/* A VIN, whose end is the tracker's own, or a list of one beacon. */
static uint8_t *
write_variable(struct sim_template *t, uint8_t *p, const struct sim_element *element)
{
	static const uint8_t beacon[] = {0x11, 0x21, 0x6b, 0x81, 0x7f, 0x8a, 0x27, 0x4d, 0x4f, 0xbd,
	    0xb6, 0x2d, 0x33, 0xe1, 0x84, 0x2f, 0x8d, 0xf8, 0x01, 0x4d, 0x02, 0x2b, 0xbf};
	bool vin = element->what == SIM_IDENT;
	size_t len = vin ? 17 : sizeof(beacon);

	wire_put_u16(p, (uint16_t)len);
	if (vin)
		t->vin = (uint16_t)(p + 2 - t->record);
	memcpy(p + 2, vin ? (const void *)"WSIMULAT000000000" : beacon, len);
	return p + 2 + len;
}

/* One section: its count, then its elements. Returns its end. */
static uint8_t *
write_section(struct sim_template *t, uint8_t *p, const struct sim_element *chosen, unsigned io,
    unsigned width)
{
	unsigned count_bytes = t->codec == CODEC_8E ? 2 : 1, id_bytes = t->codec == CODEC_8 ? 1 : 2;
	unsigned count = 0;

	for (unsigned i = 0; i < io; i++)
		count += chosen[i].width == width;
	put(p, count_bytes, count);
	p += count_bytes;
	for (unsigned i = 0; i < io; i++) {
		if (chosen[i].width != width)
			continue;
		put(p, id_bytes, chosen[i].id);
		p += id_bytes;
		if (width == 0) {
			p = write_variable(t, p, &chosen[i]);
			continue;
		}
		if (chosen[i].what != SIM_CONSTANT) {
			t->patch[t->patches].at = (uint16_t)(p - t->record);
			t->patch[t->patches].width = (uint8_t)width;
			t->patch[t->patches].id = chosen[i].id;
			t->patch[t->patches++].what = chosen[i].what;
		}
		/* SIM_NOISE keeps its mask in the template: the value is mask & random bits. */
		put(p, width, chosen[i].value);
		p += width;
	}
	return p;
}

/* The record of a template, but for what changes. */
static void
build(struct sim_template *t, uint8_t codec, const struct sim_element *chosen, unsigned io)
{
	uint8_t *p = t->record + GPS;

	memset(t, 0, sizeof(*t));
	t->codec = codec;
	p += codec == CODEC_8 ? 1 : 2; /* event id: 0 */
	if (codec == CODEC_16)
		*p++ = 7; /* generation type: periodical */
	put(p, codec == CODEC_8E ? 2 : 1, io);
	p += codec == CODEC_8E ? 2 : 1;
	for (unsigned width = 1; width <= 8; width *= 2)
		p = write_section(t, p, chosen, io, width);
	if (codec == CODEC_8E)
		p = write_section(t, p, chosen, io, 0);
	t->len = (uint16_t)(p - t->record);
}

bool
sim_template_init(struct sim_template *t, uint8_t codec, unsigned io)
{
	struct sim_element chosen[SIM_IO_MAX];

	memset(t, 0, sizeof(*t));
	if (!codec_is_avl(codec) || io > SIM_IO_MAX)
		return false;
	choose(chosen, io, codec);
	build(t, codec, chosen, io);
	return true;
}

void
sim_template_of_profile(struct sim_template *t, enum sim_profile profile)
{
	size_t n;
	const struct sim_element *own = sim_profile_elements(profile, &n);

	build(t, sim_profile_codec(profile), own, (unsigned)n);
	t->profile = profile;
}

size_t
sim_frame_size(const struct sim_template *t, unsigned n)
{
	return FRAME_OVERHEAD + FRAME_BODY_MIN + (size_t)n * t->len;
}

void
sim_frame_begin(const struct sim_template *t, uint8_t *buf, unsigned n)
{
	wire_put_u32(buf, 0);
	wire_put_u32(buf + 4, FRAME_BODY_MIN + n * t->len);
	buf[8] = t->codec;
	buf[9] = (uint8_t)n;
}

static void
fill(const struct sim_template *t, uint8_t *record, const struct sim_fix *fix, uint64_t ident)
{
	uint64_t noise = fix->noise;

	for (unsigned i = 0; i < t->patches; i++) {
		const struct sim_patch *patch = &t->patch[i];
		uint8_t *p = record + patch->at;

		switch ((enum sim_what)patch->what) {
		case SIM_IGNITION:
			*p = fix->ignition;
			break;
		case SIM_MOVEMENT:
			*p = fix->movement;
			break;
		case SIM_GSM:
			*p = fix->gsm;
			break;
		case SIM_GNSS:
			*p = fix->gnss;
			break;
		case SIM_SUPPLY:
			wire_put_u16(p, fix->supply_mv);
			break;
		case SIM_BATTERY:
			wire_put_u16(p, fix->battery_mv);
			break;
		case SIM_SPEED:
			put(p, patch->width, fix->speed);
			break;
		case SIM_PDOP:
			wire_put_u16(p, fix->pdop);
			break;
		case SIM_HDOP:
			wire_put_u16(p, fix->hdop);
			break;
		case SIM_ODOMETER:
			wire_put_u32(p, fix->odometer);
			break;
		case SIM_TRIP:
			wire_put_u32(p, fix->trip);
			break;
		case SIM_IDENT:
			wire_put_u64(p, ident);
			break;
		case SIM_NOISE:
			noise = noise * 0x9e3779b97f4a7c15u + 1;
			p[patch->width - 1] &= (uint8_t)(noise >> 56);
			if (patch->width == 2)
				p[0] &= (uint8_t)(noise >> 48);
			break;
		case SIM_CONSTANT:
			break;
		case SIM_EVENT:
			if (fix->event == patch->id)
				put(p, patch->width, fix->event_value);
			break;
		default:
			put(p, patch->width, sim_profile_value(patch->what, fix, ident));
			break;
		}
	}
}

void
sim_frame_record(const struct sim_template *t, uint8_t *buf, unsigned place, uint64_t timestamp_ms,
    const struct sim_fix *fix, uint64_t ident)
{
	uint8_t *p = buf + HEAD + (size_t)place * t->len;

	memcpy(p, t->record, t->len);
	wire_put_u64(p, timestamp_ms);
	p[8] = fix->priority;
	wire_put_u32(p + 9, (uint32_t)fix->longitude);
	wire_put_u32(p + 13, (uint32_t)fix->latitude);
	wire_put_u16(p + 17, (uint16_t)fix->altitude);
	wire_put_u16(p + 19, fix->angle);
	p[21] = fix->satellites;
	wire_put_u16(p + 22, fix->speed);
	if (fix->event != 0) {
		put(p + GPS, t->codec == CODEC_8 ? 1 : 2, fix->event);
		if (t->codec == CODEC_16)
			p[GPS + 2] = 5; /* on change */
	}
	fill(t, p, fix, ident);
	if (t->vin != 0)
		for (unsigned i = 0; i < 9; i++, ident /= 10)
			p[t->vin + 16 - i] = (uint8_t)('0' + ident % 10);
}

void
sim_frame_end(const struct sim_template *t, uint8_t *buf, unsigned n)
{
	size_t body = FRAME_BODY_MIN + (size_t)n * t->len;

	buf[8 + body - 1] = (uint8_t)n;
	wire_put_u32(buf + 8 + body, crc16_arc(buf + 8, body));
}

void
sim_frame_spoil(uint8_t *buf, size_t len)
{
	buf[len - 1] ^= 0x5a;
}
