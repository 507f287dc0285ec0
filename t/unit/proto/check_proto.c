/*
 * The protocol library, without sockets or clocks: the documented vectors and,
 * by part, what they don't reach (limits, odd forms, golden hashes).
 */
#include <stdlib.h>

#include "t/unit/proto/check_proto.h"

int
main(void)
{
	SRunner *runner = srunner_create(suite_vectors());
	int failed;

	srunner_add_suite(runner, suite_crc());
	srunner_add_suite(runner, suite_stream());
	srunner_add_suite(runner, suite_avl());
	srunner_add_suite(runner, suite_avl_rules());
	srunner_add_suite(runner, suite_message());
	srunner_add_suite(runner, suite_hash());
	srunner_add_suite(runner, suite_json());
	srunner_add_suite(runner, suite_captured());
	srunner_add_suite(runner, suite_dictionary());
	srunner_add_suite(runner, suite_dictionary_read());
	srunner_add_suite(runner, suite_stranger());
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
