/* tgctl migrate: the index of records with an event, partition by partition. */
#include "tool/cmd/migrate.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pg/error.h"
#include "tool/database.h"

#define ATTEMPTS 5	  /* of one step, when somebody is in the way */
#define PAUSE_SECONDS 1	  /* between them */
#define NAME_ROOM 64	  /* PostgreSQL's own */
#define STEPS_MAX 1000000 /* ends a loop that gets nowhere */

/* Does what one row of event_index_step says. Creating can't be done inside a transaction. */
static bool
step(struct pg_session *db, const struct pg_result *res, bool quiet)
{
	const char *partition = pg_field(res, "partition"), *action = pg_field(res, "action");
	struct pg_session_error error;

	if (!quiet && strcmp(action, "attach") != 0) {
		printf("index of events of %s: %s\n", partition, action);
		fflush(stdout);
	}
	for (int i = 1;; i++) {
		if (pg_session_script(db, pg_field(res, "statement"), &error))
			return true;
		pg_session_rollback(db);
		/* Another migrate made it meanwhile; the next question shows what is left to do. */
		if (pg_error_is_done_already(error.sqlstate))
			return true;
		if (error.lost || i >= ATTEMPTS) {
			database_explain(&error, "the index of events");
			fprintf(stderr,
			    "tgctl: the gateway works without it; run tgctl migrate again\n");
			return false;
		}
		sleep(PAUSE_SECONDS);
		/* A build that failed leaves an index that is not valid; it goes before the next attempt. */
		if (strcmp(action, "create") == 0)
			return true;
	}
}

bool
migrate_event_index(struct pg_session *db, bool quiet)
{
	char last[NAME_ROOM] = "";
	int failures = 0;

	for (int i = 0; i < STEPS_MAX; i++) {
		struct pg_result *res =
		    database_query(db, "the index of events", "event_index_step", NULL);
		bool more;

		if (res == NULL)
			return false;
		more = pg_rows(res) > 0;
		/* Leftovers, of our own builds too, count by partition, so that it ends. */
		if (more && strcmp(pg_field(res, "partition"), last) != 0) {
			snprintf(last, sizeof(last), "%s", pg_field(res, "partition"));
			failures = 0;
		}
		if (more && strcmp(pg_field(res, "action"), "drop a leftover") == 0 &&
		    ++failures > ATTEMPTS) {
			fprintf(stderr,
			    "tgctl: the index of events of %s: given up after %d attempts\n"
			    "tgctl: the gateway works without it; run tgctl migrate again\n",
			    last, ATTEMPTS);
			pg_result_free(res);
			return false;
		}
		if (more && !step(db, res, quiet)) {
			pg_result_free(res);
			return false;
		}
		pg_result_free(res);
		if (!more)
			return true;
	}
	return false;
}
