/* tgctl migrate: the rows of the dictionary. They come with the program, not with a migration. */
#include "tool/cmd/migrate.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "migrations/migrations.h"
#include "pg/sql.h"
#include "proto/avl.h"
#include "tool/database.h"

/* Is what the database has what this program knows by `version`? -1 after an error. */
static int
is_current(struct pg_session *db, const char *version)
{
	struct pg_result *res =
	    database_query(db, "looking at the dictionary", "dictionary_version", NULL);
	int current;

	if (res == NULL)
		return -1;
	current = pg_rows(res) > 0 && strcmp(pg_text(res, 0, 0), version) == 0;
	pg_result_free(res);
	return current;
}

static bool
put(struct pg_session *db, const char *version, bool *done)
{
	struct pg_params params = {0};
	int current;

	if (!database_script(db, "starting a transaction", pg_sql("migrate_begin")))
		return false;
	current = is_current(db, version); /* again: another migrate may have been faster */
	if (current != 0) {
		pg_session_rollback(db);
		return current > 0;
	}
	pg_param_text(&params, version);
	*done = database_script(db, "the dictionary", dictionary_sql) &&
		database_run(db, "the dictionary", "dictionary_stored", &params) &&
		database_script(db, "the dictionary", "COMMIT");
	return *done;
}

bool
migrate_dictionary(struct pg_session *db, bool quiet)
{
	char version[17];
	bool done = false;
	int current;

	snprintf(version, sizeof(version), "%016" PRIx64,
	    hash_bytes((const uint8_t *)dictionary_sql, strlen(dictionary_sql)));
	current = is_current(db, version);
	if (current != 0)
		return current > 0;
	if (!put(db, version, &done)) {
		pg_session_rollback(db);
		return false;
	}
	if (done && !quiet)
		puts("dictionary of IO elements put in place");
	return true;
}
