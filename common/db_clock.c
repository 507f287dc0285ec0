#include "common/db_clock.h"

#include <stddef.h>

#include "common/clock.h"

static struct db_clock own;
static struct db_clock *shared = &own;

static int64_t
get(const _Atomic int64_t *p)
{
	return atomic_load_explicit(p, memory_order_acquire);
}

void
db_clock_share(struct db_clock *c)
{
	shared = c != NULL ? c : &own;
}

/* Several processes may measure at once: each of their answers is right. */
void
db_clock_measured(int64_t asked_us, int64_t said_us, int64_t heard_us)
{
	int64_t least = said_us - heard_us, most = said_us - asked_us, base, none = 0;

	if (said_us < DB_CLOCK_FIRST_US || heard_us < asked_us)
		return;
	base = get(&shared->base_us);
	if (base == 0)
		base = least + (most - least) / 2;
	else if (base < least)
		base = least;
	else if (base > most)
		base = most;
	else
		return;
	/* The first one comes first: whoever sees that the clock is known can settle. */
	(void)atomic_compare_exchange_strong(&shared->first_us, &none, base);
	atomic_store_explicit(&shared->base_us, base, memory_order_release);
}

int64_t
db_clock_us(void)
{
	return clock_boot_us() + get(&shared->base_us);
}

int64_t
db_clock_ms(void)
{
	return db_clock_us() / 1000;
}

int64_t
db_clock_settle_us(int64_t us)
{
	return us < DB_CLOCK_FIRST_US ? us + get(&shared->first_us) : us;
}

int64_t
db_clock_settle_ms(int64_t ms)
{
	return ms < DB_CLOCK_FIRST_US / 1000 ? ms + get(&shared->first_us) / 1000 : ms;
}

bool
db_clock_ahead_us(int64_t *ahead_us)
{
	*ahead_us = clock_wall_us() - db_clock_us();
	return get(&shared->base_us) != 0;
}
