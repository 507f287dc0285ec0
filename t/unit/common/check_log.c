/*
 * The log (common/log.h): one whole line an event whatever its bytes, as text and as JSON,
 * rotation, and how what was folded is written. Where lines go: check_log_out.c.
 */
#include "common/log.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log_fold.h"

#define CONTENT 262144
#define WRITERS 4
#define LINES 200

static char dir[] = "/tmp/check_log.XXXXXX";
static char path[64], rotated[80];
static char content[CONTENT];

static void
setup(void)
{
	memcpy(dir + sizeof(dir) - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/log", dir);
	(void)snprintf(rotated, sizeof(rotated), "%s/log.1", dir);
}

static void
teardown(void)
{
	unlink(path);
	unlink(rotated);
	rmdir(dir);
}

static const char *
read_file(const char *name)
{
	FILE *f = fopen(name, "r");
	size_t n;

	ck_assert_ptr_nonnull(f);
	n = fread(content, 1, sizeof(content) - 1, f);
	content[n] = '\0';
	(void)fclose(f);
	return content;
}

START_TEST(text_line)
{
	const struct log_fields f = {.imei = 12345678901234, .peer = "192.0.2.1:4000"};
	const char *line;
	int y, mo, d, h, mi, s, ms, end = 0;

	ck_assert(log_open("worker 3", path, LOG_TEXT, LOG_INFO_));
	log_write(LOG_WARN_, &f, "frame of %d bytes", 7);
	line = read_file(path);
	ck_assert_int_eq(
	    sscanf(line, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &y, &mo, &d, &h, &mi, &s, &ms, &end), 7);
	ck_assert_int_eq(end, 24);
	ck_assert_str_eq(line + end,
	    " WARN worker 3: frame of 7 bytes imei=012345678901234 peer=192.0.2.1:4000\n");
}
END_TEST

START_TEST(levels)
{
	ck_assert(log_open("master", path, LOG_TEXT, LOG_WARN_));
	ck_assert(log_enabled(LOG_ERROR_) && log_enabled(LOG_WARN_));
	ck_assert(!log_enabled(LOG_INFO_) && !log_enabled(LOG_DEBUG_));
	log_info("not this");
	log_debug("nor this");
	log_error("but this");
	log_set_ident("worker 9");
	log_warn("and this");
	read_file(path);
	ck_assert_ptr_null(strstr(content, "not this"));
	ck_assert_ptr_null(strstr(content, "nor this"));
	ck_assert_ptr_nonnull(strstr(content, " ERROR master: but this\n"));
	ck_assert_ptr_nonnull(strstr(content, " WARN worker 9: and this\n"));
}
END_TEST

/* Whatever a tracker sends: one line, ASCII, and nothing that a terminal would obey. */
START_TEST(hostile_text)
{
	const struct log_fields f = {.imei = 0, .peer = "x\ny"};

	ck_assert(log_open("w", path, LOG_TEXT, LOG_INFO_));
	log_write(LOG_INFO_, &f, "a\nb\r\x1b[31m\x7f\xff\\n %s", "\xc3\xa9");
	ck_assert_str_eq(read_file(path) + 24,
	    " INFO w: a\\x0ab\\x0d\\x1b[31m\\x7f\\xff\\\\n \\xc3\\xa9 peer=x\\x0ay\n");
}
END_TEST

START_TEST(json_line)
{
	const struct log_fields f = {.imei = 352093081452251, .peer = "[::1]:\"4000\\"};
	char every[256];
	json_t *o;
	json_error_t e;

	for (int i = 0; i < 255; i++)
		every[i] = (char)(i + 1);
	every[255] = '\0';
	ck_assert(log_open("worker 0", path, LOG_JSON, LOG_INFO_));
	log_write(LOG_ERROR_, &f, "%s", every);
	o = json_loads(read_file(path), 0, &e);
	ck_assert_msg(o != NULL, "%s: %s", e.text, content);
	ck_assert_ptr_eq(strchr(content, '\n'), content + strlen(content) - 1);
	ck_assert_str_eq(json_string_value(json_object_get(o, "level")), "error");
	ck_assert_str_eq(json_string_value(json_object_get(o, "proc")), "worker 0");
	ck_assert_int_eq(json_integer_value(json_object_get(o, "pid")), getpid());
	ck_assert_str_eq(json_string_value(json_object_get(o, "imei")), "352093081452251");
	ck_assert_str_eq(json_string_value(json_object_get(o, "peer")), f.peer);
	ck_assert_uint_eq(strlen(json_string_value(json_object_get(o, "ts"))), 24);
	/* ASCII comes back as it was; the rest as the code points of the bytes. */
	ck_assert_int_eq(memcmp(json_string_value(json_object_get(o, "msg")), every, 127), 0);
	ck_assert_uint_eq(json_string_length(json_object_get(o, "msg")), 127 + 2 * 128);
	json_decref(o);
	for (char *p = content; *p != '\0'; p++)
		ck_assert((*p >= 0x20 && *p < 0x7f) || p[1] == '\0');
}
END_TEST

START_TEST(lines_are_bounded)
{
	char peer[5000], big[10000];
	const struct log_fields f = {.imei = 352093081452251, .peer = peer};
	json_t *o;

	memset(peer, '\n', sizeof(peer) - 1);
	peer[sizeof(peer) - 1] = '\0';
	memset(big, '"', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	for (size_t n = 0; n < 4000; n += 97) {
		unlink(path);
		ck_assert(log_open("worker 0", path, LOG_JSON, LOG_INFO_));
		log_write(LOG_INFO_, &f, "%s", big + sizeof(big) - 1 - n);
		o = json_loads(read_file(path), 0, NULL);
		ck_assert_msg(o != NULL, "%s", content);
		ck_assert_uint_le(strlen(content), 4096);
		/* The fields survive a message that is too long. */
		ck_assert_ptr_nonnull(json_object_get(o, "imei"));
		ck_assert_ptr_nonnull(json_object_get(o, "peer"));
		json_decref(o);
	}
	unlink(path);
	ck_assert(log_open("worker 0", path, LOG_TEXT, LOG_INFO_));
	memset(big, 1, sizeof(big) - 1);
	log_write(LOG_INFO_, &f, "%s", big);
	ck_assert_uint_le(strlen(read_file(path)), 4096);
	ck_assert_ptr_nonnull(strstr(content, " imei=352093081452251 peer="));
}
END_TEST

/* Lines of several processes don't mix. */
START_TEST(one_write_a_line)
{
	int count = 0;

	ck_assert(log_open("parent", path, LOG_TEXT, LOG_INFO_));
	for (int i = 0; i < WRITERS; i++) {
		if (fork() == 0) {
			for (int n = 0; n < LINES; n++)
				log_info("%0*d end", 100 + n, i);
			_exit(0);
		}
	}
	for (int i = 0; i < WRITERS; i++) {
		int status;

		ck_assert_int_ne(wait(&status), -1);
		ck_assert_int_eq(status, 0);
	}
	read_file(path);
	for (char *line = strtok(content, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		ck_assert_int_eq(strncmp(line + 24, " INFO parent: 000", 17), 0);
		ck_assert_str_eq(line + strlen(line) - 4, " end");
		ck_assert_ptr_eq(strstr(line, " end"), line + strlen(line) - 4);
		count++;
	}
	ck_assert_int_eq(count, WRITERS * LINES);
}
END_TEST

START_TEST(rotation)
{
	struct stat st;

	ck_assert(log_open("m", path, LOG_TEXT, LOG_INFO_));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0137, 0);
	log_info("first");
	ck_assert_int_eq(rename(path, rotated), 0);
	log_info("second");
	ck_assert(log_reopen());
	log_info("third");
	read_file(rotated);
	ck_assert_ptr_nonnull(strstr(content, "first"));
	ck_assert_ptr_nonnull(strstr(content, "second"));
	ck_assert_ptr_null(strstr(content, "third"));
	ck_assert_ptr_nonnull(strstr(read_file(path), "third"));
}
END_TEST

/* A daemon goes to "/": a name that was good when it was opened must stay good. */
START_TEST(relative_name)
{
	ck_assert_int_eq(chdir(dir), 0);
	ck_assert(log_open("m", "log", LOG_TEXT, LOG_INFO_));
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(rename(path, rotated), 0);
	ck_assert(log_reopen());
	log_info("here");
	ck_assert_ptr_nonnull(strstr(read_file(path), "here"));
}
END_TEST

START_TEST(open_fails)
{
	ck_assert(log_open("m", path, LOG_TEXT, LOG_INFO_));
	ck_assert(!log_open("other", "/nonexistent/log", LOG_JSON, LOG_DEBUG_));
	ck_assert_int_eq(errno, ENOENT);
	log_info("still here");
	ck_assert_ptr_nonnull(strstr(read_file(path), " INFO m: still here\n"));
}
END_TEST

START_TEST(leaves_errno_alone)
{
	ck_assert(log_open("m", path, LOG_TEXT, LOG_INFO_));
	errno = EMFILE;
	log_info("hello");
	ck_assert_int_eq(errno, EMFILE);
}
END_TEST

START_TEST(the_file_is_not_inherited)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	/* The log takes the lowest descriptor, which is the one just freed. */
	close(fd);
	ck_assert(log_open("m", path, LOG_TEXT, LOG_INFO_));
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	/* Opened again, it doesn't leak the old one. */
	for (int i = 0; i < 10; i++) {
		ck_assert(log_open("m", path, LOG_TEXT, LOG_INFO_));
		ck_assert(log_reopen());
	}
	ck_assert_int_eq(fcntl(fd + 3, F_GETFD), -1);
	ck_assert(log_open("m", "syslog", LOG_TEXT, LOG_ERROR_));
	ck_assert(log_reopen());
	ck_assert(log_open("m", path, LOG_TEXT, LOG_INFO_));
	log_info("back");
	ck_assert_ptr_nonnull(strstr(read_file(path), "back"));
}
END_TEST

START_TEST(gate)
{
	struct log_gate g = {0};
	uint64_t suppressed = 99;

	ck_assert(log_gate_open(&g, 0, 1000, &suppressed));
	ck_assert_uint_eq(suppressed, 0);
	ck_assert(!log_gate_open(&g, 500, 1000, &suppressed));
	ck_assert(!log_gate_open(&g, 1000, 1000, &suppressed));
	ck_assert(log_gate_open(&g, 1001, 1000, &suppressed));
	ck_assert_uint_eq(suppressed, 2);
	ck_assert(!log_gate_open(&g, 1500, 1000, &suppressed));
	ck_assert(log_gate_open(&g, 9000, 1000, &suppressed));
	ck_assert_uint_eq(suppressed, 1);
	ck_assert(log_gate_open(&g, 19000, 1000, &suppressed));
	ck_assert_uint_eq(suppressed, 0);
}
END_TEST

/* ---- Folding: log_fold.h has tests of its own ---- */

static int
lines_with(const char *word)
{
	int n = 0;

	for (const char *p = content; (p = strstr(p, word)) != NULL; p++)
		n++;
	return n;
}

/* What is folded is in the file as one line, with a count, in either format. */
START_TEST(folded_in_the_file)
{
	const struct log_fields f = {.imei = 352093081452251, .peer = "192.0.2.1:4000"};
	json_t *o;
	char *last;

	ck_assert(log_open("w", path, LOG_TEXT, LOG_INFO_));
	for (int i = 0; i < 12; i++)
		log_error("no memory");
	log_tick(0);
	read_file(path);
	ck_assert_int_eq(lines_with("no memory"), FOLD_BURST);
	ck_assert_int_eq(lines_with("repeated"), 0);
	log_flush();
	log_flush();
	read_file(path);
	ck_assert_int_eq(lines_with("no memory"), FOLD_BURST + 1);
	ck_assert_int_eq(lines_with(" ERROR w: no memory (and 7 more like it) repeated=7\n"), 1);
	unlink(path);
	ck_assert(log_open("w", path, LOG_JSON, LOG_INFO_));
	for (int i = 0; i < FOLD_BURST + 3; i++)
		log_write(LOG_WARN_, &f, "bad \"frame\"");
	/* Whoever opens another log leaves nothing behind. */
	ck_assert(log_open("w", path, LOG_JSON, LOG_INFO_));
	read_file(path);
	content[strlen(content) - 1] = '\0';
	last = strrchr(content, '\n');
	ck_assert_ptr_nonnull(last);
	o = json_loads(last + 1, 0, NULL);
	ck_assert_msg(o != NULL, "%s", last);
	ck_assert_int_eq(json_integer_value(json_object_get(o, "repeated")), 3);
	ck_assert_str_eq(
	    json_string_value(json_object_get(o, "msg")), "bad \"frame\" (and 3 more like it)");
	ck_assert_str_eq(json_string_value(json_object_get(o, "imei")), "352093081452251");
	ck_assert_str_eq(json_string_value(json_object_get(o, "peer")), "192.0.2.1:4000");
	json_decref(o);
}
END_TEST

START_TEST(left_out_in_the_file)
{
	struct log_fields f = {0};

	ck_assert(log_open("w", path, LOG_TEXT, LOG_INFO_));
	for (f.imei = 1; f.imei <= 5000; f.imei++)
		log_write(LOG_INFO_, &f, "refused");
	log_flush();
	read_file(path);
	ck_assert_int_ge(lines_with("refused"), FOLD_LINES);
	ck_assert_int_lt(lines_with("refused"), 2000);
	ck_assert_int_eq(lines_with(" more lines about trackers were left out\n"), 1);
	/* A child reports what it kept back itself, and nothing else. */
	unlink(path);
	ck_assert(log_open("w", path, LOG_TEXT, LOG_INFO_));
	for (int i = 0; i < 10; i++)
		log_error("here");
	log_set_ident("child");
	log_flush();
	ck_assert_ptr_null(strstr(read_file(path), "repeated"));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("log");
	TCase *t = tcase_create("log");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, text_line);
	tcase_add_test(t, levels);
	tcase_add_test(t, hostile_text);
	tcase_add_test(t, json_line);
	tcase_add_test(t, lines_are_bounded);
	tcase_add_test(t, one_write_a_line);
	tcase_add_test(t, rotation);
	tcase_add_test(t, relative_name);
	tcase_add_test(t, open_fails);
	tcase_add_test(t, leaves_errno_alone);
	tcase_add_test(t, the_file_is_not_inherited);
	tcase_add_test(t, gate);
	tcase_add_test(t, folded_in_the_file);
	tcase_add_test(t, left_out_in_the_file);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
