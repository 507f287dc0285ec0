/*
 * Configuration (gateway.conf(5)): NAME=value lines in a file, and the same names in the environment,
 * which wins. One table (common/conf_keys.c) drives parsing, limits, -T, --help and the lint of the
 * documents; no other place knows a key.
 *
 * A struct conf is const after conf_load(); a reload loads a second one. Members are named after
 * their keys.
 */
#ifndef COMMON_CONF_H
#define COMMON_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/cidr.h"
#include "common/log.h"

#define CONF_STR 256					   /* longest text value, with its NUL */
#define CONF_URL 2048					   /* longest DATABASE_URL */
#define CONF_CONTROL_SOCKET PKGRUNSTATEDIR "/control.sock" /* without TELEM_CONTROL_SOCKET */
#define CONF_MAX_BIND 16				   /* addresses in TELEM_GATEWAY_BIND */
#define CONF_ERR 512					   /* an error message */
#define CONF_SOCKET_PATH 108 /* a socket's path with its NUL: unix(7) */

enum ingest_raw { INGEST_RAW_OFF, INGEST_RAW_ERRORS, INGEST_RAW_ALL };

/* As PostgreSQL's synchronous_commit has them. */
enum synchronous_commit {
	SYNC_COMMIT_ON, /* or remote_apply, where the session is found with it */
	SYNC_COMMIT_REMOTE_APPLY,
	/* These may lose what was acknowledged. */
	SYNC_COMMIT_REMOTE_WRITE,
	SYNC_COMMIT_LOCAL,
	SYNC_COMMIT_OFF,
};

struct conf {
	char database_url[CONF_URL]; /* secret: never logged */
	char bind[CONF_STR];	     /* addresses with commas; no blanks, no brackets */
	int port;		     /* 0 is allowed: the kernel chooses (tests) */
	char gateway_id[CONF_STR];   /* resolved: never empty after load */
	char metrics_bind[CONF_STR]; /* one address, no brackets */
	int metrics_port;	     /* 0: no listener */
	int workers;		     /* resolved: >= 1 after load */
	bool allow_unknown_imei;
	struct cidr_list allow_cidr; /* who may connect; empty: all */
	struct cidr_list proxy_from; /* balancers, whose PROXY header is expected; empty: none */
	int max_connections;	     /* over all workers; 0: no limit, here and below */
	int max_connections_per_address;
	int unknown_imei_rate; /* unknown IMEIs per minute and address */
	int command_timeout_ms;
	int command_max_attempts;
	int command_max_length; /* characters of a command's text */
	int retention_days;	/* 0: keep */
	int raw_retention_days;
	int command_retention_days, message_retention_days, session_retention_days;
	enum ingest_raw ingest_raw;
	int gather_ms;		  /* TELEM_GATHER_MS: longest wait for a larger batch */
	int last_ping_interval_s; /* TELEM_LAST_PING_INTERVAL_S */
	enum synchronous_commit synchronous_commit;
	int drain_timeout_ms;
	int handshake_timeout_s;
	int frame_timeout_s;
	int idle_timeout_s;
	enum log_level log_level;
	enum log_format log_format;
	char log_file[CONF_STR]; /* "" stderr (syslog in the background) */
	char user[CONF_STR];
	char group[CONF_STR];
	char pidfile[CONF_STR];
	char control_socket[CONF_SOCKET_PATH]; /* resolved: an absolute path, or "none" */
	char control_group[CONF_STR];	       /* "": the daemon's own */
	int max_devices;      /* TELEM_MAX_DEVICES: capacity of the shared registry */
	bool seccomp;	      /* TELEM_SECCOMP: a filter of system calls in the workers */
	bool core_files;      /* TELEM_CORE_FILES: a crash leaves one, if the system has it so */
	int batch_records;    /* TELEM_BATCH_RECORDS: most records in one transaction */
	int worker_memory_mb; /* TELEM_WORKER_MEMORY_MB: buffers of one worker, all told */
};

/* What kind of a change a key's new value needs (doc/architecture.md, Reload (SIGHUP)). */
enum conf_apply { CONF_RELOAD, CONF_RESTART };

struct conf_source {
	const char *file; /* NULL: the default path, where it is not an error if there is no file */
	bool need_database; /* DATABASE_URL must be set */
	/*
	 * A default file that can't be read, or a wrong line in it, is told by warn() and passed over, unless
	 * DATABASE_URL is needed and not set otherwise. For tools, which need little of it.
	 */
	bool lenient;
	/*
	 * Judges DATABASE_URL: NULL, or what is wrong with it, in a text that quotes nothing of it.
	 * pg_url_wrong() of pg/url.h; NULL: any text will do.
	 */
	const char *(*url_wrong)(const char *url);
	/* Is told of an unknown TELEM_* in the environment, which is not an error; or NULL. */
	void (*warn)(const char *message);
};

/*
 * Loads fallbacks, then the file, then the environment, checks ranges, and resolves what depends on
 * the machine (workers, gateway id). False with "FILE:LINE: message" or "environment: NAME: message"
 * in err, which never holds the value of a secret key.
 */
bool conf_load(struct conf *, const struct conf_source *, char err[CONF_ERR])
    __attribute__((warn_unused_result));

/*
 * True if anybody in the world who finds the port may speak to us: an address to listen on that is
 * neither private nor loopback, and no list of who may connect.
 */
bool conf_open_to_world(const struct conf *) __attribute__((warn_unused_result));
#define CONF_OPEN_TO_WORLD \
	"every address may connect: set TELEM_GATEWAY_ALLOW_CIDR to the networks of your " \
	"trackers (0.0.0.0/0,::/0 if it is to be all), or have a firewall do it"

/* The value of TELEM_SYNCHRONOUS_COMMIT. */
const char *conf_synchronous_commit(const struct conf *);

/* Prints NAME=value of every key in force, secrets masked (-T). */
void conf_dump(const struct conf *, FILE *);

/*
 * Calls `changed` with the name of each CONF_RESTART key that differs between
 * the two and copies the old value into `to`, so that the rest can be taken now.
 */
void conf_keep_restart_keys(
    struct conf *to, const struct conf *running, void (*changed)(const char *name));

/* Walks the table of keys, for --help, completion and the lint of the documents. */
struct conf_key_info {
	const char *name;
	const char *fallback; /* the value without any, or in words where `computed` */
	const char *range, *help;
	bool computed; /* worked out from the machine, or not there at all */
	enum conf_apply apply;
	bool secret;
};
/* False when there is no such key, and nothing is written. */
bool conf_key_at(size_t i, struct conf_key_info *) __attribute__((warn_unused_result));

#endif
