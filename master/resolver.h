/* The resolver's process: what it does with its questions. The master's side is master/resolver.c. */
#ifndef MASTER_RESOLVER_H
#define MASTER_RESOLVER_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Answers IPC_RESOLVE with IPC_RESOLVED, one after the other and each for as long as it takes, until the
 * channel or the process `parent` ends; with `filter` in a sandbox. Returns the exit status.
 */
int resolver_main(int channel, pid_t parent, bool filter) __attribute__((warn_unused_result));

#endif
