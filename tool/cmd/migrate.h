/* Parts of tgctl migrate. Each says on stderr what went wrong, and on stdout what it did unless `quiet`. */
#ifndef TOOL_CMD_MIGRATE_H
#define TOOL_CMD_MIGRATE_H

#include <stdbool.h>

struct pg_session;

/* Puts the rows of this program's dictionary in place, if others are there. */
bool migrate_dictionary(struct pg_session *, bool quiet) __attribute__((warn_unused_result));

/*
 * Gives each partition of the history the index of records with an event, one after the other, without
 * stopping those who write. What an interrupted run left behind is dropped and made again.
 */
bool migrate_event_index(struct pg_session *, bool quiet) __attribute__((warn_unused_result));

#endif
