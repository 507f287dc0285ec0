/*
 * Mutexes in shared memory that outlive the death of their holder: the kernel frees the lock of a
 * process that is killed, and tells the next one that takes it. Any process may use them. A call that
 * fails means that the memory is corrupt, and ends the process.
 */
#ifndef COMMON_MUTEX_H
#define COMMON_MUTEX_H

#include <pthread.h>
#include <stdbool.h>

enum mutex_result {
	MUTEX_TAKEN,
	MUTEX_OWNER_DIED, /* taken as well; what the lock guards may be half-changed */
	MUTEX_BUSY,	  /* of mutex_try() only */
};

/*
 * Once, by whoever made the memory. `recursive`: mutex_try() by the holder succeeds again, and must
 * be undone once more.
 */
void mutex_init(pthread_mutex_t *, bool recursive);
/* Whoever has nothing to mend may ignore what it says. */
enum mutex_result mutex_lock(pthread_mutex_t *);
enum mutex_result mutex_try(pthread_mutex_t *) __attribute__((warn_unused_result));
void mutex_unlock(pthread_mutex_t *);

#endif
