/*
 * Runs a fuzz target without libFuzzer, over the documented vectors and a few large frames: each as it is, cut off at
 * every byte, changed at every byte (of large ones here and there), and many times at random (always the same random),
 * and over the files named. That is what `make check` does.
 *
 *   replay_WHAT [FILE...]
 *   replay_WHAT -w FOLDER      writes the seeds there, for libFuzzer to start from
 */
#include "t/fuzz/fuzz.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "t/fuzz/large.h"

#define RANDOM_RUNS 1500
/* A longer seed is large: it takes its time, so it is tried at so many places. */
#define LARGE 5000
#define LARGE_PLACES 12

static void
run(const uint8_t *data, size_t size)
{
	/* Alone in memory: libFuzzer does the same. */
	uint8_t *exact = vectors_exact(data, size);

	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

static void
vary(const uint8_t *seed, size_t len)
{
	static const uint8_t by[] = {0x01, 0x10, 0x80, 0xff};
	static uint8_t copy[FUZZ_SEED_MAX];
	size_t step = len > LARGE ? len / LARGE_PLACES : 1,
	       runs = len > LARGE ? 2 * LARGE_PLACES : RANDOM_RUNS;
	uint32_t random = 1;
	size_t i, k;

	memcpy(copy, seed, len);
	for (i = 0; i <= len; i += step)
		run(copy, i);
	run(copy, len);
	for (i = 0; i < len; i += step) {
		for (k = 0; k < sizeof(by); k++) {
			copy[i] = seed[i] ^ by[k];
			run(copy, len);
		}
		copy[i] = seed[i];
	}
	for (i = 0; i < runs; i++) {
		for (k = 0; k < 1 + i % 4; k++) {
			random = random * 1664525 + 1013904223;
			copy[(random >> 8) % len] = (uint8_t)(random >> 24);
		}
		run(copy, len);
		if (i % 8 == 7)
			memcpy(copy, seed, len);
	}
}

static bool
run_file(const char *name)
{
	static uint8_t data[1 << 20];
	FILE *file = fopen(name, "rb");
	size_t n;

	if (file == NULL) {
		perror(name);
		return false;
	}
	n = fread(data, 1, sizeof(data), file);
	fclose(file);
	run(data, n);
	return true;
}

static bool
write_seed(const char *folder, const char *name, const uint8_t *data, size_t len)
{
	char path[PATH_MAX];
	FILE *file;
	bool good;

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return false;
	file = fopen(path, "wb");
	if (file == NULL) {
		perror(path);
		return false;
	}
	good = fwrite(data, 1, len, file) == len;
	return fclose(file) == 0 && good;
}

/* One seed: into the folder, or tried; false if the folder doesn't take it. `used` counts it. */
static bool
use(const struct vector *v, const char *folder, size_t *used)
{
	static uint8_t seed[FUZZ_SEED_MAX];
	size_t len = fuzz_seed(v, seed);

	if (len == 0)
		return true;
	(*used)++;
	if (folder != NULL)
		return write_seed(folder, v->name, seed, len);
	vary(seed, len);
	return true;
}

int
main(int argc, char **argv)
{
	const char *folder = argc == 3 && strcmp(argv[1], "-w") == 0 ? argv[2] : NULL;
	struct vector large[LARGE_VECTORS];
	struct vectors vs;
	bool good = true;
	size_t i, used = 0;
	int k;

	if (!vectors_load(&vs, VECTORS_DIR "/documented.json"))
		return 1;
	large_build(large);
	for (i = 0; i < vs.n; i++)
		good = use(&vs.v[i], folder, &used) && good;
	for (i = 0; i < LARGE_VECTORS; i++)
		good = use(&large[i], folder, &used) && good;
	for (k = 1; folder == NULL && k < argc; k++)
		good = run_file(argv[k]) && good;
	large_free(large);
	vectors_free(&vs);
	printf("%zu seeds\n", used);
	return good && used > 0 ? 0 : 1;
}
