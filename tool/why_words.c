#include "tool/why_words.h"

#include <inttypes.h>
#include <stdio.h>

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

struct why_when
why_when(const struct why_facts *f, int64_t at)
{
	struct why_when w;
	char iso[OUT_TIME];
	int64_t age = f->now - at, n = age < 0 ? -age : age;
	const char *unit = "s";

	if (at == 0 || !out_time((uint64_t)at, iso)) {
		snprintf(w.text, sizeof(w.text), at == 0 ? "never" : "a time out of range");
		return w;
	}
	iso[10] = ' ';
	if (n >= 2 * DAY) {
		n /= DAY;
		unit = "days";
	} else if (n >= 2 * HOUR) {
		n /= HOUR;
		unit = "h";
	} else if (n >= 2 * MINUTE) {
		n /= MINUTE;
		unit = "min";
	} else {
		n /= 1000;
	}
	snprintf(w.text, sizeof(w.text), "%.19sZ, %" PRId64 " %s %s", iso, n, unit,
	    age < 0 ? "ahead" : "ago");
	return w;
}

const char *
why_plural(int64_t n)
{
	return n == 1 ? "" : "s";
}
