/*
 * Tells the service manager (systemd, Type=notify) how the master is: sd_notify(3) without its library.
 * Without NOTIFY_SOCKET in the environment nothing is sent.
 *
 * States, one per line: READY=1, RELOADING=1 with MONOTONIC_USEC=, STOPPING=1, MAINPID=, STATUS=.
 */
#ifndef MASTER_SD_NOTIFY_H
#define MASTER_SD_NOTIFY_H

#include <stdbool.h>

/* Sends one message. False with errno if there is a service manager that can't be told. */
bool sd_notify_send(const char *fmt, ...) __attribute__((format(printf, 1, 2), warn_unused_result));

/* The same, where a failure is worth a line in the log and nothing else. */
void sd_notify_ready(const char *status);
void sd_notify_reloading(void);
void sd_notify_stopping(void);
/* From now on the service's main process is that one. */
void sd_notify_main_pid(long pid);

#endif
