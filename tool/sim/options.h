/* The command line of `tgctl sim`. */
#ifndef TOOL_SIM_OPTIONS_H
#define TOOL_SIM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "tool/sim/profile.h"

struct sim_options {
	const char *host;
	const char *imei_file, *acked_log, *sent_log, *command_log;
	struct sockaddr_storage address; /* of host and port */
	socklen_t address_len;
	uint64_t imei_base;
	uint64_t seed;
	int64_t start_ms; /* 0: now */
	int64_t frames;	  /* per tracker; -1: no limit */
	int64_t backlog;  /* of them old ones, sent first */
	int64_t interval_ms, step_ms, ping_ms, ack_timeout_ms, duration_ms; /* 0: none */
	int64_t reconnect_every;					    /* frames; 0: never */
	int64_t command_delay_ms[2];					    /* least and most */
	int64_t command_late_by_ms;
	double command_silent, command_late, command_split, command_hangup; /* percent */
	double unsolicited;						    /* percent of frames */
	double rate, connect_rate;			/* records/s, connections/s; 0: no limit */
	double bad_crc, duplicate, no_fix, clock_wrong; /* percent */
	uint32_t trackers, records, io, window, connect_parallel, source_ips;
	uint16_t port;
	uint8_t codecs[3];
	unsigned ncodecs;
	enum sim_profile profiles[SIM_PROFILES]; /* instead of codec and io */
	unsigned nprofiles;
	double near_latitude, near_longitude; /* with has_near: all drive around there */
	bool has_near;
	bool allow_remote, split, glue, idle, handshake_only, retry_refused, json, latency, quiet;
	bool no_commands;
};

enum sim_options_result { SIM_OPTIONS_OK, SIM_OPTIONS_HELP, SIM_OPTIONS_BAD };

/* Reads the arguments. Says on stderr what is wrong with them, or prints the help on stdout. */
enum sim_options_result sim_options_parse(struct sim_options *, int argc, char **argv)
    __attribute__((warn_unused_result));

#endif
