/*
 * What every command takes: -c FILE, --json, --help, and its own options in the same manner. A wrong
 * option is reported together with the way to the help.
 */
#ifndef TOOL_OPTIONS_H
#define TOOL_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>

#include "common/conf.h"

struct options {
	const char *conf_file; /* -c FILE, or NULL */
	bool json;
};

/* The common ones, to be put into the option tables of commands. */
#define OPTIONS_SHORT "c:h"
/* clang-format off */
#define OPTIONS_LONG \
	{"config", required_argument, NULL, 'c'}, \
	{"json", no_argument, NULL, OPT_JSON}, \
	{"help", no_argument, NULL, 'h'}
#define OPTIONS_END {NULL, 0, NULL, 0}
/* clang-format on */

enum { OPT_JSON = 1000, OPT_FIRST }; /* a command's own long options start at OPT_FIRST */

/*
 * The next option of the command: the code of one of its own, -1 at the end (optind is at the first
 * argument), -2 to leave with *status (help was printed, or the option is wrong). Common options are taken
 * on the way. Call options_start() first.
 */
void options_start(struct options *);
int options_next(int argc, char **argv, const char *shorts, const struct option *longs,
    const char *help, struct options *, int *status) __attribute__((warn_unused_result));

/* Complains about the arguments and tells how to get help. Returns TOOL_USAGE. */
int options_usage(const char *command, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Loads the configuration, or says why not (then the command returns TOOL_USAGE). */
bool options_conf(const struct options *, bool need_database, struct conf *)
    __attribute__((warn_unused_result));

/* Reads a number in lo..hi that is the whole text; false if it is not one. */
bool options_number(const char *text, long long lo, long long hi, long long *value)
    __attribute__((warn_unused_result));

/* Reads "90s", "10m", "2h" or "1d", from 1 s to 3650 days; false if it is not such a text. */
#define OPTIONS_DURATION_LONGEST 315360000LL
bool options_duration(const char *text, long long *seconds) __attribute__((warn_unused_result));

/* Reads a duration or a bare number of seconds, from 1 s to `most`. */
bool options_seconds(const char *text, int most, int *seconds) __attribute__((warn_unused_result));

/* Blanks that may stand around an IMEI, and around fields of a file. */
#define OPTIONS_BLANKS " \t\r\n"

/* Is this an IMEI (15 digits)? Blanks around it are cut off, in place. Else complains. */
bool options_imei(const char *command, char *text) __attribute__((warn_unused_result));

#endif
