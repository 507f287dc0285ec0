/*
 * Structured IO elements as JSON.
 *
 * Beacons (id 385): a byte with the number of this part (upper half) and of all parts, then per beacon flags, an
 * id (iBeacon: UUID, major, minor; Eddystone: namespace, instance), RSSI, and what the flags announce. Layout:
 * Teltonika's wiki, "FMB120 Beacon List", and its example, t/vectors/documented.json.
 *
 * Advertisements (ids 548, 10500, 10828, 10829, 10831, 11317): a byte, then per beacon a length and that many
 * bytes of type, length, value. Layout: wiki, "Advanced BLE beacons"; types also in Traccar's decoder. The
 * sensor's data (type 2) are those of an EYE sensor: wiki, "EYE SENSOR / BTSMP1", Bluetooth frame.
 */
#include "proto/dictionary_list.h"

#include <string.h>

#include "proto/wire.h"

void
put_text(struct writer *w, const char *text, size_t n)
{
	memcpy(w->at, text, n);
	w->at += n;
}

void
put_string(struct writer *w, const char *literal)
{
	while (*literal != '\0')
		*w->at++ = *literal++;
}

void
put_hex(struct writer *w, const uint8_t *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (; n > 0; n--, p++) {
		*w->at++ = digits[*p >> 4];
		*w->at++ = digits[*p & 15];
	}
}

/* magnitude / 10^decimals, every decimal written. */
void
put_decimal(struct writer *w, bool negative, uint64_t magnitude, unsigned decimals)
{
	char digits[24];
	size_t n = 0;

	do {
		digits[n++] = (char)('0' + magnitude % 10);
		magnitude /= 10;
	} while (magnitude > 0 || n <= decimals);
	if (negative)
		*w->at++ = '-';
	while (n > 0) {
		*w->at++ = digits[--n];
		if (n == decimals && n > 0)
			*w->at++ = '.';
	}
}

void
put_integer(struct writer *w, int64_t v, unsigned decimals)
{
	put_decimal(w, v < 0, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, decimals);
}

static void
member(struct writer *w, const char *name)
{
	if (w->at[-1] != '{')
		*w->at++ = ',';
	*w->at++ = '"';
	put_string(w, name);
	put_string(w, "\":");
}

static void
number(struct writer *w, const char *name, int64_t v, unsigned decimals)
{
	member(w, name);
	put_integer(w, v, decimals);
}

static void
hex(struct writer *w, const char *name, const uint8_t *p, size_t n)
{
	member(w, name);
	*w->at++ = '"';
	put_hex(w, p, n);
	*w->at++ = '"';
}

static void
truth(struct writer *w, const char *name, bool yes)
{
	member(w, name);
	put_string(w, yes ? "true" : "false");
}

static int8_t
signed_byte(uint8_t b)
{
	return b <= INT8_MAX ? (int8_t)b : (int8_t)(b - 256);
}

/* Bytes that are left; a short read spoils it, and what is read then is zeros. */
struct bytes {
	const uint8_t *p;
	size_t n;
	bool bad;
};

static const uint8_t *
take(struct bytes *b, size_t n)
{
	static const uint8_t zeros[20];
	const uint8_t *p = b->p;

	if (n > b->n) {
		b->bad = true;
		b->n = 0;
		return zeros;
	}
	b->p += n;
	b->n -= n;
	return p;
}

#define BEACON_RSSI 0x01
#define BEACON_BATTERY 0x02
#define BEACON_TEMPERATURE 0x04
#define BEACON_IBEACON 0x20

static void
beacon(struct writer *w, struct bytes *b)
{
	char *begin = w->at;
	uint8_t flags = *take(b, 1);
	const uint8_t *id;

	put_string(w, "{");
	if ((flags & BEACON_IBEACON) != 0) {
		id = take(b, 20);
		hex(w, "uuid", id, 16);
		number(w, "major", wire_u16(id + 16), 0);
		number(w, "minor", wire_u16(id + 18), 0);
	} else {
		id = take(b, 16);
		hex(w, "namespace", id, 10);
		hex(w, "instance", id + 10, 6);
	}
	if ((flags & BEACON_RSSI) != 0)
		number(w, "rssi", signed_byte(*take(b, 1)), 0);
	if ((flags & BEACON_BATTERY) != 0)
		number(w, "battery_v", wire_u16(take(b, 2)), 2);
	if ((flags & BEACON_TEMPERATURE) != 0)
		number(w, "temperature", wire_i16(take(b, 2)), 0);
	put_string(w, "}");
	if (b->bad)
		w->at = begin;
}

static void
comma(struct writer *w)
{
	if (w->at[-1] != '[')
		*w->at++ = ',';
}

/* Undoes the comma before an object that wasn't written. */
static void
no_comma(struct writer *w)
{
	if (w->at[-1] == ',')
		w->at--;
}

bool
list_beacons(struct writer *w, const uint8_t *p, size_t n)
{
	struct bytes b = {p, n, false};
	uint8_t part = *take(&b, 1);

	put_string(w, "{");
	number(w, "part", part >> 4, 0);
	number(w, "parts", part & 15, 0);
	member(w, "beacons");
	put_string(w, "[");
	while (b.n > 0) {
		comma(w);
		beacon(w, &b);
	}
	no_comma(w);
	put_string(w, "]}");
	return !b.bad;
}

/* True if so many bytes are left; else it is cut short. */
static bool
has(struct bytes *b, size_t n)
{
	b->bad |= n > b->n;
	return !b->bad;
}

/* The flags tell which of the values follow; bits 3 and 6 are values themselves. */
static void
eye_data(struct writer *w, struct bytes *b)
{
	uint8_t flags = *take(b, 1);
	uint16_t moves;

	if ((flags & 0x01) != 0 && has(b, 2))
		number(w, "temperature", wire_i16(take(b, 2)), 2);
	if ((flags & 0x02) != 0 && has(b, 1))
		number(w, "humidity", *take(b, 1), 0);
	if ((flags & 0x04) != 0)
		truth(w, "magnet", (flags & 0x08) != 0);
	if ((flags & 0x10) != 0 && has(b, 2)) {
		moves = wire_u16(take(b, 2));
		truth(w, "moving", (moves & 0x8000) != 0);
		number(w, "move_count", moves & 0x7fff, 0);
	}
	if ((flags & 0x20) != 0 && has(b, 3)) {
		number(w, "pitch", signed_byte(*take(b, 1)), 0);
		number(w, "roll", wire_i16(take(b, 2)), 0);
	}
	truth(w, "low_battery", (flags & 0x40) != 0);
	if ((flags & 0x80) != 0 && has(b, 1))
		number(w, "battery_mv", 2000 + 10 * *take(b, 1), 0);
}

static void
name(struct writer *w, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < ' ' || p[i] > '~' || p[i] == '"' || p[i] == '\\') {
			hex(w, "name_hex", p, n);
			return;
		}
	member(w, "name");
	*w->at++ = '"';
	put_text(w, (const char *)p, n);
	*w->at++ = '"';
}

static void
unknown_item(struct writer *w, uint8_t type, const uint8_t *p, size_t n)
{
	if (w->at[-1] != '{')
		*w->at++ = ',';
	put_string(w, "\"type_");
	put_integer(w, type, 0);
	put_string(w, "\":\"");
	put_hex(w, p, n);
	put_string(w, "\"");
}

/* One byte or two, as a number of its own sign; false if the length isn't that. */
static bool
numeric_item(struct writer *w, uint8_t type, const uint8_t *p, size_t n)
{
	static const struct {
		char name[16]; /* not a pointer: the table needs no relocation */
		uint8_t type, len;
		bool negative, truth;
	} items[] = {
	    {"rssi", 0, 1, true, false},
	    /* Degrees or hundredths: no page says it. */
	    {"temperature_raw", 6, 2, true, false},
	    {"humidity", 7, 1, false, false},
	    {"magnet", 8, 1, false, true},
	    {"moving", 9, 1, false, true},
	    {"move_count", 10, 2, false, false},
	    {"pitch", 11, 1, true, false},
	    {"roll", 12, 2, true, false},
	    {"low_battery", 13, 1, false, true},
	    {"battery_mv", 14, 2, false, false},
	};
	int64_t v;

	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
		if (items[i].type != type || items[i].len != n)
			continue;
		if (n == 1)
			v = items[i].negative ? signed_byte(*p) : *p;
		else
			v = items[i].negative ? wire_i16(p) : wire_u16(p);
		if (items[i].truth)
			truth(w, items[i].name, v != 0);
		else
			number(w, items[i].name, v, 0);
		return true;
	}
	return false;
}

static void
advert(struct writer *w, struct bytes *list)
{
	struct bytes b = {NULL, *take(list, 1), false};

	b.p = take(list, b.n < list->n ? b.n : list->n);
	if (b.p + b.n > list->p) {
		b.n = (size_t)(list->p - b.p);
		list->bad = true;
	}
	put_string(w, "{");
	while (b.n >= 2) {
		uint8_t type = *take(&b, 1), len = *take(&b, 1);
		struct bytes item = {b.p, len < b.n ? len : b.n, len > b.n};

		(void)take(&b, item.n);
		if (type == 2 && item.n > 0)
			eye_data(w, &item);
		else if (type == 5)
			name(w, item.p, item.n);
		else if (type == 1 || type == 15)
			hex(w, type == 1 ? "id" : "mac", item.p, item.n);
		else if (!numeric_item(w, type, item.p, item.n))
			unknown_item(w, type, item.p, item.n);
		list->bad |= item.bad;
	}
	list->bad |= b.n > 0;
	put_string(w, "}");
}

bool
list_adverts(struct writer *w, const uint8_t *p, size_t n)
{
	struct bytes b = {p, n, false};

	(void)take(&b, 1);
	put_string(w, "[");
	while (b.n > 0) {
		comma(w);
		advert(w, &b);
	}
	put_string(w, "]");
	return !b.bad;
}

/* "P0420,P0171": letters and digits between commas; anything else is not a list of codes. */
bool
list_codes(struct writer *w, const uint8_t *p, size_t n)
{
	bool open = false;

	while (n > 0 && p[n - 1] == '\0')
		n--;
	put_string(w, "[");
	for (size_t i = 0; i < n; i++) {
		bool code = (p[i] >= '0' && p[i] <= '9') || (p[i] >= 'A' && p[i] <= 'Z') ||
			    (p[i] >= 'a' && p[i] <= 'z') || p[i] == '-';

		if (!code && p[i] != ',' && p[i] != ' ' && p[i] != ';')
			return false;
		if (code && !open) {
			comma(w);
			put_string(w, "\"");
		} else if (!code && open) {
			put_string(w, "\"");
		}
		if (code)
			*w->at++ = (char)p[i];
		open = code;
	}
	put_string(w, open ? "\"]" : "]");
	return true;
}
