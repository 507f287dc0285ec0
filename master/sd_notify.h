/*
 * Telling the service manager (systemd, Type=notify) how we are: sd_notify(3) without its library.
 * Without NOTIFY_SOCKET in the environment nothing is told to nobody.
 *
 * States, one a line: READY=1, RELOADING=1 with MONOTONIC_USEC=, STOPPING=1, MAINPID=, STATUS=.
 */
#ifndef MASTER_SD_NOTIFY_H
#define MASTER_SD_NOTIFY_H

#include <stdbool.h>

/* Sends one message. False with errno if there is somebody to be told who can't be. */
bool notify_send(const char *fmt, ...) __attribute__((format(printf, 1, 2), warn_unused_result));

/* The same, where a failure is worth a line in the log and nothing else. */
void notify_ready(const char *status);
void notify_reloading(void);
void notify_stopping(void);
/* From now on the service's main process is that one. */
void notify_main_pid(long pid);

#endif
