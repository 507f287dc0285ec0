#include "config.h"

#include "master/descriptors.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FIRST 3

static int
compare(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

/* From `from` to `to`, both included. False where the kernel doesn't know how, or must not. */
static bool
close_range_of(int from, unsigned to)
{
#ifdef SYS_close_range
	return syscall(SYS_close_range, (unsigned)from, to, 0U) == 0;
#else
	(void)from, (void)to;
	errno = ENOSYS;
	return false;
#endif
}

/* The list in /proc: for kernels before 5.9, and where a filter of system calls is older. */
static bool
close_listed(const int *keep, int n)
{
	DIR *d = opendir("/proc/self/fd");
	const struct dirent *e;
	int fd;

	if (d == NULL)
		return false;
	while ((e = readdir(d)) != NULL) {
		fd = atoi(e->d_name);
		if (fd >= FIRST && fd != dirfd(d) &&
		    bsearch(&fd, keep, (size_t)n, sizeof(*keep), compare) == NULL)
			close(fd);
	}
	closedir(d);
	return true;
}

bool
descriptors_close_all_but(int *keep, int n)
{
	int next = FIRST, i;

	qsort(keep, (size_t)n, sizeof(*keep), compare);
	for (i = 0; i < n; i++) {
		if (keep[i] > next && !close_range_of(next, (unsigned)keep[i] - 1))
			return close_listed(keep, n);
		if (keep[i] >= next)
			next = keep[i] + 1;
	}
	return close_range_of(next, ~0U) || close_listed(keep, n);
}
