/* What libpq would connect to, and the lists that save it from looking up names. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pg/hosts.h"

static struct pg_hosts_lists lists;

static struct pg_hosts *
hosts(const char *url)
{
	struct pg_hosts *h = pg_hosts_new(url);

	ck_assert_ptr_nonnull(h);
	return h;
}

static void
says(struct pg_hosts *h, const char *host, const char *hostaddr, const char *port)
{
	ck_assert(pg_hosts_lists(h, 0, &lists));
	ck_assert_str_eq(lists.host, host);
	ck_assert_str_eq(lists.hostaddr, hostaddr);
	ck_assert_str_eq(lists.port, port);
	pg_hosts_free(h);
}

START_TEST(nothing_to_look_up)
{
	static const char *const urls[] = {"dbname=x", "host=/run/postgresql", "host=@abstract",
	    "host=192.0.2.1", "host=2001:db8::1", "host=fe80::1%eth0", "postgresql:///x",
	    "postgresql://[2001:db8::1]:77/x", "host=db.example hostaddr=192.0.2.1",
	    "host=/run/a,192.0.2.1 port=1,2", "hostaddr=192.0.2.1,192.0.2.2",
	    "no connection string"};

	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct pg_hosts *h = hosts(urls[i]);

		ck_assert_msg(pg_hosts_name(h, 0) == NULL, "%s: %s", urls[i], pg_hosts_name(h, 0));
		ck_assert_int_ge(pg_hosts_count(h), 1);
		says(h, "", "", "");
	}
}
END_TEST

START_TEST(one_name)
{
	struct pg_hosts *h = hosts("postgresql://u:p@db.example:77/x");

	ck_assert_str_eq(pg_hosts_name(h, 0), "db.example");
	ck_assert_ptr_null(pg_hosts_name(h, 1));
	says(h, "", "", ""); /* nobody looked: libpq does */
	h = hosts("postgresql://u:p@db.example:77/x");
	ck_assert(pg_hosts_found(h, "db.example", "192.0.2.1 2001:db8::1"));
	ck_assert_int_eq(pg_hosts_count(h), 2);
	says(h, "db.example,db.example", "192.0.2.1,2001:db8::1", "77,77");
	/* A port is always said. */
	h = hosts("host=db.example");
	ck_assert(pg_hosts_found(h, "db.example", "192.0.2.1"));
	says(h, "db.example", "192.0.2.1", "5432");
}
END_TEST

START_TEST(a_list)
{
	struct pg_hosts *h = hosts("host=a.example,/run/x,a.example,192.0.2.9,b.example "
				   "hostaddr=,,,,192.0.2.8 port=1,,3,4,5");

	ck_assert_str_eq(pg_hosts_name(h, 0), "a.example");
	ck_assert_ptr_null(pg_hosts_name(h, 1));
	ck_assert(!pg_hosts_found(h, "c.example", "192.0.2.7"));
	ck_assert(pg_hosts_found(h, "a.example", "192.0.2.1 192.0.2.2"));
	ck_assert_int_eq(pg_hosts_count(h), 7);
	says(h, "a.example,a.example,/run/x,a.example,a.example,192.0.2.9,b.example",
	    "192.0.2.1,192.0.2.2,,192.0.2.1,192.0.2.2,,192.0.2.8", "1,1,5432,3,3,4,5");
	h = hosts("host=a.example,b.example");
	ck_assert_str_eq(pg_hosts_name(h, 1), "b.example");
	ck_assert(!pg_hosts_found(h, "a.example", ""));
	ck_assert(pg_hosts_found(h, "b.example", "192.0.2.2"));
	says(h, "b.example", "192.0.2.2", "5432");
	h = hosts("host=a.example");
	ck_assert(pg_hosts_found(h, "a.example", ""));
	ck_assert(!pg_hosts_lists(h, 0, &lists));
	pg_hosts_free(h);
}
END_TEST

START_TEST(many_addresses)
{
	struct pg_hosts *h = hosts("host=a.example");
	char text[2000] = "";

	for (int i = 0; i < 100; i++)
		sprintf(text + strlen(text), "%s192.0.2.%d", i > 0 ? " " : "", i);
	ck_assert(pg_hosts_found(h, "a.example", text));
	ck_assert_int_eq(pg_hosts_count(h), PG_HOSTS_ADDRESSES);
	ck_assert(pg_hosts_lists(h, 0, &lists));
	ck_assert_str_eq(strrchr(lists.hostaddr, ','), ",192.0.2.15");
	pg_hosts_free(h);
}
END_TEST

START_TEST(from_elsewhere)
{
	char path[] = "/tmp/check_hosts.XXXXXX", url[64];
	FILE *f = fdopen(mkstemp(path), "w");
	struct pg_hosts *h;

	fputs("[there]\nhost=from.service\nport=9\n", f);
	fclose(f);
	setenv("PGSERVICEFILE", path, 1);
	snprintf(url, sizeof(url), "service=there dbname=x");
	h = hosts(url);
	unlink(path);
	ck_assert_str_eq(pg_hosts_name(h, 0), "from.service");
	ck_assert(pg_hosts_found(h, "from.service", "192.0.2.1"));
	says(h, "from.service", "192.0.2.1", "9");
	setenv("PGHOST", "from.environment", 1);
	h = hosts("dbname=x");
	ck_assert_str_eq(pg_hosts_name(h, 0), "from.environment");
	pg_hosts_free(h);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("hosts");
	TCase *t = tcase_create("hosts");
	SRunner *r;
	int failed;

	tcase_add_test(t, nothing_to_look_up);
	tcase_add_test(t, one_name);
	tcase_add_test(t, a_list);
	tcase_add_test(t, many_addresses);
	tcase_add_test(t, from_elsewhere);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
