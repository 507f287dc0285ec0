/*
 * What the simulator writes down. The ledger of records that were sent or acknowledged: a line
 * "IMEI<tab>timestamp in ms<tab>record_hash" each, the hash as a signed decimal as in
 * device_positions. So PostgreSQL's COPY reads it, and sort, join and comm do. And the log of
 * commands: see sim_log_command().
 */
#ifndef TOOL_SIM_LOG_H
#define TOOL_SIM_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_LOG_TEXT 1024
#define SIM_LOG_BUFFER (256 * 1024)

struct sim_log {
	int fd;	     /* -1: not wanted */
	bool failed; /* something couldn't be written: the ledger is worthless */
	size_t used;
	char buffer[SIM_LOG_BUFFER];
};

/* Creates or empties the file; NULL path: no ledger. False with errno set. */
bool sim_log_open(struct sim_log *, const char *path) __attribute__((warn_unused_result));

/* One line for each record of a whole frame (preamble to CRC), which must be decodable. */
void sim_log_frame(struct sim_log *, const char *imei, const uint8_t *frame, size_t len);

/*
 * A line "time in ms since 1970<tab>IMEI<tab>number<tab>text", written at once, so that who
 * waits for the command sees it. What is not printable in the text, and a backslash, is \xHH;
 * beyond SIM_LOG_TEXT bytes the text is cut.
 */
void sim_log_command(struct sim_log *, uint64_t imei, int64_t time_ms, uint64_t number,
    const uint8_t *text, size_t len);

void sim_log_flush(struct sim_log *);
/* Flushes and closes. False if anything was lost. */
bool sim_log_close(struct sim_log *) __attribute__((warn_unused_result));

#endif
