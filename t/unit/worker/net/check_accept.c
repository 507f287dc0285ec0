/*
 * Accepting (worker/net/accept.h): who is handed up, who is refused, what waits in the queues of sockets
 * that are given back, and the pause when descriptors run out. On loopback.
 */
#include "worker/net/accept.h"

#include <arpa/inet.h>
#include <check.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "shm/area.h"

static struct shm shm;
static struct conf conf;
static struct event_base *base;
static struct admission *admission;
static struct acceptor *acceptor;
static struct stats *stats;

/* What was handed up. */
static int handed[200];
static unsigned nhanded, nheaders;
static bool no_memory;

static bool
accepted(void *ctx, int fd, const struct sockaddr *sa, bool header)
{
	ck_assert_ptr_eq(ctx, &shm);
	ck_assert_int_eq(sa->sa_family, AF_INET);
	ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
	if (no_memory) {
		close(fd);
		return false;
	}
	nheaders += header;
	handed[nhanded++] = fd;
	return true;
}

static unsigned nrefused;

static void
refused(void *ctx, const struct sockaddr *sa, enum admission_verdict verdict)
{
	ck_assert_ptr_eq(ctx, &shm);
	ck_assert_int_ne(sa->sa_family, 0);
	ck_assert(admission_refuses(verdict));
	nrefused++;
}

static void
setup(void)
{
	ck_assert(log_open("t", NULL, LOG_TEXT, LOG_ERROR_));
	nhanded = nheaders = 0;
	no_memory = false;
	conf = (struct conf){0};
	ck_assert(shm_create(&shm, 2, 1000));
	stats = &shm.slots[0].block[0].stats;
	base = event_base_new();
	admission = admission_new(&conf, &shm, stats, shm_owner(0, 0));
	acceptor = acceptor_new(&(struct acceptor_config){.base = base,
	    .stats = stats,
	    .admission = admission,
	    .ctx = &shm,
	    .accepted = accepted,
	    .refused = refused});
	ck_assert(base != NULL && admission != NULL && acceptor != NULL);
}

static void
teardown(void)
{
	acceptor_free(acceptor);
	admission_free(admission);
	event_base_free(base);
	shm_destroy(&shm);
}

/* A listening socket, and where it is. */
static int
listener(struct sockaddr_in *at)
{
	socklen_t len = sizeof(*at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	*at =
	    (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	ck_assert_int_eq(bind(fd, (struct sockaddr *)at, sizeof(*at)), 0);
	ck_assert_int_eq(listen(fd, 256), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)at, &len), 0);
	return fd;
}

/* On loopback a connection is in the queue when connect() returns. */
static int
dial(const struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, (const struct sockaddr *)at, sizeof(*at)), 0);
	return fd;
}

static void
turn(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

/* The peer has closed it, or reset it. */
static bool
ended(int fd)
{
	char byte;

	return recv(fd, &byte, 1, 0) <= 0;
}

START_TEST(sockets_are_handed_up)
{
	struct sockaddr_in at;
	int fd = listener(&at), value = 0;
	socklen_t len = sizeof(value);

	ck_assert(acceptor_add(acceptor, 0, fd));
	dial(&at);
	dial(&at);
	turn();
	ck_assert_uint_eq(nhanded, 2);
	ck_assert_uint_eq(nheaders, 0);
	ck_assert_int_eq(getsockopt(handed[0], IPPROTO_TCP, TCP_USER_TIMEOUT, &value, &len), 0);
	ck_assert_int_eq(value, 60000);
}
END_TEST

START_TEST(many_in_turns)
{
	struct sockaddr_in at;

	ck_assert(acceptor_add(acceptor, 0, listener(&at)));
	for (int i = 0; i < 70; i++)
		dial(&at);
	event_base_loop(base, EVLOOP_ONCE);
	ck_assert_uint_eq(nhanded, 64);
	turn();
	ck_assert_uint_eq(nhanded, 70);
}
END_TEST

START_TEST(admission_has_the_word)
{
	struct sockaddr_in at;
	char err[CONF_ERR];
	int fd;

	ck_assert(cidr_list_parse(&conf.allow_cidr, "10.0.0.0/8", err, sizeof(err)));
	ck_assert(acceptor_add(acceptor, 0, listener(&at)));
	fd = dial(&at);
	turn();
	ck_assert_uint_eq(nhanded, 0);
	ck_assert(ended(fd));
	ck_assert_uint_eq(stats_get(&stats->refused_cidr), 1);
	ck_assert(cidr_list_parse(&conf.proxy_from, "127.0.0.1", err, sizeof(err)));
	dial(&at);
	turn();
	ck_assert_uint_eq(nheaders, 1);
}
END_TEST

START_TEST(no_memory_for_it)
{
	struct sockaddr_in at;
	int fd;

	no_memory = true;
	ck_assert(log_open("t", "/dev/null", LOG_TEXT, LOG_ERROR_));
	ck_assert(acceptor_add(acceptor, 0, listener(&at)));
	fd = dial(&at);
	turn();
	ck_assert(ended(fd));
}
END_TEST

/* Given back: with what is queued, or without. The other slot's socket goes on. */
START_TEST(released)
{
	struct sockaddr_in at, other;
	int queued;

	ck_assert(acceptor_add(acceptor, 0, listener(&at)));
	ck_assert(acceptor_add(acceptor, 1, listener(&other)));
	queued = dial(&other);
	acceptor_release(acceptor, 1, _i == 1);
	ck_assert_uint_eq(nhanded, _i == 1);
	if (_i == 0)
		ck_assert(ended(queued));
	dial(&at);
	turn();
	ck_assert_uint_eq(nhanded, _i == 1 ? 2 : 1);
}
END_TEST

START_TEST(stopped)
{
	struct sockaddr_in at;

	ck_assert(acceptor_add(acceptor, 0, listener(&at)));
	for (int i = 0; i < 100; i++)
		dial(&at);
	acceptor_stop(acceptor, _i == 1);
	ck_assert_uint_eq(nhanded, _i == 1 ? 100 : 0);
}
END_TEST

/* No more descriptors than there are now. */
static void
limit_descriptors(bool limited)
{
	struct rlimit limit;
	int next = dup(0);

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limited ? (rlim_t)next : limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	if (next >= 0)
		close(next);
}

START_TEST(out_of_descriptors)
{
	struct sockaddr_in at, other;
	int64_t end = clock_mono_ms() + 10000;

	ck_assert(log_open("t", "/dev/null", LOG_TEXT, LOG_ERROR_));
	ck_assert(acceptor_add(acceptor, 0, listener(&at)));
	dial(&at);
	limit_descriptors(true);
	turn();
	ck_assert_uint_eq(nhanded, 0);
	ck_assert_uint_eq(stats_get(&stats->accept_paused), 1);
	ck_assert_uint_eq(stats_get(&stats->accept_pauses), 1);
	ck_assert_uint_ge(stats_get(&stats->accept_errors), 1);
	limit_descriptors(false);
	/* One that is added meanwhile pauses as well. */
	ck_assert(acceptor_add(acceptor, 1, listener(&other)));
	dial(&other);
	turn();
	ck_assert_uint_eq(nhanded, 0);
	while (nhanded < 2 && clock_mono_ms() < end)
		event_base_loop(base, EVLOOP_ONCE);
	ck_assert_uint_eq(nhanded, 2);
	ck_assert_uint_eq(stats_get(&stats->accept_paused), 0);
}
END_TEST

/* Paused while a socket is given back: the others are resumed, since nobody would. */
START_TEST(out_of_descriptors_while_released)
{
	struct sockaddr_in at, other;

	ck_assert(log_open("t", "/dev/null", LOG_TEXT, LOG_ERROR_));
	ck_assert(acceptor_add(acceptor, 0, listener(&at)));
	ck_assert(acceptor_add(acceptor, 1, listener(&other)));
	dial(&other);
	limit_descriptors(true);
	acceptor_release(acceptor, 1, true);
	limit_descriptors(false);
	ck_assert_uint_eq(stats_get(&stats->accept_pauses), 1);
	ck_assert_uint_eq(stats_get(&stats->accept_paused), 0);
	dial(&at);
	turn();
	ck_assert_uint_eq(nhanded, 1);
}
END_TEST

static void
say_nothing(int severity, const char *text)
{
	(void)severity, (void)text;
}

/* What can't be watched is refused, and closed. */
START_TEST(not_a_socket_to_wait_for)
{
	int fd = open("/dev/null", O_RDONLY);

	ck_assert(log_open("t", "/dev/null", LOG_TEXT, LOG_ERROR_));
	event_set_log_callback(say_nothing);
	ck_assert(!acceptor_add(acceptor, 0, fd));
	ck_assert_int_eq(fcntl(fd, F_GETFL), -1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("accept");
	TCase *t = tcase_create("accept");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, sockets_are_handed_up);
	tcase_add_test(t, many_in_turns);
	tcase_add_test(t, admission_has_the_word);
	tcase_add_test(t, no_memory_for_it);
	tcase_add_loop_test(t, released, 0, 2);
	tcase_add_loop_test(t, stopped, 0, 2);
	tcase_add_test(t, out_of_descriptors);
	tcase_add_test(t, out_of_descriptors_while_released);
	tcase_add_test(t, not_a_socket_to_wait_for);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
