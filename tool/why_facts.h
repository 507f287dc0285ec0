/*
 * What the tables and the gateway say of one tracker, in words (why_list); tool/why_causes.h judges it. Pure:
 * tool/cmd/why.c collects it.
 *
 * Times are ms since 1970, 0 for "never" or "not known"; texts are never NULL.
 */
#ifndef TOOL_WHY_FACTS_H
#define TOOL_WHY_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WHY_TEXT 64   /* room of a short text, cut to fit */
#define WHY_WORDS 512 /* of a sentence or two */

/* Records among the newest of a device that its judgement rests on. */
#define WHY_RECORDS 20

/* A row of unidentified_connections that may be this tracker. */
struct why_stranger {
	char what[WHY_TEXT]; /* "": there is none */
	char addr[WHY_TEXT], first_bytes[WHY_TEXT];
	int64_t last, attempts;
	bool digits; /* it said this IMEI's digits, in its own way */
	bool surely; /* so many that it can't be another's */
};

struct why_facts {
	char imei[16];
	int64_t now;

	/* The gateway, over HTTP. */
	bool gateway_asked, gateway_answers, gateway_ready;
	char gateway_says[256]; /* why it is not ready, or does not answer */

	/* The rest is from the database; if it could not be asked, there is nothing more. */
	bool database_answers;
	char database_says[256];
	int64_t fleet_last_seen; /* any device was heard */

	/* devices, device_models */
	bool known, enabled;
	int64_t device_id;
	char model[WHY_TEXT];
	char codecs_off[WHY_TEXT]; /* that the model may not use, with commas */

	/* rejected_devices */
	int64_t refused_first, refused_last, refusals;
	char refused_reason[WHY_TEXT], refused_addr[WHY_TEXT];
	/* An unregistered IMEI that may be the tracker's true one; "" for none. */
	char near_imei[16];
	char near_how[WHY_TEXT]; /* "swapped", "digit", "address" */
	char near_addr[WHY_TEXT];
	int64_t near_last, near_refusals;

	/* unidentified_connections */
	struct why_stranger stranger;

	/* The configuration: its last address is outside TELEM_GATEWAY_ALLOW_CIDR. */
	bool not_allowed;

	/* device_online */
	bool seen; /* it has been accepted once */
	bool online;
	int64_t connected_at, disconnected_at, last_seen;
	char addr[WHY_TEXT], gateway[WHY_TEXT];
	int worker;
	char disconnect_reason[WHY_TEXT]; /* of its last session that ended */
	int64_t disconnects_in_row, disconnects_since;
	int64_t usual_gap; /* ms between records, nine times of ten; 0: not known */
	int64_t fix_at;	   /* of the last valid fix */
	double latitude, longitude;
	char says[WHY_WORDS]; /* the newest record, of power, radio and receiver; "" for nothing */

	/* device_positions: the newest WHY_RECORDS with a clock that can be right */
	int records, fixes;    /* so many, and so many of them with a fix */
	int64_t recorded_last; /* newest clock */
	int64_t received_last; /* newest arrival */
	int satellites_most;
	int64_t clock_off;     /* ms that their clock is ahead (behind: negative), by the newest */
	bool clock_off_steady; /* all by the same, over minutes: it is the clock, not a delay */

	/* device_positions: with a clock before 2010, 30 days and more behind, or more than 24 h ahead */
	int wrong_clocks;	     /* up to WHY_RECORDS of either kind */
	int64_t wrong_received_last; /* newest arrival */
	int64_t wrong_recorded;	     /* its clock */
	int64_t wrong_off;	     /* so many ms ahead of its arrival */

	/* device_ingest_raw: the quarantine, not decoded */
	int64_t raw_frames, raw_attempts; /* of all */
	int64_t raw_last;		  /* the frame that came last: when, how often, why */
	int64_t raw_last_attempts;
	char raw_reason[WHY_TEXT];
	int raw_codec;

	/* device_commands */
	int64_t pending, sent; /* so many */
	int64_t pending_since, sent_at, next_retry;
	int64_t failed, failed_last; /* given up within a week, the latest when */
	char failed_why[WHY_WORDS / 2];
	int64_t failed_id;

	/* device_messages */
	int64_t message_last; /* the newest arrival */
	int64_t late_answers; /* that came after the latest failed command was sent */
};

struct why_fact {
	const char *name;
	char text[WHY_WORDS];
};

#define WHY_MAX_FACTS 16

/* What is known, whatever it means. Returns how many there are. */
size_t why_list(const struct why_facts *, struct why_fact out[WHY_MAX_FACTS]);

#endif
