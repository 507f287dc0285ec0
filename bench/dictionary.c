/* How long a look-up in the dictionary takes: prints one JSON object. */
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "proto/dictionary.h"

#define ROUNDS 2000000

/* What vehicles send most, ids of several meanings among them. */
static const uint16_t ids[] = {239, 240, 21, 200, 69, 181, 182, 66, 24, 205, 206, 67, 68, 17, 18,
    19, 241, 16, 199, 78, 72, 252, 253, 254, 255, 246, 155, 25, 30, 36, 10800, 385, 60000};
#define IDS (sizeof(ids) / sizeof(ids[0]))

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
look_up_ns(uint64_t families)
{
	double begun = now();
	uintptr_t sum = 0;

	for (unsigned i = 0; i < ROUNDS; i++)
		for (size_t k = 0; k < IDS; k++)
			sum += (uintptr_t)dictionary_find(families, ids[k], (i + k) & 3);
	if (sum == 1)
		puts("never"); /* keeps the compiler from leaving it out */
	return (now() - begun) * 1e9 / ((double)ROUNDS * IDS);
}

int
main(void)
{
	printf("{\"one_family_ns\": %.2f, \"all_families_ns\": %.2f}\n",
	    look_up_ns(dictionary_model("FMB920")), look_up_ns(dictionary_all()));
	return 0;
}
