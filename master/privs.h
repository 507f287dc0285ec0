/*
 * Giving up root: for good, all three ids of user and group and the supplementary groups, with each
 * step checked and the result looked at again. For the master, before it forks workers.
 */
#ifndef MASTER_PRIVS_H
#define MASTER_PRIVS_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/conf.h"

struct privs {
	bool change; /* false: stay who we are */
	char user[CONF_STR];
	uid_t uid;
	gid_t gid;
};

/* Looks the names up; "" stands for none. False with a message in err: a wrong configuration. */
bool privs_resolve(struct privs *, const char *user, const char *group, char err[CONF_ERR])
    __attribute__((warn_unused_result));

bool privs_drop(const struct privs *, char err[CONF_ERR]) __attribute__((warn_unused_result));

#endif
