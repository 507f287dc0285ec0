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

#endif
