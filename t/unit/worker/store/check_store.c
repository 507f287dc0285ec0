/*
 * The write path step by step, without a database: what goes by COPY and what by INSERT, refused rows and
 * frames, lost connections, unknown commits, errors of the environment. See rig.h for what is always checked.
 */
#include "t/unit/worker/store/check_store.h"

#include <stdlib.h>

int
main(void)
{
	Suite *s = suite_create("store");
	SRunner *sr;
	int failed;

	suite_add_tcase(s, positions_case());
	suite_add_tcase(s, raw_case());
	suite_add_tcase(s, copies_case());
	suite_add_tcase(s, durable_case());
	suite_add_tcase(s, failures_case());
	suite_add_tcase(s, blocked_case());
	suite_add_tcase(s, devices_case());
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
