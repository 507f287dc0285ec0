#include "tool/gateway_status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool/net.h"

#define HTTP_TIMEOUT_S 5
#define HTTP_MAX (16 << 20)

/* The first of the addresses to bind to, as one to connect to. */
static void
target(const struct conf *conf, char host[CONF_STR], char port[16])
{
	size_t n = strcspn(conf->metrics_bind, ",");

	snprintf(host, CONF_STR, "%.*s", (int)n, conf->metrics_bind);
	if (strcmp(host, "0.0.0.0") == 0)
		snprintf(host, CONF_STR, "127.0.0.1");
	else if (strcmp(host, "::") == 0 || strcmp(host, "[::]") == 0)
		snprintf(host, CONF_STR, "::1");
	else if (host[0] == '[' && host[strlen(host) - 1] == ']')
		snprintf(host, CONF_STR, "%.*s", (int)n - 2, conf->metrics_bind + 1);
	snprintf(port, 16, "%d", conf->metrics_port);
}

/* Reads the answer to its end; NULL if it is too long or breaks off with an error. */
static char *
read_answer(int fd, size_t *len)
{
	size_t room = 65536;
	char *text = malloc(room), *more;
	ssize_t n;

	*len = 0;
	while (text != NULL) {
		n = read(fd, text + *len, room - *len - 1);
		if (n == -1 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		if (n == 0) {
			text[*len] = '\0';
			return text;
		}
		*len += (size_t)n;
		if (room - *len < 2) {
			room *= 2;
			more = room <= HTTP_MAX ? realloc(text, room) : NULL;
			if (more == NULL)
				break;
			text = more;
		}
	}
	free(text);
	return NULL;
}

char *
gateway_get(const struct conf *conf, const char *path, char *why, size_t room)
{
	char host[CONF_STR], port[16], request[CONF_STR + 128];
	char *answer = NULL, *body;
	size_t len;
	int fd;

	if (conf->metrics_port == 0) {
		snprintf(why, room, "METRICS_PORT is 0, so nobody can ask the gateway");
		return NULL;
	}
	target(conf, host, port);
	fd = net_connect(host, port, HTTP_TIMEOUT_S);
	if (fd == -1) {
		snprintf(
		    why, room, "no gateway answers at %s port %s: %s", host, port, strerror(errno));
		return NULL;
	}
	snprintf(request, sizeof(request),
	    "GET %.32s HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n\r\n", path, host, port);
	if (net_write(fd, (const uint8_t *)request, strlen(request)))
		answer = read_answer(fd, &len);
	close(fd);
	body = answer != NULL ? strstr(answer, "\r\n\r\n") : NULL;
	if (body != NULL && strncmp(answer, "HTTP/1.", 7) == 0) {
		memmove(answer, body + 4, strlen(body + 4) + 1);
		return answer;
	}
	snprintf(why, room, "what answers at %s port %s is not the gateway", host, port);
	free(answer);
	return NULL;
}

json_t *
gateway_status(const struct conf *conf, char *why, size_t room)
{
	char *body = gateway_get(conf, "/status", why, room);
	json_t *status = body != NULL ? json_loads(body, JSON_DISABLE_EOF_CHECK, NULL) : NULL;

	if (body != NULL && !json_is_object(status)) {
		snprintf(
		    why, room, "what answers at port %d is not the gateway", conf->metrics_port);
		json_decref(status);
		status = NULL;
	}
	free(body);
	return status;
}
