/*
 * Time, in one place. Everything but the pure modules (proto/, session, command, slot) asks here; the
 * pure ones are handed the time as an argument. Any process may call.
 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>

/* Wall clock, milliseconds since 1970-01-01 UTC. May jump. */
int64_t clock_wall_ms(void);

/* Wall clock, microseconds since 1970-01-01 UTC. May jump. */
int64_t clock_wall_us(void);

/* Monotonic clock, milliseconds; for deadlines and intervals only. All processes read the same. */
int64_t clock_mono_ms(void);

/* Monotonic clock, microseconds. */
int64_t clock_mono_us(void);

/*
 * Microseconds since boot; counts on while the machine is suspended. For what must keep its distance to another
 * machine's clock (db_clock.h).
 */
int64_t clock_boot_us(void);

#endif
