/* The master's end of the worker channels (common/ipc.h). */
#include "config.h"

#include "master/master.h"

#include <stdio.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/clock.h"
#include "common/ipc.h"
#include "common/log.h"

bool
worker_channel_tell(struct worker_proc *p, uint32_t type, uint32_t slot, uint64_t value, int fd)
{
	struct ipc_msg msg = {.type = type, .slot = slot, .value = value};

	return p->channel != -1 && ipc_send(p->channel, &msg, fd);
}

void
worker_channel_close(struct worker_proc *p)
{
	if (p->event != NULL)
		event_free(p->event);
	p->event = NULL;
	if (p->channel != -1)
		close(p->channel);
	p->channel = -1;
}

static void
on_message(struct worker_proc *p, const struct ipc_msg *msg)
{
	struct master_slot *ms = &p->master->slots[p->slot];

	switch (msg->type) {
	case IPC_READY:
		slot_ready(&ms->sup, p->block, clock_mono_ms());
		ms->failure[0] = '\0';
		log_info("worker %d (pid %ld, generation %u) is ready", p->slot, (long)p->pid,
		    p->generation);
		break;
	case IPC_START_FAILED:
		snprintf(ms->failure, sizeof(ms->failure), "%.*s", (int)sizeof(ms->failure) - 1,
		    msg->text);
		log_error(
		    "worker %d (pid %ld) can't start: %s", p->slot, (long)p->pid, ms->failure);
		break;
	case IPC_RESOLVE:
		resolver_ask(p, msg);
		break;
	case IPC_CONTACT:
		p->contact = true;
		break;
	case IPC_DRAINED:
		p->drained = true;
		break;
	default:
		log_warn("worker %d (pid %ld) sent an unknown message %u", p->slot, (long)p->pid,
		    msg->type);
		break;
	}
}

void
worker_channel_read(struct worker_proc *p)
{
	struct ipc_msg msg;
	int r, fd;

	if (p->channel == -1)
		return;
	while ((r = ipc_recv(p->channel, &msg, &fd)) == 1) {
		if (fd != -1)
			close(fd);
		on_message(p, &msg);
	}
	/* Its end is near; SIGCHLD tells the rest. */
	if (r == -1)
		worker_channel_close(p);
}

static void
on_channel(evutil_socket_t fd, short what, void *arg)
{
	struct worker_proc *p = arg;

	(void)fd;
	(void)what;
	worker_channel_read(p);
	master_advance(p->master);
}

int
worker_channel_open(struct worker_proc *p)
{
	int fd[2];

	if (!ipc_pair(fd))
		return -1;
	p->channel = fd[0];
	p->event = event_new(p->master->base, fd[0], EV_READ | EV_PERSIST, on_channel, p);
	if (p->event != NULL && event_add(p->event, NULL) == 0)
		return fd[1];
	worker_channel_close(p);
	close(fd[1]);
	return -1;
}
