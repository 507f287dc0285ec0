/*
 * The fleet simulator, inside: one process, one epoll loop, no allocation after a tracker's first frame.
 * cmd.c starts and ends it and fleet.c runs the loop. tracker.c is one tracker and decides when it does
 * what: build.c makes its frames, send.c sends them, receive.c takes what the gateway says, command.c
 * answers commands. report.c says what came out.
 */
#ifndef TOOL_SIM_SIM_H
#define TOOL_SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "proto/stream.h"
#include "tool/sim/command.h"
#include "tool/sim/frame.h"
#include "tool/sim/hist.h"
#include "tool/sim/log.h"
#include "tool/sim/options.h"
#include "tool/sim/road.h"
#include "tool/sim/wheel.h"

#define SIM_NOBODY UINT32_MAX
#define SIM_IOVS 16 /* pieces in one send */

enum sim_state {
	SIM_AWAY,    /* no connection: waits for its time, or in the connect queue */
	SIM_OPENING, /* connecting, or waiting for the 01 */
	SIM_UP,
	SIM_REFUSED, /* got 00 and gave up */
	SIM_DONE,    /* everything it had to send is acknowledged */
};

/* A frame that is not acknowledged yet. */
struct sim_unacked {
	uint8_t *frame;
	uint64_t sent_ns; /* when its last byte went out; 0: never */
	bool spoilt;	  /* its CRC is wrong at the moment */
	bool repeat;	  /* was acknowledged before: goes out once more */
};

struct sim_tracker {
	uint64_t imei;
	uint64_t rng;		     /* of its faults; the road has its own */
	struct sim_unacked *unacked; /* ring of `window`; NULL until the first frame */
	const struct sim_template *template;
	struct sim_command *command; /* NULL until the first command */
	int64_t clock_ms;	     /* true time of its newest record */
	int64_t skew_ms;	     /* what its clock shows beside that */
	int64_t due_ms;		     /* next frame, with --interval */
	int64_t retry_ms;	     /* SIM_AWAY: not before that */
	int64_t progress_ms;	     /* last time it came forward: the ACK timer starts here */
	int64_t sent_ms;	     /* last byte sent */
	int64_t resume_ms;	     /* --split, --command-split: the rest not before that */
	uint64_t opened_ns;
	int64_t built, acked;		   /* frames (handshakes with --handshake-only) */
	int64_t acked_here;		   /* frames, on this connection */
	uint32_t head;			   /* of the ring: the oldest */
	uint32_t used;			   /* from there on, that wait for their ACK */
	uint32_t sent;			   /* of these, wholly sent on this connection */
	uint32_t out;			   /* bytes of the next one that are sent */
	uint32_t next_connect, next_ready; /* queues */
	int fd;
	uint8_t state;
	uint8_t fails;	  /* in a row */
	uint8_t imei_out; /* bytes of the IMEI packet that are sent */
	uint8_t in_len;
	uint8_t in[4];		   /* a piece of an ACK, or the preamble of a command */
	bool in_connect, in_ready; /* stands in that queue */
	bool ended;		   /* the gateway sends no more: nothing goes out */
	struct sim_road road;
};

struct sim_queue {
	uint32_t first, last;
};

/* A token bucket: fills at `rate` a second up to `most`. */
struct sim_bucket {
	double rate, tokens, most; /* rate 0: no limit */
	uint64_t at_ns;
};

struct sim_counts {
	uint64_t connections, handshakes, refused, unanswered;
	uint64_t resets; /* connection errors after it stood */
	uint64_t closes; /* clean ends by the gateway */
	uint64_t failed_connects, timeouts, hangups, no_descriptor, no_port;
	uint64_t frames_sent, records_sent;   /* each counted once */
	uint64_t frames_acked, records_acked; /* each counted once */
	uint64_t frames_resent, duplicates, spoilt, wrong_acks, pings;
	uint64_t bytes_sent;
	/* received = answered + nacked + silent + hung_up + dropped, and what waits. */
	uint64_t commands_received, commands_answered, commands_nacked;
	uint64_t commands_silent, commands_hung_up;
	uint64_t commands_dropped; /* too many waited, or the connection was gone */
	uint64_t commands_late;	   /* of the answers and nACKs */
	uint64_t commands_bad;	   /* frames from the gateway that are not commands */
	uint64_t unsolicited;
};

struct sim {
	struct sim_options opt;
	struct sim_template template[SIM_PROFILES];
	unsigned templates; /* so many are in use, by turns */
	struct sim_tracker *tracker;
	struct sim_wheel wheel;
	struct sim_queue connect, ready;
	struct sim_bucket connect_bucket, record_bucket;
	struct sim_counts count;
	struct sim_hist latency; /* send to ACK, or connect to 01 with --handshake-only */
	struct sim_log acked_log, sent_log, command_log;
	uint64_t start_ns, now_ns; /* monotonic */
	int64_t now_ms;		   /* the same */
	int64_t wall_ms;	   /* to be added to now_ms: time since 1970 */
	int64_t first_ms;	   /* time since 1970 of the start of the fleet's life */
	int64_t step_ms;	   /* between records; 0: what really went by */
	int64_t connect_pause_ms;  /* no descriptor: not before that */
	uint64_t in_flight;	   /* frames built and not acknowledged */
	uint64_t answers_waiting;  /* to commands, and messages nobody asked for */
	uint32_t up, opening, finished;
	int epoll;
	bool stopping; /* no new frames: only what is under way */
};

/* fleet.c */
bool sim_fleet_init(struct sim *) __attribute__((warn_unused_result));
void sim_fleet_run(struct sim *);
void sim_fleet_free(struct sim *);
/* Reads the clock. */
void sim_now(struct sim *);
/* Puts the tracker at the end of the queue of those that want to connect, or to build a frame. */
void sim_want_connect(struct sim *, struct sim_tracker *);
void sim_want_frame(struct sim *, struct sim_tracker *);
/* Ends the run at once; safe in a signal handler. */
void sim_stop(void);

/* tracker.c */
bool sim_tracker_init(struct sim *, struct sim_tracker *, uint64_t imei)
    __attribute__((warn_unused_result));
/* Opens the connection. False: no descriptor or port is free, try later. */
bool sim_tracker_connect(struct sim *, struct sim_tracker *) __attribute__((warn_unused_result));
void sim_tracker_event(struct sim *, struct sim_tracker *, uint32_t events);
/* Its timer is due. */
void sim_tracker_tick(struct sim *, struct sim_tracker *);
/* Its turn to build one frame, with --rate. False: it can't now. */
bool sim_tracker_turn(struct sim *, struct sim_tracker *) __attribute__((warn_unused_result));
/* Frames that it sends in all. */
int64_t sim_frames_wanted(const struct sim *);
/* May it build a frame now, --rate aside? */
bool sim_tracker_can_build(const struct sim *, const struct sim_tracker *);

/* build.c: appends a new frame to what waits for its ACK. False: no memory. */
bool sim_build_frame(struct sim *, struct sim_tracker *) __attribute__((warn_unused_result));
struct sim_unacked *sim_unacked_at(const struct sim *, const struct sim_tracker *, uint32_t i);
size_t sim_frame_len(const struct sim *, const struct sim_tracker *);
void sim_log_unacked(
    struct sim *, struct sim_log *, const struct sim_tracker *, const struct sim_unacked *);

/*
 * receive.c: takes bytes of the gateway, up to the end of the connection, and says what the tracker has to
 * do about them.
 */
enum sim_received {
	SIM_GO_ON,     /* all is taken */
	SIM_LOSE,      /* the connection is out of step, or refused: come back after a while */
	SIM_COME_BACK, /* it has done what it was for: open the next one */
	SIM_FINISH,    /* the tracker has done all it had to */
	SIM_GIVE_UP,   /* it was refused for good */
};
enum sim_received sim_receive(struct sim *, struct sim_tracker *, const uint8_t *p, size_t n)
    __attribute__((warn_unused_result));

/*
 * send.c: everything that may go out now as pieces, in order, which point into the frames and
 * into `packet`. Returns their number and the sum of their bytes.
 */
int sim_send_gather(const struct sim *, const struct sim_tracker *, uint8_t packet[IMEI_PACKET],
    struct iovec iov[SIM_IOVS], size_t *total);
/* Shortens them to end at a random byte; returns their new number. */
int sim_send_cut(struct sim_tracker *, struct iovec iov[SIM_IOVS], int n, size_t *total);
/* Books bytes that were sent. */
void sim_send_advance(struct sim *, struct sim_tracker *, size_t bytes);

/* report.c */
void sim_report_progress(struct sim *);
void sim_report_final(struct sim *, bool ok);

#endif
