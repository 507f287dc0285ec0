/* tgctl trace: one device live, as its gateway sees it. */
#include "tool/cmd/cmd.h"

#include <stdio.h>
#include <stdlib.h>

#include "tool/device_events.h"
#include "tool/options.h"
#include "tool/out.h"
#include "tool/trace_text.h"

static const char help[] =
    "Usage: tgctl trace IMEI [--for TIME] [--hex] [--json]\n"
    "\n"
    "Follows one device live, also one that is unknown, disabled or refused: connections,\n"
    "answers to the handshake, frames, what was stored of them, acknowledgements and their\n"
    "time, commands (without their text), and why a connection was closed. Prints a line per\n"
    "event until the time is over or you press Ctrl-C. The command asks the gateway on this\n"
    "machine through its control socket (TELEM_CONTROL_SOCKET): run it as the gateway's user,\n"
    "in its group, or as root.\n"
    "\n"
    "Options:\n"
    "  -c, --config FILE  configuration file\n"
    "      --for TIME     how long: seconds, or 90s, 10m, 24h (at most 24h; default 1h)\n"
    "      --hex          show the bytes as well: > from the device, < to it\n"
    "      --json         print an object per line; times in ms since 1970, after_us in\n"
    "                     microseconds from the last byte of a frame to its acknowledgement\n"
    "  -h, --help         this text\n"
    "\n"
    "A reader that is too slow misses events and is told how many: the gateway never waits\n"
    "for it. tgctl capture keeps the bytes.\n"
    "Exit status: 0 the time is over, 1 the gateway refused or went away, 2 wrong arguments\n"
    "or configuration.\n";

static bool
print(void *json, const json_t *event)
{
	char line[TRACE_EVENT_TEXT + 256];

	if (*(bool *)json) {
		out_json(json_incref((json_t *)event));
	} else {
		trace_text(event, line, sizeof(line));
		puts(line);
	}
	/* Whoever reads it from a pipe wants it now. */
	if (fflush(stdout) == 0)
		return true;
	perror("tgctl: writing the output");
	return false;
}

int
cmd_trace(int argc, char **argv)
{
	enum { OPT_FOR = OPT_FIRST, OPT_HEX };
	static const struct option longs[] = {OPTIONS_LONG,
	    {"for", required_argument, NULL, OPT_FOR}, {"hex", no_argument, NULL, OPT_HEX},
	    OPTIONS_END};
	struct trace_request request = {.seconds = 3600};
	struct options opts;
	struct conf *conf;
	int c, fd = -1, status;

	options_start(&opts);
	while ((c = options_next(argc, argv, OPTIONS_SHORT, longs, help, &opts, &status)) != -1) {
		if (c == -2)
			return status;
		if (c == OPT_HEX)
			request.bytes = true;
		else if (!options_seconds(optarg, TRACE_MAX_SECONDS, &request.seconds))
			return options_usage(
			    "trace", "--for takes a time of up to 24h, not \"%s\"", optarg);
	}
	if (optind + 1 != argc)
		return options_usage("trace", "it takes one IMEI");
	if (!options_imei("trace", argv[optind]))
		return TOOL_USAGE;
	request.imei = strtoull(argv[optind], NULL, 10);
	conf = calloc(1, sizeof(*conf));
	status = TOOL_USAGE;
	if (conf != NULL && options_conf(&opts, false, conf))
		fd = device_events_open(conf, &request, &status);
	free(conf);
	return fd != -1 ? device_events_run(fd, print, &opts.json) : status;
}
