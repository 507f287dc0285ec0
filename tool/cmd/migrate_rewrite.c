/* tgctl migrate: what a migration writes anew is said beforehand, and whether there is room for it. */
#include "tool/cmd/migrate.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "tool/database.h"
#include "tool/out_text.h"

#define ASK_FROM_BYTES (INT64_C(1) << 30)
#define MICROSECONDS_A_ROW 5.8 /* on one core of a usual server */
#define GB(bytes) ((double)(bytes) / (1 << 30))

static bool
has_room(const struct pg_result *res, int row)
{
	int64_t needed = pg_int(res, row, pg_column(res, "needed"));
	char folder[512];
	struct statvfs fs;

	if (pg_is_null(res, row, pg_column(res, "folder")))
		return true;
	out_copy(folder, sizeof(folder), pg_text(res, row, pg_column(res, "folder")));
	/* The folder of a server in another container isn't ours to see. */
	if (statvfs(pg_text(res, row, pg_column(res, "folder")), &fs) != 0)
		return true;
	if ((double)fs.f_bavail * (double)fs.f_frsize >= (double)needed)
		return true;
	fprintf(stderr, "tgctl: %s has %.1f GB free; %.1f GB are needed\n", folder,
	    GB((double)fs.f_bavail * (double)fs.f_frsize), GB(needed));
	return false;
}

static void
say(const struct migrate_rewrite *r)
{
	printf("the history is written anew, as its io becomes json: about %" PRId64 " rows\n"
	       "  disk: %.1f GB more until it is done, and as much WAL\n"
	       "  time: about %.0f s, in which trackers wait for their answers\n",
	    r->rows, GB(r->bytes), r->seconds);
	fflush(stdout);
}

bool
migrate_rewrite(
    struct pg_session *db, const struct migrate_choice *choice, struct migrate_rewrite *r)
{
	struct pg_result *res =
	    database_query(db, "looking at the size of the history", "migrate_rewrite", NULL);
	bool room = true;

	*r = (struct migrate_rewrite){0};
	if (res == NULL)
		return false;
	for (int i = 0; i < pg_rows(res); i++) {
		r->rows += pg_int(res, i, pg_column(res, "rows"));
		r->bytes += pg_int(res, i, pg_column(res, "bytes"));
	}
	r->seconds = (double)r->rows * MICROSECONDS_A_ROW / 1e6;
	if (!choice->quiet && r->rows > 0)
		say(r);
	for (int i = 0; i < pg_rows(res); i++)
		room &= has_room(res, i);
	pg_result_free(res);
	if (choice->dry_run)
		return true;
	if (room && r->bytes > ASK_FROM_BYTES && !choice->yes) {
		fprintf(stderr, "tgctl: nothing was changed: that is more than 1 GB\n"
				"tgctl: hint: choose a quiet hour, and give --yes\n");
		return false;
	}
	if (!room)
		fprintf(stderr, "tgctl: nothing was changed\n");
	return room;
}
