#include "config.h"

#include "shm/area.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/mutex.h"
#include "shm/addresses.h"
#include "shm/crc_ledger.h"
#include "shm/registry.h"

/*
 * To be raised when something in the shared memory changes its meaning, order or locking and not its
 * size: programs that differ in it start with memory of their own.
 */
#define SHM_LAYOUT 4

#define PAGE 4096u /* each part begins on a page of its own */
#define NAP_NS 50000
/* A reader of the reason looks this often at once, then this often with a nap between. */
#define REASON_SPINS 64
#define REASON_NAPS 50
#define COUNT_NAPS \
	20000 /* a master that was stopped while it counts holds up the other one second */

static size_t
round_up(size_t n)
{
	return (n + PAGE - 1) / PAGE * PAGE;
}

static size_t
header_size(void)
{
	return round_up(sizeof(struct shm_header));
}

/* What every process maps. */
static size_t
base_size(int nslots, uint32_t max_devices)
{
	return header_size() + round_up((size_t)nslots * sizeof(struct shm_slot)) +
	       round_up(crc_ledger_size()) + round_up(registry_size(max_devices));
}

/* Where the tables of addresses begin in the file: behind all that. */
static off_t
addresses_at(size_t base)
{
	return (off_t)((base + ADDRESSES_ALIGN - 1) / ADDRESSES_ALIGN * ADDRESSES_ALIGN);
}

static off_t
file_size(int nslots, uint32_t max_devices)
{
	return addresses_at(base_size(nslots, max_devices)) +
	       (off_t)addresses_size((uint32_t)nslots * SHM_BLOCKS);
}

static bool
map(struct shm *shm, int fd, int nslots, uint32_t max_devices)
{
	char *base;

	shm->size = base_size(nslots, max_devices);
	base = mmap(NULL, shm->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (base == MAP_FAILED)
		return false;
	shm->fd = fd;
	shm->nslots = nslots;
	shm->header = (struct shm_header *)(void *)base;
	base += header_size();
	shm->slots = (struct shm_slot *)(void *)base;
	base += round_up((size_t)nslots * sizeof(struct shm_slot));
	shm->crc_ledger = (struct crc_ledger *)(void *)base;
	base += round_up(crc_ledger_size());
	shm->registry = (struct registry *)(void *)base;
	return true;
}

/* Positive, and no other gateway's. */
static int64_t
new_instance(void)
{
	uint64_t random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random)) {
		struct timespec ts;

		(void)clock_gettime(CLOCK_REALTIME, &ts);
		random = ((uint64_t)ts.tv_sec << 30 ^ (uint64_t)ts.tv_nsec) ^ (uint64_t)getpid();
	}
	return (int64_t)(random >> 2) + 1;
}

bool
shm_create(struct shm *shm, int nslots, uint32_t max_devices)
{
	int fd, saved;

	memset(shm, 0, sizeof(*shm));
	shm->fd = -1;
	if (nslots < 1 || nslots > SHM_MAX_SLOTS || max_devices < 1) {
		errno = EINVAL;
		return false;
	}
	fd = memfd_create("telematics-gateway", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd == -1)
		return false;
	/* Pages come into being, zeroed, when they are first touched: room for many costs nothing. */
	/* A shorter file would kill whoever touches what is gone. (Holes may be made.) */
	if (ftruncate(fd, file_size(nslots, max_devices)) == -1 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == -1 ||
	    !map(shm, fd, nslots, max_devices)) {
		saved = errno;
		close(fd);
		errno = saved;
		return false;
	}
	shm->header->layout = shm_layout();
	shm->header->nslots = (uint32_t)nslots;
	shm->header->max_devices = max_devices;
	shm->header->instance = new_instance();
	mutex_init(&shm->header->count_lock, false);
	crc_ledger_init(shm->crc_ledger);
	registry_init(shm->registry, max_devices);
	return true;
}

bool
shm_attach(struct shm *shm, int fd, uint32_t max_devices, const char **why)
{
	struct shm_header header;
	struct stat st;

	memset(shm, 0, sizeof(*shm));
	shm->fd = -1;
	*why = "it can't be read";
	if (pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header) ||
	    fstat(fd, &st) == -1)
		return false;
	*why = "its layout is another release's";
	if (header.layout != shm_layout() || header.nslots < 1 || header.nslots > SHM_MAX_SLOTS)
		return false;
	*why = "TELEM_MAX_DEVICES has changed";
	if (header.max_devices != max_devices)
		return false;
	*why = "its size is wrong";
	if (st.st_size != file_size((int)header.nslots, max_devices))
		return false;
	*why = "it can't be mapped";
	return fcntl(fd, F_SETFD, FD_CLOEXEC) != -1 &&
	       map(shm, fd, (int)header.nslots, max_devices);
}

void
shm_destroy(struct shm *shm)
{
	addresses_unmap(shm->addresses);
	if (shm->header != NULL)
		munmap(shm->header, shm->size);
	if (shm->fd != -1)
		close(shm->fd);
	memset(shm, 0, sizeof(*shm));
	shm->fd = -1;
}

bool
shm_map_addresses(struct shm *shm)
{
	shm->addresses = addresses_map(
	    shm->fd, addresses_at(shm->size), (uint32_t)shm_used_slots(shm) * SHM_BLOCKS);
	return shm->addresses != NULL;
}

bool
shm_clear_addresses(struct shm *shm, uint32_t owner)
{
	return addresses_clear(shm->fd, addresses_at(shm->size), owner);
}

void
shm_set_reason(struct shm_worker *w, const char *reason)
{
	size_t len = strnlen(reason, SHM_REASON - 1);
	uint64_t odd =
	    stats_get(&w->reason_seq) | 1; /* odd already if a predecessor died in here */

	stats_set(&w->reason_seq, odd);
	atomic_thread_fence(memory_order_release);
	for (size_t i = 0; i < SHM_REASON; i++)
		__atomic_store_n(&w->reason[i], i < len ? reason[i] : '\0', __ATOMIC_RELAXED);
	atomic_store_explicit(&w->reason_seq, odd + 1, memory_order_release);
}

void
shm_get_reason(const struct shm_worker *w, char out[SHM_REASON])
{
	const struct timespec nap = {.tv_sec = 0, .tv_nsec = NAP_NS};

	for (int i = 0; i < REASON_SPINS + REASON_NAPS; i++) {
		uint64_t before;

		if (i >= REASON_SPINS)
			(void)nanosleep(&nap, NULL);
		before =
		    atomic_load_explicit((_Atomic uint64_t *)&w->reason_seq, memory_order_acquire);
		for (size_t k = 0; k < SHM_REASON; k++)
			out[k] = __atomic_load_n(&w->reason[k], __ATOMIC_RELAXED);
		out[SHM_REASON - 1] = '\0';
		atomic_thread_fence(memory_order_acquire);
		if ((before & 1) == 0 && stats_get(&w->reason_seq) == before)
			return;
	}
	/* The writer was killed inside: a mixed text is better than none. */
}

/* Names as well as sizes: two counters that change places leave the sizes as they are. */
#define X(f, m, l, h) #f " "
static const char layout_text[] = STATS_COUNTERS(X) STATS_GAUGES(X) STATS_HISTOGRAMS(X);
#undef X

static uint64_t
mix(uint64_t h, uint64_t n)
{
	for (int i = 0; i < 8; i++)
		h = (h ^ (n >> (8 * i) & 0xff)) * UINT64_C(0x100000001b3);
	return h;
}

uint64_t
shm_layout(void)
{
	const uint64_t sizes[] = {SHM_LAYOUT, sizeof(struct shm_header), sizeof(struct shm_slot),
	    sizeof(struct shm_worker), sizeof(struct stats), sizeof(pthread_mutex_t),
	    offsetof(struct shm_worker, heartbeat), offsetof(struct shm_worker, reason),
	    offsetof(struct shm_worker, accepting), offsetof(struct shm_worker, unclean),
	    SHM_OWNER_BITS, ADDRESSES_ALIGN, crc_ledger_size(), addresses_size(1), registry_size(1),
	    registry_size(1000)};
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < sizeof(layout_text); i++)
		h = mix(h, (unsigned char)layout_text[i]);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		h = mix(h, sizes[i]);
	return h;
}

/* False if the lock could not be had; then the numbers may be wrong by one dead worker's. */
static bool
lock_counts(struct shm *shm)
{
	const struct timespec nap = {.tv_sec = 0, .tv_nsec = NAP_NS};

	/* A holder that died leaves at worst a worker's counters counted twice: nothing to mend. */
	for (int i = 0; i < COUNT_NAPS; i++) {
		if (mutex_try(&shm->header->count_lock) != MUTEX_BUSY)
			return true;
		(void)nanosleep(&nap, NULL);
	}
	return false;
}

static void
unlock_counts(struct shm *shm, bool locked)
{
	if (locked)
		mutex_unlock(&shm->header->count_lock);
}

void
shm_retire(struct shm *shm, int slot, int block)
{
	bool locked = lock_counts(shm);

	stats_retire(&shm->header->retired, &shm->slots[slot].block[block].stats);
	unlock_counts(shm, locked);
}

void
shm_total(struct shm *shm, struct stats *sum)
{
	bool locked = lock_counts(shm);
	int used = shm_used_slots(shm);
	struct stats copy;

	memset(sum, 0, sizeof(*sum));
	stats_sum(sum, &shm->header->retired, false);
	for (int i = 0; i < used * SHM_BLOCKS; i++) {
		(void)stats_read(&shm->slots[i / SHM_BLOCKS].block[i % SHM_BLOCKS].stats, &copy);
		stats_sum(sum, &copy, true);
	}
	unlock_counts(shm, locked);
}
