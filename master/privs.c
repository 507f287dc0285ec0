#include "config.h"

#include "master/privs.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

bool
privs_resolve(struct privs *p, const char *user, const char *group, char err[CONF_ERR])
{
	const struct passwd *pw;
	const struct group *gr;

	memset(p, 0, sizeof(*p));
	if (*user == '\0') {
		if (*group == '\0')
			return true;
		snprintf(err, CONF_ERR, "TELEM_GROUP needs TELEM_USER");
		return false;
	}
	pw = getpwnam(user);
	if (pw == NULL) {
		snprintf(err, CONF_ERR, "TELEM_USER: no user \"%s\" on this machine", user);
		return false;
	}
	p->change = true;
	p->uid = pw->pw_uid;
	p->gid = pw->pw_gid;
	snprintf(p->user, sizeof(p->user), "%s", user);
	if (*group == '\0')
		return true;
	gr = getgrnam(group);
	if (gr == NULL) {
		snprintf(err, CONF_ERR, "TELEM_GROUP: no group \"%s\" on this machine", group);
		return false;
	}
	p->gid = gr->gr_gid;
	return true;
}

/* Is everything what it should be, and is there no way back? */
static bool
verify(const struct privs *p)
{
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;

	if (getresuid(&ruid, &euid, &suid) == -1 || getresgid(&rgid, &egid, &sgid) == -1)
		return false;
	if (ruid != p->uid || euid != p->uid || suid != p->uid)
		return false;
	if (rgid != p->gid || egid != p->gid || sgid != p->gid)
		return false;
	return p->uid == 0 || setuid(0) == -1;
}

bool
privs_drop(const struct privs *p, char err[CONF_ERR])
{
	const char *step;

	if (!p->change)
		return true;
	if (geteuid() != 0) {
		if (geteuid() == p->uid)
			return true;
		snprintf(err, CONF_ERR, "TELEM_USER %s: only root can change to it", p->user);
		return false;
	}
	/* Groups first: they need the root that the last step takes away. */
	step = "initgroups";
	if (initgroups(p->user, p->gid) == -1)
		goto fail;
	step = "setresgid";
	if (setresgid(p->gid, p->gid, p->gid) == -1)
		goto fail;
	step = "setresuid";
	if (setresuid(p->uid, p->uid, p->uid) == -1)
		goto fail;
	if (verify(p))
		return true;
	snprintf(err, CONF_ERR, "TELEM_USER %s: root could not be given up", p->user);
	return false;
fail:
	snprintf(err, CONF_ERR, "TELEM_USER %s: %s: %s", p->user, step, strerror(errno));
	return false;
}
