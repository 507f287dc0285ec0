/* Connections that say no IMEI: what their first bytes are, and the digits in them. */
#include <string.h>

#include "proto/stranger.h"
#include "t/unit/proto/check_proto.h"

#define B(text) (const uint8_t *)(text), sizeof(text) - 1

static const struct {
	const uint8_t *p;
	size_t n;
	enum stranger what;
	const char *digits;
} cases[] = {
    {B(""), STRANGER_NOTHING, ""},
    {B("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), STRANGER_TLS, ""},
    {B("\x16\x03\x03"), STRANGER_TLS, ""},
    {B("\x16\x04\x01"), STRANGER_OTHER, ""},
    {B("\x10\x24\0\4MQTT\4\2\0\x3c"), STRANGER_MQTT, ""},
    {B("\x10\xa4\1\0\4MQTT\5"), STRANGER_MQTT, ""},
    {B("\x10\x24\0\6MQIsdp\3"), STRANGER_MQTT, ""},
    {B("\x10\x24\0\4COAP"), STRANGER_OTHER, ""},
    {B("\x10"), STRANGER_OTHER, ""},
    {B("GET / HTTP/1.1\r\n"), STRANGER_HTTP, ""},
    {B("POST /x"), STRANGER_HTTP, ""},
    {B("PRI * HTTP/2.0\r\n"), STRANGER_HTTP, ""},
    {B("SSH-2.0-Go"), STRANGER_SSH, ""},
    {B("PROXY TCP4 203.0"), STRANGER_PROXY, ""},
    {B("\r\n\r\n\0\r\nQU"), STRANGER_PROXY, ""},
    {B("\r\n\r\n"), STRANGER_OTHER, ""},
    {B("\r\n\r\n\0\r\nQUIT\n\x21\x11"), STRANGER_PROXY, ""},
    {B("\0\x3d\xca\xfe\1\5\0\x0f"
       "35206308"),
	STRANGER_UDP, "35206308"},
    {B("\0\x3d\xca\xfe\1\5\0\x0f"
       "3520x308"),
	STRANGER_OTHER, ""},
    {B("\0\0\0\5\0\1\x41\x26\xb4\x7d\x9b\x81\0\0\0\0"), STRANGER_CAMERA, "353109469404033"},
    {B("\0\0\0\5\1\1\x41\x26\xb4\x7d\x9b\x81\0\0\0\0"), STRANGER_OTHER, ""},
    {B("\0\x0e"
       "35630704244101"),
	STRANGER_IMEI_14, "35630704244101"},
    {B("\0\x10"
       "35630704244101"),
	STRANGER_IMEI_16, "35630704244101"},
    {B("\0\x10"
       "35630704x44101"),
	STRANGER_OTHER, ""},
    {B("\0"), STRANGER_INCOMPLETE, ""},
    {B("\0\x0f"), STRANGER_INCOMPLETE, ""},
    {B("\0\x0f"
       "35630704"),
	STRANGER_INCOMPLETE, "35630704"},
    {B("\0\x0f"
       "3563070424410138"),
	STRANGER_INCOMPLETE, "35630704244101"},
    {B("356307042441013"), STRANGER_IMEI_TEXT, "356307042441013"},
    {B("3563070424"), STRANGER_OTHER, ""},
    {B("000F333536333037"), STRANGER_HEX_TEXT, "356307"},
    {B("000f3335363330373034323434313031"), STRANGER_HEX_TEXT, "356307"},
    {B("00000000000000a6"), STRANGER_HEX_TEXT, ""},
    {B("000F3335x6333037"), STRANGER_OTHER, ""},
    {B("\0\0\0\0\0\0\0\x36\x08\x01"), STRANGER_FRAME, ""},
    {B("\x78\x78\x0d\x01"), STRANGER_OTHER, ""},
    {B("\xff\xff\xff"), STRANGER_OTHER, ""},
};

START_TEST(each)
{
	char digits[STRANGER_BYTES + 1];
	uint8_t exact[64];

	/* Nothing behind the bytes is looked at: there is nothing. */
	memcpy(exact + sizeof(exact) - cases[_i].n, cases[_i].p, cases[_i].n);
	const uint8_t *p = exact + sizeof(exact) - cases[_i].n;
	ck_assert_str_eq(
	    stranger_rows[stranger_guess(p, cases[_i].n)].name, stranger_rows[cases[_i].what].name);
	ck_assert_uint_eq(stranger_digits(p, cases[_i].n, digits), strlen(cases[_i].digits));
	ck_assert_str_eq(digits, cases[_i].digits);
}
END_TEST

Suite *
suite_stranger(void)
{
	Suite *suite = suite_create("stranger");
	TCase *t = tcase_create("stranger");

	tcase_add_loop_test(t, each, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	suite_add_tcase(suite, t);
	return suite;
}
