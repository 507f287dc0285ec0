/* Parts of tgctl migrate. Each says on stderr what went wrong, and on stdout what it did unless `quiet`. */
#ifndef TOOL_CMD_MIGRATE_H
#define TOOL_CMD_MIGRATE_H

#include <stdbool.h>
#include <stdint.h>

struct pg_session;

/* What the caller chose. */
struct migrate_choice {
	bool dry_run;
	bool quiet;
	bool yes; /* also what takes long */
};

/* What of the history the migrations to come write anew: all 0 if nothing. About, but for the bytes. */
struct migrate_rewrite {
	int64_t rows, bytes;
	double seconds;
};

/*
 * Says how much that is. False: it must not be done, as there is no room for it (where that can be known), or as it is
 * much and nobody said yes.
 */
bool migrate_rewrite(struct pg_session *, const struct migrate_choice *, struct migrate_rewrite *)
    __attribute__((warn_unused_result));

/* Puts the rows of this program's dictionary in place, if others are there. */
bool migrate_dictionary(struct pg_session *, bool quiet) __attribute__((warn_unused_result));

/*
 * Gives each partition of the history the index of records with an event, one after the other, without
 * stopping those who write. What an interrupted run left behind is dropped and made again.
 */
bool migrate_event_index(struct pg_session *, bool quiet) __attribute__((warn_unused_result));

#endif
