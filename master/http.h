/*
 * A very small HTTP/1.1 server for operators: GET and HEAD, one request per connection, no bodies
 * taken. It shares the master's loop, so everything about it is bounded: connections (the oldest makes
 * room), the size of a request, and its time.
 *
 * It is our own instead of libevent's because a listener that runs out of descriptors must pause
 * instead of spinning.
 */
#ifndef MASTER_HTTP_H
#define MASTER_HTTP_H

#include <stdbool.h>

struct event_base;
struct evbuffer;
struct http;

/* Fills body and *type for a path without its query; returns the status (200, 404, 503). */
typedef int http_handler(void *arg, const char *path, struct evbuffer *body, const char **type);

/* Serves on a listening non-blocking socket, which it owns from then on. NULL if out of memory. */
struct http *http_new(struct event_base *, int listen_fd, http_handler *, void *arg)
    __attribute__((warn_unused_result));
void http_free(struct http *);

/* The listening socket, to be handed over. */
int http_listener(const struct http *) __attribute__((warn_unused_result));

#endif
