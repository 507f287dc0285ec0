/*
 * A small gateway for the tests of the simulator: a child process that takes
 * trackers on a loopback port, answers, and misbehaves as told. It writes down what
 * it saw and what it acknowledged, in the form of the simulator's own ledgers.
 */
#ifndef T_UNIT_SIM_SERVER_H
#define T_UNIT_SIM_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SIM_SERVER_ANSWERS 1000
#define SIM_SERVER_TEXT 200

/* Commands that it sends to each connection, the next ones when all before are answered. */
struct sim_server_commands {
	const char *text; /* NULL: none */
	uint8_t codec;	  /* CODEC_12 or CODEC_14 */
	int each;	  /* so many in all on each connection */
	int burst;	  /* so many in a row */
	bool at_once;	  /* the first ones behind the 01; else behind the first ACK; in one send */
	bool foreign;	  /* codec 14: with an IMEI of another tracker */
	bool cut;	  /* in two sends, cut at the next byte every time */
	int spoilt;	  /* first ones, over all connections, whose CRC is wrong */
};

/* Every n-th frame (over all connections) meets this fault; 0: never. */
struct sim_server_faults {
	int close_every;      /* closes without an ACK */
	int reset_every;      /* resets without an ACK */
	int ack_close_every;  /* acknowledges, then closes */
	int partial_every;    /* acknowledges one record too few */
	int zero_every;	      /* acknowledges 0 records */
	int mute_every;	      /* no answer at all, the connection stays */
	int late_ms;	      /* every ACK this much later */
	int stutter;	      /* ACKs byte by byte */
	uint64_t refuse_imei; /* answers 00 to this one... */
	int refuse_times;     /* ...so many times */
	int drop_imei_times;  /* first handshakes that are closed without an answer */
	struct sim_server_commands command;
};

/* What a tracker answered to a command, or said without one. */
struct sim_server_answer {
	uint64_t imei;
	int64_t ms; /* since the command */
	uint8_t codec, type;
	bool unasked;
	char text[SIM_SERVER_TEXT];
};

/* Shared with the child: counts so far. */
struct sim_server_counts {
	volatile int ready; /* it can be ended now */
	volatile int connections, handshakes, frames, acked, bad_crc, pings, broken;
	volatile int split; /* reads that ended inside an item */
	volatile int glued; /* IMEI and more in one read */
	volatile int commands, answers;
	struct sim_server_answer answer[SIM_SERVER_ANSWERS]; /* the first ones */
};

struct sim_server {
	pid_t pid;
	int port;
	struct sim_server_counts *counts;
};

/* Starts it; `seen` and `acked` name the ledgers it writes. */
void sim_server_start(
    struct sim_server *, const struct sim_server_faults *, const char *seen, const char *acked);
/* Ends it; the ledgers are complete then. */
void sim_server_stop(struct sim_server *);

#endif
