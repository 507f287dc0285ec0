/* What the tests of the slot share: one that has just been started, on a fake clock. */
#ifndef T_UNIT_MASTER_SLOT_RIG_H
#define T_UNIT_MASTER_SLOT_RIG_H

#include <check.h>

#include "master/slot.h"

extern struct slot s;
extern struct slot_actions out;
extern struct slot_sight seen[SLOT_BLOCKS];
extern int64_t now;

#define expect_nothing() ck_assert_int_eq(out.n, 0)
#define expect_one(v, b) \
	do { \
		ck_assert_int_eq(out.n, 1); \
		ck_assert_int_eq((int)out.a[0].verb, v); \
		ck_assert_int_eq(out.a[0].block, b); \
	} while (0)

/* A fixture. */
void slot_setup(void);
/* A second in which those who live beat and accept. */
void tick(bool beat0, bool beat1);
void exit_now(int block);

/* The main() of a test program: returns the exit status. */
int slot_run(const char *suite, const TTest *const *tests, size_t n);

#endif
