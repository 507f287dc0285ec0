/* An input as a file: see file.h. */
#include "t/fuzz/file.h"

#include <sys/mman.h>
#include <unistd.h>

#include "t/fuzz/fuzz.h"

const char *
fuzz_file(const uint8_t *first, size_t first_len, const uint8_t *then, size_t then_len)
{
	static char path[64];
	static int fd = -1;

	if (fd == -1) {
		fd = memfd_create("fuzz", MFD_CLOEXEC);
		REQUIRE(fd != -1);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	REQUIRE(ftruncate(fd, 0) == 0);
	REQUIRE(pwrite(fd, first, first_len, 0) == (ssize_t)first_len);
	REQUIRE(pwrite(fd, then, then_len, (off_t)first_len) == (ssize_t)then_len);
	return path;
}
