#include "config.h"

#include "master/resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/ipc.h"
#include "common/log.h"
#include "common/sandbox.h"

/* In the order in which libpq would try them. */
static int
list_addresses(const struct addrinfo *found, char text[IPC_TEXT])
{
	char one[INET6_ADDRSTRLEN + 16];
	size_t len = 0;
	int n = 0;

	for (; found != NULL && n < IPC_ADDRESSES; found = found->ai_next) {
		if (getnameinfo(found->ai_addr, found->ai_addrlen, one, sizeof(one), NULL, 0,
			NI_NUMERICHOST) != 0 ||
		    len + strlen(one) + 2 > IPC_TEXT)
			continue;
		len += (size_t)snprintf(text + len, IPC_TEXT - len, "%s%s", n > 0 ? " " : "", one);
		n++;
	}
	return n;
}

static void
look_up(const struct ipc_msg *question, struct ipc_msg *reply)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	int error = getaddrinfo(question->text, NULL, &hints, &found);

	*reply = (struct ipc_msg){.type = IPC_RESOLVED, .value = question->value};
	if (error == 0 && list_addresses(found, reply->text) > 0) {
		freeaddrinfo(found);
		return;
	}
	reply->slot = IPC_NO_ADDRESS;
	snprintf(reply->text, sizeof(reply->text), "%s",
	    error == EAI_SYSTEM ? strerror(errno)
	    : error != 0	? gai_strerror(error)
				: "it has none");
	if (found != NULL)
		freeaddrinfo(found);
}

/* All that has been asked is answered; false when the master is gone. */
static bool
serve(int channel)
{
	struct ipc_msg question, reply;
	int got, passed, denied;

	while ((got = ipc_recv(channel, &question, &passed)) == 1) {
		if (passed != -1)
			close(passed);
		if (question.type != IPC_RESOLVE)
			continue;
		look_up(&question, &reply);
		if (!ipc_send(channel, &reply, -1))
			log_debug("the master does not hear an address");
		denied = sandbox_take_denied();
		if (denied != -1)
			log_warn("system call %d is not allowed here (TELEM_SECCOMP)", denied);
	}
	return got == 0;
}

int
resolver_main(int channel, pid_t parent, bool filter)
{
	static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE};
	struct pollfd p = {.fd = channel, .events = POLLIN};
	const char *why;
	sigset_t none;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	/* While it waits for a name server it would not see that the master is gone. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == -1 || getppid() != parent)
		return 1;
	if (!sandbox_no_new_privs())
		return 1;
	if (filter && (why = sandbox_filter(NULL)) != NULL)
		log_debug("no filter of system calls: %s", why);
	while (poll(&p, 1, -1) != -1 || errno == EINTR)
		if (!serve(channel))
			return 0;
	return 1;
}
