/* Questions for addresses: to the master, back to the link, and what happens when nobody answers. */
#include "config.h"

#include <check.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "worker/names.h"

static struct event_base *base;
static struct names *names;
static int fd[2]; /* the master's end, the worker's */
static struct pg_link *const link_a = (struct pg_link *)&base, *const link_b =
								   (struct pg_link *)&fd;
static struct {
	const struct pg_link *link;
	char host[64], addresses[256], why[128];
	int n;
} told;

/* In the place of the link's own. */
void
pg_link_named(struct pg_link *link, const char *host, const char *addresses, const char *why)
{
	told.link = link;
	snprintf(told.host, sizeof(told.host), "%s", host);
	snprintf(told.addresses, sizeof(told.addresses), "%s", addresses);
	snprintf(told.why, sizeof(told.why), "%s", why);
	told.n++;
}

static void
setup(void)
{
	base = event_base_new();
	ck_assert(ipc_pair(fd));
	names = names_new(base, fd[1]);
	ck_assert_ptr_nonnull(names);
}

static void
ask(struct pg_link *link, const char *host)
{
	names_ops(names)->ask(names_ops(names)->ctx, link, host);
}

static struct ipc_msg
question(void)
{
	struct ipc_msg m;
	int passed;

	ck_assert_int_eq(ipc_recv(fd[0], &m, &passed), 1);
	ck_assert_uint_eq(m.type, IPC_RESOLVE);
	m.type = IPC_RESOLVED;
	return m;
}

static void
answer(const struct ipc_msg *to, uint32_t slot, const char *text)
{
	struct ipc_msg m = *to;

	m.slot = slot;
	snprintf(m.text, sizeof(m.text), "%s", text);
	names_answer(names, &m);
}

static void
check_told(
    int n, const struct pg_link *link, const char *host, const char *addresses, const char *why)
{
	ck_assert_int_eq(told.n, n);
	ck_assert(told.link == link);
	ck_assert_str_eq(told.host, host);
	ck_assert_str_eq(told.addresses, addresses);
	ck_assert_str_eq(told.why, why);
}

START_TEST(answers)
{
	struct ipc_msg a, b;

	ask(link_a, "a.example");
	ask(link_b, "b.example");
	a = question();
	b = question();
	ck_assert_str_eq(a.text, "a.example");
	answer(&b, 0, "192.0.2.2");
	check_told(1, link_b, "b.example", "192.0.2.2", "");
	answer(&a, IPC_NO_ADDRESS, "not known");
	check_told(2, link_a, "a.example", "", "not known");
	/* An answer to nothing. */
	answer(&a, 0, "192.0.2.1");
	ck_assert_int_eq(told.n, 2);
	/* What was found last is good enough. */
	ask(link_a, "b.example");
	b = question();
	answer(&b, IPC_NO_ADDRESS, "not known");
	check_told(3, link_a, "b.example", "192.0.2.2", "not known");
	ask(link_a, "b.example");
	b = question();
	names_ops(names)->forget(names_ops(names)->ctx, link_a);
	answer(&b, 0, "192.0.2.3");
	ck_assert_int_eq(told.n, 3);
}
END_TEST

START_TEST(no_answer)
{
	struct ipc_msg a;

	ask(link_a, "a.example");
	a = question();
	answer(&a, 0, "192.0.2.1 192.0.2.2");
	ask(link_a, "a.example");
	ask(link_b, "b.example");
	ck_assert_int_eq(told.n, 1);
	/* Until the timer has run. */
	while (told.n < 3)
		event_base_loop(base, EVLOOP_ONCE);
	check_told(3, link_b, "b.example", "", "the master does not answer");
	close(fd[0]);
	ask(link_a, "a.example");
	check_told(4, link_a, "a.example", "192.0.2.1 192.0.2.2", "the master can't be asked");
}
END_TEST

START_TEST(too_many)
{
	char longest[300];
	struct ipc_msg m;

	memset(longest, 'a', sizeof(longest));
	longest[299] = '\0';
	ask(link_a, longest);
	ck_assert_int_eq(told.n, 1);
	ck_assert_str_eq(told.why, "too many hosts, or a name too long");
	for (int i = 0; i < 64; i++) {
		ask(link_a, "a.example");
		m = question();
	}
	ck_assert_int_eq(told.n, 1);
	ask(link_a, "a.example");
	ck_assert_int_eq(told.n, 2);
	answer(&m, 0, "192.0.2.1");
	ask(link_a, "a.example");
	ck_assert_int_eq(told.n, 3);
}
END_TEST

static void
teardown(void)
{
	names_free(names);
	names_free(NULL);
	event_base_free(base);
}

int
main(void)
{
	Suite *s = suite_create("names");
	TCase *t = tcase_create("names");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, answers);
	tcase_add_test(t, no_answer);
	tcase_add_test(t, too_many);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
