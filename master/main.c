/*
 * telematics-gateway: arguments, and everything that is done once before the workers
 * start, in an order that matters: sockets while we are root, the pidfile's lock before
 * anything that a second instance could disturb, the log as the user that must reopen it.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/conf.h"
#include "common/log.h"
#include "common/sandbox.h"
#include "master/operator_socket.h"
#include "master/daemon.h"
#include "master/handover.h"
#include "master/listen.h"
#include "master/master.h"
#include "master/pidfile.h"
#include "master/privs.h"
#include "master/title.h"
#include "pg/url.h"

#define NO_SYSLOG \
	"no syslog listens at /dev/log, so the log is lost until one does; or set TELEM_LOG_FILE"

struct options {
	const char *conf_file; /* NULL: the default path */
	bool foreground, check, dump;
};

static void
usage(FILE *f)
{
	fputs("usage: telematics-gateway [-c FILE] [-f] [-t] [-T] [-V] [-h]\n", f);
}

static void
help(void)
{
	struct conf_key_info key;
	size_t i;

	usage(stdout);
	puts("\nTakes the TCP streams of Teltonika trackers and stores their records in "
	     "PostgreSQL.\n"
	     "\n"
	     "  -c, --config FILE   read FILE instead of " PKGSYSCONFDIR "/gateway.conf\n"
	     "  -f, --foreground    stay in the foreground, log to standard error\n"
	     "  -t, --test          check the configuration and leave\n"
	     "  -T, --dump          check it, print what is in force (secrets masked) and leave\n"
	     "  -V, --version       print the version and leave\n"
	     "  -h, --help          print this and leave\n"
	     "\n"
	     "Names of the file and of the environment, which wins:\n");
	for (i = 0; conf_key_at(i, &key); i++)
		printf("  %s (%s)\n      %s\n", key.name,
		    key.fallback != NULL && *key.fallback != '\0' ? key.fallback : "no default",
		    key.help);
}

/* Returns an exit status, or -1 to go on. */
static int
parse_arguments(int argc, char **argv, struct options *o)
{
	static const struct option names[] = {{"config", required_argument, NULL, 'c'},
	    {"foreground", no_argument, NULL, 'f'}, {"test", no_argument, NULL, 't'},
	    {"dump", no_argument, NULL, 'T'}, {"version", no_argument, NULL, 'V'},
	    {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "c:ftTVh", names, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->conf_file = optarg;
			break;
		case 'f':
			o->foreground = true;
			break;
		case 't':
			o->check = true;
			break;
		case 'T':
			o->dump = true;
			break;
		case 'V':
			puts("telematics-gateway " PACKAGE_VERSION);
			return 0;
		case 'h':
			help();
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "telematics-gateway: unexpected argument: %s\n", argv[optind]);
	usage(stderr);
	return 2;
}

static void
on_warning(const char *text)
{
	fprintf(stderr, "telematics-gateway: warning: %s\n", text);
}

/*
 * The path that a reload reads must hold after the daemon has left for another folder, and
 * after its arguments were overwritten by a title. A path that leads nowhere is left for
 * conf_load() to complain about.
 */
static char *
lasting_path(const char *path)
{
	char *full;

	if (path == NULL)
		return NULL;
	full = realpath(path, NULL);
	return full != NULL ? full : strdup(path);
}

/* True if the path leads to the file that runs. */
static bool
is_running(const char *path)
{
	struct stat a, b;

	return stat(path, &a) == 0 && stat("/proc/self/exe", &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/*
 * Where this program lies, to execute what lies there at an upgrade: the name that it was called
 * by, made absolute, but with symbolic links left for then. If that name has no path, or is
 * not the program's, the file that the kernel knows.
 */
static char *
program_path(const char *argv0)
{
	char cwd[PATH_MAX] = "", path[PATH_MAX];
	ssize_t n;

	if (argv0 != NULL && strchr(argv0, '/') != NULL && is_running(argv0) &&
	    (*argv0 == '/' || getcwd(cwd, sizeof(cwd)) != NULL) &&
	    (size_t)snprintf(path, sizeof(path), "%s%s%s", cwd, *argv0 != '/' ? "/" : "", argv0) <
		sizeof(path))
		return strdup(path);
	n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (n <= 0)
		return strdup(PKGSBINDIR "/telematics-gateway");
	path[n] = '\0';
	return strdup(path);
}

/* Descriptors 0 to 2 are nobody's socket, also where the caller had closed them. */
static void
fill_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	if (fd > 2)
		close(fd);
}

/* Sockets of a predecessor, as far as the configuration still wants them, and what is missing. */
static bool
take_sockets(struct master *m, char metrics[LISTEN_NAME], char err[CONF_ERR])
{
	const struct conf *c = m->conf;
	struct listen_set next;

	if (!listen_inherit(&m->listen, m->from.fds, m->from.naddr, m->from.nslots, err) ||
	    !listen_change(&next, &m->listen, c->bind, c->port, c->workers, err))
		return false;
	listen_commit(&m->listen, &next);
	if (m->from.metrics == -1)
		return true;
	if (c->metrics_port != 0 &&
	    listen_is_metrics(m->from.metrics, c->metrics_bind, c->metrics_port, metrics))
		m->metrics_fd = m->from.metrics;
	else
		close(m->from.metrics);
	m->from.metrics = -1;
	return true;
}

/* Whatever must be opened by root or before a second instance can. False: said, cleaned up. */
static bool
open_all(struct master *m, const struct privs *privs, char metrics[LISTEN_NAME], char err[CONF_ERR])
{
	const struct conf *c = m->conf;

	/* A predecessor's is written when we are in charge. */
	if (!pidfile_is(&m->from.pidfile, c->pidfile) &&
	    !pidfile_lock(&m->pidfile, c->pidfile, err))
		return false;
	if (m->from.present ? !take_sockets(m, metrics, err)
			    : !listen_open(&m->listen, c->bind, c->port, c->workers, err))
		return false;
	if (c->metrics_port != 0 && m->metrics_fd == -1) {
		m->metrics_fd = listen_metrics(c->metrics_bind, c->metrics_port, metrics, err);
		if (m->metrics_fd == -1)
			return false;
	}
	if (privs->change)
		listen_give(&m->listen, privs->uid, privs->gid);
	if (!privs_drop(privs, err))
		return false;
	/* Behind the change of the user, which would set the one anew and may need the other. */
	if (!sandbox_dumpable(c->core_files) || !sandbox_no_new_privs()) {
		snprintf(err, CONF_ERR, "giving up privileges: %s", strerror(errno));
		return false;
	}
	if (!log_open("master", master_log_file(m, c), c->log_format, c->log_level)) {
		snprintf(err, CONF_ERR, "TELEM_LOG_FILE %.200s: %s", c->log_file, strerror(errno));
		return false;
	}
	/* To the operator, while there is a terminal. */
	if (m->background && !log_listens()) {
		on_warning(NO_SYSLOG);
		log_warn("%s", NO_SYSLOG);
	}
	return true;
}

/* Without it trackers are served all the same; it is an error only where somebody asked for one. */
static void
open_operator_socket(struct master *m)
{
	const char *path = m->conf->control_socket;
	char err[CONF_ERR];

	if (operator_socket_open(&m->operator_socket, path, false, err))
		return;
	log_write(strcmp(path, CONF_CONTROL_SOCKET) == 0 ? LOG_INFO_ : LOG_ERROR_, NULL,
	    "%s; going on without, so tgctl trace and tgctl capture don't work", err);
}

static void
announce(const struct master *m, const struct privs *privs, const char *metrics)
{
	int i;

	log_info("telematics-gateway %s starts as \"%s\"%s", PACKAGE_VERSION, m->conf->gateway_id,
	    m->from.present ? ", to take over from the one that runs" : "");
	if (geteuid() == 0 && !privs->change)
		log_warn("running as root; set TELEM_USER to change to another user");
	if (conf_open_to_world(m->conf))
		log_warn("%s", CONF_OPEN_TO_WORLD);
	for (i = 0; i < m->listen.naddr; i++)
		log_info("listening on %s", m->listen.name[i]);
	if (m->metrics_fd != -1)
		log_info("metrics on %s", metrics);
}

/* Before there is a log: to the operator, and to the one that would hand over to us. */
static void
report(struct master *m, int status, const char *why)
{
	if (m->from.present && !handover_say(m->from.talk, "failed %d %s", status, why))
		fputs("telematics-gateway: the predecessor is gone\n", stderr);
	daemon_failed(&m->daemon, status, why);
}

static int
run(struct master *m, const struct privs *privs)
{
	char metrics[LISTEN_NAME] = "", err[CONF_ERR];
	int status = 1;

	if (m->background && !m->from.present && !daemon_start(&m->daemon)) {
		fprintf(stderr, "telematics-gateway: fork: %s\n", strerror(errno));
		return 1;
	}
	daemon_raise_fd_limit();
	/* Standard error, as long as we may open it a second time: another user may not. */
	if (!m->background && !log_open("master", NULL, m->conf->log_format, m->conf->log_level))
		log_warn("standard error: %s", strerror(errno));
	if (open_all(m, privs, metrics, err)) {
		/* Before the first worker: none may hold on to the operator's terminal. */
		if (m->background && !m->from.present)
			daemon_detach();
		announce(m, privs, metrics);
		/* A successor's takes the place of the predecessor's when it is in charge. */
		if (!m->from.present)
			open_operator_socket(m);
		status = master_run(m);
	} else {
		report(m, 1, err);
	}
	listen_close(&m->listen);
	if (m->metrics_fd != -1)
		close(m->metrics_fd);
	operator_socket_remove(&m->operator_socket);
	pidfile_remove(&m->pidfile);
	return status;
}

/* Loads and checks, then prints what was asked for or runs. */
static int
load_and_run(struct master *m, const struct options *o)
{
	const struct conf_source source = {.file = m->conf_file,
	    .need_database = !o->dump || o->check,
	    .url_wrong = m->url_wrong,
	    .warn = on_warning};
	char err[CONF_ERR];
	struct privs privs;

	if (!conf_load(m->conf, &source, err) ||
	    !privs_resolve(&privs, m->conf->user, m->conf->group, err) ||
	    !operator_socket_for_group(&m->operator_socket, m->conf->control_group, err)) {
		report(m, 2, err);
		return 2;
	}
	if (o->dump)
		conf_dump(m->conf, stdout);
	else if (o->check)
		puts("configuration ok");
	if (o->check && conf_open_to_world(m->conf))
		on_warning(CONF_OPEN_TO_WORLD);
	if (o->dump || o->check)
		return fflush(stdout) == 0 ? 0 : 1;
	m->background = m->from.present ? m->from.background : !o->foreground;
	return run(m, &privs);
}

int
main(int argc, char **argv)
{
	struct master m = {.url_wrong = pg_url_wrong,
	    .metrics_fd = -1,
	    .operator_socket.fd = -1,
	    .daemon.report_fd = -1,
	    .pidfile.fd = -1};
	struct options o = {0};
	char *conf_file, *program, err[CONF_ERR];
	int status;

	/* ulimit -f: a write fails then, as on a full disk. All processes inherit it. */
	(void)signal(SIGXFSZ, SIG_IGN);
	fill_standard_fds();
	if (!handover_take(&m.from, err)) {
		fprintf(stderr, "telematics-gateway: %s\n", err);
		return 2;
	}
	title_init(argc, argv);
	status = parse_arguments(argc, argv, &o);
	if (status != -1)
		return status;
	program = program_path(argv[0]);
	m.conf = calloc(1, sizeof(*m.conf));
	conf_file = lasting_path(o.conf_file);
	if (m.conf == NULL || program == NULL || (o.conf_file != NULL && conf_file == NULL)) {
		fputs("telematics-gateway: out of memory\n", stderr);
		free(m.conf);
		return 1;
	}
	m.conf_file = conf_file;
	m.program = program;
	status = load_and_run(&m, &o);
	explicit_bzero(m.conf, sizeof(*m.conf));
	free(m.conf);
	free(conf_file);
	free(program);
	handover_forget(&m.from);
	return status;
}
