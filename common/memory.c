#include "common/memory.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

bool
memory_read(uint64_t *resident, uint64_t *shared)
{
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	long page = sysconf(_SC_PAGESIZE);
	uint64_t pages, of_files;
	char text[128];
	ssize_t n;

	if (fd == -1)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0 || page <= 0)
		return false;
	text[n] = '\0';
	if (sscanf(text, "%*s %" SCNu64 " %" SCNu64, &pages, &of_files) != 2)
		return false;
	*resident = pages * (uint64_t)page;
	*shared = of_files * (uint64_t)page;
	return true;
}
