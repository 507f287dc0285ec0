/*
 * Mutexes in shared memory that outlive the death of their holder: the kernel
 * frees the lock of a process that is killed, and the next one to take it is told.
 */
#ifndef COMMON_MUTEX_H
#define COMMON_MUTEX_H

#include <pthread.h>
#include <stdbool.h>

enum robust_result {
	ROBUST_TAKEN,
	ROBUST_OWNER_DIED, /* taken too; what the lock guards may be half-changed */
	ROBUST_BUSY,	   /* only of robust_try() */
};

/* `recursive`: robust_try() by the holder succeeds again, and must be undone again. */
void robust_init(pthread_mutex_t *, bool recursive);
enum robust_result robust_lock(pthread_mutex_t *);
enum robust_result robust_try(pthread_mutex_t *);
void robust_unlock(pthread_mutex_t *);

#endif
