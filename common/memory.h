/*
 * How much memory this process has, as the kernel counts it (/proc/self/statm). Any process may ask.
 */
#ifndef COMMON_MEMORY_H
#define COMMON_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Bytes that are resident, and the part of them that belongs to files or is shared with other
 * processes (program, libraries, our shared memory). False, and nothing is written, where the kernel
 * does not say or no descriptor is left.
 */
bool memory_read(uint64_t *resident, uint64_t *shared) __attribute__((warn_unused_result));

#endif
