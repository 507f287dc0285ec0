/* tgctl trace: one device live, as its gateway sees it. */
#include "tool/cmd/cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/capture.h"
#include "tool/device_events.h"
#include "tool/frame_json.h"
#include "tool/io_names.h"
#include "tool/options.h"
#include "tool/out.h"
#include "tool/trace_text.h"

static const char help[] =
    "Usage: tgctl trace IMEI [--for TIME] [--hex] [--names [--model MODEL]] [--json]\n"
    "       tgctl trace --peer ADDRESS | --unidentified [--for TIME] [--hex] [--json]\n"
    "\n"
    "Follows one device live, also one that is unknown, disabled or refused:\n"
    "connections, answers to the handshake, frames, what was stored of them,\n"
    "acknowledgements and their time, commands (without their text), and why a\n"
    "connection was closed. Prints a line per event until the time is over or you\n"
    "press Ctrl-C. The command asks the gateway on this machine through its control\n"
    "socket (TELEM_CONTROL_SOCKET): run it as the gateway's user, in its group, or as\n"
    "root.\n"
    "\n"
    "Options:\n"
    "  -c, --config FILE   configuration file\n"
    "      --peer ADDRESS  follow all connections from this IPv4 or IPv6 address,\n"
    "                      whoever they are, from their first byte; also those that\n"
    "                      are not admitted\n"
    "      --unidentified  follow all connections that have not said an IMEI\n"
    "      --for TIME      how long: seconds, or 90s, 10m, 24h (at most 24h; default 1h)\n"
    "      --hex           show the bytes as well: > from the device, < to it\n"
    "      --names         say what the IO elements of its records mean, a line per\n"
    "                      record (of an IMEI only)\n"
    "      --model MODEL   the device's model, for the names\n"
    "      --json          print an object per line: at (time), event, worker, peer,\n"
    "                      imei once it is known, and what the event has; after_us is\n"
    "                      microseconds from the last byte of a frame to its\n"
    "                      acknowledgement\n"
    "  -h, --help          this text\n"
    "\n"
    "A reader that is too slow misses events and is told how many: the gateway never\n"
    "waits for it. tgctl capture keeps the bytes.\n"
    "Exit status: 0 the time is over, 1 the gateway refused or went away, 2 wrong\n"
    "arguments or configuration.\n";

/* The gateway says times in ms since 1970; all JSON of this program has them in ISO 8601. */
static json_t *
with_time(const json_t *event)
{
	json_t *o = json_copy((json_t *)event);
	char at[OUT_TIME];

	if (out_time((uint64_t)json_integer_value(json_object_get(o, "at")), at))
		json_object_set_new(o, "at", json_string(at));
	return o;
}

struct trace {
	bool json, hex;
	const char *model; /* NULL: not known */
	struct capture
	    *records; /* puts frames together from the bytes; NULL: no names are wanted */
};

static void
put_names(void *ctx, const uint8_t *body, size_t len)
{
	const struct trace *t = ctx;
	json_t *o;

	if (!t->json) {
		io_names_print(stdout, "    ", body, len, t->model);
		return;
	}
	o = json_pack("{s:s}", "event", "records");
	(void)!frame_json_named(o, body, len, t->model);
	out_json(o);
}

/* The bytes come because of the names; they are shown only if they were asked for. */
static bool
is_shown(const struct trace *t, const json_t *event)
{
	const char *name = json_string_value(json_object_get(event, "event"));

	return t->hex || name == NULL || (strcmp(name, "in") != 0 && strcmp(name, "out") != 0);
}

static bool
print(void *ctx, const json_t *event)
{
	struct trace *t = ctx;
	char line[TRACE_EVENT_TEXT + 256];

	if (is_shown(t, event)) {
		if (t->json) {
			out_json(with_time(event));
		} else {
			trace_text(event, line, sizeof(line));
			puts(line);
		}
	}
	if (t->records != NULL && !capture_event(t->records, event))
		return false;
	/* Whoever reads it from a pipe wants it now. */
	if (fflush(stdout) == 0)
		return true;
	perror("tgctl: writing the output");
	return false;
}

/* Follows with names: what a capture would write is of no interest here, only its frames. */
static int
run(struct trace *t, const struct trace_request *request, int fd, bool names)
{
	FILE *nowhere = names ? fopen("/dev/null", "w") : NULL;
	int status;

	if (nowhere != NULL &&
	    (t->records = capture_new(nowhere, request->imei, request->seconds)) != NULL)
		capture_on_frame(t->records, put_names, t);
	status = device_events_run(fd, print, t);
	capture_free(t->records);
	if (nowhere != NULL)
		fclose(nowhere);
	return status;
}

int
cmd_trace(int argc, char **argv)
{
	enum { OPT_FOR = OPT_FIRST, OPT_HEX, OPT_NAMES, OPT_MODEL, OPT_PEER, OPT_UNIDENTIFIED };
	static const struct option longs[] = {OPTIONS_LONG,
	    {"for", required_argument, NULL, OPT_FOR}, {"hex", no_argument, NULL, OPT_HEX},
	    {"names", no_argument, NULL, OPT_NAMES}, {"model", required_argument, NULL, OPT_MODEL},
	    {"peer", required_argument, NULL, OPT_PEER},
	    {"unidentified", no_argument, NULL, OPT_UNIDENTIFIED}, OPTIONS_END};
	struct trace_request request = {.seconds = 3600};
	struct trace t = {.json = false};
	struct options opts;
	struct conf *conf;
	bool names = false;
	int c, fd = -1, status;

	options_start(&opts);
	while ((c = options_next(argc, argv, OPTIONS_SHORT, longs, help, &opts, &status)) != -1) {
		if (c == -2)
			return status;
		if (c == OPT_HEX)
			t.hex = true;
		else if (c == OPT_NAMES)
			names = true;
		else if (c == OPT_MODEL)
			t.model = optarg;
		else if (c == OPT_UNIDENTIFIED)
			request.whom = TRACE_UNIDENTIFIED;
		else if (c == OPT_PEER) {
			request.whom = TRACE_PEER;
			if (!trace_request_address(optarg, request.address))
				return options_usage(
				    "trace", "--peer takes an address, not \"%s\"", optarg);
		} else if (!options_seconds(optarg, TRACE_MAX_SECONDS, &request.seconds))
			return options_usage(
			    "trace", "--for takes a time of up to 24h, not \"%s\"", optarg);
	}
	if (optind + (request.whom == TRACE_IMEI) != argc)
		return options_usage(
		    "trace", "it takes one IMEI, --peer ADDRESS, or --unidentified");
	if (request.whom == TRACE_IMEI && !options_imei("trace", argv[optind]))
		return TOOL_USAGE;
	if (names && request.whom != TRACE_IMEI)
		return options_usage("trace", "--names goes with an IMEI");
	t.json = opts.json;
	request.bytes = t.hex || names;
	if (request.whom == TRACE_IMEI)
		request.imei = strtoull(argv[optind], NULL, 10);
	conf = calloc(1, sizeof(*conf));
	status = TOOL_USAGE;
	if (conf != NULL && options_conf(&opts, false, conf))
		fd = device_events_open(conf, &request, &status);
	free(conf);
	return fd != -1 ? run(&t, &request, fd, names) : status;
}
