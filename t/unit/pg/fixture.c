/* A private PostgreSQL for unit tests: see pg_fixture.h. */
#include "config.h"

#include "t/unit/pg/fixture.h"

#include <errno.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pg/schema_version.h"

#define URL_FORMAT "host=%s port=5432 user=test dbname=%s"

static char dir[64], bindir[256];
static pid_t server;

static void
die(const char *what)
{
	fprintf(stderr, "pg_fixture: %s: %s\n", what, strerror(errno));
	pg_fixture_stop();
	exit(1);
}

/* E2E_PG_BINDIR chooses other programs than the system's, as it does for the end-to-end tests. */
static bool
find_bindir(void)
{
	const char *chosen = getenv("E2E_PG_BINDIR");
	glob_t g = {0};

	if (chosen != NULL && chosen[0] != '\0') {
		snprintf(bindir, sizeof(bindir), "%s", chosen);
		return true;
	}
	if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &g) != 0)
		(void)glob("/usr/*/bin/initdb", GLOB_APPEND, NULL, &g);
	if (g.gl_pathc == 0)
		(void)glob("/usr/bin/initdb", 0, NULL, &g);
	if (g.gl_pathc > 0) {
		snprintf(bindir, sizeof(bindir), "%s", g.gl_pathv[g.gl_pathc - 1]);
		*strrchr(bindir, '/') = '\0';
	}
	globfree(&g);
	return bindir[0] != '\0';
}

/* PostgreSQL refuses to run as root. */
static void
drop_root(void)
{
	const struct passwd *pw = getpwnam("nobody");

	if (geteuid() != 0)
		return;
	if (pw == NULL || setgroups(0, NULL) == -1 || setgid(pw->pw_gid) == -1 ||
	    setuid(pw->pw_uid) == -1)
		_exit(126);
}

static pid_t
spawn(const char *program, const char *argv[])
{
	char path[512];
	pid_t parent = getpid(), pid;

	/* With its whole path PostgreSQL's programs find each other also outside of PATH. */
	snprintf(path, sizeof(path), "%s/%s", bindir, program);
	argv[0] = path;
	pid = fork();
	if (pid == -1)
		die("fork");
	if (pid != 0)
		return pid;
	drop_root();
	/* No server outlives a test that crashed. */
	prctl(PR_SET_PDEATHSIG, SIGQUIT);
	if (getppid() != parent || chdir(dir) == -1)
		_exit(126);
	if (freopen("server.log", "a", stdout) == NULL || dup2(1, 2) == -1)
		_exit(126);
	execv(path, (char *const *)argv);
	_exit(127);
}

static void
wait_ready(void)
{
	char url[256];

	snprintf(url, sizeof(url), URL_FORMAT, dir, "postgres");
	for (int i = 0; i < 600; i++) {
		if (PQping(url) == PQPING_OK)
			return;
		if (waitpid(server, NULL, WNOHANG) != 0) {
			server = 0;
			break;
		}
		usleep(50000);
	}
	die("the server did not start");
}

static char *
read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	struct stat st;
	char *text;

	if (f == NULL || fstat(fileno(f), &st) == -1)
		die(path);
	text = calloc(1, (size_t)st.st_size + 1);
	if (text == NULL || fread(text, 1, (size_t)st.st_size, f) != (size_t)st.st_size)
		die(path);
	fclose(f);
	return text;
}

/* The template that every test's database is copied from. */
static void
migrate(void)
{
	const char *srcdir = getenv("srcdir");
	char pattern[512], url[256];
	glob_t g = {0};
	PGconn *conn;

	snprintf(url, sizeof(url), URL_FORMAT, dir, "template1");
	conn = pg_fixture_connect(url);
	pg_fixture_exec(conn, "SET client_min_messages = warning");
	pg_fixture_exec(conn, "CREATE TABLE schema_migrations (version integer PRIMARY KEY, "
			      "name text, applied_at timestamptz DEFAULT now())");
	snprintf(pattern, sizeof(pattern), "%s/migrations/*.sql", srcdir != NULL ? srcdir : ".");
	if (glob(pattern, 0, NULL, &g) != 0)
		die(pattern);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		char *sql = read_file(g.gl_pathv[i]);

		pg_fixture_exec(conn, "BEGIN;%s;COMMIT", sql);
		free(sql);
	}
	pg_fixture_exec(conn, "INSERT INTO schema_migrations VALUES (%d, 'test')", SCHEMA_VERSION);
	globfree(&g);
	PQfinish(conn);
}

void
pg_fixture_start(void)
{
	char data[128], sockets[128];
	int status;

	if (!find_bindir()) {
		fprintf(stderr, "skipped: no PostgreSQL server is installed here\n");
		exit(77);
	}
	snprintf(dir, sizeof(dir), "/tmp/telematics-unit-XXXXXX");
	if (mkdtemp(dir) == NULL)
		die(dir);
	const struct passwd *pw = getpwnam("nobody");
	if (geteuid() == 0 && (pw == NULL || chown(dir, pw->pw_uid, pw->pw_gid) == -1))
		die(dir);
	snprintf(data, sizeof(data), "%s/data", dir);
	const char *initdb[] = {"initdb", "-D", data, "-U", "test", "-A", "trust", "-E", "UTF8",
	    "--locale=C", "--no-sync", NULL};
	if (waitpid(spawn("initdb", initdb), &status, 0) == -1 || status != 0)
		die("initdb");
	snprintf(sockets, sizeof(sockets), "unix_socket_directories=%s", dir);
	const char *postgres[] = {"postgres", "-D", data, "-c", "listen_addresses=", "-c", sockets,
	    "-c", "fsync=off", "-c", "shared_buffers=32MB", "-c", "max_wal_size=256MB", NULL};
	server = spawn("postgres", postgres);
	wait_ready();
	migrate();
}

void
pg_fixture_stop(void)
{
	pid_t pid;

	if (server > 0) {
		kill(server, SIGQUIT);
		waitpid(server, NULL, 0);
		server = 0;
	}
	if (dir[0] == '\0')
		return;
	pid = fork();
	if (pid == 0) {
		execlp("rm", "rm", "-rf", dir, (char *)NULL);
		_exit(127);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
	dir[0] = '\0';
}

const char *
pg_fixture_database(void)
{
	static char url[256];
	static int n;
	char admin[256], name[64];
	PGconn *conn;

	/* Tests run in forked children, each with its own count. */
	snprintf(name, sizeof(name), "t%d_%d", (int)getpid(), n++);
	snprintf(admin, sizeof(admin), URL_FORMAT, dir, "postgres");
	conn = pg_fixture_connect(admin);
	pg_fixture_exec(conn, "CREATE DATABASE %s TEMPLATE template1", name);
	PQfinish(conn);
	snprintf(url, sizeof(url), URL_FORMAT, dir, name);
	return url;
}

PGconn *
pg_fixture_connect(const char *url)
{
	PGconn *conn = PQconnectdb(url);

	if (PQstatus(conn) != CONNECTION_OK) {
		fprintf(stderr, "pg_fixture: %s", PQerrorMessage(conn));
		abort();
	}
	PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
	return conn;
}

void
pg_fixture_disconnect(PGconn *conn)
{
	PQfinish(conn);
}

static PGresult *run(PGconn *, const char *, va_list) __attribute__((format(printf, 2, 0)));

static PGresult *
run(PGconn *conn, const char *fmt, va_list ap)
{
	char *sql = NULL;
	PGresult *res;

	if (vasprintf(&sql, fmt, ap) == -1)
		abort();
	res = PQexec(conn, sql);
	if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK) {
		fprintf(stderr, "pg_fixture: %.300s\n%s", sql, PQerrorMessage(conn));
		abort();
	}
	free(sql);
	return res;
}

void
pg_fixture_exec(PGconn *conn, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	PQclear(run(conn, fmt, ap));
	va_end(ap);
}

const char *
pg_fixture_value(PGconn *conn, const char *fmt, ...)
{
	static char value[1024];
	PGresult *res;
	va_list ap;

	va_start(ap, fmt);
	res = run(conn, fmt, ap);
	va_end(ap);
	value[0] = '\0';
	if (PQntuples(res) > 0)
		snprintf(value, sizeof(value), "%s", PQgetvalue(res, 0, 0));
	PQclear(res);
	return value;
}
