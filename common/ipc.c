#include "common/ipc.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Aligned room for the descriptors of one message; the padding may hold a second one. */
union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(int))];
};

bool
ipc_pair(int fd[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd) == 0;
}

bool
ipc_send(int fd, const struct ipc_msg *msg, int pass_fd)
{
	struct ipc_msg packet = *msg;
	struct iovec iov = {.iov_base = &packet, .iov_len = sizeof(packet)};
	struct msghdr hdr = {.msg_iov = &iov, .msg_iovlen = 1};
	union control control;
	ssize_t n;

	packet.text[sizeof(packet.text) - 1] = '\0';
	if (pass_fd != -1) {
		struct cmsghdr *c;

		memset(&control, 0, sizeof(control));
		hdr.msg_control = control.room;
		hdr.msg_controllen = sizeof(control.room);
		c = CMSG_FIRSTHDR(&hdr);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &pass_fd, sizeof(int));
	}
	do
		n = sendmsg(fd, &hdr, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	return n == (ssize_t)sizeof(packet);
}

/* Returns the first descriptor that came along, or -1; closes any other. */
static int
take_descriptor(struct msghdr *hdr)
{
	int kept = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(hdr); c != NULL; c = CMSG_NXTHDR(hdr, c)) {
		size_t bytes;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		bytes = c->cmsg_len - CMSG_LEN(0);
		for (size_t at = 0; at + sizeof(int) <= bytes; at += sizeof(int)) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + at, sizeof(fd));
			if (kept == -1)
				kept = fd;
			else
				close(fd);
		}
	}
	return kept;
}

int
ipc_recv(int fd, struct ipc_msg *msg, int *got_fd)
{
	struct iovec iov = {.iov_base = msg, .iov_len = sizeof(*msg)};
	union control control;
	struct msghdr hdr = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.room,
	    .msg_controllen = sizeof(control.room)};
	ssize_t n;
	int passed;

	*got_fd = -1;
	do
		n = recvmsg(fd, &hdr, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
	passed = take_descriptor(&hdr);
	if (n != (ssize_t)sizeof(*msg) || (hdr.msg_flags & MSG_TRUNC) != 0) {
		if (passed != -1)
			close(passed);
		return -1;
	}
	msg->text[sizeof(msg->text) - 1] = '\0';
	*got_fd = passed;
	return 1;
}
