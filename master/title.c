#include "config.h"

#include "master/title.h"

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static char *area;	 /* NULL: no title can be set */
static size_t args_size; /* of argv alone */
static size_t area_size; /* with the environment behind it */
static char *moved;	 /* the texts of the environment, where they are now */

void
title_init(int argc, char **argv)
{
	char *end = argv[0];
	size_t size = 0, at = 0;
	char **copy;
	int i, n = 0;

	for (; environ[n] != NULL; n++)
		size += strlen(environ[n]) + 1;
	copy = calloc((size_t)n + 1, sizeof(*copy));
	moved = malloc(size + 1);
	if (copy == NULL || moved == NULL) {
		free(copy); /* at start, out of memory: the title is the least worry */
		return;
	}
	/* One piece of memory, argv first: take what follows without a gap. */
	for (i = 0; i < argc; i++)
		if (argv[i] == end)
			end = argv[i] + strlen(argv[i]) + 1;
	args_size = (size_t)(end - argv[0]);
	for (i = 0; i < n; i++) {
		size_t len = strlen(environ[i]) + 1;

		copy[i] = memcpy(moved + at, environ[i], len);
		at += len;
		if (environ[i] == end)
			end = environ[i] + len;
	}
	environ = copy;
	area = argv[0];
	area_size = (size_t)(end - argv[0]);
}

void
title_set(const char *title, const char *comm)
{
	size_t len = strlen(title), size;

	(void)prctl(PR_SET_NAME, comm, 0, 0, 0);
	if (area == NULL || area_size < 2)
		return;
	/* Into the environment only if it must be: administrators look at that, too. */
	size = len < args_size ? args_size : area_size;
	if (len > size - 1)
		len = size - 1;
	memset(area, 0, size);
	memcpy(area, title, len);
}
