/* The resolver's process: what it does with its questions. The master's side is master/resolver.c. */
#ifndef MASTER_RESOLVER_H
#define MASTER_RESOLVER_H

#include <sys/types.h>

/*
 * Answers IPC_RESOLVE with IPC_RESOLVED, one after the other and each for as long as it takes, until the
 * channel or the process `parent` ends. Returns the exit status.
 */
int resolver_main(int channel, pid_t parent) __attribute__((warn_unused_result));

#endif
