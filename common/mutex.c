#include "common/mutex.h"

#include <errno.h>
#include <stdlib.h>

/*
 * What fails here is a lock that was never made, or memory that was written over: nothing that
 * this process still says or stores could be trusted, and its master replaces it.
 */
static void
must(int rc)
{
	if (rc != 0)
		abort();
}

void
mutex_init(pthread_mutex_t *m, bool recursive)
{
	pthread_mutexattr_t attr;

	must(pthread_mutexattr_init(&attr));
	must(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED));
	must(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST));
	if (recursive)
		must(pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE));
	must(pthread_mutex_init(m, &attr));
	must(pthread_mutexattr_destroy(&attr));
}

static enum mutex_result
taken(pthread_mutex_t *m, int rc)
{
	if (rc == EOWNERDEAD) {
		must(pthread_mutex_consistent(m));
		return MUTEX_OWNER_DIED;
	}
	must(rc);
	return MUTEX_TAKEN;
}

enum mutex_result
mutex_lock(pthread_mutex_t *m)
{
	return taken(m, pthread_mutex_lock(m));
}

enum mutex_result
mutex_try(pthread_mutex_t *m)
{
	int rc = pthread_mutex_trylock(m);

	return rc == EBUSY ? MUTEX_BUSY : taken(m, rc);
}

void
mutex_unlock(pthread_mutex_t *m)
{
	must(pthread_mutex_unlock(m));
}
