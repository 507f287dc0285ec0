/* tgctl capture: what one device sends, to a file, for a limited time. */
#include "tool/cmd/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tool/capture.h"
#include "tool/io_names.h"
#include "tool/device_events.h"
#include "tool/options.h"
#include "tool/out.h"

static const char help[] =
    "Usage: tgctl capture IMEI --for TIME [-o FILE] [--overwrite]\n"
    "\n"
    "Writes to a file the bytes that one device sends, until the time is over or you press\n"
    "Ctrl-C, also for a device that is refused. The file is hex text with comments, which say\n"
    "when each item came, what the gateway answered and what became of it. \"tgctl decode\"\n"
    "shows the file and can play it to another gateway. The command asks the gateway on this\n"
    "machine through its control socket (TELEM_CONTROL_SOCKET): run it as the gateway's user,\n"
    "in its group, or as root.\n"
    "\n"
    "A capture tells where somebody has been, so only its owner may read the file (mode 0600).\n"
    "It leaves out the text of commands to the device, but not the device's answers.\n"
    "\n"
    "Options:\n"
    "  -c, --config FILE  configuration file\n"
    "      --for TIME     how long: seconds, or 90s, 10m, 24h (at most 24h); required\n"
    "  -o, --output FILE  the file; - is standard output (default capture-IMEI-TIME.hex in\n"
    "                     the current directory)\n"
    "      --overwrite    replace the file if it is there\n"
    "      --json         print what was captured as an object\n"
    "      --names        say below each frame what its IO elements mean, in comments\n"
    "      --model MODEL  the device's model, for the names\n"
    "  -h, --help         this text\n"
    "\n"
    "Exit status: 0 the time is over, 1 the gateway refused or went away, the file can't be\n"
    "written, or events were missed, 2 wrong arguments or configuration.\n";

struct args {
	struct options opts;
	struct trace_request request;
	const char *path;
	bool overwrite;
	char made[64]; /* the path, if none was given */
	bool names;
	const char *model; /* NULL: not known */
};

static FILE *
open_file(struct args *a)
{
	int fd, flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
	time_t now = time(NULL);
	struct tm tm;
	FILE *f;

	if (a->path == NULL && gmtime_r(&now, &tm) != NULL) {
		size_t n = (size_t)snprintf(
		    a->made, sizeof(a->made), "capture-%015" PRIu64, a->request.imei);

		(void)strftime(a->made + n, sizeof(a->made) - n, "-%Y%m%dT%H%M%SZ.hex", &tm);
		a->path = a->made;
	}
	if (strcmp(a->path, "-") == 0)
		return stdout;
	fd = open(a->path, flags | (a->overwrite ? O_TRUNC : O_EXCL), 0600);
	if (fd != -1 && fchmod(fd, 0600) == 0 && (f = fdopen(fd, "w")) != NULL)
		return f;
	fprintf(stderr, "tgctl: can't create %s: %s%s\n", a->path, strerror(errno),
	    errno == EEXIST ? "; choose another name, or say --overwrite" : "");
	if (fd != -1)
		close(fd);
	return NULL;
}

static bool
take(void *capture, const json_t *event)
{
	if (capture_event(capture, event))
		return true;
	fprintf(stderr, "tgctl: writing the capture: %s\n", strerror(errno));
	return false;
}

static int
report(const struct args *a, const struct capture_totals *t, int status)
{
	bool standard = strcmp(a->path, "-") == 0;

	if (a->opts.json && !standard)
		out_json(json_pack("{s:s,s:I,s:I,s:I,s:I}", "file", a->path, "connections",
		    (json_int_t)t->connections, "items", (json_int_t)t->items, "bytes",
		    (json_int_t)t->bytes, "lost", (json_int_t)t->lost));
	else
		fprintf(standard ? stderr : stdout,
		    "%" PRIu64 " items of %" PRIu64 " bytes, from %" PRIu64 " connections, in %s\n",
		    t->items, t->bytes, t->connections, standard ? "standard output" : a->path);
	if (t->lost == 0)
		return status;
	fprintf(stderr, "tgctl: %" PRIu64 " events were missed: the capture has gaps\n", t->lost);
	return TOOL_FAILED;
}

struct names {
	FILE *out;
	const char *model;
};

static void
put_names(void *ctx, const uint8_t *body, size_t len)
{
	struct names *names = ctx;

	io_names_print(names->out, "#   ", body, len, names->model);
}

/* The gateway is asked before: if it can't be, no file is left behind. */
static int
capture(struct args *a, int fd)
{
	struct capture *c;
	FILE *f = open_file(a);
	struct names names = {f, a->model};
	int status;

	if (f == NULL) {
		close(fd);
		return TOOL_FAILED;
	}
	c = capture_new(f, a->request.imei, a->request.seconds);
	if (c == NULL) {
		fprintf(stderr, "tgctl: out of memory\n");
		status = TOOL_FAILED;
		close(fd);
	} else {
		if (a->names)
			capture_on_frame(c, put_names, &names);
		status = device_events_run(fd, take, c);
		if (!capture_end(c)) {
			fprintf(stderr, "tgctl: writing the capture: %s\n", strerror(errno));
			status = TOOL_FAILED;
		}
		status = report(a, capture_totals(c), status);
	}
	capture_free(c);
	if (f != stdout && fclose(f) != 0) {
		fprintf(stderr, "tgctl: writing %s: %s\n", a->path, strerror(errno));
		status = TOOL_FAILED;
	}
	return status;
}

int
cmd_capture(int argc, char **argv)
{
	enum { OPT_FOR = OPT_FIRST, OPT_OVERWRITE, OPT_NAMES, OPT_MODEL };
	static const struct option longs[] = {OPTIONS_LONG,
	    {"for", required_argument, NULL, OPT_FOR}, {"output", required_argument, NULL, 'o'},
	    {"overwrite", no_argument, NULL, OPT_OVERWRITE},
	    {"names", no_argument, NULL, OPT_NAMES}, {"model", required_argument, NULL, OPT_MODEL},
	    OPTIONS_END};
	struct args a = {.path = NULL};
	struct conf *conf;
	int c, fd = -1, status;

	options_start(&a.opts);
	while ((c = options_next(argc, argv, OPTIONS_SHORT "o:", longs, help, &a.opts, &status)) !=
	       -1) {
		if (c == -2)
			return status;
		if (c == 'o')
			a.path = optarg;
		else if (c == OPT_OVERWRITE)
			a.overwrite = true;
		else if (c == OPT_NAMES)
			a.names = true;
		else if (c == OPT_MODEL)
			a.model = optarg;
		else if (!options_seconds(optarg, TRACE_MAX_SECONDS, &a.request.seconds))
			return options_usage(
			    "capture", "--for takes a time of up to 24h, not \"%s\"", optarg);
	}
	if (optind + 1 != argc)
		return options_usage("capture", "it takes one IMEI");
	if (!options_imei("capture", argv[optind]))
		return TOOL_USAGE;
	if (a.request.seconds == 0)
		return options_usage(
		    "capture", "--for is missing: how long, for example --for 10m");
	a.request.imei = strtoull(argv[optind], NULL, 10);
	a.request.bytes = true;
	conf = calloc(1, sizeof(*conf));
	status = TOOL_USAGE;
	if (conf != NULL && options_conf(&a.opts, false, conf))
		fd = device_events_open(conf, &a.request, &status);
	free(conf);
	return fd != -1 ? capture(&a, fd) : status;
}
