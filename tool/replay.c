#include "tool/replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/wire.h"
#include "tool/net.h"

#define ANSWER_TIMEOUT_S 30 /* what trackers wait for by default */

struct replay {
	char host[256];
	char port[16];
	int fd; /* -1: not connected */
};

struct replay *
replay_open(const char *target)
{
	struct replay *r = calloc(1, sizeof(*r));
	const char *colon = strrchr(target, ':');
	size_t n = (size_t)(colon - target);

	if (r == NULL || n == 0 || n >= sizeof(r->host) || strlen(colon + 1) >= sizeof(r->port)) {
		fprintf(stderr, "tgctl: \"%s\" is not HOST:PORT\n", target);
		free(r);
		return NULL;
	}
	if (target[0] == '[' && target[n - 1] == ']')
		memcpy(r->host, target + 1, n - 2);
	else
		memcpy(r->host, target, n);
	snprintf(r->port, sizeof(r->port), "%s", colon + 1);
	r->fd = -1;
	return r;
}

void
replay_free(struct replay *r)
{
	if (r == NULL)
		return;
	if (r->fd != -1)
		close(r->fd);
	free(r);
}

static bool
hang_up(struct replay *r, const char *what)
{
	fprintf(stderr, "tgctl: replay to %s:%s: %s\n", r->host, r->port, what);
	if (r->fd != -1)
		close(r->fd);
	r->fd = -1;
	return false;
}

static bool
answer(struct replay *r, enum stream_result kind, const uint8_t *p, json_t *o)
{
	uint8_t in[4];
	uint32_t count;

	if (kind == STREAM_IMEI) {
		if (!net_read(r->fd, in, 1))
			return hang_up(r, "no answer to the IMEI");
		json_object_set_new(o, "answer", json_boolean(in[0] == 1));
		return in[0] == 1 || hang_up(r, "the gateway refused the IMEI");
	}
	if (kind != STREAM_FRAME || !codec_is_avl(p[8]))
		return true;
	if (!net_read(r->fd, in, 4))
		return hang_up(r, "no acknowledgement");
	count = wire_u32(in);
	json_object_set_new(o, "answer", json_integer(count));
	return count == p[9];
}

bool
replay_item(struct replay *r, const uint8_t *p, size_t n, enum stream_result kind, json_t *o)
{
	if (kind == STREAM_IMEI) {
		if (r->fd != -1)
			close(r->fd);
		r->fd = net_connect(r->host, r->port, ANSWER_TIMEOUT_S);
		if (r->fd == -1)
			return hang_up(r, strerror(errno));
	}
	if (r->fd == -1) {
		if (kind == STREAM_PING)
			return true; /* before the IMEI, or after a refusal: of no use */
		json_object_set_new(o, "answer", json_null());
		return false;
	}
	if (!net_write(r->fd, p, n))
		return hang_up(r, strerror(errno));
	return answer(r, kind, p, o);
}
