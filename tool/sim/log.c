#include "tool/sim/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "proto/avl.h"
#include "proto/stream.h"

#define LINE_MAX_BYTES (IMEI_DIGITS + 1 + 20 + 1 + 20 + 1)

bool
sim_log_open(struct sim_log *log, const char *path)
{
	log->fd = -1;
	log->failed = false;
	log->used = 0;
	if (path == NULL)
		return true;
	log->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	return log->fd != -1;
}

void
sim_log_flush(struct sim_log *log)
{
	size_t done = 0;

	while (log->fd != -1 && done < log->used && !log->failed) {
		ssize_t n = write(log->fd, log->buffer + done, log->used - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			log->failed = true;
	}
	log->used = 0;
}

bool
sim_log_close(struct sim_log *log)
{
	if (log->fd == -1)
		return true;
	sim_log_flush(log);
	if (close(log->fd) == -1)
		log->failed = true;
	log->fd = -1;
	return !log->failed;
}

static char *
put_number(char *p, uint64_t v)
{
	char digits[20];
	unsigned n = 0;

	do {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	while (n > 0)
		*p++ = digits[--n];
	return p;
}

static void
put_line(struct sim_log *log, const char *imei, uint64_t timestamp_ms, uint64_t hash)
{
	char *p;

	if (log->used + LINE_MAX_BYTES > sizeof(log->buffer))
		sim_log_flush(log);
	p = log->buffer + log->used;
	memcpy(p, imei, IMEI_DIGITS);
	p += IMEI_DIGITS;
	*p++ = '\t';
	p = put_number(p, timestamp_ms);
	*p++ = '\t';
	if (hash >> 63) {
		*p++ = '-';
		hash = -hash;
	}
	p = put_number(p, hash);
	*p++ = '\n';
	log->used = (size_t)(p - log->buffer);
}

void
sim_log_frame(struct sim_log *log, const char *imei, const uint8_t *frame, size_t len)
{
	struct avl_record records[AVL_MAX_RECORDS];
	struct avl_frame info;

	if (log->fd == -1)
		return;
	if (avl_decode(frame + 8, len - FRAME_OVERHEAD, &info, records) != AVL_OK) {
		log->failed = true;
		return;
	}
	for (unsigned i = 0; i < info.nrecords; i++)
		put_line(log, imei, records[i].timestamp_ms, avl_record_hash(&records[i]));
}

void
sim_log_command(struct sim_log *log, uint64_t imei, int64_t time_ms, uint64_t number,
    const uint8_t *text, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	char *p;

	if (log->fd == -1)
		return;
	sim_log_flush(log);
	p = put_number(log->buffer, (uint64_t)time_ms);
	*p++ = '\t';
	p += IMEI_DIGITS;
	for (unsigned i = 1; i <= IMEI_DIGITS; i++, imei /= 10)
		p[-(ptrdiff_t)i] = (char)('0' + imei % 10);
	*p++ = '\t';
	p = put_number(p, number);
	*p++ = '\t';
	for (size_t i = 0; i < len && i < SIM_LOG_TEXT; i++) {
		if (text[i] >= ' ' && text[i] <= '~' && text[i] != '\\') {
			*p++ = (char)text[i];
			continue;
		}
		*p++ = '\\';
		*p++ = 'x';
		*p++ = hex[text[i] >> 4];
		*p++ = hex[text[i] & 15];
	}
	*p++ = '\n';
	log->used = (size_t)(p - log->buffer);
	sim_log_flush(log);
}
