#include "config.h"

#include "common/shm.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "common/addresses.h"
#include "common/crc_ledger.h"
#include "common/registry.h"

#define PAGE 4096u /* each part begins on a page of its own */
/* A reader of the reason looks this often at once, then this often with a pause between. */
#define REASON_SPINS 64
#define REASON_NAPS 50
#define REASON_NAP_NS 50000

static size_t
round_up(size_t n)
{
	return (n + PAGE - 1) / PAGE * PAGE;
}

bool
shm_create(struct shm *shm, int nslots, uint32_t max_devices)
{
	size_t slots, ledger, addresses, registry;
	char *base;
	int saved;

	memset(shm, 0, sizeof(*shm));
	shm->fd = -1;
	if (nslots < 1 || nslots > SHM_MAX_SLOTS || max_devices < 1) {
		errno = EINVAL;
		return false;
	}
	slots = round_up((size_t)nslots * sizeof(struct shm_slot));
	ledger = round_up(crc_ledger_size());
	addresses = round_up(addresses_size((uint32_t)nslots * SHM_BLOCKS));
	registry = round_up(registry_size(max_devices));

	shm->fd = memfd_create("telematics-gateway", MFD_CLOEXEC);
	if (shm->fd == -1)
		return false;
	/* Pages come into being, zeroed, when they are first touched: room for many costs nothing.
	 */
	if (ftruncate(shm->fd, (off_t)(slots + ledger + addresses + registry)) == -1)
		goto fail;
	base = mmap(NULL, slots + ledger + addresses + registry, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_NORESERVE, shm->fd, 0);
	if (base == MAP_FAILED)
		goto fail;
	shm->size = slots + ledger + addresses + registry;
	shm->nslots = nslots;
	shm->slots = (struct shm_slot *)(void *)base;
	shm->crc_ledger = (struct crc_ledger *)(void *)(base + slots);
	shm->addresses = (struct addresses *)(void *)(base + slots + ledger);
	shm->registry = (struct registry *)(void *)(base + slots + ledger + addresses);
	crc_ledger_init(shm->crc_ledger);
	addresses_init(shm->addresses, (uint32_t)nslots * SHM_BLOCKS);
	registry_init(shm->registry, max_devices);
	return true;

fail:
	saved = errno;
	close(shm->fd);
	shm->fd = -1;
	errno = saved;
	return false;
}

void
shm_destroy(struct shm *shm)
{
	if (shm->slots != NULL)
		munmap(shm->slots, shm->size);
	if (shm->fd != -1)
		close(shm->fd);
	memset(shm, 0, sizeof(*shm));
	shm->fd = -1;
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
	const struct timespec nap = {.tv_sec = 0, .tv_nsec = REASON_NAP_NS};

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
