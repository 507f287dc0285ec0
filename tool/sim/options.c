#include "tool/sim/options.h"

#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/stream.h"
#include "tool/help_text.h"
#include "tool/out_text.h"
#include "tool/sim/frame.h"

#define MS 1000.0
#define PORTS 10000 /* connections from one source address */
#define SOURCE_IPS_MAX 250

enum kind { FLAG, TEXT, U32, I64, SECONDS, NUMBER, CODEC, PROFILE, PORT, RANGE, PLACE };

/* One row per option drives parsing, limits and the help. */
static const struct option_row {
	const char *name;
	enum kind kind;
	size_t at;
	double low, high;
	const char *arg, *help;
} rows[] = {
#define ROW(name, kind, field, low, high, arg, help) \
	{ \
		name, kind, offsetof(struct sim_options, field), low, high, arg, help \
	}
    ROW("host", TEXT, host, 0, 0, "NAME", "the gateway (127.0.0.1)"),
    ROW("port", PORT, port, 1, 65535, "N", "its port (5027)"),
    ROW("allow-remote", FLAG, allow_remote, 0, 0, NULL, "let --host be another machine"),
    ROW("source-ips", U32, source_ips, 1, SOURCE_IPS_MAX, "N",
	"connect from 127.0.0.2 and up, N addresses (one for 10,000 trackers)"),
    ROW("trackers", U32, trackers, 1, 16e6, "N", "how many (10, or as many as --imei-file has)"),
    ROW("imei-base", TEXT, imei_file, 0, 0, "IMEI", "the first IMEI (350000000000000)"),
    ROW("imei-file", TEXT, imei_file, 0, 0, "FILE", "the IMEIs, one per line"),
    ROW("codec", CODEC, codecs, 0, 0, "C", "8, 8e, 16 or mix (8)"),
    ROW("profile", PROFILE, profiles, 0, 0, "NAME",
	"send what a real device sends, with its events: van (FMB920), can (FMC130 with CAN), truck (FMB640 with "
	"tachograph), asset (TAT140), eye (FMC125 near an EYE beacon), mix (by turns); --codec and --io have no effect"),
    ROW("near", PLACE, near_latitude, 0, 0, "LAT,LON",
	"drive around there (default: each around one of 16 cities)"),
    ROW("records", U32, records, 1, 255, "N", "records per frame (5)"),
    ROW("io", U32, io, 0, SIM_IO_MAX, "N", "IO elements per record (12)"),
    ROW("interval", I64, interval_ms, 1, 86400e3, "MS",
	"a frame per tracker every MS (default: as fast as acknowledged)"),
    ROW("frames", I64, frames, 0, 1e12, "N", "end when every tracker has had N acknowledged"),
    ROW("duration", SECONDS, duration_ms, 0.001, 1e7, "S",
	"send for S seconds, then wait for what is under way, up to --ack-timeout"),
    ROW("window", U32, window, 1, 1000, "N", "frames under way per tracker (1)"),
    ROW("rate", NUMBER, rate, 0.001, 1e9, "R", "records per second in all (no limit)"),
    ROW("connect-rate", NUMBER, connect_rate, 0.001, 1e9, "R",
	"connections per second in all (no limit)"),
    ROW("connect-parallel", U32, connect_parallel, 0, 16e6, "N",
	"connections that wait for their 01 at one time (500; 0: no limit)"),
    ROW("reconnect-every", I64, reconnect_every, 1, 1e9, "N",
	"after N acknowledged frames send one, hang up, come back, send it again"),
    ROW("ack-timeout", SECONDS, ack_timeout_ms, 0.001, 86400, "S",
	"reconnect and send again when there is no answer (30)"),
    ROW("backlog", I64, backlog, 0, 1e9, "N", "send N old frames first, besides --frames"),
    ROW("retry-refused", FLAG, retry_refused, 0, 0, NULL,
	"try again after a 00 (default: the tracker gives up)"),
    ROW("split", FLAG, split, 0, 0, NULL, "cut segments at random bytes"),
    ROW("glue", FLAG, glue, 0, 0, NULL, "IMEI and frames in one segment, without waiting for 01"),
    ROW("bad-crc", NUMBER, bad_crc, 0, 100, "PCT", "frames that first go out with a wrong CRC"),
    ROW("duplicate", NUMBER, duplicate, 0, 99, "PCT", "acknowledged frames that go out once more"),
    ROW("ping", I64, ping_ms, 1, 86400e3, "MS", "send FF after MS without sending"),
    ROW("idle", FLAG, idle, 0, 0, NULL, "only connect and hold the connections"),
    ROW("handshake-only", FLAG, handshake_only, 0, 0, NULL,
	"connect, IMEI, 01, close, again; --frames counts handshakes"),
    ROW("no-fix", NUMBER, no_fix, 0, 100, "PCT", "records without a fix"),
    ROW("clock-wrong", NUMBER, clock_wrong, 0, 100, "PCT",
	"trackers whose clock is in 2080 or 1970"),
    ROW("no-commands", FLAG, no_commands, 0, 0, NULL, "ignore commands, as an old tracker does"),
    ROW("command-delay", RANGE, command_delay_ms, 0, 86400e3, "MS[..MS]",
	"answer a command after so long (200..1500)"),
    ROW("command-silent", NUMBER, command_silent, 0, 100, "PCT",
	"commands that are never answered"),
    ROW("command-late", NUMBER, command_late, 0, 100, "PCT",
	"answers that come --command-late-by later, if the connection still stands"),
    ROW("command-late-by", I64, command_late_by_ms, 1, 86400e3, "MS", "see there (60000)"),
    ROW("command-split", NUMBER, command_split, 0, 100, "PCT",
	"answers that go out in pieces with pauses between"),
    ROW("command-hangup", NUMBER, command_hangup, 0, 100, "PCT",
	"commands at which the tracker hangs up instead of answering"),
    ROW("unsolicited", NUMBER, unsolicited, 0, 100, "PCT",
	"acknowledged frames followed by a codec 12 message that nobody asked for"),
    ROW("seed", NUMBER, seed, 0, 9e15, "N",
	"another number gives other roads and other faults (1)"),
    ROW("start-time", I64, start_ms, 1, 9e12, "MS",
	"time of the first live record, ms since 1970 (now); fixes --step, too"),
    ROW("step", I64, step_ms, 1, 86400e3, "MS",
	"time between records (--interval / --records; else what has really passed)"),
    ROW("acked-log", TEXT, acked_log, 0, 0, "FILE",
	"a line per record acknowledged: IMEI, time in ms, record_hash; tabs between"),
    ROW("sent-log", TEXT, sent_log, 0, 0, "FILE", "the same for every record ever sent"),
    ROW("command-log", TEXT, command_log, 0, 0, "FILE",
	"a line per command received: time in ms, IMEI, running number, text; tabs between"),
    ROW("latency", FLAG, latency, 0, 0, NULL, "report the time from sending to the ACK"),
    ROW("json", FLAG, json, 0, 0, NULL, "print the final report as JSON"),
    ROW("quiet", FLAG, quiet, 0, 0, NULL, "print no progress line every second"),
#undef ROW
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void
print_help(void)
{
	char text[16384];
	size_t n = 0;

#define ADD(...) n += (size_t)snprintf(text + n, sizeof(text) - n, __VA_ARGS__)
	ADD("Usage: tgctl sim [OPTION]...\n"
	    "\n"
	    "Runs a fleet of simulated trackers. They drive along roads, send AVL frames, wait for\n"
	    "the ACK, send again what was not acknowledged, and answer commands. The exit status is\n"
	    "0 if everything asked for was acknowledged, else 1. Ctrl-C ends the run at once, with\n"
	    "complete logs.\n\n");
	for (size_t i = 0; i < ROWS && n < sizeof(text); i++) {
		char left[40];

		snprintf(left, sizeof(left), "--%s%s%s", rows[i].name,
		    rows[i].arg != NULL ? " " : "", rows[i].arg != NULL ? rows[i].arg : "");
		ADD("  %-24s  %s\n", left, rows[i].help);
	}
	if (n < sizeof(text))
		ADD("  %-24s  %s\n", "--help", "this text");
#undef ADD
	help_text_print(stdout, text, out_columns());
}

static bool
parse_codec(struct sim_options *o, const char *text)
{
	static const uint8_t all[3] = {CODEC_8, CODEC_8E, CODEC_16};
	static const char *const names[3] = {"8", "8e", "16"};

	o->ncodecs = 1;
	for (unsigned i = 0; i < 3; i++) {
		if (strcmp(text, names[i]) != 0)
			continue;
		o->codecs[0] = all[i];
		return true;
	}
	if (strcmp(text, "8E") == 0) {
		o->codecs[0] = CODEC_8E;
		return true;
	}
	memcpy(o->codecs, all, sizeof(all));
	o->ncodecs = 3;
	return strcmp(text, "mix") == 0;
}

static bool
parse_profile(struct sim_options *o, const char *text)
{
	o->nprofiles = 0;
	if (strcmp(text, "mix") == 0) {
		for (int i = SIM_VAN; i < SIM_PROFILES; i++)
			o->profiles[o->nprofiles++] = (enum sim_profile)i;
		return true;
	}
	o->nprofiles = 1;
	return sim_profile_by_name(text, &o->profiles[0]);
}

static bool
parse_number(struct sim_options *o, const struct option_row *row, const char *text)
{
	void *field = (char *)o + row->at;
	char *end;
	double v;

	errno = 0;
	v = strtod(text, &end);
	if (end == text || *end != '\0' || errno != 0 || !(v >= row->low && v <= row->high))
		return false;
	if (row->kind != NUMBER && row->kind != SECONDS && v != (double)(int64_t)v)
		return false;
	if (row->kind == U32)
		*(uint32_t *)field = (uint32_t)v;
	else if (row->kind == PORT)
		*(uint16_t *)field = (uint16_t)v;
	else if (row->kind == NUMBER && row->at == offsetof(struct sim_options, seed))
		*(uint64_t *)field = (uint64_t)v;
	else if (row->kind == NUMBER)
		*(double *)field = v;
	else
		*(int64_t *)field = (int64_t)(row->kind == SECONDS ? v * MS : v);
	return true;
}

/* "LEAST..MOST", or one number for both. */
static bool
parse_range(struct sim_options *o, const struct option_row *row, const char *text)
{
	const char *between = strstr(text, "..");
	struct option_row high = *row;
	char low[24];
	int64_t *pair = (int64_t *)(void *)((char *)o + row->at);
	size_t n = between != NULL ? (size_t)(between - text) : strlen(text);

	if (n >= sizeof(low))
		return false;
	memcpy(low, text, n);
	low[n] = '\0';
	high.at += sizeof(int64_t);
	return parse_number(o, row, low) &&
	       parse_number(o, &high, between != NULL ? between + 2 : low) && pair[0] <= pair[1];
}

/* Degrees. Neither near a pole nor where longitudes jump: a vehicle roams a degree. */
static bool
parse_place(struct sim_options *o, const char *text)
{
	static const struct option_row latitude = {.kind = NUMBER,
	    .at = offsetof(struct sim_options, near_latitude),
	    .low = -80,
	    .high = 80};
	static const struct option_row longitude = {.kind = NUMBER,
	    .at = offsetof(struct sim_options, near_longitude),
	    .low = -179,
	    .high = 179};
	const char *comma = strchr(text, ',');
	char first[24];

	if (comma == NULL || (size_t)(comma - text) >= sizeof(first))
		return false;
	memcpy(first, text, (size_t)(comma - text));
	first[comma - text] = '\0';
	o->has_near = parse_number(o, &latitude, first) && parse_number(o, &longitude, comma + 1);
	return o->has_near;
}

static bool
parse_imei_base(struct sim_options *o, const char *text)
{
	if (strlen(text) != IMEI_DIGITS || strspn(text, "0123456789") != IMEI_DIGITS)
		return false;
	o->imei_base = strtoull(text, NULL, 10);
	return true;
}

static bool
parse_one(struct sim_options *o, const struct option_row *row, const char *text)
{
	char *field = (char *)o + row->at;

	if (strcmp(row->name, "imei-base") == 0)
		return parse_imei_base(o, text);
	switch (row->kind) {
	case FLAG:
		*(bool *)field = true;
		return true;
	case TEXT:
		*(const char **)field = text;
		return true;
	case CODEC:
		return parse_codec(o, text);
	case PROFILE:
		return parse_profile(o, text);
	case RANGE:
		return parse_range(o, row, text);
	case PLACE:
		return parse_place(o, text);
	default:
		return parse_number(o, row, text);
	}
}

static bool
is_loopback(const struct sockaddr_storage *a)
{
	if (a->ss_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)a)->sin6_addr);
}

static bool
resolve(struct sim_options *o)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC}, *found;
	char port[8];
	int rc;

	snprintf(port, sizeof(port), "%u", (unsigned)o->port);
	rc = getaddrinfo(o->host, port, &hints, &found);
	if (rc != 0) {
		fprintf(stderr, "tgctl sim: %s: %s\n", o->host, gai_strerror(rc));
		return false;
	}
	memcpy(&o->address, found->ai_addr, found->ai_addrlen);
	o->address_len = found->ai_addrlen;
	freeaddrinfo(found);
	if (!is_loopback(&o->address) && !o->allow_remote) {
		fprintf(stderr,
		    "tgctl sim: %s is another machine; say --allow-remote if you mean it\n",
		    o->host);
		return false;
	}
	if (o->source_ips > 0 && (o->address.ss_family != AF_INET || !is_loopback(&o->address))) {
		fprintf(stderr, "tgctl sim: --source-ips works with IPv4 loopback only\n");
		return false;
	}
	return true;
}

/*
 * An address has 28,000 ports, and the kernel searches long once half of them are
 * taken. Each handshake leaves one in TIME-WAIT besides. 0: any will do.
 */
static uint32_t
enough_addresses(const struct sim_options *o)
{
	uint32_t n = o->trackers / PORTS;

	if (o->handshake_only)
		n += 8;
	else if (n > 0)
		n++;
	return n < SOURCE_IPS_MAX ? n : SOURCE_IPS_MAX;
}

static bool
check(struct sim_options *o)
{
	struct sim_template t;

	if (o->imei_base + o->trackers > 1000000000000000u) {
		fprintf(stderr,
		    "tgctl sim: that many IMEIs from --imei-base take more than 15 digits\n");
		return false;
	}
	for (unsigned i = 0; i < o->nprofiles; i++) {
		sim_template_of_profile(&t, o->profiles[i]);
		if (sim_frame_size(&t, o->records) > FRAME_BODY_MAX_AVL + FRAME_OVERHEAD) {
			fprintf(stderr,
			    "tgctl sim: %u records of a profile don't fit into a frame\n",
			    o->records);
			return false;
		}
	}
	for (unsigned i = 0; i < o->ncodecs; i++) {
		if (!sim_template_init(&t, o->codecs[i], o->io) ||
		    sim_frame_size(&t, o->records) > FRAME_BODY_MAX_AVL + FRAME_OVERHEAD) {
			fprintf(stderr,
			    "tgctl sim: %u records with %u elements don't fit into a frame\n",
			    o->records, o->io);
			return false;
		}
	}
	if (o->idle && o->handshake_only) {
		fprintf(stderr, "tgctl sim: --idle and --handshake-only exclude one another\n");
		return false;
	}
	if (o->source_ips == 0 && o->address.ss_family == AF_INET && is_loopback(&o->address))
		o->source_ips = enough_addresses(o);
	return true;
}

static void
set_defaults(struct sim_options *o)
{
	memset(o, 0, sizeof(*o));
	o->host = "127.0.0.1";
	o->port = 5027;
	o->imei_base = UINT64_C(350000000000000);
	o->frames = -1;
	o->ack_timeout_ms = 30000;
	o->records = 5;
	o->io = 12;
	o->window = 1;
	o->connect_parallel = 500;
	o->seed = 1;
	o->command_delay_ms[0] = 200;
	o->command_delay_ms[1] = 1500;
	o->command_late_by_ms = 60000;
	o->codecs[0] = CODEC_8;
	o->ncodecs = 1;
}

enum sim_options_result
sim_options_parse(struct sim_options *o, int argc, char **argv)
{
	struct option table[ROWS + 2] = {{0}};
	int c, which;

	set_defaults(o);
	for (size_t i = 0; i < ROWS; i++) {
		table[i].name = rows[i].name;
		table[i].has_arg = rows[i].kind == FLAG ? no_argument : required_argument;
	}
	table[ROWS].name = "help";
	optind = 0;
	while ((c = getopt_long(argc, argv, "c:", table, &which)) != -1) {
		if (c == 'c')
			continue; /* the tool's own option: nothing in that file is ours */
		if (c != 0)
			return SIM_OPTIONS_BAD;
		if (which == ROWS) {
			print_help();
			return SIM_OPTIONS_HELP;
		}
		if (!parse_one(o, &rows[which], optarg)) {
			fprintf(
			    stderr, "tgctl sim: --%s can't be \"%s\"\n", rows[which].name, optarg);
			return SIM_OPTIONS_BAD;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "tgctl sim: unexpected argument \"%s\"\n", argv[optind]);
		return SIM_OPTIONS_BAD;
	}
	return resolve(o) && check(o) ? SIM_OPTIONS_OK : SIM_OPTIONS_BAD;
}
