/*
 * Which descriptors a child keeps. A process that the master forks must hold nothing of the master but
 * what is its own: a leaked end of a worker channel would hide the master's death from a sibling, a
 * leaked listener would hold connections that nobody accepts.
 */
#ifndef MASTER_DESCRIPTORS_H
#define MASTER_DESCRIPTORS_H

#include <stdbool.h>

/*
 * In a child: closes all descriptors from 3 on but those in the list, which this sorts; -1 in it stands
 * for none. False with errno if the kernel can't say which there are.
 */
bool descriptors_close_all_but(int *keep, int n) __attribute__((warn_unused_result));

#endif
