/*
 * Loaded before the C library of a gateway (LD_PRELOAD): in its workers one of so many allocations fails, as long as the
 * file that SCARCE_FILE names holds a number above 0. The crash test (scarce.py) builds it and writes the number.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The names of the GNU C library, behind malloc and its kind. */
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);

static const volatile uint32_t *one_of;
static int is_worker;
static uint32_t dice = 2463534242u;

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("SCARCE_FILE");
	int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *p;

	if (fd == -1)
		return;
	p = mmap(NULL, sizeof(*one_of), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (p != MAP_FAILED)
		one_of = p;
}

/* What a worker calls itself when it begins; later its filter of system calls lets it ask nothing of the kind. */
int
prctl(int option, ...)
{
	unsigned long a[4];
	va_list more;
	size_t i;

	va_start(more, option);
	for (i = 0; i < 4; i++)
		a[i] = va_arg(more, unsigned long);
	va_end(more);
	if (option == PR_SET_NAME)
		is_worker = strncmp((const char *)a[0], "gateway-w", 9) == 0;
	return (int)syscall(SYS_prctl, option, a[0], a[1], a[2], a[3]);
}

/* Xorshift; workers are forked with the same state, and part by what each does. */
static int
fails(void)
{
	uint32_t n = one_of != NULL ? *one_of : 0;

	if (n == 0)
		return 0;
	dice ^= dice << 13;
	dice ^= dice >> 17;
	dice ^= dice << 5;
	if (dice % n != 0 || !is_worker)
		return 0;
	errno = ENOMEM;
	return 1;
}

void *
malloc(size_t n)
{
	return fails() ? NULL : __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t n)
{
	return n != 0 && fails() ? NULL : __libc_realloc(p, n);
}
