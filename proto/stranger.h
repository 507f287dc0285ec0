/*
 * What a connection was that never said an IMEI, from its first bytes: a word only where it is certain
 * (doc/protocol.md, What else arrives on the port). Pure.
 */
#ifndef PROTO_STRANGER_H
#define PROTO_STRANGER_H

#include <stddef.h>
#include <stdint.h>

/* So many of its bytes are looked at, logged and kept. */
#define STRANGER_BYTES 16

/* X(value, name, text). The name stands in unidentified_connections.what and in the metric. */
#define STRANGERS(X) \
	X(NOTHING, nothing, "not a byte") \
	X(INCOMPLETE, incomplete, "an IMEI packet that breaks off") \
	X(TLS, tls, "TLS") \
	X(MQTT, mqtt, "MQTT") \
	X(HTTP, http, "HTTP") \
	X(SSH, ssh, "SSH") \
	X(PROXY, proxy_header, "a PROXY header") \
	X(UDP, udp_framing, "the framing for UDP") \
	X(CAMERA, camera, "the protocol of a camera") \
	X(IMEI_14, imei_14_digits, "an IMEI of 14 digits") \
	X(IMEI_16, imei_16_digits, "an IMEI of 16 digits") \
	X(IMEI_TEXT, imei_text, "digits without the length of an IMEI") \
	X(HEX_TEXT, hex_text, "hex digits as text") \
	X(FRAME, frame, "a frame without an IMEI before it") \
	X(OTHER, other, "bytes of no known protocol")

enum stranger {
#define X(value, ...) STRANGER_##value,
	STRANGERS(X)
#undef X
	    STRANGER_COUNT
};

struct stranger_row {
	char name[20], text[48];
};

extern const struct stranger_row stranger_rows[STRANGER_COUNT];

enum stranger stranger_guess(const uint8_t *p, size_t n) __attribute__((warn_unused_result));

/*
 * The digits of an IMEI in the bytes, in whatever form they say it, as far as it goes: into out[], with
 * a NUL. Returns how many; 0 if they say none.
 */
size_t stranger_digits(const uint8_t *p, size_t n, char out[STRANGER_BYTES + 1]);

#endif
