/* The trackers of a worker, from the first byte to the last, in milliseconds: see rig.h. */
#include <stdlib.h>

#include "t/unit/worker/tracker/rig.h"

int
main(void)
{
	Suite *suite = suite_create("trackers");
	SRunner *runner;
	int failed;
	TCase *cases[] = {handshake_tests(), stranger_tests(), header_tests(), read_tests(),
	    frames_tests(), closing_tests(), drain_tests(), command_tests(), trace_tests(),
	    random_tests()};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		tcase_add_checked_fixture(cases[i], rig_open, rig_close);
		suite_add_tcase(suite, cases[i]);
	}
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
