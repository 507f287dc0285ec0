#include "common/trace_request.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMEI_DIGITS_ 15
#define PEER "peer="
#define UNIDENTIFIED "unidentified"

/* Whom, as a word; "" for an IMEI in a message, which has a place of its own there. */
static void
format_whom(const struct trace_request *r, char out[TRACE_REQUEST_TEXT])
{
	if (r->whom == TRACE_PEER)
		snprintf(out, TRACE_REQUEST_TEXT, PEER "%s", r->address);
	else if (r->whom == TRACE_UNIDENTIFIED)
		snprintf(out, TRACE_REQUEST_TEXT, "%s", UNIDENTIFIED);
	else
		snprintf(out, TRACE_REQUEST_TEXT, "%015" PRIu64, r->imei);
}

void
trace_request_format(const struct trace_request *r, char out[TRACE_REQUEST_TEXT])
{
	char whom[TRACE_REQUEST_TEXT];

	format_whom(r, whom);
	snprintf(out, TRACE_REQUEST_TEXT, "%s %.64s %d%s", r->close ? "close" : "trace", whom,
	    r->seconds, r->bytes ? " bytes" : "");
}

/* The next word of a line in which one blank stands between words; NULL at its end. */
static char *
next_word(char **rest)
{
	return strsep(rest, " ");
}

/* In the form that inet_ntop() gives it, and IPv4 as such. */
bool
trace_request_address(const char *text, char out[TRACE_ADDRESS])
{
	uint8_t bytes[16];
	int family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;

	if (inet_pton(family, text, bytes) != 1)
		return false;
	if (family == AF_INET6 && IN6_IS_ADDR_V4MAPPED((struct in6_addr *)(void *)bytes))
		return inet_ntop(AF_INET, bytes + 12, out, TRACE_ADDRESS) != NULL;
	return inet_ntop(family, bytes, out, TRACE_ADDRESS) != NULL;
}

static bool
parse_whom(const char *word, struct trace_request *r, const char **why)
{
	r->imei = 0;
	r->whom = TRACE_UNIDENTIFIED;
	if (strcmp(word, UNIDENTIFIED) == 0)
		return true;
	r->whom = TRACE_PEER;
	*why = "peer= takes an IPv4 or IPv6 address";
	if (strncmp(word, PEER, strlen(PEER)) == 0)
		return trace_request_address(word + strlen(PEER), r->address);
	r->whom = TRACE_IMEI;
	*why = "an IMEI has 15 digits";
	if (strlen(word) != IMEI_DIGITS_ || strspn(word, "0123456789") != IMEI_DIGITS_)
		return false;
	r->imei = strtoull(word, NULL, 10);
	return r->imei != 0;
}

static bool
parse_words(char *line, struct trace_request *r, const char **why)
{
	char *verb = next_word(&line), *whom = next_word(&line), *seconds = next_word(&line),
	     *bytes = next_word(&line);

	*why = "the only requests are: trace IMEI|peer=ADDRESS|unidentified SECONDS [bytes], "
	       "close IMEI SECONDS";
	r->close = strcmp(verb, "close") == 0;
	if ((!r->close && strcmp(verb, "trace") != 0) || seconds == NULL || line != NULL ||
	    (bytes != NULL && strcmp(bytes, "bytes") != 0))
		return false;
	if (!parse_whom(whom, r, why))
		return false;
	*why = "only a device's session can be closed";
	if (r->close && r->whom != TRACE_IMEI)
		return false;
	*why = "a trace takes 1 to 86400 seconds";
	if (*seconds == '\0' || strlen(seconds) > 5 ||
	    strspn(seconds, "0123456789") != strlen(seconds))
		return false;
	r->seconds = atoi(seconds);
	r->bytes = bytes != NULL;
	return r->seconds >= 1 && r->seconds <= TRACE_MAX_SECONDS;
}

bool
trace_request_parse(const char *text, size_t len, struct trace_request *r, const char **why)
{
	char line[TRACE_REQUEST_TEXT];

	*why = "the request is too long";
	if (len >= sizeof(line))
		return false;
	memcpy(line, text, len);
	line[len] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	return parse_words(line, r, why);
}

/* "UNTIL [bytes] [close] [WHOM]"; an IMEI is the message's value. */
void
trace_request_to_ipc(const struct trace_request *r, int64_t until_mono_ms, struct ipc_msg *msg)
{
	char whom[TRACE_REQUEST_TEXT];

	memset(msg, 0, sizeof(*msg));
	msg->type = IPC_TRACE;
	msg->value = r->imei;
	format_whom(r, whom);
	snprintf(msg->text, sizeof(msg->text), "%" PRId64 "%s%s%s%.64s", until_mono_ms,
	    r->bytes ? " bytes" : "", r->close ? " close" : "", r->whom != TRACE_IMEI ? " " : "",
	    r->whom != TRACE_IMEI ? whom : "");
}

bool
trace_request_from_ipc(const struct ipc_msg *msg, struct trace_request *r, int64_t *until_mono_ms)
{
	char text[sizeof(msg->text)], *rest = text, *word, *end;
	const char *why;

	memset(r, 0, sizeof(*r));
	r->imei = msg->value;
	memcpy(text, msg->text, sizeof(text));
	word = next_word(&rest);
	*until_mono_ms = strtoll(word, &end, 10);
	if (end == word || *end != '\0')
		return false;
	while ((word = next_word(&rest)) != NULL) {
		if (strcmp(word, "bytes") == 0)
			r->bytes = true;
		else if (strcmp(word, "close") == 0)
			r->close = true;
		else if (!parse_whom(word, r, &why) || r->whom == TRACE_IMEI)
			return false;
	}
	return true;
}
