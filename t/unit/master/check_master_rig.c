/* What the tests of the master share. */
#include "config.h"

#include "t/unit/master/check_master.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "master/listen.h"

char program[512], dir[64], conf_path[96], log_path[96], pid_path[96], socket_path[96];
int metrics_port;
pid_t master;

const char *
log_text(void)
{
	static char text[65536];
	FILE *f = fopen(log_path, "r");
	size_t n = 0;

	if (f != NULL) {
		n = fread(text, 1, sizeof(text) - 1, f);
		fclose(f);
	}
	text[n] = '\0';
	return text;
}

bool
logged(const char *what)
{
	return strstr(log_text(), what) != NULL;
}

int
free_port(void)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);
	char name[LISTEN_NAME], err[CONF_ERR];
	int fd = listen_metrics("127.0.0.1", 0, name, err);

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	close(fd);
	return ntohs(a.sin_port);
}

static int nworkers = NWORKERS;

void
configure(const char *mode, const char *more)
{
	FILE *f = fopen(conf_path, "w");

	ck_assert_ptr_nonnull(f);
	fprintf(f,
	    "DATABASE_URL=dbname=%s\nTELEM_GATEWAY_BIND=127.0.0.1\nTELEM_GATEWAY_PORT=0\n"
	    "METRICS_PORT=%d\nTELEM_WORKERS=%d\nTELEM_LOG_FILE=%s\nTELEM_PIDFILE=%s\n"
	    "TELEM_CONTROL_SOCKET=%s\n%s",
	    mode, metrics_port, nworkers, log_path, pid_path, socket_path, more);
	fclose(f);
}

void
configure_workers(int n, const char *more)
{
	nworkers = n;
	configure("ready", more);
	nworkers = NWORKERS;
}

/* Starts the program with an argument more, and returns its process. */
pid_t
start(const char *argument)
{
	pid_t pid = fork();

	if (pid == 0) {
		execl(program, program, "-c", conf_path, argument, (char *)NULL);
		_exit(127);
	}
	ck_assert_int_ne(pid, -1);
	return pid;
}

int
wait_status(pid_t pid)
{
	int64_t until = clock_mono_ms() + PATIENCE_MS;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		ck_assert_msg(clock_mono_ms() < until, "it does not end\n%s", log_text());
		usleep(STEP_US);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int
dial(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval limit = {.tv_sec = PATIENCE_MS / 1000};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The answer without its head, or "" if there is none; *code is its status. */
char *
get(const char *path, int *code)
{
	static char answer[1 << 20];
	size_t n = 0;
	char *body;
	ssize_t r;
	int fd = dial(metrics_port);

	*code = 0;
	if (fd == -1)
		return strcpy(answer, "");
	dprintf(fd, "GET %s HTTP/1.1\r\n\r\n", path);
	while ((r = recv(fd, answer + n, sizeof(answer) - 1 - n, 0)) > 0)
		n += (size_t)r;
	close(fd);
	answer[n] = '\0';
	body = strstr(answer, "\r\n\r\n");
	if (body == NULL || sscanf(answer, "HTTP/1.1 %d", code) != 1)
		return strcpy(answer, "");
	return body + 4;
}

int
code_of(const char *path)
{
	int code;

	(void)get(path, &code);
	return code;
}

json_t *
status(void)
{
	json_error_t error;
	int code;

	return json_loads(get("/status", &code), 0, &error);
}

int
generation(void)
{
	json_t *o = status();
	int n = (int)json_integer_value(json_object_get(o, "generation"));

	json_decref(o);
	return n;
}

/* Pid of the slot's current worker if it is in that state, or 0. */
pid_t
worker(int slot, const char *state)
{
	json_t *o = status(), *w;
	pid_t pid = 0;
	size_t i;

	json_array_foreach(json_object_get(o, "workers"), i,
	    w) if (json_integer_value(json_object_get(w, "slot")) == slot &&
		   json_is_true(json_object_get(w, "current")) &&
		   strcmp(json_string_value(json_object_get(w, "state")), state) == 0) pid =
	    (pid_t)json_integer_value(json_object_get(w, "pid"));
	json_decref(o);
	return pid;
}

/* Pid of the slot's ready worker if that isn't `old`, or 0. */
pid_t
replacement(int slot, pid_t old)
{
	pid_t pid = worker(slot, "ready");

	return pid != old ? pid : 0;
}

/* How many accept, if nobody else is there. */
int
ready_workers(void)
{
	json_t *o = status(), *w;
	int ready = 0, all = 0;
	size_t i;

	json_array_foreach(json_object_get(o, "workers"), i, w)
	{
		all++;
		ready += json_is_true(json_object_get(w, "accepting"));
	}
	json_decref(o);
	return ready == all ? ready : -1;
}

/* All slots are ready and nobody else is there. */
bool
settled(void)
{
	return ready_workers() == NWORKERS;
}

double
metric(const char *name)
{
	const char *p;
	char line[128];
	int code;

	snprintf(line, sizeof(line), "\n%s ", name);
	p = strstr(get("/metrics", &code), line);
	return p == NULL ? -1 : strtod(p + strlen(line), NULL);
}

int
tracker_port(void)
{
	json_t *o = status();
	const char *name = json_string_value(json_array_get(json_object_get(o, "listen"), 0));
	int port = name != NULL ? atoi(strrchr(name, ':') + 1) : 0;

	json_decref(o);
	return port;
}

/* The slot whose worker answers a connection, or -1 if nobody does. */
int
who_answers(int port)
{
	int fd = dial(port), slot = -1;
	char text[64];
	ssize_t n;

	if (fd == -1)
		return -1;
	n = recv(fd, text, sizeof(text) - 1, 0);
	close(fd);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	return sscanf(text, "%d", &slot) == 1 ? slot : -1;
}

void
setup(void)
{
	strcpy(dir, "/tmp/check_master.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(conf_path, sizeof(conf_path), "%s/conf", dir);
	snprintf(log_path, sizeof(log_path), "%s/log", dir);
	snprintf(pid_path, sizeof(pid_path), "%s/pid", dir);
	snprintf(socket_path, sizeof(socket_path), "%s/control", dir);
	/* Orphaned workers come to us, so that we see them end. */
	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	metrics_port = free_port();
	configure("ready", "");
	master = 0;
}

void
run(void)
{
	master = start("-f");
	wait_for(code_of("/readyz") == 200 && settled());
}

void
teardown(void)
{
	char path[128];

	if (master > 0)
		(void)kill(master, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	snprintf(path, sizeof(path), "%s.1", log_path);
	(void)unlink(path);
	(void)unlink(conf_path);
	(void)unlink(log_path);
	(void)unlink(pid_path);
	(void)unlink(socket_path);
	(void)rmdir(dir);
}

bool
reaped_all(void)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		;
	return pid == -1;
}

void
stop(void)
{
	ck_assert_int_eq(kill(master, SIGTERM), 0);
	ck_assert_int_eq(wait_status(master), 0);
	master = 0;
	/* Nobody is left behind (we inherit orphans, and those who made them). */
	wait_for(reaped_all());
	ck_assert_int_eq(access(pid_path, F_OK), -1);
	ck_assert_int_eq(access(socket_path, F_OK), -1);
}

/* The process of the pidfile, or 0. */
pid_t
in_charge(void)
{
	FILE *f = fopen(pid_path, "r");
	long pid = 0;

	if (f != NULL) {
		if (fscanf(f, "%ld", &pid) != 1)
			pid = 0;
		fclose(f);
	}
	return (pid_t)pid;
}
