#include "worker/names.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

#define QUESTIONS 64 /* two links, and the hosts of a connection string */
#define KNOWN 16
#define PATIENCE_S 3 /* the master answers within one, if it lives */
#define NAME 256

struct question {
	struct pg_link *link; /* NULL: free */
	uint64_t number;
	char host[NAME];
};

/* What was found last. */
struct known {
	char host[NAME];
	char addresses[IPC_TEXT];
};

struct names {
	struct pg_names ops;
	int channel;
	struct event *timer; /* for the youngest question: then all are answered somehow */
	uint64_t number;
	struct question question[QUESTIONS];
	struct known known[KNOWN];
	unsigned next_known;
};

static struct known *
find_known(struct names *n, const char *host)
{
	for (size_t i = 0; i < KNOWN; i++)
		if (strcmp(n->known[i].host, host) == 0)
			return &n->known[i];
	return NULL;
}

static void
remember(struct names *n, const char *host, const char *addresses)
{
	struct known *k = find_known(n, host);

	if (k == NULL)
		k = &n->known[n->next_known++ % KNOWN];
	snprintf(k->host, sizeof(k->host), "%s", host);
	snprintf(k->addresses, sizeof(k->addresses), "%s", addresses);
}

/* The question is free before the link is told: it may ask again at once. */
static void
end_question(struct names *n, struct question *q, const char *addresses, const char *why)
{
	struct question was = *q;
	const struct known *k = *addresses == '\0' ? find_known(n, was.host) : NULL;

	q->link = NULL;
	if (k != NULL)
		log_debug("host \"%s\": %s; its last known addresses are used", was.host, why);
	pg_link_named(was.link, was.host, k != NULL ? k->addresses : addresses, why);
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct names *n = arg;

	(void)fd, (void)what;
	for (size_t i = 0; i < QUESTIONS; i++)
		if (n->question[i].link != NULL)
			end_question(n, &n->question[i], "", "the master does not answer");
}

static void
ask(void *ctx, struct pg_link *link, const char *host)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	struct ipc_msg msg = {.type = IPC_RESOLVE};
	struct names *n = ctx;
	struct question *q = n->question;

	while (q < n->question + QUESTIONS && q->link != NULL)
		q++;
	if (q == n->question + QUESTIONS || strlen(host) >= sizeof(q->host)) {
		pg_link_named(link, host, "", "too many hosts, or a name too long");
		return;
	}
	*q = (struct question){.link = link, .number = ++n->number};
	snprintf(q->host, sizeof(q->host), "%s", host);
	msg.value = q->number;
	snprintf(msg.text, sizeof(msg.text), "%s", host);
	if (!ipc_send(n->channel, &msg, -1) || evtimer_add(n->timer, &patience) == -1)
		end_question(n, q, "", "the master can't be asked");
}

static void
forget(void *ctx, struct pg_link *link)
{
	struct names *n = ctx;

	for (size_t i = 0; i < QUESTIONS; i++)
		if (n->question[i].link == link)
			n->question[i].link = NULL;
}

void
names_answer(struct names *n, const struct ipc_msg *msg)
{
	for (size_t i = 0; i < QUESTIONS; i++) {
		struct question *q = &n->question[i];

		if (q->link == NULL || q->number != msg->value)
			continue;
		if (msg->slot == IPC_NO_ADDRESS) {
			end_question(n, q, "", msg->text);
		} else {
			remember(n, q->host, msg->text);
			end_question(n, q, msg->text, "");
		}
		return;
	}
}

const struct pg_names *
names_ops(const struct names *n)
{
	return &n->ops;
}

struct names *
names_new(struct event_base *base, int channel)
{
	struct names *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return NULL;
	n->ops = (struct pg_names){.ctx = n, .ask = ask, .forget = forget};
	n->channel = channel;
	n->timer = evtimer_new(base, timer_cb, n);
	if (n->timer != NULL)
		return n;
	free(n);
	return NULL;
}

void
names_free(struct names *n)
{
	if (n == NULL)
		return;
	event_free(n->timer);
	free(n);
}
