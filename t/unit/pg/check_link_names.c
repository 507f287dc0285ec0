/* A link whose host is a name: others look it up, and libpq is given the address. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "t/unit/pg/check_link.h"

static char asked[256];
static int forgotten;
static bool at_once;

static void
ask(void *ctx, struct pg_link *link, const char *name)
{
	ck_assert_ptr_eq(ctx, asked);
	snprintf(asked + strlen(asked), sizeof(asked) - strlen(asked), "%s;", name);
	if (at_once)
		pg_link_named(link, name, "", "not known");
}

static void
forget(void *ctx, struct pg_link *link)
{
	ck_assert_ptr_eq(ctx, asked);
	ck_assert_ptr_eq(link, rig.link);
	forgotten++;
}

static const struct pg_names names = {.ctx = asked, .ask = ask, .forget = forget};

/* A port of 127.0.0.1 on which somebody listens. */
static int
listener(int *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, len), 0);
	ck_assert_int_eq(listen(fd, 5), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

START_TEST(the_address_is_used)
{
	int port, fd = listener(&port), got = -1;
	char url[128], text[512];
	ssize_t n = 0;

	snprintf(url, sizeof(url),
	    "host=db.invalid,other.invalid port=%d user=u sslmode=disable "
	    "gssencmode=disable dbname=named",
	    port);
	rig.cb.names = &names;
	rig_link(url);
	UNTIL(strcmp(asked, "db.invalid;other.invalid;") == 0);
	pg_link_named(rig.link, "other.invalid", "", "not known");
	ck_assert_int_eq(rig.downs, 0);
	pg_link_named(rig.link, "db.invalid", "127.0.0.1", "");
	UNTIL((got = accept(fd, NULL, NULL)) != -1);
	UNTIL((n = recv(got, text, sizeof(text), MSG_DONTWAIT)) > 0);
	ck_assert_ptr_nonnull(memmem(text, (size_t)n, "named", 6));
	/* Late, and of an attempt that is over. */
	pg_link_named(rig.link, "db.invalid", "", "not known");
	ck_assert_int_eq(rig.downs, 0);
	close(got);
	UNTIL(rig.downs == 1);
	/* The next attempt asks anew. */
	asked[0] = '\0';
	UNTIL(strcmp(asked, "db.invalid;other.invalid;") == 0);
	close(fd);
	pg_link_free(rig.link);
	ck_assert_int_eq(forgotten, 1);
	rig.link = NULL;
}
END_TEST

START_TEST(no_address)
{
	at_once = true;
	rig.cb.names = &names;
	rig_link("host=a.invalid,b.invalid");
	UNTIL(rig.downs == 1);
	ck_assert_str_eq(rig.why, "no address of host \"b.invalid\": not known");
	ck_assert_str_eq(asked, "a.invalid;b.invalid;");
}
END_TEST

START_TEST(nobody_answers)
{
	rig.cb.names = &names;
	rig_link("host=a.invalid");
	UNTIL(rig.downs == 1);
	ck_assert_ptr_nonnull(strstr(rig.why, "nobody says what address"));
}
END_TEST

/* libpq would wait for a name server, and the event loop with it. */
START_TEST(nobody_to_ask)
{
	rig.cb.names = NULL;
	rig_link("host=a.invalid");
	UNTIL(rig.downs == 1);
	ck_assert_str_eq(rig.why, "nobody looks up host names for this connection");
}
END_TEST

TCase *
names_case(void)
{
	TCase *t = tcase_create("names");

	tcase_add_checked_fixture(t, rig_open, rig_close);
	tcase_add_test(t, the_address_is_used);
	tcase_add_test(t, no_address);
	tcase_add_test(t, nobody_to_ask);
	tcase_add_test(t, nobody_answers);
	return t;
}
