/*
 * The database's clock, by which everything is ordered that leaves this gateway: ids of sessions, times of
 * arrival (doc/design.md, Clocks). Two gateways whose own clocks differ by minutes agree on it, and a wall
 * clock that jumps moves nothing.
 *
 * It is kept as the difference to the clock that counts since boot, in memory that all processes of the
 * gateway share. Before it was first measured, times are provisional: they are the boot clock's, which lie
 * before DB_CLOCK_FIRST_US. db_clock_settle_us() turns such a one into the database's time, as soon as that is
 * known: so what waits for the database in memory has the right time when it gets there, and whoever
 * compares two times need not care, as provisional ones are older.
 */
#ifndef COMMON_DB_CLOCK_H
#define COMMON_DB_CLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* 2000-01-01: no machine has run for thirty years, and no database lives before it. */
#define DB_CLOCK_FIRST_US INT64_C(946684800000000)

struct db_clock {
	_Atomic int64_t base_us;  /* database less boot clock; 0: not known */
	_Atomic int64_t first_us; /* the first of these: provisional times are settled by it */
};

/* Zeroed memory that all processes share, or NULL: the process's own. */
void db_clock_share(struct db_clock *);

/*
 * The database said it was `said_us`, between `asked_us` and `heard_us` of clock_boot_us(). What is known
 * already is moved no further than that allows.
 */
void db_clock_measured(int64_t asked_us, int64_t said_us, int64_t heard_us);

/* Now, since 1970; or provisional. */
int64_t db_clock_us(void);
int64_t db_clock_ms(void);

/* A time that may be provisional as the database's; it stays as it is while that is not known. */
int64_t db_clock_settle_us(int64_t us);
int64_t db_clock_settle_ms(int64_t ms);

/* By how much this host's wall clock is ahead of the database's now; false: not known. */
bool db_clock_ahead_us(int64_t *ahead_us) __attribute__((warn_unused_result));

#endif
