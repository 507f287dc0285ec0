/*
 * Where lines of the log go: pipes, sockets and syslog whose readers have stopped hold up nobody, and
 * what was dropped is counted and said.
 */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/log_out.h"

#define LINES 3000 /* more than any of these holds */
#define FAST_MS 20000

static char dir[] = "/tmp/check_log_out.XXXXXX";
static char path[64], content[1 << 20];
static _Atomic uint64_t drops;
static int terminal; /* the test's own standard error */

static void
setup(void)
{
	memcpy(dir + sizeof(dir) - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/log", dir);
	log_out_syslog_path = path;
	atomic_store(&drops, 0);
	log_count_drops(&drops);
	terminal = dup(2);
	(void)signal(SIGPIPE, SIG_IGN); /* as the master does */
}

static void
teardown(void)
{
	dup2(terminal, 2);
	close(terminal);
	unlink(path);
	rmdir(dir);
}

/* Standard error is what the descriptor says; it is closed here. */
static void
put_stderr(int fd)
{
	ck_assert(log_open("m", "/dev/null", LOG_TEXT, LOG_INFO_));
	ck_assert_int_eq(dup2(fd, 2), 2);
	close(fd);
	ck_assert(log_open("m", NULL, LOG_TEXT, LOG_INFO_));
}

static void
write_many(int n)
{
	int64_t began = clock_mono_ms();

	for (int i = 0; i < n; i++)
		log_info("line %d of many", i);
	ck_assert_int_lt(clock_mono_ms() - began, FAST_MS);
}

/* All that can be read now. */
static const char *
drain(int fd)
{
	size_t n = 0;
	ssize_t r;

	while (n < sizeof(content) - 1 && (r = read(fd, content + n, sizeof(content) - 1 - n)) > 0)
		n += (size_t)r;
	content[n] = '\0';
	return content;
}

/* Whole lines, none missing but those that are counted, and the one that says so before the next one. */
static void
check_stalled(int fd)
{
	char said[96];
	uint64_t lost;
	int next = 0, n;
	char *line, *rest;

	write_many(LINES);
	lost = atomic_load(&drops);
	ck_assert_uint_gt(lost, 0);
	ck_assert_uint_lt(lost, LINES);
	drain(fd);
	for (rest = content; (line = strsep(&rest, "\n")) != NULL && rest != NULL;) {
		ck_assert_ptr_nonnull(strstr(line, " INFO m: line "));
		ck_assert_int_eq(sscanf(strstr(line, ": line "), ": line %d of many", &n), 1);
		ck_assert_int_eq(n, next++);
	}
	/* A part of one may have gone: its end comes before anything else. */
	ck_assert_int_ge(next, (int)(LINES - lost) - 1);
	log_info("after");
	drain(fd);
	(void)snprintf(said, sizeof(said), "WARN m: %llu lines of the log could not be written",
	    (unsigned long long)lost);
	ck_assert_msg(strstr(content, said) != NULL, "%s", content);
	ck_assert_ptr_nonnull(strstr(content, " INFO m: after\n"));
	ck_assert_uint_eq(atomic_load(&drops), lost);
	log_info("again");
	ck_assert_ptr_null(strstr(drain(fd), "dropped"));
	ck_assert_ptr_nonnull(strstr(content, "again"));
}

START_TEST(a_pipe)
{
	int fd[2];

	ck_assert_int_eq(pipe(fd), 0);
	ck_assert_int_eq(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
	put_stderr(fd[1]);
	check_stalled(fd[0]);
	/* It is shared with others, who may count on that. */
	ck_assert_int_eq(fcntl(2, F_GETFL) & O_NONBLOCK, 0);
}
END_TEST

START_TEST(a_socket)
{
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	ck_assert_int_eq(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
	put_stderr(fd[1]);
	check_stalled(fd[0]);
	ck_assert_int_eq(fcntl(2, F_GETFL) & O_NONBLOCK, 0);
}
END_TEST

/* The tick says it too, where no line follows. */
START_TEST(said_at_a_tick)
{
	int fd[2];

	ck_assert_int_eq(pipe(fd), 0);
	ck_assert_int_eq(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
	put_stderr(fd[1]);
	write_many(LINES);
	log_tick(1);
	ck_assert_ptr_null(strstr(drain(fd[0]), "dropped"));
	log_tick(2);
	ck_assert_ptr_nonnull(strstr(drain(fd[0]), "dropped"));
	/* No reader at all. */
	close(fd[0]);
	write_many(10);
	ck_assert_uint_gt(atomic_load(&drops), 10);
}
END_TEST

START_TEST(a_fifo_for_a_file)
{
	int fd;

	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert(!log_open("m", path, LOG_TEXT, LOG_INFO_));
	fd = open(path, O_RDONLY | O_NONBLOCK);
	ck_assert(log_open("m", path, LOG_TEXT, LOG_INFO_));
	check_stalled(fd);
}
END_TEST

START_TEST(a_disk_that_is_full)
{
	ck_assert(log_open("m", "/dev/full", LOG_TEXT, LOG_INFO_));
	write_many(10);
	ck_assert_uint_eq(atomic_load(&drops), 10);
}
END_TEST

/* ---- syslog ---- */

static int
listen_syslog(int type)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);

	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	if (type == SOCK_STREAM)
		ck_assert_int_eq(listen(fd, 5), 0);
	return fd;
}

static const char *
heard(int fd)
{
	ssize_t n = recv(fd, content, sizeof(content) - 1, 0);

	content[n > 0 ? n : 0] = '\0';
	return content;
}

/* What stands behind "<PRIORITY>TIME telematics-gateway[PID]: ". */
static const char *
message(const char *text, int priority)
{
	char head[8], want[32];
	int day, h, m, s, at = 0;
	long pid = 0;

	ck_assert_msg(sscanf(text, "<%*d>%3s %d %d:%d:%d telematics-gateway[%ld]: %n", head, &day,
			  &h, &m, &s, &pid, &at) == 6 &&
			  at > 0,
	    "%s", text);
	(void)snprintf(want, sizeof(want), "<%d>%s", priority, head);
	ck_assert_int_eq(strncmp(text, want, strlen(want)), 0);
	ck_assert_int_eq(pid, getpid());
	return text + at;
}

/* Time, program and level are syslog's; the fields are there in either format. */
START_TEST(to_syslog)
{
	const struct log_fields f = {.imei = 352093081452251, .peer = "192.0.2.1:4000"};
	int fd = listen_syslog(SOCK_DGRAM);
	json_t *o;

	ck_assert(log_open("worker 3", "syslog", LOG_TEXT, LOG_INFO_));
	ck_assert(log_listens());
	log_write(LOG_WARN_, &f, "100%%s\n of it");
	ck_assert_str_eq(message(heard(fd), 3 * 8 + 4),
	    "worker 3: 100%s\\x0a of it imei=352093081452251 peer=192.0.2.1:4000");
	log_error("x");
	(void)message(heard(fd), 3 * 8 + 3);
	log_info("x");
	(void)message(heard(fd), 3 * 8 + 6);
	ck_assert(log_open("worker 3", "syslog", LOG_JSON, LOG_INFO_));
	log_write(LOG_ERROR_, &f, "\"%%n");
	o = json_loads(message(heard(fd), 3 * 8 + 3), 0, NULL);
	ck_assert_msg(o != NULL, "%s", content);
	ck_assert_str_eq(json_string_value(json_object_get(o, "imei")), "352093081452251");
	json_decref(o);
	close(fd);
}
END_TEST

START_TEST(syslog_that_stalls)
{
	int fd = listen_syslog(SOCK_DGRAM);
	uint64_t lost;

	ck_assert(log_open("m", "syslog", LOG_TEXT, LOG_INFO_));
	write_many(LINES);
	lost = atomic_load(&drops);
	ck_assert_uint_gt(lost, 0);
	while (*heard(fd) != '\0')
		;
	log_info("after");
	ck_assert_ptr_nonnull(strstr(heard(fd), "lines of the log could not be written"));
	ck_assert_str_eq(message(heard(fd), 3 * 8 + 6), "m: after");
	ck_assert_uint_eq(atomic_load(&drops), lost);
	close(fd);
}
END_TEST

START_TEST(syslog_comes_and_goes)
{
	int fd;

	ck_assert(log_open("m", "syslog", LOG_TEXT, LOG_INFO_));
	ck_assert(!log_listens());
	log_info("nobody");
	ck_assert_uint_eq(atomic_load(&drops), 1);
	fd = listen_syslog(SOCK_DGRAM);
	log_info("first");
	ck_assert_ptr_nonnull(strstr(heard(fd), "dropped"));
	ck_assert_ptr_nonnull(strstr(heard(fd), "first"));
	/* It starts anew, at the same place. */
	close(fd);
	unlink(path);
	fd = listen_syslog(SOCK_DGRAM);
	log_info("second");
	ck_assert_ptr_nonnull(strstr(heard(fd), "second"));
	/* A child's lines go over a connection of its own. */
	ck_assert_int_eq(log_keep_descriptor(), -1);
	log_info("third");
	ck_assert_ptr_nonnull(strstr(heard(fd), "third"));
	close(fd);
}
END_TEST

START_TEST(syslog_of_streams)
{
	int fd = listen_syslog(SOCK_STREAM), one;
	const char *text;

	ck_assert(log_open("m", "syslog", LOG_TEXT, LOG_INFO_));
	log_info("first");
	log_info("second");
	one = accept(fd, NULL, NULL);
	ck_assert_int_ne(one, -1);
	text = heard(one);
	ck_assert_str_eq(message(text, 3 * 8 + 6), "m: first");
	ck_assert_str_eq(message(text + strlen(text) + 1, 3 * 8 + 6), "m: second");
	close(one);
	close(fd);
}
END_TEST

/* ---- journald ---- */

START_TEST(to_the_journal)
{
	char stream[64];
	struct stat st;
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	ck_assert_int_eq(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
	ck_assert_int_eq(fstat(fd[1], &st), 0);
	(void)snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	put_stderr(fd[1]);
	log_warn("mind");
	log_info("well");
	ck_assert_str_eq(drain(fd[0]), "<4>m: mind\n<6>m: well\n");
	setenv("JOURNAL_STREAM", "1:1", 1);
	ck_assert(log_open("m", NULL, LOG_TEXT, LOG_INFO_));
	log_warn("mind that");
	ck_assert_ptr_nonnull(strstr(drain(fd[0]), "Z WARN m: mind that\n"));
	unsetenv("JOURNAL_STREAM");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("log_out");
	TCase *t = tcase_create("log_out");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_pipe);
	tcase_add_test(t, a_socket);
	tcase_add_test(t, said_at_a_tick);
	tcase_add_test(t, a_fifo_for_a_file);
	tcase_add_test(t, a_disk_that_is_full);
	tcase_add_test(t, to_syslog);
	tcase_add_test(t, syslog_that_stalls);
	tcase_add_test(t, syslog_comes_and_goes);
	tcase_add_test(t, syslog_of_streams);
	tcase_add_test(t, to_the_journal);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
