/*
 * Configuration (common/conf.h): the grammar of the file, ranges, the environment over the
 * file, what a reload may change, and that a secret is never shown.
 */
#include "common/conf.h"

#include <check.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pg/url.h"

#define WARNINGS 8
#define SECRET "hunter2-s3cr3t"

static char file[] = "/tmp/check_conf.XXXXXX";
static struct conf conf;
static char err[CONF_ERR];
static char warned[WARNINGS][CONF_ERR];
static int nwarned;

static void
on_warning(const char *message)
{
	ck_assert_int_lt(nwarned, WARNINGS);
	(void)snprintf(warned[nwarned++], CONF_ERR, "%s", message);
}

/* No key of the machine that runs the tests may leak in. */
static void
setup(void)
{
	struct conf_key_info key;
	int fd;

	for (size_t i = 0; conf_key_at(i, &key); i++)
		ck_assert_int_eq(unsetenv(key.name), 0);
	memcpy(file + sizeof(file) - 7, "XXXXXX", 6);
	fd = mkstemp(file);
	ck_assert_int_ne(fd, -1);
	close(fd);
	nwarned = 0;
}

static void
teardown(void)
{
	unlink(file);
}

static void
write_bytes(const char *content, size_t len)
{
	FILE *f = fopen(file, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(content, 1, len, f), len);
	ck_assert_int_eq(fclose(f), 0);
}

/* Loads that file; `need_database` as in struct conf_source. */
static bool
load_from(const char *path, bool need_database)
{
	return conf_load(&conf,
	    &(struct conf_source){.file = path,
		.need_database = need_database,
		.url_wrong = pg_url_wrong,
		.warn = on_warning},
	    err);
}

static bool
load(const char *content)
{
	write_bytes(content, strlen(content));
	return load_from(file, false);
}

/* The content is refused, with the line and a word of the reason, and without the secret. */
static void
refused(const char *content, int line, const char *word)
{
	char place[64];

	ck_assert_msg(!load(content), "accepted: %s", content);
	(void)snprintf(place, sizeof(place), "%s:%d: ", file, line);
	ck_assert_msg(
	    strncmp(err, place, strlen(place)) == 0, "%s does not begin with %s", err, place);
	ck_assert_msg(strstr(err, word) != NULL, "%s lacks '%s'", err, word);
	ck_assert_msg(strstr(err, SECRET) == NULL, "shows the secret: %s", err);
	ck_assert_msg(strpbrk(err, "\r\n") == NULL, "more than a line: %s", err);
}

START_TEST(fallbacks)
{
	ck_assert(load(""));
	ck_assert_str_eq(conf.bind, "0.0.0.0");
	ck_assert_int_eq(conf.port, 5027);
	ck_assert_str_eq(conf.metrics_bind, "127.0.0.1");
	ck_assert_int_eq(conf.metrics_port, 9092);
	ck_assert(!conf.allow_unknown_imei);
	ck_assert_uint_eq(conf.allow_cidr.n, 0);
	ck_assert_uint_eq(conf.proxy_from.n, 0);
	ck_assert_int_eq(conf.max_connections, 0);
	ck_assert_int_eq(conf.max_connections_per_address, 0);
	ck_assert_int_eq(conf.unknown_imei_rate, 0);
	ck_assert_int_eq(conf.command_timeout_ms, 45000);
	ck_assert_int_eq(conf.command_max_attempts, 5);
	ck_assert_int_eq(conf.retention_days, 0);
	ck_assert_int_eq(conf.raw_retention_days, 30);
	ck_assert_int_eq(conf.ingest_raw, INGEST_RAW_ERRORS);
	ck_assert_int_eq(conf.drain_timeout_ms, 10000);
	ck_assert_int_eq(conf.handshake_timeout_s, 60);
	ck_assert_int_eq(conf.frame_timeout_s, 60);
	ck_assert_int_eq(conf.idle_timeout_s, 14400);
	ck_assert_int_eq(conf.log_level, LOG_INFO_);
	ck_assert_int_eq(conf.log_format, LOG_TEXT);
	ck_assert_str_eq(conf.log_file, "");
	ck_assert_int_eq(conf.max_devices, 1000000);
	ck_assert_int_eq(conf.batch_records, 10000);
	ck_assert_int_eq(conf.worker_memory_mb, 256);
	ck_assert_str_eq(conf.user, "");
	ck_assert_int_eq(nwarned, 0);
}
END_TEST

START_TEST(resolves_what_the_machine_says)
{
	char host[CONF_STR], id[CONF_STR + 16];

	ck_assert(load("TELEM_GATEWAY_PORT=6000\n"));
	ck_assert_int_ge(conf.workers, 1);
	ck_assert_int_le(conf.workers, 1024);
	ck_assert_int_eq(gethostname(host, sizeof(host)), 0);
	(void)snprintf(id, sizeof(id), "%s:6000", host);
	ck_assert_str_eq(conf.gateway_id, id);
	ck_assert(load("TELEM_GATEWAY_ID=north 1\nTELEM_WORKERS=7\n"));
	ck_assert_str_eq(conf.gateway_id, "north 1");
	ck_assert_int_eq(conf.workers, 7);
}
END_TEST

START_TEST(grammar)
{
	ck_assert(load("# a comment\n\n#TELEM_WORKERS=9\nTELEM_LOG_FILE= /a b=c # d\"\n"
		       "TELEM_WORKERS=3"));
	ck_assert_int_eq(conf.workers, 3);
	/* Values are taken whole: blanks, further '=', '#' and quotes belong to them. */
	ck_assert_str_eq(conf.log_file, " /a b=c # d\"");
}
END_TEST

START_TEST(bad_lines)
{
	char longest[9000];

	refused("TELEM_WORKERS=1\n\nTELEM_WORKERS\n", 3, "no '='");
	refused("#\n #TELEM_WORKERS\n", 2, "no '='");
	refused("TELEM_WORKERS=1\nTELEM_LOG_LEVEL=info\nTELEM_WORKERS=1\n", 3, "line 1");
	refused("TELEM_GATEWAY_PROT=1\n", 1, "did you mean TELEM_GATEWAY_PORT?");
	refused("telem_workers=1\n", 1, "did you mean TELEM_WORKERS?");
	refused("TELEM_PORT=1\n", 1, "did you mean TELEM_GATEWAY_PORT?");
	refused("TELEM_METRICS_PORT=1\n", 1, "did you mean METRICS_PORT?");
	refused("COLOUR=red\n", 1, "COLOUR is not known");
	refused("export TELEM_WORKERS=1\n", 1, "not a name");
	refused("TELEM_WORKERS =1\n", 1, "not a name");
	refused("=1\n", 1, "not a name");
	refused("TELEM_WORKERS=1\r\n", 1, "carriage return");
	refused("TELEM_LOG_FILE=/a\tb\n", 1, "control");
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	refused(longest, 1, "longer");
	memcpy(longest, "TELEM_USER=", 11);
	longest[400] = '\0';
	refused(longest, 1, "TELEM_USER: longer");
	write_bytes("TELEM_WORKERS=1\nTELEM\0", 22);
	ck_assert(!load_from(file, false));
	ck_assert_ptr_nonnull(strstr(err, ":2: "));
}
END_TEST

START_TEST(bad_values)
{
	refused("TELEM_WORKERS=\n", 1, "TELEM_WORKERS: must be 1 to 1024, not \"\"");
	refused("TELEM_WORKERS=four\n", 1, "not \"four\"");
	refused("TELEM_WORKERS= 4\n", 1, "not \" 4\"");
	refused("TELEM_WORKERS=4 \n", 1, "TELEM_WORKERS");
	refused("TELEM_WORKERS=-1\n", 1, "TELEM_WORKERS");
	refused("TELEM_WORKERS=0x10\n", 1, "TELEM_WORKERS");
	refused("TELEM_WORKERS=4294967297\n", 1, "TELEM_WORKERS");
	refused("TELEM_WORKERS=99999999999999999999999\n", 1, "TELEM_WORKERS");
	refused("TELEM_GATEWAY_ALLOW_UNKNOWN_IMEI=maybe\n", 1, "true or false");
	refused("TELEM_LOG_LEVEL=INFO\n", 1, "error, warn, info or debug");
	refused("TELEM_LOG_FORMAT=xml\n", 1, "text or json");
	refused("TELEM_INGEST_RAW=\n", 1, "off, errors or all");
	refused("TELEM_GATEWAY_ID=caf\xc3\xa9\n", 1, "printable ASCII");
	refused("TELEM_GATEWAY_ALLOW_CIDR=10.0.0.0/33\n", 1, "prefix length: 10.0.0.0/33");
	ck_assert(load("TELEM_LOG_LEVEL=debug\nTELEM_LOG_FORMAT=json\nTELEM_INGEST_RAW=all\n"
		       "TELEM_GATEWAY_ALLOW_UNKNOWN_IMEI=true\n"));
	ck_assert_int_eq(conf.log_level, LOG_DEBUG_);
	ck_assert_int_eq(conf.log_format, LOG_JSON);
	ck_assert_int_eq(conf.ingest_raw, INGEST_RAW_ALL);
	ck_assert(conf.allow_unknown_imei);
}
END_TEST

/*
 * An address of a Unix socket is short, and the daemon needs a second one beside it for a moment.
 */
START_TEST(socket_paths)
{
	char line[256] = "TELEM_CONTROL_SOCKET=/";

	memset(line + strlen(line), 'x', 102);
	ck_assert_msg(load(line), "%s", err);
	ck_assert_uint_eq(strlen(conf.control_socket), 103);
	line[strlen(line)] = 'x';
	refused(line, 1, "an absolute path of up to 103 bytes");
	refused("TELEM_CONTROL_SOCKET=run/control.sock\n", 1, "an absolute path");
	refused("TELEM_CONTROL_SOCKET=\n", 1, "or none");
	ck_assert(load("TELEM_CONTROL_SOCKET=none\n"));
	ck_assert_str_eq(conf.control_socket, "none");
	ck_assert(load(""));
	ck_assert_str_eq(
	    conf.control_socket, strlen(CONF_CONTROL_SOCKET) <= 103 ? CONF_CONTROL_SOCKET : "none");
}
END_TEST

/* Walks the table: both ends of every range are good, and the next ones beyond are not. */
START_TEST(every_range)
{
	struct conf_key_info key;
	int numbers = 0;

	for (size_t i = 0; conf_key_at(i, &key); i++) {
		char line[256];
		long lo, hi;

		ck_assert_ptr_nonnull(key.help);
		ck_assert_ptr_nonnull(key.fallback);
		if (sscanf(key.range, "%ld to %ld", &lo, &hi) != 2)
			continue;
		numbers++;
		(void)snprintf(line, sizeof(line), "%s=%ld\n", key.name, lo);
		ck_assert_msg(load(line), "%s", err);
		(void)snprintf(line, sizeof(line), "%s=%ld\n", key.name, hi);
		ck_assert_msg(load(line), "%s", err);
		(void)snprintf(line, sizeof(line), "%s=%ld\n", key.name, lo - 1);
		refused(line, 1, key.name);
		(void)snprintf(line, sizeof(line), "%s=%ld\n", key.name, hi + 1);
		refused(line, 1, key.range);
	}
	ck_assert_int_ge(numbers, 14);
}
END_TEST

START_TEST(bind_lists)
{
	ck_assert(load("TELEM_GATEWAY_BIND=127.0.0.1, ::1,[2001:db8::5]\nMETRICS_BIND=[::1]\n"));
	ck_assert_str_eq(conf.bind, "127.0.0.1,::1,2001:db8::5");
	ck_assert_str_eq(conf.metrics_bind, "::1");
	refused("TELEM_GATEWAY_BIND=\n", 1, "TELEM_GATEWAY_BIND");
	refused("TELEM_GATEWAY_BIND=127.0.0.1,\n", 1, "TELEM_GATEWAY_BIND");
	refused("TELEM_GATEWAY_BIND=localhost\n", 1, "TELEM_GATEWAY_BIND");
	refused("TELEM_GATEWAY_BIND=[127.0.0.1]\n", 1, "TELEM_GATEWAY_BIND");
	refused("TELEM_GATEWAY_BIND=127.0.0.1:5027\n", 1, "TELEM_GATEWAY_BIND");
	refused("TELEM_GATEWAY_BIND=::1,0:0::1\n", 1, "twice");
	refused(
	    "TELEM_GATEWAY_BIND=1.0.0.1,1.0.0.2,1.0.0.3,1.0.0.4,1.0.0.5,1.0.0.6,1.0.0.7,1.0.0.8,"
	    "1.0.1.1,1.0.1.2,1.0.1.3,1.0.1.4,1.0.1.5,1.0.1.6,1.0.1.7,1.0.1.8,1.0.1.9\n",
	    1, "TELEM_GATEWAY_BIND");
	refused("METRICS_BIND=127.0.0.1,::1\n", 1, "METRICS_BIND");
}
END_TEST

START_TEST(secrets_stay_secret)
{
	static const char *const bad[] = {
	    "DATABASE_URL=postgresql://user:" SECRET "@[::1/db\n",
	    "DATABASE_URL=host=x password=" SECRET " " SECRET "\n",
	    "DATABASE_URL='postgresql://u:" SECRET "@h/db'\n",
	    "DATABASE_URL=" SECRET "\n",
	    "DATABASE_URL=host=x " SECRET "=1\n",
	    "DATABASE_URL=postgresql://u:" SECRET "@h/db?" SECRET "=1\n",
	    "DATABASE_URL=postgresql://u:" SECRET "@h/db\r\n",
	    "postgresql://u:" SECRET "@h/db?sslmode=require\n",
	    "u:" SECRET "@h/db\n",
	};
	char dump[8192] = "";
	FILE *f;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(bad[i], 1, "");
	ck_assert_int_eq(setenv("DATABASE_URL", SECRET "//" SECRET, 1), 0);
	ck_assert(!load(""));
	ck_assert_ptr_nonnull(strstr(err, "environment: DATABASE_URL: "));
	ck_assert_ptr_null(strstr(err, SECRET));
	ck_assert_int_eq(unsetenv("DATABASE_URL"), 0);

	ck_assert(load("DATABASE_URL=postgresql://u:" SECRET "@h/db?a=b\n") == false);
	ck_assert(load("DATABASE_URL=postgresql://u:" SECRET "@h/db?sslmode=require\n"));
	ck_assert_str_eq(conf.database_url, "postgresql://u:" SECRET "@h/db?sslmode=require");
	f = fmemopen(dump, sizeof(dump), "w");
	ck_assert_ptr_nonnull(f);
	conf_dump(&conf, f);
	(void)fclose(f);
	ck_assert_ptr_null(strstr(dump, SECRET));
	ck_assert_ptr_nonnull(strstr(dump, "DATABASE_URL=********\n"));
}
END_TEST

START_TEST(database_needed)
{
	write_bytes("DATABASE_URL=\n", 14);
	ck_assert(load_from(file, false));
	ck_assert(!load_from(file, true));
	ck_assert_ptr_nonnull(strstr(err, "DATABASE_URL is not set"));
	ck_assert_ptr_nonnull(strstr(err, file));
	ck_assert_int_eq(setenv("DATABASE_URL", "dbname=fleet", 1), 0);
	ck_assert(load_from(file, true));
	ck_assert_str_eq(conf.database_url, "dbname=fleet");
}
END_TEST

START_TEST(environment)
{
	ck_assert_int_eq(setenv("TELEM_WORKERS", "5", 1), 0);
	ck_assert(load("TELEM_WORKERS=3\nTELEM_LOG_FILE=/var/log/long-name\n"));
	ck_assert_int_eq(conf.workers, 5);
	/* What the environment overrides is checked all the same. */
	refused("TELEM_WORKERS=none\n", 1, "TELEM_WORKERS");
	ck_assert_int_eq(setenv("TELEM_WORKERS", "0", 1), 0);
	ck_assert(!load(""));
	ck_assert_str_eq(err, "environment: TELEM_WORKERS: must be 1 to 1024, not \"0\"");
	ck_assert_int_eq(unsetenv("TELEM_WORKERS"), 0);

	ck_assert_int_eq(setenv("TELEM_WORKRES", SECRET, 1), 0);
	ck_assert_int_eq(setenv("METRICS_COLOUR", "1", 1), 0);
	nwarned = 0;
	ck_assert(load(""));
	ck_assert_int_eq(nwarned, 1);
	ck_assert_str_eq(
	    warned[0], "environment: TELEM_WORKRES is not known (did you mean TELEM_WORKERS?)");
	ck_assert_int_eq(unsetenv("TELEM_WORKRES"), 0);
}
END_TEST

START_TEST(files)
{
	ck_assert(!load_from("/nonexistent/gateway.conf", false));
	ck_assert_ptr_nonnull(strstr(err, "/nonexistent/gateway.conf: can't be opened: "));
	ck_assert(!load_from("/tmp", false));
	ck_assert_ptr_nonnull(strstr(err, "/tmp: can't be read: "));
	/* The default file need not be there. */
	if (access(PKGSYSCONFDIR "/gateway.conf", F_OK) == -1)
		ck_assert(load_from(NULL, false));
}
END_TEST

/* What -T prints can be loaded again, and comes out the same. */
START_TEST(dump_loads_again)
{
	char first[8192] = "", second[8192] = "";
	FILE *f;

	ck_assert(load("TELEM_GATEWAY_BIND=::1, 127.0.0.1\nTELEM_WORKERS=6\nTELEM_LOG_LEVEL=warn\n"
		       "TELEM_GATEWAY_ALLOW_CIDR=10.0.0.0/8, 2001:db8::/32\nTELEM_USER=telem\n"
		       "TELEM_GATEWAY_ALLOW_UNKNOWN_IMEI=true\nTELEM_INGEST_RAW=off\n"));
	f = fmemopen(first, sizeof(first), "w");
	conf_dump(&conf, f);
	(void)fclose(f);
	ck_assert_msg(load(first), "%s", err);
	ck_assert_uint_eq(conf.allow_cidr.n, 2);
	f = fmemopen(second, sizeof(second), "w");
	conf_dump(&conf, f);
	(void)fclose(f);
	ck_assert_str_eq(first, second);
}
END_TEST

START_TEST(open_to_world)
{
	static const char *const open[] = {"0.0.0.0", "::", "198.51.100.1", "2a00::1",
	    "127.0.0.1,0.0.0.0", "127.0.0.1,::", "100.63.255.255", "172.32.0.1", "::2"};
	static const char *const closed[] = {"127.0.0.1", "127.9.9.9,::1", "10.1.2.3",
	    "172.16.0.1,172.31.255.255", "192.168.1.1", "100.64.0.1", "169.254.1.1", "fd00::1",
	    "fe80::1", "::ffff:10.0.0.1"};
	char text[128];

	ck_assert(load(""));
	ck_assert(conf_open_to_world(&conf));
	for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
		(void)snprintf(text, sizeof(text), "TELEM_GATEWAY_BIND=%s\n", open[i]);
		ck_assert(load(text));
		ck_assert_msg(conf_open_to_world(&conf), "%s", open[i]);
	}
	for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
		(void)snprintf(text, sizeof(text), "TELEM_GATEWAY_BIND=%s\n", closed[i]);
		ck_assert(load(text));
		ck_assert_msg(!conf_open_to_world(&conf), "%s", closed[i]);
	}
	ck_assert(load("TELEM_GATEWAY_ALLOW_CIDR=0.0.0.0/0,::/0\n"));
	ck_assert(!conf_open_to_world(&conf));
	ck_assert(load("TELEM_PROXY_FROM=192.0.2.1\n"));
	ck_assert(!conf_open_to_world(&conf));
}
END_TEST

static char changed[512];

static void
on_changed(const char *name)
{
	strncat(changed, name, sizeof(changed) - strlen(changed) - 2);
	strncat(changed, " ", 2);
}

START_TEST(restart_keys_are_kept)
{
	static struct conf running;

	ck_assert(load("TELEM_MAX_DEVICES=2000\nMETRICS_BIND=127.0.0.2\nTELEM_USER=someone\n"
		       "TELEM_GATEWAY_ID=a\n"));
	running = conf;
	ck_assert(load("TELEM_MAX_DEVICES=3000\nMETRICS_BIND=127.0.0.1\nTELEM_GATEWAY_ID=a\n"
		       "TELEM_WORKERS=3\nTELEM_LOG_LEVEL=debug\nTELEM_IDLE_TIMEOUT_S=77\n"));
	changed[0] = '\0';
	conf_keep_restart_keys(&conf, &running, on_changed);
	ck_assert_str_eq(changed, "METRICS_BIND TELEM_MAX_DEVICES TELEM_USER ");
	ck_assert_int_eq(conf.max_devices, 2000);
	ck_assert_str_eq(conf.metrics_bind, "127.0.0.2");
	ck_assert_int_eq(conf.workers, 3);
	ck_assert_str_eq(conf.user, "someone");
	ck_assert_int_eq(conf.log_level, LOG_DEBUG_);
	ck_assert_int_eq(conf.idle_timeout_s, 77);
	changed[0] = '\0';
	conf_keep_restart_keys(&conf, &running, on_changed);
	ck_assert_str_eq(changed, "");

	/*
	 * The same value by another way is no change: what a longer one left behind doesn't count.
	 */
	ck_assert_int_eq(setenv("TELEM_USER", "short", 1), 0);
	ck_assert(load("TELEM_USER=a-longer-name\n"));
	running = conf;
	ck_assert_int_eq(unsetenv("TELEM_USER"), 0);
	ck_assert(load("TELEM_USER=short\n"));
	conf_keep_restart_keys(&conf, &running, on_changed);
	ck_assert_str_eq(changed, "");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("conf");
	TCase *t = tcase_create("conf");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, fallbacks);
	tcase_add_test(t, resolves_what_the_machine_says);
	tcase_add_test(t, grammar);
	tcase_add_test(t, bad_lines);
	tcase_add_test(t, bad_values);
	tcase_add_test(t, socket_paths);
	tcase_add_test(t, every_range);
	tcase_add_test(t, bind_lists);
	tcase_add_test(t, secrets_stay_secret);
	tcase_add_test(t, database_needed);
	tcase_add_test(t, environment);
	tcase_add_test(t, files);
	tcase_add_test(t, dump_loads_again);
	tcase_add_test(t, open_to_world);
	tcase_add_test(t, restart_keys_are_kept);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
