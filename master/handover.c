#include "config.h"

#include "master/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shm/area.h"

#define TEXT_VERSION 2

/* ---- the text ---- */

static void
write_text(const struct handover *h, FILE *f)
{
	int s, a;

	fprintf(f, "telematics-gateway handover %d\n", TEXT_VERSION);
	fprintf(f, "talk %d\nlife %d %d %d\n", h->talk, h->life, h->own_life[0], h->own_life[1]);
	fprintf(f, "pidfile %d %s\n", h->pidfile.fd, h->pidfile.fd != -1 ? h->pidfile.path : "-");
	fprintf(f, "metrics %d\nmemory %d\n", h->metrics, h->memory);
	fprintf(f, "background %d\ngeneration %u\n", h->background, h->generation);
	fprintf(f, "sockets %d %d\n", h->naddr, h->nslots);
	for (s = 0; s < h->nslots; s++) {
		fprintf(f, "slot %d", h->block[s]);
		for (a = 0; a < h->naddr; a++)
			fprintf(f, " %d", h->fds[s * h->naddr + a]);
		fputc('\n', f);
	}
	/* What older releases don't know stands behind the end that they read to. */
	fprintf(f, "end\ninstance %" PRId64 "\n", h->instance);
	for (s = 0; s < h->nnames; s++)
		fprintf(f, "name %s %s\n", h->names[s].host, h->names[s].addresses);
}

int
handover_write(const struct handover *h)
{
	int fd = memfd_create("telematics-handover", MFD_CLOEXEC), copy, saved;
	bool ok;
	FILE *f;

	if (fd == -1)
		return -1;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	f = copy != -1 ? fdopen(copy, "w") : NULL;
	if (f == NULL) {
		saved = errno;
		if (copy != -1)
			close(copy);
		close(fd);
		errno = saved;
		return -1;
	}
	write_text(h, f);
	ok = ferror(f) == 0;
	if (fclose(f) == 0 && ok)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* A descriptor that is open, or -1 where none is allowed. */
static bool
is_fd(int fd, bool needed)
{
	return fd == -1 ? !needed : fd > 2 && fcntl(fd, F_GETFD) != -1;
}

static bool
read_head(struct handover *h, FILE *f)
{
	int background;

	if (fscanf(f, "talk %d life %d %d %d ", &h->talk, &h->life, &h->own_life[0],
		&h->own_life[1]) != 4 ||
	    fscanf(f, "pidfile %d %1023[^\n] ", &h->pidfile.fd, h->pidfile.path) != 2 ||
	    fscanf(f, "metrics %d memory %d ", &h->metrics, &h->memory) != 2 ||
	    fscanf(f, "background %d generation %u ", &background, &h->generation) != 2 ||
	    fscanf(f, "sockets %d %d ", &h->naddr, &h->nslots) != 2)
		return false;
	h->background = background != 0;
	return is_fd(h->talk, true) && is_fd(h->life, true) && is_fd(h->own_life[0], true) &&
	       is_fd(h->own_life[1], true) && is_fd(h->pidfile.fd, false) &&
	       is_fd(h->metrics, false) && is_fd(h->memory, true) && h->naddr >= 1 &&
	       h->naddr <= CONF_MAX_BIND && h->nslots >= 1 && h->nslots <= SHM_MAX_SLOTS;
}

static bool
read_slots(struct handover *h, FILE *f)
{
	char end[4] = "";
	int s, a, *fd;

	h->fds = calloc((size_t)h->nslots * (size_t)h->naddr, sizeof(*h->fds));
	h->block = calloc((size_t)h->nslots, sizeof(*h->block));
	if (h->fds == NULL || h->block == NULL)
		return false;
	for (s = 0; s < h->nslots; s++) {
		if (fscanf(f, "slot %d", &h->block[s]) != 1 || (h->block[s] & ~1) != 0)
			return false;
		for (a = 0; a < h->naddr; a++) {
			fd = &h->fds[s * h->naddr + a];
			if (fscanf(f, " %d", fd) != 1 || !is_fd(*fd, false))
				return false;
		}
		if (fscanf(f, " ") == EOF)
			return false;
	}
	if (fscanf(f, "%3s", end) != 1 || strcmp(end, "end") != 0)
		return false;
	if (fscanf(f, " instance %" SCNd64, &h->instance) != 1)
		h->instance = 0;
	return true;
}

/* Behind the end, where releases that don't know them don't look. Whatever is odd ends them. */
static void
read_names(struct handover *h, FILE *f)
{
	while (h->nnames < RESOLVER_NAMES &&
	       fscanf(f, " name %255s %511[^\n]", h->names[h->nnames].host,
		   h->names[h->nnames].addresses) == 2)
		h->nnames++;
}

bool
handover_read(struct handover *h, int fd, char err[CONF_ERR])
{
	int copy, version = 0;
	FILE *f;

	memset(h, 0, sizeof(*h));
	handover_forget(h);
	copy = fd > 2 ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;
	f = copy != -1 ? fdopen(copy, "r") : NULL;
	if (f == NULL) {
		snprintf(err, CONF_ERR,
		    HANDOVER_ENV " is set, but not by a telematics-gateway that "
				 "hands over: take it out of the environment");
		if (copy != -1)
			close(copy);
		return false;
	}
	rewind(f);
	if (fscanf(f, "telematics-gateway handover %d ", &version) != 1 || version != TEXT_VERSION)
		snprintf(err, CONF_ERR,
		    "the running release hands over in a way that this one doesn't know: restart "
		    "instead of upgrading");
	else if (!read_head(h, f) || !read_slots(h, f))
		snprintf(err, CONF_ERR, "what the running gateway hands over can't be read");
	else
		h->present = true;
	if (h->present)
		read_names(h, f);
	fclose(f);
	if (!h->present)
		handover_forget(h);
	return h->present;
}

static void
list_single(const struct handover *h, int list[HANDOVER_SINGLE])
{
	const int single[HANDOVER_SINGLE] = {
	    h->talk, h->life, h->own_life[0], h->own_life[1], h->pidfile.fd, h->metrics, h->memory};

	memcpy(list, single, sizeof(single));
}

int
handover_descriptors(const struct handover *h, int *list)
{
	int n = h->naddr * h->nslots;

	list_single(h, list);
	memcpy(list + HANDOVER_SINGLE, h->fds, (size_t)n * sizeof(*list));
	return HANDOVER_SINGLE + n;
}

static void
set_cloexec(const int *fd, int n, bool on)
{
	for (; n > 0; n--, fd++)
		if (*fd != -1)
			(void)fcntl(*fd, F_SETFD, on ? FD_CLOEXEC : 0);
}

void
handover_cloexec(const struct handover *h, bool on)
{
	int single[HANDOVER_SINGLE];

	list_single(h, single);
	set_cloexec(single, HANDOVER_SINGLE, on);
	set_cloexec(h->fds, h->naddr * h->nslots, on);
}

bool
handover_take(struct handover *h, char err[CONF_ERR])
{
	char *value = getenv(HANDOVER_ENV), *end;
	long fd;

	memset(h, 0, sizeof(*h));
	handover_forget(h);
	if (value == NULL)
		return true;
	fd = strtol(value, &end, 10);
	if (end == value || *end != '\0' || fd < 0 || fd > INT32_MAX)
		fd = -1;
	/* The memory that the kernel shows as our environment, and our workers' too. */
	(void)unsetenv(HANDOVER_ENV);
	value -= strlen(HANDOVER_ENV "=");
	memset(value, 0, strlen(value));
	if (!handover_read(h, (int)fd, err))
		return false;
	close((int)fd);
	handover_cloexec(h, true);
	return true;
}

void
handover_forget(struct handover *h)
{
	free(h->fds);
	free(h->block);
	memset(h, 0, sizeof(*h));
	h->talk = h->life = h->own_life[0] = h->own_life[1] = -1;
	h->metrics = h->memory = h->pidfile.fd = -1;
}

/* ---- the talk ---- */

bool
handover_say(int talk, const char *fmt, ...)
{
	char text[HANDOVER_SAYS];
	va_list ap;
	ssize_t n;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	do
		n = send(talk, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	return n == (ssize_t)strlen(text);
}

int
handover_hear(int talk, char text[HANDOVER_SAYS])
{
	ssize_t n;

	do
		n = recv(talk, text, HANDOVER_SAYS - 1, MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (n <= 0)
		return -1;
	text[n] = '\0';
	return 1;
}
