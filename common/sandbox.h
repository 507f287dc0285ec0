/*
 * What processes give up that read what strangers send (workers, and the resolver): new privileges by any
 * way, and all system calls but those that they need.
 *
 * The filter is a list of what is allowed. Workers never start a process, so nothing of that is. What is
 * not allowed fails (EPERM, or ENOSYS where the C library knows a way without it), is counted, and gets
 * a line in the log: libraries differ, and nothing dies of an update of one.
 */
#ifndef COMMON_SANDBOX_H
#define COMMON_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

/* For good, also for whatever it would execute. False with errno. */
bool sandbox_no_new_privs(void) __attribute__((warn_unused_result));

/*
 * Whether other processes of the same user may look into this one, and a crash leaves a core file, in
 * which is the database's password. A change of the user and execve() set it anew. False with errno.
 */
bool sandbox_dumpable(bool) __attribute__((warn_unused_result));

/*
 * Sets the filter, for good; needs sandbox_no_new_privs(). `denied` (in shared memory, or NULL) counts
 * what is not allowed. Null on success, else why there is none: the kernel, the processor or the build
 * has none.
 */
const char *sandbox_filter(_Atomic uint64_t *denied);

/* The number of a call that was not allowed since the last one was asked for, or -1. */
int sandbox_take_denied(void) __attribute__((warn_unused_result));

#endif
