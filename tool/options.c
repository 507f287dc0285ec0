#include "tool/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg/url.h"
#include "tool/help_text.h"
#include "tool/out_text.h"
#include "tool/tool.h"

void
options_start(struct options *opts)
{
	memset(opts, 0, sizeof(*opts));
	optind = 1;
#ifdef __GLIBC__
	optind = 0; /* glibc: forget all of an earlier scan */
#endif
	opterr = 0;
}

int
options_next(int argc, char **argv, const char *shorts, const struct option *longs,
    const char *help, struct options *opts, int *status)
{
	int c;

	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			opts->conf_file = optarg;
			break;
		case OPT_JSON:
			opts->json = true;
			break;
		case 'h':
			help_text_print(stdout, help, out_columns());
			*status = TOOL_OK;
			return -2;
		case '?':
			if (optopt > 0 && optopt < 256)
				*status = options_usage(
				    argv[0], "option -%c is unknown or lacks its value", optopt);
			else
				*status = options_usage(argv[0],
				    "option %s is unknown, ambiguous or has a wrong value",
				    argv[optind - 1]);
			return -2;
		default:
			return c;
		}
	}
	return -1;
}

int
options_usage(const char *command, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "tgctl %s: ", command);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "; see \"tgctl help %s\"\n", command);
	return TOOL_USAGE;
}

static void
warn(const char *text)
{
	fprintf(stderr, "tgctl: warning: %s\n", text);
}

bool
options_conf(const struct options *opts, bool need_database, struct conf *conf)
{
	char err[CONF_ERR];

	if (conf_load(conf,
		&(struct conf_source){.file = opts->conf_file,
		    .need_database = need_database,
		    .lenient = true,
		    .url_wrong = pg_url_wrong,
		    .warn = warn},
		err))
		return true;
	fprintf(stderr, "tgctl: %s\n", err);
	return false;
}

bool
options_number(const char *text, long long lo, long long hi, long long *value)
{
	char *end;

	errno = 0;
	*value = strtoll(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' && *value >= lo && *value <= hi;
}

bool
options_duration(const char *text, long long *seconds)
{
	long long unit, n;
	char *end;

	/* strtoll() would take blanks and signs. */
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	n = strtoll(text, &end, 10);
	switch (*end) {
	case 's':
		unit = 1;
		break;
	case 'm':
		unit = 60;
		break;
	case 'h':
		unit = 3600;
		break;
	case 'd':
		unit = 86400;
		break;
	default:
		return false;
	}
	if (errno != 0 || end[1] != '\0' || n < 1 || n > OPTIONS_DURATION_LONGEST / unit)
		return false;
	*seconds = n * unit;
	return true;
}

bool
options_seconds(const char *text, int most, int *seconds)
{
	long long n;

	if (!options_number(text, 1, most, &n) && (!options_duration(text, &n) || n > most))
		return false;
	*seconds = (int)n;
	return true;
}

bool
options_imei(const char *command, char *text)
{
	const char *imei = text + strspn(text, OPTIONS_BLANKS);
	size_t n = strspn(imei, "0123456789");

	if (n != 15 || strspn(imei + n, OPTIONS_BLANKS) != strlen(imei + n)) {
		options_usage(command, "\"%s\" is not an IMEI: it takes 15 digits", text);
		return false;
	}
	memmove(text, imei, n);
	text[n] = '\0';
	return true;
}
