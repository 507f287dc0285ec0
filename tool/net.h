/* A blocking TCP connection with a time-out, for status and replay. */
#ifndef TOOL_NET_H
#define TOOL_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Connects within `timeout_s`, which then holds for each read and write too. -1 with errno. */
int net_connect(const char *host, const char *port, int timeout_s)
    __attribute__((warn_unused_result));

bool net_write(int fd, const uint8_t *p, size_t n) __attribute__((warn_unused_result));

/* Reads exactly n bytes; false at the end of the stream, after the time-out or an error. */
bool net_read(int fd, uint8_t *p, size_t n) __attribute__((warn_unused_result));

#endif
