#include "proto/stranger.h"

#include <stdbool.h>
#include <string.h>

#include "proto/stream.h"
#include "proto/wire.h"

#define UDP_IMEI 8 /* where an AVL packet over UDP has the digits */
#define CAMERA_IMEI 4

const struct stranger_row stranger_rows[STRANGER_COUNT] = {
#define X(value, n, t) [STRANGER_##value] = {.name = #n, .text = t},
    STRANGERS(X)
#undef X
};

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* How many digits from p[at] on. */
static size_t
digits(const uint8_t *p, size_t n, size_t at)
{
	size_t count = 0;

	while (at + count < n && is_digit(p[at + count]))
		count++;
	return count;
}

static size_t
hex_digits(const uint8_t *p, size_t n)
{
	size_t count = 0;

	while (count < n && (is_digit(p[count]) || (p[count] >= 'a' && p[count] <= 'f') ||
				(p[count] >= 'A' && p[count] <= 'F')))
		count++;
	return count;
}

static bool
begins(const uint8_t *p, size_t n, const char *with, size_t len)
{
	return n >= len && memcmp(p, with, len) == 0;
}

#define BEGINS(text) begins(p, n, text, sizeof(text) - 1)

static bool
is_http(const uint8_t *p, size_t n)
{
	return BEGINS("GET ") || BEGINS("POST ") || BEGINS("PUT ") || BEGINS("HEAD ") ||
	       BEGINS("OPTIONS ") || BEGINS("DELETE ") || BEGINS("CONNECT ") || BEGINS("PRI * ");
}

/* Of version 2 the signature may break off. */
static bool
is_proxy(const uint8_t *p, size_t n)
{
	static const char signature[] = "\r\n\r\n\0\r\nQUIT\n";

	return BEGINS("PROXY ") ||
	       (n >= 5 &&
		   begins(p, n, signature, n < sizeof(signature) - 1 ? n : sizeof(signature) - 1));
}

/* CONNECT, the length of what follows in one to four bytes, the name of the protocol. */
static bool
is_mqtt(const uint8_t *p, size_t n)
{
	size_t at = 1;

	if (n == 0 || p[0] != 0x10)
		return false;
	while (at < 4 && at < n && (p[at] & 0x80))
		at++;
	at++;
	return at < n &&
	       (begins(p + at, n - at, "\0\4MQTT", 6) || begins(p + at, n - at, "\0\6MQIs", 6));
}

/* Length, packet id, 01, id of the AVL packet, then the IMEI as over TCP. */
static bool
is_udp(const uint8_t *p, size_t n)
{
	return n > UDP_IMEI && p[4] == 1 && p[6] == 0 && p[7] == IMEI_DIGITS &&
	       digits(p, n, UDP_IMEI) == n - UDP_IMEI;
}

/* Command 0000, protocol 5 to 7, the IMEI as a number. */
static bool
is_camera(const uint8_t *p, size_t n)
{
	return n >= CAMERA_IMEI + 8 && wire_u32(p) >= 5 && wire_u32(p) <= 7 &&
	       wire_u64(p + CAMERA_IMEI) < UINT64_C(1000000000000000);
}

/* An IMEI packet that announces so many digits, and says them as far as it goes. */
static bool
announces(const uint8_t *p, size_t n, uint8_t length)
{
	return n >= 2 && p[0] == 0 && p[1] == length && digits(p, n, 2) == n - 2;
}

static bool
is_hex_text(const uint8_t *p, size_t n)
{
	return (BEGINS("000F3") || BEGINS("000f3") || BEGINS("00000000")) && hex_digits(p, n) == n;
}

static enum stranger
guess_text(const uint8_t *p, size_t n)
{
	if (is_http(p, n))
		return STRANGER_HTTP;
	if (BEGINS("SSH-"))
		return STRANGER_SSH;
	if (is_proxy(p, n))
		return STRANGER_PROXY;
	if (is_hex_text(p, n))
		return STRANGER_HEX_TEXT;
	return n >= 14 && digits(p, n, 0) >= 14 ? STRANGER_IMEI_TEXT : STRANGER_OTHER;
}

enum stranger
stranger_guess(const uint8_t *p, size_t n)
{
	if (n > STRANGER_BYTES)
		n = STRANGER_BYTES;
	if (n == 0)
		return STRANGER_NOTHING;
	if (n >= 3 && p[0] == 0x16 && p[1] == 3 && p[2] <= 4)
		return STRANGER_TLS;
	if (is_mqtt(p, n))
		return STRANGER_MQTT;
	if (is_udp(p, n))
		return STRANGER_UDP;
	if (is_camera(p, n))
		return STRANGER_CAMERA;
	if (n >= 6 && announces(p, n, 14))
		return STRANGER_IMEI_14;
	if (n >= 6 && announces(p, n, 16))
		return STRANGER_IMEI_16;
	if ((n == 1 && p[0] == 0) || announces(p, n, IMEI_DIGITS))
		return STRANGER_INCOMPLETE;
	if (n >= 8 && wire_u32(p) == 0)
		return STRANGER_FRAME;
	return guess_text(p, n);
}

static size_t
take(const uint8_t *p, size_t n, size_t at, char out[STRANGER_BYTES + 1])
{
	size_t count = digits(p, n, at);

	memcpy(out, p + at, count);
	out[count] = '\0';
	return count;
}

/* "000F33353630…": each digit is "3" and itself. */
static size_t
take_hex(const uint8_t *p, size_t n, char out[STRANGER_BYTES + 1])
{
	size_t count = 0;

	for (size_t at = 4; at + 1 < n && p[at] == '3' && is_digit(p[at + 1]); at += 2)
		out[count++] = (char)p[at + 1];
	out[count] = '\0';
	return count;
}

static size_t
take_number(const uint8_t *p, char out[STRANGER_BYTES + 1])
{
	uint64_t imei = wire_u64(p);

	for (int i = IMEI_DIGITS - 1; i >= 0; i--, imei /= 10)
		out[i] = (char)('0' + imei % 10);
	out[IMEI_DIGITS] = '\0';
	return IMEI_DIGITS;
}

size_t
stranger_digits(const uint8_t *p, size_t n, char out[STRANGER_BYTES + 1])
{
	if (n > STRANGER_BYTES)
		n = STRANGER_BYTES;
	*out = '\0';
	switch (stranger_guess(p, n)) {
	case STRANGER_INCOMPLETE:
	case STRANGER_IMEI_14:
	case STRANGER_IMEI_16:
		return n > 2 ? take(p, n, 2, out) : 0;
	case STRANGER_IMEI_TEXT:
		return take(p, n, 0, out);
	case STRANGER_UDP:
		return take(p, n, UDP_IMEI, out);
	case STRANGER_HEX_TEXT:
		return take_hex(p, n, out);
	case STRANGER_CAMERA:
		return take_number(p + CAMERA_IMEI, out);
	default:
		return 0;
	}
}
