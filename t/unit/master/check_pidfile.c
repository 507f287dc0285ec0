/*
 * The pidfile: one owner at a time, by a lock; stale files, symbolic links and files that
 * were replaced meanwhile.
 */
#include "config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "master/pidfile.h"

static char dir[64], path[128], err[CONF_ERR];

static void
setup(void)
{
	strcpy(dir, "/tmp/check_pidfile.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/pid", dir);
}

static void
teardown(void)
{
	(void)unlink(path);
	(void)rmdir(dir);
}

static long
content(void)
{
	FILE *f = fopen(path, "r");
	long pid = -1;

	ck_assert_ptr_nonnull(f);
	if (fscanf(f, "%ld", &pid) != 1)
		pid = -1;
	fclose(f);
	return pid;
}

static void
put(const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

START_TEST(holds_the_pid_and_goes)
{
	struct pidfile p;

	ck_assert_msg(pidfile_lock(&p, path, err), "%s", err);
	ck_assert_int_eq(content(), getpid());
	pidfile_remove(&p);
	ck_assert_int_eq(access(path, F_OK), -1);
	pidfile_remove(&p);
}
END_TEST

START_TEST(none_is_fine)
{
	struct pidfile p;

	ck_assert(pidfile_lock(&p, "", err));
	pidfile_remove(&p);
	pidfile_let_go(&p);
}
END_TEST

START_TEST(second_owner_is_refused)
{
	struct pidfile p, q;
	char expected[64];

	ck_assert(pidfile_lock(&p, path, err));
	ck_assert(!pidfile_lock(&q, path, err));
	snprintf(expected, sizeof(expected), "already running with pid %ld", (long)getpid());
	ck_assert_msg(strncmp(err, expected, strlen(expected)) == 0, "%s", err);
	ck_assert_int_eq(content(), getpid());
	pidfile_remove(&p);
	ck_assert(pidfile_lock(&q, path, err));
	pidfile_remove(&q);
}
END_TEST

START_TEST(stale_file_is_taken)
{
	struct pidfile p;

	/* Longer than ours, so that nothing of it may stay. */
	put("123456789012345\n");
	ck_assert_msg(pidfile_lock(&p, path, err), "%s", err);
	ck_assert_int_eq(content(), getpid());
	pidfile_remove(&p);
}
END_TEST

START_TEST(symbolic_link_is_refused)
{
	struct pidfile p;
	char target[160];

	snprintf(target, sizeof(target), "%s/target", dir);
	ck_assert_int_eq(symlink(target, path), 0);
	ck_assert(!pidfile_lock(&p, path, err));
	ck_assert_ptr_nonnull(strstr(err, "symbolic link"));
	ck_assert_int_eq(access(target, F_OK), -1);
}
END_TEST

START_TEST(only_regular_files)
{
	struct pidfile p;

	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert(!pidfile_lock(&p, path, err));
	ck_assert_ptr_nonnull(strstr(err, "not a regular file"));
}
END_TEST

/* Another process holds the same open file: the lock outlives the one who let go. */
START_TEST(handed_over)
{
	struct pidfile p, heir, third;
	char longer[300];

	ck_assert(pidfile_lock(&p, path, err));
	ck_assert(pidfile_is(&p, path));
	snprintf(longer, sizeof(longer), "%s.other", path);
	ck_assert(!pidfile_is(&p, longer));
	ck_assert(!pidfile_is(&p, ""));
	heir = p;
	heir.fd = dup(p.fd);
	put("123456789012345\n");
	ck_assert(pidfile_write(&heir));
	ck_assert_int_eq(content(), getpid());
	pidfile_let_go(&p);
	ck_assert(!pidfile_is(&p, path));
	ck_assert(pidfile_write(&p));
	ck_assert(!pidfile_lock(&third, path, err));
	pidfile_remove(&heir);
	ck_assert_int_eq(access(path, F_OK), -1);
	ck_assert(pidfile_lock(&third, path, err));
	pidfile_remove(&third);
}
END_TEST

START_TEST(anothers_file_is_not_removed)
{
	struct pidfile p;

	ck_assert(pidfile_lock(&p, path, err));
	ck_assert_int_eq(unlink(path), 0);
	put("4711\n");
	pidfile_remove(&p);
	ck_assert_int_eq(content(), 4711);
}
END_TEST

START_TEST(folder_that_is_missing)
{
	struct pidfile p;

	ck_assert(!pidfile_lock(&p, "/nonexistent/telematics/pid", err));
	ck_assert_ptr_nonnull(strstr(err, "/nonexistent/telematics/pid"));
}
END_TEST

START_TEST(relative_path_survives_a_change_of_folder)
{
	struct pidfile p;

	ck_assert_int_eq(chdir(dir), 0);
	ck_assert_msg(pidfile_lock(&p, "pid", err), "%s", err);
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(content(), getpid());
	pidfile_remove(&p);
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("pidfile");
	TCase *tc = tcase_create("pidfile");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, holds_the_pid_and_goes);
	tcase_add_test(tc, none_is_fine);
	tcase_add_test(tc, second_owner_is_refused);
	tcase_add_test(tc, stale_file_is_taken);
	tcase_add_test(tc, symbolic_link_is_refused);
	tcase_add_test(tc, only_regular_files);
	tcase_add_test(tc, handed_over);
	tcase_add_test(tc, anothers_file_is_not_removed);
	tcase_add_test(tc, folder_that_is_missing);
	tcase_add_test(tc, relative_path_survives_a_change_of_folder);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
