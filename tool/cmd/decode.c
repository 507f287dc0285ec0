/* tgctl decode: a tracker's bytes in plain words. */
#include "tool/cmd/cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/crc16.h"
#include "proto/dictionary.h"
#include "proto/stream.h"
#include "proto/wire.h"
#include "tool/frame_json.h"
#include "tool/input.h"
#include "tool/options.h"
#include "tool/out.h"
#include "tool/progress.h"
#include "tool/replay.h"

static const char help[] =
    "Usage: tgctl decode [--hex | --binary] [--names [--model MODEL]]\n"
    "                    [--replay HOST:PORT] [FILE...]\n"
    "\n"
    "Reads what a tracker sent, from files or standard input (-), and prints one JSON\n"
    "object per line for each item: IMEI packet, ping, frame. The input is binary or hex\n"
    "text (white space and # comments are ignored); the command finds out which. It may be\n"
    "the whole stream of a connection, one frame, or the bare body of a frame (from codec\n"
    "to number of data 2, with or without the CRC).\n"
    "\n"
    "  kind     \"imei\", \"ping\", \"avl\", \"message\", \"unknown\" (codec), \"error\"\n"
    "  offset   where the item begins in the input, in bytes; length: its whole length\n"
    "  crc_ok   whether the CRC holds; null for a bare body without one\n"
    "  records  of avl: the columns of the table device_positions, and timestamp, the\n"
    "           tracker's clock in ms since 1970 as sent; record_hash is text\n"
    "  messages of message: type, payload in hex, text if it is text, ...\n"
    "  error    what is wrong with a malformed item: crc, count, structure, unknown\n"
    "           codec; or imei, preamble, length, incomplete, after which nothing can be\n"
    "           read\n"
    "\n"
    "Options:\n"
    "      --hex, --binary     the form of the input\n"
    "      --names             add to each record its IO elements in words (\"names\": name,\n"
    "                          scaled value, unit, label) and the family of devices that it\n"
    "                          was read for (\"family\")\n"
    "      --model MODEL       the device's model; without it the elements tell, and where\n"
    "                          they leave more than one family open, only what all agree on\n"
    "                          gets a name\n"
    "      --replay HOST:PORT  send each item to a gateway as the tracker did, wait for\n"
    "                          its answer and add it as \"answer\" (true or false for an\n"
    "                          IMEI, the number of records for avl)\n"
    "      --json              no effect: the output is always JSON\n"
    "  -h, --help              this text\n"
    "\n"
    "Exit status: 0 all of it is well-formed (and was answered as it should be),\n"
    "1 something is not, or the input can't be read, 2 wrong arguments.\n";

/* What is done with the input. */
struct decode {
	enum input_form form;
	bool names;
	const char *model; /* NULL: not known */
	struct replay *replay;
};

static const char *
bad_item(enum stream_result result)
{
	switch (result) {
	case STREAM_MORE:
		return "incomplete";
	case STREAM_BAD_IMEI:
		return "imei";
	case STREAM_BAD_PREAMBLE:
		return "preamble";
	case STREAM_BAD_LENGTH:
		return "length";
	default:
		return NULL;
	}
}

static void
add_place(json_t *o, size_t offset, size_t len)
{
	json_object_set_new(o, "offset", json_integer((json_int_t)offset));
	json_object_set_new(o, "length", json_integer((json_int_t)len));
}

static bool
frame(const struct decode *d, json_t *o, const uint8_t *body, size_t len)
{
	return d->names ? frame_json_named(o, body, len, d->model) : frame_json(o, body, len);
}

/* Body of one frame without preamble and length. */
static bool
decode_body(const struct decode *d, const uint8_t *p, size_t n)
{
	json_t *o = json_object();
	bool crc = n > FRAME_BODY_MIN + 4 && p[n - 4] == 0 && p[n - 3] == 0 &&
		   crc16_arc(p, n - 4) == wire_u16(p + n - 2);
	bool ok = frame(d, o, p, crc ? n - 4 : n);

	json_object_set_new(o, "crc_ok", crc ? json_true() : json_null());
	add_place(o, 0, n);
	out_json(o);
	return ok;
}

/* The item as JSON; false if something is wrong with it. */
static bool
item_json(
    const struct decode *d, json_t *o, enum stream_result result, const struct stream_item *item)
{
	char imei[24];
	bool ok = true;

	switch (result) {
	case STREAM_PING:
		json_object_set_new(o, "kind", json_string("ping"));
		break;
	case STREAM_IMEI:
		snprintf(imei, sizeof(imei), "%015llu", (unsigned long long)item->imei);
		json_object_set_new(o, "kind", json_string("imei"));
		json_object_set_new(o, "imei", json_string(imei));
		break;
	default:
		ok = frame(d, o, item->body, item->body_len) && item->crc_ok;
		json_object_set_new(o, "crc_ok", json_boolean(item->crc_ok));
		if (!item->crc_ok)
			json_object_set_new(o, "error", json_string("crc"));
	}
	return ok;
}

static bool
decode_stream(const struct decode *d, const uint8_t *p, size_t n)
{
	size_t at = 0;
	bool all_ok = true, tells = d->replay != NULL && !isatty(STDOUT_FILENO);
	struct progress progress;

	progress_start(&progress, "bytes played", n);
	while (at < n) {
		struct stream_item item = {0};
		enum stream_result result = stream_next(p + at, n - at, true, &item);
		const char *bad = bad_item(result);
		json_t *o = json_object();

		if (tells)
			progress_step(&progress, at);
		if (bad != NULL) {
			json_object_set_new(o, "kind", json_string("error"));
			json_object_set_new(o, "error", json_string(bad));
			add_place(o, at, n - at);
			progress_end(&progress);
			out_json(o);
			return false;
		}
		all_ok &= item_json(d, o, result, &item);
		add_place(o, at, item.len);
		if (d->replay != NULL)
			all_ok &= replay_item(d->replay, p + at, item.len, result, o);
		out_json(o);
		at += item.len;
	}
	progress_end(&progress);
	return all_ok;
}

static bool
decode_file(const struct decode *d, const char *path)
{
	uint8_t *bytes;
	size_t len;
	bool ok;

	if (!input_read(path, d->form, &bytes, &len))
		return false;
	if (len == 0) {
		fprintf(stderr, "tgctl: %s holds no bytes\n", path);
		ok = false;
	} else if (codec_is_avl(bytes[0]) || codec_is_message(bytes[0])) {
		/* No item begins like this: the length of an IMEI starts with 00. */
		ok = decode_body(d, bytes, len);
	} else {
		ok = decode_stream(d, bytes, len);
	}
	free(bytes);
	return ok;
}

int
cmd_decode(int argc, char **argv)
{
	enum { OPT_HEX = OPT_FIRST, OPT_BINARY, OPT_REPLAY, OPT_NAMES, OPT_MODEL };
	static const struct option longs[] = {OPTIONS_LONG, {"hex", no_argument, NULL, OPT_HEX},
	    {"binary", no_argument, NULL, OPT_BINARY}, {"names", no_argument, NULL, OPT_NAMES},
	    {"model", required_argument, NULL, OPT_MODEL},
	    {"replay", required_argument, NULL, OPT_REPLAY}, OPTIONS_END};
	struct options opts;
	struct decode d = {.form = INPUT_AUTO};
	const char *target = NULL;
	bool ok = true;
	int c, status;

	options_start(&opts);
	while ((c = options_next(argc, argv, OPTIONS_SHORT, longs, help, &opts, &status)) != -1) {
		if (c == -2)
			return status;
		if (c == OPT_REPLAY)
			target = optarg;
		else if (c == OPT_NAMES)
			d.names = true;
		else if (c == OPT_MODEL)
			d.model = optarg;
		else
			d.form = c == OPT_HEX ? INPUT_HEX : INPUT_BINARY;
	}
	if (d.model != NULL && dictionary_model(d.model) == 0)
		fprintf(stderr, "tgctl: the dictionary does not know the model %s\n", d.model);
	if (target != NULL && strrchr(target, ':') == NULL)
		return options_usage("decode", "--replay takes HOST:PORT, not \"%s\"", target);
	if (target != NULL && (d.replay = replay_open(target)) == NULL)
		return TOOL_FAILED;
	if (optind >= argc)
		ok = decode_file(&d, "-");
	for (int i = optind; i < argc; i++)
		ok &= decode_file(&d, argv[i]);
	replay_free(d.replay);
	return ok ? TOOL_OK : TOOL_FAILED;
}
