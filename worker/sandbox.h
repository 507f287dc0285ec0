/*
 * What a worker gives up once it has started, as it reads what strangers send: new privileges by
 * any way, and system calls that it never needs and an intruder would want.
 *
 * The filter is a list of calls that are denied (EPERM), not of those that are allowed: libpq, its
 * TLS, Kerberos and name lookups, and the C library call what their versions like, and a worker
 * that dies of an update of those would be worse than what the filter prevents.
 */
#ifndef WORKER_SANDBOX_H
#define WORKER_SANDBOX_H

#include <stdbool.h>

/* For good, also for whatever it would execute. False with errno. */
bool harden_no_new_privs(void) __attribute__((warn_unused_result));

/*
 * Sets the filter, for good; needs harden_no_new_privs(). Null on success, else why there is none:
 * the kernel, the processor or the build has none.
 */
const char *harden_filter(void);

#endif
