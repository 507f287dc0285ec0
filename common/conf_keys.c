/* The table of keys: the one place that knows their names, fallbacks and limits. */
#include "common/conf_impl.h"

#include <assert.h>

static const char *const raw_choices[] = {"off", "errors", "all", NULL};
static const char *const commit_choices[] = {
    "on", "remote_apply", "remote_write", "local", "off", NULL};
static const char *const level_choices[] = {"error", "warn", "info", "debug", NULL};
static const char *const format_choices[] = {"text", "json", NULL};

static_assert(INGEST_RAW_OFF == 0 && INGEST_RAW_ALL == 2, "the order of raw_choices");
static_assert(SYNC_COMMIT_ON == 0 && SYNC_COMMIT_OFF == 4, "the order of commit_choices");
static_assert(LOG_ERROR_ == 0 && LOG_DEBUG_ == 3, "the order of level_choices");
static_assert(LOG_TEXT == 0 && LOG_JSON == 1, "the order of format_choices");
static_assert(sizeof(enum ingest_raw) == sizeof(int) &&
		  sizeof(enum synchronous_commit) == sizeof(int) && sizeof(enum log_level) == sizeof(int) &&
		  sizeof(enum log_format) == sizeof(int),
    "choices are stored as int");

#define FIELD(f) .offset = offsetof(struct conf, f), .size = sizeof(((struct conf *)NULL)->f)
#define NUMBER(lo, hi) .type = KEY_INT, .min = (lo), .max = (hi), .range = #lo " to " #hi

const struct conf_key conf_keys[] = {
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
    {.name = "TELEM_SYNCHRONOUS_COMMIT",
	.type = KEY_CHOICE,
	FIELD(synchronous_commit),
	.fallback = "on",
	.range = "on, remote_apply, remote_write, local or off",
	.choices = commit_choices,
	.help = "what an acknowledgement waits for; weaker than on may lose acknowledged records"},
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

static_assert(sizeof(conf_keys) / sizeof(conf_keys[0]) <= CONF_MAX_KEYS, "room for all keys");
const size_t conf_nkeys = sizeof(conf_keys) / sizeof(conf_keys[0]);

const char *
conf_synchronous_commit(const struct conf *conf)
{
	return commit_choices[conf->synchronous_commit];
}

bool
conf_key_at(size_t i, struct conf_key_info *info)
{
	const struct conf_key *k;

	if (i >= conf_nkeys)
		return false;
	k = &conf_keys[i];
	info->name = k->name;
	info->computed = k->fallback == NULL;
	info->fallback = info->computed ? k->computed : k->fallback;
	info->range = k->range;
	info->help = k->help;
	info->apply = k->apply;
	info->secret = k->secret;
	return true;
}
