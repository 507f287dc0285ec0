/* Jobs of a link: their statement, their COPY, their results, their end. */
#include <libpq-fe.h>

#include "common/clock.h"
#include "pg/link_impl.h"

/* A connection that is given up for a new one has lasted at least this long: the error may stay. */
#define RENEW_MS 1000

/* The first error counts: those behind it are often its consequences. */
static void
note_error(struct pg_link *link, const PGresult *res)
{
	const char *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

	if (link->failed)
		return;
	link->failed = true;
	pg_error_set(&link->error, PQresultErrorField(res, PG_DIAG_SQLSTATE),
	    message != NULL ? message : PQresultErrorMessage(res));
	pg_error_set_constraint(&link->error, PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME));
}

void
link_end_job(struct pg_link *link, enum pg_outcome outcome)
{
	struct pg_job job = link->job;
	struct pg_error error = link->error;

	link->job = (struct pg_job){0};
	link->copying = link->failed = link->hurried = false;
	job.end(job.ctx, outcome, outcome == PG_OK ? NULL : &error);
}

static void
job_done(struct pg_link *link)
{
	if (link->doubtful) {
		link_lost(link, "a COMMIT was made not to wait for the standby: what it wrote is "
				"proved again");
		return;
	}
	if (link->failed && pg_error_kind(link->error.sqlstate) == PG_KIND_STALE &&
	    clock_mono_ms() - link->up_since_ms >= RENEW_MS) {
		link_renew(link);
		return;
	}
	link->state = LINK_IDLE;
	link_end_job(link, link->failed ? PG_ERROR : PG_OK);
}

/* libpq would keep all that it is given in memory, so it gets more when it has sent what it has. */
bool
link_pump_copy(struct pg_link *link)
{
	enum pg_copy more = PG_COPY_FAIL;
	int left = PQflush(link->conn);

	if (left == 0) {
		if (link->job.copy_in != NULL)
			more = link->job.copy_in(link->job.ctx, link->conn);
		if (more == PG_COPY_FAIL)
			return false;
		link->copying = more == PG_COPY_MORE;
		left = PQflush(link->conn);
	}
	if (left == -1)
		return false;
	/* More to give: come back as soon as the socket takes some again. */
	return (left == 0 && !link->copying) || link_watch_write(link);
}

/* One result of whatever runs. False: the connection is broken. */
static bool
take_result(struct pg_link *link, PGresult *res)
{
	switch (PQresultStatus(res)) {
	case PGRES_COPY_IN:
		if (link->state != LINK_BUSY)
			return false;
		link->copying = true;
		return link_pump_copy(link);
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
	case PGRES_SINGLE_TUPLE:
	case PGRES_EMPTY_QUERY:
		if (link->state == LINK_SETUP)
			link_setup_result(link, res);
		else if (link->job.result != NULL)
			link->job.result(link->job.ctx, res);
		return true;
	default:
		note_error(link, res);
		/* One without a SQLSTATE is libpq's own, of memory most often: where the server stands is not known then. */
		return PQstatus(link->conn) == CONNECTION_OK &&
		       PQresultErrorField(res, PG_DIAG_SQLSTATE) != NULL;
	}
}

static bool
expects_results(const struct pg_link *link)
{
	return link->conn != NULL && (link->state == LINK_BUSY || link->state == LINK_SETUP) &&
	       !link->copying;
}

void
link_take_results(struct pg_link *link)
{
	while (expects_results(link) && !PQisBusy(link->conn)) {
		PGresult *res = PQgetResult(link->conn);
		bool good =
		    res != NULL ? take_result(link, res) : PQstatus(link->conn) == CONNECTION_OK;

		PQclear(res);
		if (!good) {
			link_broken(link);
			return;
		}
		if (res != NULL)
			continue;
		if (link->state == LINK_SETUP)
			link_setup_step_done(link);
		else
			job_done(link);
	}
}

void
pg_link_run(struct pg_link *link, const struct pg_job *job)
{
	link->job = *job;
	link->state = LINK_BUSY;
	link->failed = link->copying = link->doubtful = false;
	link->silent_s = 0;
	if (!job->start(job->ctx, link->conn)) {
		link_broken(link);
		return;
	}
	if (link->cb.single_row && PQsetSingleRowMode(link->conn) == 0)
		log_debug("database (%s connection): single-row mode refused", link->name);
	if (!link_flush(link))
		link_broken(link);
}
