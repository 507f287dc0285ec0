/*
 * What the process says about its own memory (common/memory.h): it grows with what is touched,
 * tells what is shared from what is not, and fails cleanly without descriptors.
 */
#include "common/memory.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define BLOCK (64u << 20)

static void
grow(int kind, uint64_t *resident, uint64_t *shared)
{
	uint64_t r0, s0, r1, s1;
	char *p;

	ck_assert(memory_read(&r0, &s0));
	p = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, kind | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(p, MAP_FAILED);
	memset(p, 1, BLOCK);
	ck_assert(memory_read(&r1, &s1));
	*resident = r1 > r0 ? r1 - r0 : 0;
	*shared = s1 > s0 ? s1 - s0 : 0;
	munmap(p, BLOCK);
}

START_TEST(own_memory_is_resident_and_not_shared)
{
	uint64_t resident, shared;

	grow(MAP_PRIVATE, &resident, &shared);
	/* The kernel keeps these counts a little behind, a thread at a time. */
	ck_assert_uint_ge(resident, BLOCK - (8u << 20));
	ck_assert_uint_le(shared, 8u << 20);
}
END_TEST

START_TEST(shared_memory_is_both)
{
	uint64_t resident, shared;

	grow(MAP_SHARED, &resident, &shared);
	ck_assert_uint_ge(resident, BLOCK - (8u << 20));
	ck_assert_uint_ge(shared, BLOCK - (8u << 20));
}
END_TEST

START_TEST(no_descriptor_is_no_answer)
{
	struct rlimit before, none;
	uint64_t resident = 7, shared = 8;
	bool ok;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ok = memory_read(&resident, &shared);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert(!ok);
	ck_assert_uint_eq(resident, 7);
	ck_assert_uint_eq(shared, 8);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("memory");
	TCase *tc = tcase_create("memory");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_test(tc, own_memory_is_resident_and_not_shared);
	tcase_add_test(tc, shared_memory_is_both);
	tcase_add_test(tc, no_descriptor_is_no_answer);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
