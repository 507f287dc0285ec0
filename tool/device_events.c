#include "tool/device_events.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tool/tool.h"

static volatile sig_atomic_t events_fd = -1, interrupted;

/* What has come already is still read, then the end. */
static void
on_signal(int number)
{
	(void)number;
	interrupted = 1;
	(void)shutdown(events_fd, SHUT_RDWR);
}

static int
fail(int fd, const char *path, int error)
{
	fprintf(stderr, "tgctl: control socket %s: %s%s\n", path, strerror(error),
	    error == EACCES ? "; only the gateway's user and group may use it"
	    : error == ENOENT || error == ECONNREFUSED
		? "; is the gateway running, with this TELEM_CONTROL_SOCKET?"
		: "");
	if (fd != -1)
		close(fd);
	return -1;
}

int
device_events_open(const struct conf *conf, const struct trace_request *request, int *status)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	const char *path = conf->control_socket;
	char text[TRACE_REQUEST_TEXT];
	int fd;

	*status = TOOL_USAGE;
	if (*path != '/') {
		fprintf(stderr,
		    "tgctl: the gateway has no control socket: give "
		    "TELEM_CONTROL_SOCKET a path in its configuration and restart it\n");
		return -1;
	}
	*status = TOOL_FAILED;
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd == -1 || connect(fd, (struct sockaddr *)&a, sizeof(a)) == -1)
		return fail(fd, path, errno);
	trace_request_format(request, text);
	/* A gateway that refuses has said why, and closed: that is still to be read. */
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) == -1 && errno != EPIPE)
		return fail(fd, path, errno);
	return fd;
}

enum step { STEP_ON, STEP_OVER, STEP_FAILED };

static enum step
take(char *packet, size_t len, bool (*event)(void *ctx, const json_t *), void *ctx)
{
	json_t *e = json_loadb(packet, len, 0, NULL);
	const char *name = json_string_value(json_object_get(e, "event"));
	enum step step = STEP_ON;

	if (name == NULL) {
		fprintf(stderr, "tgctl: what answers there is not the gateway\n");
		step = STEP_FAILED;
	} else if (strcmp(name, "error") == 0) {
		fprintf(stderr, "tgctl: the gateway says: %s\n",
		    json_string_value(json_object_get(e, "error")));
		step = STEP_FAILED;
	} else if (!event(ctx, e)) {
		step = STEP_FAILED;
	} else if (strcmp(name, "end") == 0) {
		step = STEP_OVER;
	}
	json_decref(e);
	return step;
}

int
device_events_run(int fd, bool (*event)(void *ctx, const json_t *), void *ctx)
{
	struct sigaction sa = {.sa_handler = on_signal};
	char packet[TRACE_EVENT_TEXT];
	enum step step = STEP_ON;
	bool reset = false;
	ssize_t n;

	events_fd = fd;
	if (sigaction(SIGINT, &sa, NULL) == -1 || sigaction(SIGTERM, &sa, NULL) == -1)
		perror("tgctl: sigaction");
	while (step == STEP_ON) {
		n = recv(fd, packet, sizeof(packet), 0);
		/* A reset tells that our request was not read; it comes before what was said. */
		if (n == -1 && (errno == EINTR || (errno == ECONNRESET && !reset))) {
			reset |= errno == ECONNRESET;
			continue;
		}
		if (n > 0) {
			step = take(packet, (size_t)n, event, ctx);
		} else if (interrupted) {
			step = STEP_OVER;
		} else {
			fprintf(stderr, "tgctl: the gateway is gone\n");
			step = STEP_FAILED;
		}
	}
	events_fd = -1;
	close(fd);
	return step == STEP_OVER ? TOOL_OK : TOOL_FAILED;
}
