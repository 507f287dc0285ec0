#include "common/conf.h"

#include <arpa/inet.h>
#include <assert.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf_set.h"

#define SHOWN 40 /* of a value in a message */

enum key_type {
	KEY_INT,
	KEY_BOOL,
	KEY_CHOICE,
	KEY_PATH,   /* any text without control bytes */
	KEY_SOCKET, /* an absolute path that fits into an address, with room for ".new" behind it */
	KEY_ASCII,  /* goes into tables and lines: printable ASCII */
	KEY_URL,
	KEY_BIND,
	KEY_BINDS,
	KEY_CIDRS,
};

struct key {
	const char *name;
	enum key_type type;
	size_t offset, size;
	const char *fallback; /* as in a file; NULL: see `computed` */
	const char *computed; /* a fallback that is no value, in words */
	int min, max;
	const char *range;
	const char *const *choices; /* by the number of the enum, then NULL */
	enum conf_apply apply;
	bool secret;
	const char *help;
};

static const char *const raw_choices[] = {"off", "errors", "all", NULL};
static const char *const level_choices[] = {"error", "warn", "info", "debug", NULL};
static const char *const format_choices[] = {"text", "json", NULL};

static_assert(INGEST_RAW_OFF == 0 && INGEST_RAW_ALL == 2, "the order of raw_choices");
static_assert(LOG_ERROR_ == 0 && LOG_DEBUG_ == 3, "the order of level_choices");
static_assert(LOG_TEXT == 0 && LOG_JSON == 1, "the order of format_choices");
static_assert(sizeof(enum ingest_raw) == sizeof(int) && sizeof(enum log_level) == sizeof(int) &&
		  sizeof(enum log_format) == sizeof(int),
    "choices are stored as int");

#define FIELD(f) .offset = offsetof(struct conf, f), .size = sizeof(((struct conf *)NULL)->f)
#define NUMBER(lo, hi) .type = KEY_INT, .min = (lo), .max = (hi), .range = #lo " to " #hi

static const struct key keys[] = {
    {.name = "DATABASE_URL",
	.type = KEY_URL,
	FIELD(database_url),
	.computed = "none: required",
	.range = "any libpq connection string or URI",
	.secret = true,
	.help = "the PostgreSQL database"},
    {.name = "TELEM_GATEWAY_BIND",
	.type = KEY_BINDS,
	FIELD(bind),
	.fallback = "0.0.0.0",
	.range = "IPv4 and IPv6 addresses, with commas",
	.help = "where trackers connect"},
    {.name = "TELEM_GATEWAY_PORT",
	NUMBER(0, 65535),
	FIELD(port),
	.fallback = "5027",
	.help = "where trackers connect; 0 lets the kernel choose"},
    {.name = "TELEM_GATEWAY_ID",
	.type = KEY_ASCII,
	FIELD(gateway_id),
	.computed = "host name and port",
	.range = "printable ASCII",
	.apply = CONF_RESTART,
	.help = "names this gateway in the tables"},
    {.name = "METRICS_BIND",
	.type = KEY_BIND,
	FIELD(metrics_bind),
	.fallback = "127.0.0.1",
	.range = "one IPv4 or IPv6 address",
	.apply = CONF_RESTART,
	.help = "where /metrics, /healthz, /readyz and /status are served"},
    {.name = "METRICS_PORT",
	NUMBER(0, 65535),
	FIELD(metrics_port),
	.fallback = "9092",
	.apply = CONF_RESTART,
	.help = "their port; 0 turns them off"},
    {.name = "TELEM_WORKERS",
	NUMBER(1, 1024),
	FIELD(workers),
	.computed = "one per CPU",
	.help = "worker processes"},
    {.name = "TELEM_MAX_DEVICES",
	NUMBER(1000, 16000000),
	FIELD(max_devices),
	.fallback = "1000000",
	.apply = CONF_RESTART,
	.help = "devices that the shared registry has room for"},
    {.name = "TELEM_GATEWAY_ALLOW_UNKNOWN_IMEI",
	.type = KEY_BOOL,
	FIELD(allow_unknown_imei),
	.fallback = "false",
	.range = "true or false",
	.help = "insert a row for an unknown tracker instead of refusing it"},
    {.name = "TELEM_GATEWAY_ALLOW_CIDR",
	.type = KEY_CIDRS,
	FIELD(allow_cidr),
	.computed = "all",
	.range = "up to 64 networks, with commas",
	.help = "networks that may connect"},
    {.name = "TELEM_PROXY_FROM",
	.type = KEY_CIDRS,
	FIELD(proxy_from),
	.computed = "none",
	.range = "up to 64 networks, with commas",
	.help = "balancers: a PROXY header comes first on their connections"},
    {.name = "TELEM_MAX_CONNECTIONS",
	NUMBER(0, 100000000),
	FIELD(max_connections),
	.fallback = "0",
	.help = "most connections in all; 0 for no limit"},
    {.name = "TELEM_MAX_CONNECTIONS_PER_ADDRESS",
	NUMBER(0, 100000000),
	FIELD(max_connections_per_address),
	.fallback = "0",
	.help = "most connections of one address; 0 for no limit"},
    {.name = "TELEM_UNKNOWN_IMEI_RATE",
	NUMBER(0, 1000000),
	FIELD(unknown_imei_rate),
	.fallback = "0",
	.help = "unknown IMEIs that an address may try in a minute; 0 for no limit"},
    {.name = "TELEM_COMMAND_TIMEOUT_MS",
	NUMBER(100, 600000),
	FIELD(command_timeout_ms),
	.fallback = "45000",
	.help = "how long a command waits for its answer"},
    {.name = "TELEM_COMMAND_MAX_ATTEMPTS",
	NUMBER(1, 100),
	FIELD(command_max_attempts),
	.fallback = "5",
	.help = "how often a command is sent before it has failed"},
    {.name = "TELEM_COMMAND_MAX_LENGTH",
	NUMBER(1, 4096),
	FIELD(command_max_length),
	.fallback = "160",
	.help = "longest text of a command, in characters"},
    {.name = "TELEM_RETENTION_DAYS",
	NUMBER(0, 36500),
	FIELD(retention_days),
	.fallback = "0",
	.help = "days that positions are kept; 0 keeps them for ever"},
    {.name = "TELEM_RAW_RETENTION_DAYS",
	NUMBER(0, 36500),
	FIELD(raw_retention_days),
	.fallback = "30",
	.help = "days that decoded raw frames are kept; 0 keeps them for ever"},
    {.name = "TELEM_INGEST_RAW",
	.type = KEY_CHOICE,
	FIELD(ingest_raw),
	.fallback = "errors",
	.range = "off, errors or all",
	.choices = raw_choices,
	.help = "debug copies of raw frames; quarantine is always kept"},
    {.name = "TELEM_BATCH_RECORDS",
	NUMBER(100, 100000),
	FIELD(batch_records),
	.fallback = "10000",
	.help = "most records in one transaction"},
    {.name = "TELEM_WORKER_MEMORY_MB",
	NUMBER(16, 65536),
	FIELD(worker_memory_mb),
	.fallback = "256",
	.help = "buffers of one worker, all told"},
    {.name = "TELEM_DRAIN_TIMEOUT_MS",
	NUMBER(0, 3600000),
	FIELD(drain_timeout_ms),
	.fallback = "10000",
	.help = "longest time for a worker to answer what is in flight and to close its "
		"connections one by one, at a stop, reload or upgrade"},
    {.name = "TELEM_HANDSHAKE_TIMEOUT_S",
	NUMBER(1, 86400),
	FIELD(handshake_timeout_s),
	.fallback = "60",
	.help = "a connection without an IMEI is closed after this"},
    {.name = "TELEM_FRAME_TIMEOUT_S",
	NUMBER(1, 86400),
	FIELD(frame_timeout_s),
	.fallback = "60",
	.help = "a connection with an unfinished frame is closed after this"},
    {.name = "TELEM_IDLE_TIMEOUT_S",
	NUMBER(1, 86400),
	FIELD(idle_timeout_s),
	.fallback = "14400",
	.help = "a silent connection is closed after this"},
    {.name = "TELEM_LOG_LEVEL",
	.type = KEY_CHOICE,
	FIELD(log_level),
	.fallback = "info",
	.range = "error, warn, info or debug",
	.choices = level_choices,
	.help = "what is worth a line"},
    {.name = "TELEM_LOG_FORMAT",
	.type = KEY_CHOICE,
	FIELD(log_format),
	.fallback = "text",
	.range = "text or json",
	.choices = format_choices,
	.help = "how a line looks"},
    {.name = "TELEM_LOG_FILE",
	.type = KEY_PATH,
	FIELD(log_file),
	.computed = "stderr, or syslog in the background",
	.range = "a path, or syslog",
	.help = "where the log goes"},
    {.name = "TELEM_USER",
	.type = KEY_PATH,
	FIELD(user),
	.computed = "none",
	.range = "a user name",
	.apply = CONF_RESTART,
	.help = "who the daemon becomes"},
    {.name = "TELEM_GROUP",
	.type = KEY_PATH,
	FIELD(group),
	.computed = "none",
	.range = "a group name",
	.apply = CONF_RESTART,
	.help = "the group that the daemon takes on"},
    {.name = "TELEM_PIDFILE",
	.type = KEY_PATH,
	FIELD(pidfile),
	.computed = "none",
	.range = "a path",
	.apply = CONF_RESTART,
	.help = "where the process id is written"},
    {.name = "TELEM_CONTROL_SOCKET",
	.type = KEY_SOCKET,
	FIELD(control_socket),
	.computed = "control.sock in the folder for run-time files",
	.range = "an absolute path of up to 103 bytes, or none",
	.apply = CONF_RESTART,
	.help = "where tgctl trace and tgctl capture reach the gateway"},
    {.name = "TELEM_SECCOMP",
	.type = KEY_BOOL,
	FIELD(seccomp),
	.fallback = "true",
	.range = "true or false",
	.help = "deny workers the system calls that they never need"},
};

#define NKEYS (sizeof(keys) / sizeof(keys[0]))

static void *
field(struct conf *c, const struct key *k)
{
	return (char *)c + k->offset;
}

static const void *
const_field(const struct conf *c, const struct key *k)
{
	return (const char *)c + k->offset;
}

/* "must be RANGE, not VALUE", with the value cut and made harmless. Not for secrets. */
static bool
out_of_range(const struct key *k, const char *value, char why[CONF_WHY])
{
	char shown[SHOWN + 1];
	size_t n = 0;

	for (; n < SHOWN && value[n] != '\0'; n++)
		shown[n] = value[n] >= 0x20 && value[n] < 0x7f ? value[n] : '?';
	shown[n] = '\0';
	(void)snprintf(why, CONF_WHY, "must be %s, not \"%s\"%s", k->range, shown,
	    value[n] != '\0' ? "..." : "");
	return false;
}

static bool
set_number(const struct key *k, struct conf *c, const char *value, char why[CONF_WHY])
{
	size_t digits = strspn(value, "0123456789");
	long long n;
	int i;

	if (digits == 0 || value[digits] != '\0' || digits > 10)
		return out_of_range(k, value, why);
	n = strtoll(value, NULL, 10);
	if (n < k->min || n > k->max)
		return out_of_range(k, value, why);
	i = (int)n;
	memcpy(field(c, k), &i, sizeof(i));
	return true;
}

static bool
set_choice(const struct key *k, struct conf *c, const char *value, char why[CONF_WHY])
{
	for (int i = 0; k->choices[i] != NULL; i++) {
		if (strcmp(k->choices[i], value) == 0) {
			memcpy(field(c, k), &i, sizeof(i));
			return true;
		}
	}
	return out_of_range(k, value, why);
}

static bool
set_bool(const struct key *k, struct conf *c, const char *value, char why[CONF_WHY])
{
	bool b = strcmp(value, "true") == 0;

	if (!b && strcmp(value, "false") != 0)
		return out_of_range(k, value, why);
	memcpy(field(c, k), &b, sizeof(b));
	return true;
}

static bool
set_text(const struct key *k, struct conf *c, const char *value, char why[CONF_WHY])
{
	size_t len = strlen(value);

	if (len >= k->size) {
		(void)snprintf(why, CONF_WHY, "longer than %zu bytes", k->size - 1);
		return false;
	}
	for (size_t i = 0; k->type == KEY_ASCII && i < len; i++)
		if (value[i] < 0x20 || value[i] >= 0x7f)
			return out_of_range(k, value, why);
	memcpy(field(c, k), value, len + 1);
	return true;
}

static bool
set_socket(const struct key *k, struct conf *c, const char *value, char why[CONF_WHY])
{
	if (strcmp(value, "none") != 0 &&
	    (value[0] != '/' || strlen(value) + sizeof(".new") > CONTROL_PATH))
		return out_of_range(k, value, why);
	return set_text(k, c, value, why);
}

/*
 * libpq's own message quotes pieces of the string, which may be the password, so it is not
 * passed on.
 */
static bool
set_url(const struct key *k, struct conf *c, const char *value, char why[CONF_WHY])
{
	PQconninfoOption *options;
	char *message = NULL;

	if (value[0] != '\0') {
		options = PQconninfoParse(value, &message);
		if (message != NULL)
			PQfreemem(message);
		if (options == NULL) {
			(void)snprintf(why, CONF_WHY,
			    "libpq can't read it: it must be a URI (postgresql://...) or a "
			    "connection "
			    "string (host=... dbname=...), whole and without quotes around it");
			return false;
		}
		PQconninfoFree(options);
	}
	return set_text(k, c, value, why);
}

/* Reads one address, brackets taken off, into its canonical 16 bytes to tell doubles by. */
static bool
read_address(const char *s, size_t len, char text[INET6_ADDRSTRLEN], unsigned char addr[17])
{
	bool bracket = len >= 2 && s[0] == '[' && s[len - 1] == ']';

	if (bracket) {
		s++;
		len -= 2;
	}
	if (len == 0 || len >= INET6_ADDRSTRLEN)
		return false;
	memcpy(text, s, len);
	text[len] = '\0';
	memset(addr, 0, 17);
	if (!bracket && inet_pton(AF_INET, text, addr + 1) == 1)
		return true;
	addr[0] = 6;
	return inet_pton(AF_INET6, text, addr + 1) == 1;
}

static bool
set_binds(const struct key *k, struct conf *c, const char *value, char why[CONF_WHY])
{
	unsigned char addr[CONF_MAX_BIND][17];
	char text[INET6_ADDRSTRLEN], *out = field(c, k);
	size_t max = k->type == KEY_BIND ? 1 : CONF_MAX_BIND, used = 0;
	const char *p = value;

	for (size_t n = 0;; n++) {
		size_t len;

		p += strspn(p, " ");
		len = strcspn(p, ",");
		while (len > 0 && p[len - 1] == ' ')
			len--;
		if (n == max || !read_address(p, len, text, addr[n]))
			return out_of_range(k, value, why);
		for (size_t i = 0; i < n; i++) {
			if (memcmp(addr[i], addr[n], sizeof(addr[n])) == 0) {
				(void)snprintf(why, CONF_WHY, "holds %s twice", text);
				return false;
			}
		}
		if (used + strlen(text) + 2 > k->size) {
			(void)snprintf(why, CONF_WHY, "longer than %zu bytes", k->size - 1);
			return false;
		}
		used +=
		    (size_t)snprintf(out + used, k->size - used, "%s%s", n > 0 ? "," : "", text);
		p += strcspn(p, ",");
		if (*p++ == '\0')
			return true;
	}
}

static bool
set_cidrs(const struct key *k, struct conf *c, const char *value, char why[CONF_WHY])
{
	struct cidr_list list;

	if (!cidr_list_parse(&list, value, why, CONF_WHY))
		return false;
	memcpy(field(c, k), &list, sizeof(list));
	return true;
}

bool
conf_set(struct conf *c, size_t key, const char *value, char why[CONF_WHY])
{
	const struct key *k = &keys[key];
	size_t len = strlen(value);

	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)value[i] >= 0x20 && value[i] != 0x7f)
			continue;
		if (value[i] == '\r' && i == len - 1)
			(void)snprintf(
			    why, CONF_WHY, "ends with a carriage return (Windows line ends?)");
		else
			(void)snprintf(why, CONF_WHY, "holds a control character");
		return false;
	}
	memset(field(c, k), 0, k->size);
	switch (k->type) {
	case KEY_INT:
		return set_number(k, c, value, why);
	case KEY_BOOL:
		return set_bool(k, c, value, why);
	case KEY_CHOICE:
		return set_choice(k, c, value, why);
	case KEY_URL:
		return set_url(k, c, value, why);
	case KEY_BIND:
	case KEY_BINDS:
		return set_binds(k, c, value, why);
	case KEY_CIDRS:
		return set_cidrs(k, c, value, why);
	case KEY_SOCKET:
		return set_socket(k, c, value, why);
	case KEY_PATH:
	case KEY_ASCII:
		break;
	}
	return set_text(k, c, value, why);
}

void
conf_set_fallbacks(struct conf *c)
{
	char why[CONF_WHY];

	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < NKEYS; i++)
		if (keys[i].fallback != NULL && !conf_set(c, i, keys[i].fallback, why))
			abort(); /* the table contradicts itself */
}

static void
dump_value(const struct conf *c, const struct key *k, FILE *f)
{
	const void *p = const_field(c, k);
	int i;

	switch (k->type) {
	case KEY_INT:
		memcpy(&i, p, sizeof(i));
		(void)fprintf(f, "%d", i);
		break;
	case KEY_CHOICE:
		memcpy(&i, p, sizeof(i));
		(void)fputs(k->choices[i], f);
		break;
	case KEY_BOOL:
		(void)fputs(*(const bool *)p ? "true" : "false", f);
		break;
	case KEY_CIDRS:
		(void)fputs(((const struct cidr_list *)p)->text, f);
		break;
	case KEY_PATH:
	case KEY_SOCKET:
	case KEY_ASCII:
	case KEY_URL:
	case KEY_BIND:
	case KEY_BINDS:
		/* The stars don't tell the length. */
		(void)fputs(k->secret && *(const char *)p != '\0' ? "********" : p, f);
		break;
	}
}

void
conf_dump(const struct conf *c, FILE *f)
{
	for (size_t i = 0; i < NKEYS; i++) {
		(void)fprintf(f, "%s=", keys[i].name);
		dump_value(c, &keys[i], f);
		(void)fputc('\n', f);
	}
}

void
conf_keep_restart_keys(
    struct conf *to, const struct conf *running, void (*changed)(const char *name))
{
	for (size_t i = 0; i < NKEYS; i++) {
		const struct key *k = &keys[i];

		/* Fields are zeroed before they are set, so that bytes compare as values do. */
		if (k->apply != CONF_RESTART ||
		    memcmp(field(to, k), const_field(running, k), k->size) == 0)
			continue;
		changed(k->name);
		memcpy(field(to, k), const_field(running, k), k->size);
	}
}

bool
conf_key_at(size_t i, struct conf_key_info *info)
{
	const struct key *k;

	if (i >= NKEYS)
		return false;
	k = &keys[i];
	info->name = k->name;
	info->computed = k->fallback == NULL;
	info->fallback = info->computed ? k->computed : k->fallback;
	info->range = k->range;
	info->help = k->help;
	info->apply = k->apply;
	info->secret = k->secret;
	return true;
}
