/*
 * The operators' HTTP server: good and bad requests over a real loopback socket. The server's
 * loop is turned by hand between the client's steps, so nothing depends on time.
 */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>

#include "master/http.h"
#include "master/listen.h"

static struct event_base *base;
static struct http *http;
static struct sockaddr_in addr;
static int listen_fd;

static int
handler(void *arg, const char *path, struct evbuffer *body, const char **type)
{
	char *big;

	(void)arg;
	if (strcmp(path, "/big") == 0) {
		big = malloc(4000000);
		memset(big, 'x', 4000000);
		evbuffer_add(body, big, 4000000);
		free(big);
		return 200;
	}
	if (strcmp(path, "/hello") != 0) {
		evbuffer_add_printf(body, "not here\n");
		return 404;
	}
	*type = "text/x-test";
	evbuffer_add_printf(body, "hello\n");
	return 200;
}

static void
setup(void)
{
	char name[LISTEN_NAME], err[CONF_ERR];
	socklen_t len = sizeof(addr);

	base = event_base_new();
	listen_fd = listen_metrics("127.0.0.1", 0, name, err);
	ck_assert_int_ne(listen_fd, -1);
	ck_assert_int_eq(getsockname(listen_fd, (struct sockaddr *)&addr, &len), 0);
	http = http_new(base, listen_fd, handler, NULL);
	ck_assert_ptr_nonnull(http);
}

static void
teardown(void)
{
	http_free(http);
	event_base_free(base);
}

static int
client(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static void
turn(void)
{
	ck_assert_int_ne(event_base_loop(base, EVLOOP_NONBLOCK), -1);
}

/* Everything until the server's end of file. */
static char *
receive(int fd, size_t *total)
{
	size_t size = 5000000, n = 0;
	char *all = malloc(size);
	ssize_t r;

	ck_assert_ptr_nonnull(all);
	for (;;) {
		turn();
		r = recv(fd, all + n, size - 1 - n, 0);
		if (r == 0)
			break;
		if (r == -1 && errno == ECONNRESET)
			break;
		if (r > 0)
			n += (size_t)r;
		else
			ck_assert(errno == EAGAIN);
	}
	close(fd);
	all[n] = '\0';
	*total = n;
	return all;
}

static void
exchange(const char *request, const char *status, const char *end)
{
	int fd = client();
	size_t n;
	char *s;

	ck_assert_int_eq(send(fd, request, strlen(request), 0), (int)strlen(request));
	s = receive(fd, &n);
	ck_assert_msg(strncmp(s, status, strlen(status)) == 0, "%s answered by %s", request, s);
	ck_assert_msg(n >= strlen(end) && strcmp(s + n - strlen(end), end) == 0,
	    "%s answered by %s", request, s);
	free(s);
}

START_TEST(answers)
{
	exchange(
	    "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n", "\r\n\r\nhello\n");
	exchange("GET /hello?a=b HTTP/1.0\r\n\r\n",
	    "HTTP/1.1 200 OK\r\n"
	    "Content-Type: text/x-test\r\nContent-Length: 6\r\n",
	    "\r\n\r\nhello\n");
	exchange("GET /nothing HTTP/1.1\r\n\r\n", "HTTP/1.1 404 ", "\r\n\r\nnot here\n");
	/* HEAD: the length without the body. */
	exchange("HEAD /hello HTTP/1.1\r\n\r\n",
	    "HTTP/1.1 200 OK\r\n"
	    "Content-Type: text/x-test\r\nContent-Length: 6\r\n",
	    "\r\n\r\n");
}
END_TEST

START_TEST(refuses)
{
	exchange("POST /hello HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody", "HTTP/1.1 405 ",
	    "Not Allowed\n");
	exchange("GET hello HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", "Bad Request\n");
	exchange("GET /hello\r\n\r\n", "HTTP/1.1 400 ", "Bad Request\n");
	exchange("GET /hello SMTP/1.1\r\n\r\n", "HTTP/1.1 400 ", "Bad Request\n");
	exchange("\r\n\r\n", "HTTP/1.1 400 ", "Bad Request\n");
}
END_TEST

START_TEST(long_requests)
{
	char request[20000], *p;
	size_t i;

	p = request + sprintf(request, "GET /hello HTTP/1.1\r\nX: ");
	memset(p, 'a', 9000);
	p[9000] = '\0';
	exchange(request, "HTTP/1.1 431 ", "Too Large\n");
	p = request + sprintf(request, "GET /");
	for (i = 0; i < 1000; i++)
		*p++ = 'a';
	strcpy(p, " HTTP/1.1\r\n\r\n");
	exchange(request, "HTTP/1.1 404 ", "Not Found\n");
}
END_TEST

START_TEST(split_at_every_byte)
{
	const char *request = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
	size_t cut, n;
	char *s;

	for (cut = 1; cut < strlen(request); cut++) {
		int fd = client();

		ck_assert_int_eq(send(fd, request, cut, 0), (int)cut);
		turn();
		turn();
		ck_assert_int_eq(recv(fd, &n, 1, MSG_PEEK), -1);
		ck_assert_int_eq(send(fd, request + cut, strlen(request) - cut, 0),
		    (int)(strlen(request) - cut));
		s = receive(fd, &n);
		ck_assert_msg(strncmp(s, "HTTP/1.1 200 ", 13) == 0, "cut at %zu: %s", cut, s);
		free(s);
	}
}
END_TEST

START_TEST(big_answer_arrives_whole)
{
	const char *request = "GET /big HTTP/1.1\r\n\r\n";
	int fd = client();
	size_t n;
	char *s;

	ck_assert_int_eq(send(fd, request, strlen(request), 0), (int)strlen(request));
	s = receive(fd, &n);
	ck_assert_uint_gt(n, 4000000);
	ck_assert_int_eq(s[n - 1], 'x');
	free(s);
}
END_TEST

/* Many idle clients don't lock out the next one: the oldest makes room. */
START_TEST(newcomers_are_served)
{
	int fd[100], i;
	char c;

	for (i = 0; i < 100; i++) {
		fd[i] = client();
		turn();
	}
	exchange("GET /hello HTTP/1.1\r\n\r\n", "HTTP/1.1 200 ", "hello\n");
	ck_assert_int_eq(recv(fd[0], &c, 1, 0), 0);
	ck_assert_int_eq(recv(fd[99], &c, 1, 0), -1);
	for (i = 0; i < 100; i++)
		close(fd[i]);
	turn();
}
END_TEST

START_TEST(clients_that_leave_early)
{
	const char *request = "GET /big HTTP/1.1\r\n\r\n";
	int fd = client();

	ck_assert_int_eq(send(fd, request, strlen(request), 0), (int)strlen(request));
	turn();
	close(fd);
	turn();
	turn();
	fd = client();
	turn();
	close(fd);
	turn();
	exchange("GET /hello HTTP/1.1\r\n\r\n", "HTTP/1.1 200 ", "hello\n");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("http");
	TCase *tc = tcase_create("http");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, answers);
	tcase_add_test(tc, refuses);
	tcase_add_test(tc, long_requests);
	tcase_add_test(tc, split_at_every_byte);
	tcase_add_test(tc, big_answer_arrives_whole);
	tcase_add_test(tc, newcomers_are_served);
	tcase_add_test(tc, clients_that_leave_early);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
