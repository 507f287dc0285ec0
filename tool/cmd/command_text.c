#include "tool/cmd/command_text.h"

#include <stdio.h>

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
	/* All before the first wrong byte is ASCII: its place in bytes is its place in characters. */
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
