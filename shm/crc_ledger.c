#include "shm/crc_ledger.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "common/mutex.h"

#define SETS 8192u /* a power of two */
#define WAYS 8u
/* Arrivals remembered of one frame. More than anybody asks for: the third one decides. */
#define TIMES 8u
#define DAY_MS ((int64_t)24 * 60 * 60 * 1000)

/* One frame of one device: a cache line and a bit. Free while imei is 0. */
struct arrival {
	uint64_t imei;
	uint64_t frame_hash;
	int64_t at_ms[TIMES]; /* a ring; 0: none. The latest one is at `last` */
	uint32_t last;
};

struct crc_ledger {
	pthread_mutex_t lock; /* wrong CRCs are rare: one lock is enough */
	struct arrival set[SETS][WAYS];
};

size_t
crc_ledger_size(void)
{
	return sizeof(struct crc_ledger);
}

/* The memory comes zeroed, and most of it should stay untouched. */
void
crc_ledger_init(struct crc_ledger *l)
{
	mutex_init(&l->lock, false);
}

static struct arrival *
set_of(struct crc_ledger *l, uint64_t imei, uint64_t frame_hash)
{
	uint64_t h = frame_hash ^ (imei * UINT64_C(0x9e3779b97f4a7c15));

	h ^= h >> 32;
	h *= UINT64_C(0xd6e8feb86659fd93);
	h ^= h >> 32;
	return l->set[h & (SETS - 1)];
}

/* The place of this frame: its own, else a free one, else that of the longest silent one. */
static struct arrival *
place(struct arrival *set, uint64_t imei, uint64_t frame_hash)
{
	struct arrival *best = &set[0];

	for (uint32_t i = 0; i < WAYS; i++) {
		struct arrival *a = &set[i];

		if (a->imei == imei && a->frame_hash == frame_hash)
			return a;
		if (best->imei == 0)
			continue;
		if (a->imei == 0 || a->at_ms[a->last % TIMES] < best->at_ms[best->last % TIMES])
			best = a;
	}
	memset(best, 0, sizeof(*best));
	best->frame_hash = frame_hash;
	best->imei = imei;
	return best;
}

uint32_t
crc_ledger_count(struct crc_ledger *l, uint64_t imei, uint64_t frame_hash, int64_t now_ms)
{
	struct arrival *a;
	uint32_t n = 0;

	if (now_ms < 1)
		now_ms = 1; /* 0 says "none" */
	/* A holder that died leaves at worst one arrival uncounted: nothing to mend. */
	mutex_lock(&l->lock);
	a = place(set_of(l, imei, frame_hash), imei, frame_hash);
	a->last = (a->last + 1) % TIMES;
	a->at_ms[a->last] = now_ms;
	for (uint32_t i = 0; i < TIMES; i++) {
		/* One from the future counts as one of now. */
		if (a->at_ms[i] != 0 && a->at_ms[i] > now_ms - DAY_MS)
			n++;
	}
	mutex_unlock(&l->lock);
	return n;
}
