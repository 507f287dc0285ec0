/* What the tests of the slot share. */
#include "t/unit/master/slot_rig.h"

struct slot s;
struct slot_actions out;
struct slot_sight seen[SLOT_BLOCKS];
int64_t now;

void
slot_setup(void)
{
	now = 1000000;
	seen[0] = seen[1] = (struct slot_sight){0};
	slot_init(&s);
	slot_start(&s, now, &out);
}

/* A second in which those who live beat and accept. */
void
tick(bool beat0, bool beat1)
{
	now += 1000;
	seen[0].heartbeat += beat0;
	seen[1].heartbeat += beat1;
	seen[0].accepting = seen[1].accepting = true;
	slot_tick(&s, seen, now, &out);
}

void
exit_now(int block)
{
	slot_exited(&s, block, now, &out);
}

int
slot_run(const char *name, const TTest *const *tests, size_t n)
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create(name);
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, slot_setup, NULL);
	for (size_t i = 0; i < n; i++)
		tcase_add_test(tc, tests[i]);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
