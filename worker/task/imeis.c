#include "worker/task/imeis.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/stream.h"

void
imeis_append(struct pg_array *a, uint64_t imei)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%015" PRIu64, imei);

	pg_array_text(a, text, (size_t)n);
}

enum imeis_item
imeis_next(const char **payload, uint64_t *imei)
{
	while (**payload != '\0') {
		const char *p = *payload;
		size_t n = strcspn(p, ",");

		*payload = p + n + (p[n] == ',');
		if (n == 1 && *p == '*')
			return IMEIS_ALL;
		if (n == IMEI_DIGITS && strspn(p, "0123456789") == IMEI_DIGITS) {
			*imei = strtoull(p, NULL, 10);
			return IMEIS_ONE;
		}
	}
	return IMEIS_END;
}
