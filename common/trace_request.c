#include "common/trace_request.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMEI_DIGITS_ 15

void
trace_request_format(const struct trace_request *r, char out[TRACE_REQUEST_TEXT])
{
	snprintf(out, TRACE_REQUEST_TEXT, "trace %015" PRIu64 " %d%s", r->imei, r->seconds,
	    r->bytes ? " bytes" : "");
}

/* The next word of a line in which one blank stands between words; NULL at its end. */
static char *
next_word(char **rest)
{
	return strsep(rest, " ");
}

static bool
parse_words(char *line, struct trace_request *r, const char **why)
{
	char *verb = next_word(&line), *imei = next_word(&line), *seconds = next_word(&line),
	     *bytes = next_word(&line);

	*why = "the only request is: trace IMEI SECONDS [bytes]";
	if (strcmp(verb, "trace") != 0 || seconds == NULL || line != NULL ||
	    (bytes != NULL && strcmp(bytes, "bytes") != 0))
		return false;
	*why = "an IMEI has 15 digits";
	if (strlen(imei) != IMEI_DIGITS_ || strspn(imei, "0123456789") != IMEI_DIGITS_)
		return false;
	r->imei = strtoull(imei, NULL, 10);
	if (r->imei == 0)
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

void
trace_request_to_ipc(const struct trace_request *r, int64_t until_mono_ms, struct ipc_msg *msg)
{
	memset(msg, 0, sizeof(*msg));
	msg->type = IPC_TRACE;
	msg->value = r->imei;
	snprintf(
	    msg->text, sizeof(msg->text), "%" PRId64 "%s", until_mono_ms, r->bytes ? " bytes" : "");
}

bool
trace_request_from_ipc(const struct ipc_msg *msg, struct trace_request *r, int64_t *until_mono_ms)
{
	char *end;

	memset(r, 0, sizeof(*r));
	r->imei = msg->value;
	*until_mono_ms = strtoll(msg->text, &end, 10);
	r->bytes = strcmp(end, " bytes") == 0;
	return end != msg->text && (r->bytes || *end == '\0');
}
