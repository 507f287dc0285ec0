#include "tool/cmd/command_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

bool
command_text_check(const char *text, size_t len, size_t limit, char why[COMMAND_TEXT_WHY])
{
	if (len == 0) {
		snprintf(why, COMMAND_TEXT_WHY, "it is empty");
		return false;
	}
	if (len > limit) {
		snprintf(why, COMMAND_TEXT_WHY,
		    "it is longer than %zu characters (TELEM_COMMAND_MAX_LENGTH)", limit);
		return false;
	}
	/* All before the first wrong byte is ASCII: its place in bytes is its place in characters.
	 */
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= 0x20 && c <= 0x7e)
			continue;
		snprintf(why, COMMAND_TEXT_WHY,
		    "character %zu of it (byte 0x%02x) is %s: only printable ASCII can be sent",
		    i + 1, c, c > 0x7f ? "not ASCII" : "a control character");
		return false;
	}
	return true;
}

bool
command_duration(const char *text, long long *seconds)
{
	long long unit, n;
	char *end;

	/* strtoll() would take blanks and signs. */
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	n = strtoll(text, &end, 10);
	switch (*end) {
	case 's':
		unit = 1;
		break;
	case 'm':
		unit = 60;
		break;
	case 'h':
		unit = 3600;
		break;
	case 'd':
		unit = 86400;
		break;
	default:
		return false;
	}
	if (errno != 0 || end[1] != '\0' || n < 1 || n > COMMAND_DURATION_LONGEST / unit)
		return false;
	*seconds = n * unit;
	return true;
}
