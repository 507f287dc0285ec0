/* The link that does what the test says: see scripted_link.h. */
#include "t/unit/pg/scripted_link.h"

#include <check.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "pg/query.h"
#include "pg/sql.h"
#include "proto/wire.h"

struct pg_link {
	struct pg_link_callbacks cb;
	bool up, busy;
	struct pg_job job;
};

static struct pg_link the_link;
static char connection; /* its address stands for libpq's object */
static bool exists, refuse_new, break_send, copy_ended;
static int break_put = -1, server_connections;
static const char *sent, *constraint;
static struct pg_params params;
static uint8_t *copied;
static size_t ncopied;
static unsigned copy_calls;

struct pg_link *
pg_link_new(
    struct event_base *base, const char *url, const char *name, const struct pg_link_callbacks *cb)
{
	(void)base, (void)url, (void)name;
	ck_assert(!exists);
	if (refuse_new)
		return NULL;
	exists = true;
	the_link = (struct pg_link){.cb = *cb};
	return &the_link;
}

void
pg_link_free(struct pg_link *link)
{
	if (link != NULL)
		exists = false;
	free(copied);
	copied = NULL;
	ncopied = 0;
}

bool
pg_link_is_up(const struct pg_link *link)
{
	return link->up;
}

bool
pg_link_is_busy(const struct pg_link *link)
{
	return link->busy;
}

int
pg_link_server_connections(const struct pg_link *link)
{
	(void)link;
	return server_connections;
}

const struct pg_backend *
pg_link_backend(const struct pg_link *link)
{
	static const struct pg_backend backend = {.pid = 4711, .started = "then"};

	(void)link;
	return &backend;
}

void
scripted_silence(int seconds)
{
	ck_assert(the_link.busy);
	the_link.cb.stalled(the_link.cb.ctx, the_link.job.name, seconds);
}

void
pg_link_run(struct pg_link *link, const struct pg_job *job)
{
	ck_assert(link->up && !link->busy);
	link->job = *job;
	link->busy = true;
	sent = NULL;
	ncopied = 0;
	copy_ended = false;
	if (!job->start(job->ctx, (struct pg_conn *)&connection))
		scripted_lose("refused by libpq");
	else
		ck_assert_ptr_nonnull(sent);
}

static bool
note_sent(struct pg_conn *conn, const char *statement)
{
	ck_assert_ptr_eq(conn, &connection);
	ck_assert_ptr_nonnull(pg_sql(statement));
	if (break_send) {
		break_send = false;
		return false;
	}
	sent = statement;
	return true;
}

bool
pg_send(
    struct pg_conn *conn, const char *statement, const struct pg_params *p, enum pg_format format)
{
	bool prepared = false;

	(void)format;
	for (const char *const *s = the_link.cb.statements; s != NULL && *s != NULL; s++)
		prepared |= strcmp(*s, statement) == 0;
	ck_assert(prepared);
	params = (struct pg_params){0};
	if (p != NULL)
		params = *p;
	for (int i = 0; i < params.n; i++)
		if (params.value[i] == p->number[i])
			params.value[i] = params.number[i];
	return !params.failed && note_sent(conn, statement);
}

bool
pg_send_text(struct pg_conn *conn, const char *statement)
{
	params = (struct pg_params){0};
	return note_sent(conn, statement);
}

bool
pg_send_text_of(struct pg_conn *conn, const char *statement, int64_t value)
{
	(void)value;
	return pg_send_text(conn, statement);
}

bool
pg_put(struct pg_conn *conn, const void *p, size_t n)
{
	ck_assert_ptr_eq(conn, &connection);
	ck_assert(!copy_ended);
	if (break_put == 0) {
		break_put = -1;
		return false;
	}
	if (break_put > 0)
		break_put--;
	copied = realloc(copied, ncopied + n);
	ck_assert_ptr_nonnull(copied);
	memcpy(copied + ncopied, p, n);
	ncopied += n;
	return true;
}

bool
pg_put_end(struct pg_conn *conn)
{
	ck_assert_ptr_eq(conn, &connection);
	if (break_put == 0) {
		break_put = -1;
		return false;
	}
	copy_ended = true;
	return true;
}

void
scripted_up(void)
{
	ck_assert(exists && !the_link.up);
	the_link.up = true;
	the_link.cb.up(the_link.cb.ctx);
}

static void
end(enum pg_outcome outcome, const char *sqlstate, const char *text)
{
	struct pg_job job = the_link.job;
	struct pg_error error;

	ck_assert(the_link.busy);
	the_link.busy = false;
	sent = NULL;
	pg_error_set(&error, sqlstate, text);
	pg_error_set_constraint(&error, constraint);
	constraint = NULL;
	job.end(job.ctx, outcome, outcome == PG_OK ? NULL : &error);
}

void
scripted_lose(const char *why)
{
	ck_assert(the_link.up);
	the_link.up = false;
	if (the_link.busy)
		end(PG_LOST, NULL, why);
	the_link.cb.down(the_link.cb.ctx, why);
}

const char *
scripted_sent(void)
{
	return sent;
}

/* An array in binary: five words, then length and bytes of each element. */
uint32_t
scripted_count(int param)
{
	ck_assert_int_le(param, params.n);
	ck_assert_int_eq(params.format[param - 1], 1);
	const uint8_t *p = (const uint8_t *)params.value[param - 1];
	return wire_u32(p) == 0 ? 0 : wire_u32(p + 12);
}

const uint8_t *
scripted_element(int param, uint32_t i, size_t *len)
{
	ck_assert_uint_lt(i, scripted_count(param));
	const uint8_t *p = (const uint8_t *)params.value[param - 1] + 20;

	for (; i > 0; i--)
		p += 4 + (wire_u32(p) == UINT32_MAX ? 0 : wire_u32(p));
	*len = wire_u32(p) == UINT32_MAX ? 0 : wire_u32(p);
	return wire_u32(p) == UINT32_MAX ? NULL : p + 4;
}

int64_t
scripted_int8(int param, uint32_t i)
{
	size_t len;
	const uint8_t *p = scripted_element(param, i, &len);

	ck_assert_uint_eq(len, 8);
	return wire_i64(p);
}

bool
scripted_copy(const uint8_t **data, size_t *len)
{
	enum pg_copy more;

	ck_assert_ptr_nonnull(the_link.job.copy_in);
	do {
		copy_calls++;
		more = the_link.job.copy_in(the_link.job.ctx, (struct pg_conn *)&connection);
	} while (more == PG_COPY_MORE);
	*data = copied;
	*len = ncopied;
	if (more == PG_COPY_END) {
		ck_assert(copy_ended);
		return true;
	}
	scripted_lose("broken in COPY");
	return false;
}

unsigned
scripted_copy_calls(void)
{
	return copy_calls;
}

void
scripted_rows(struct pg_result *rows)
{
	if (the_link.job.result != NULL)
		the_link.job.result(the_link.job.ctx, rows);
	PQclear(rows);
}

void
scripted_ok(struct pg_result *rows)
{
	if (rows != NULL)
		scripted_rows(rows);
	end(PG_OK, NULL, NULL);
}

void
scripted_refuse(const char *sqlstate, const char *text)
{
	end(PG_ERROR, sqlstate, text);
}

void
scripted_constraint(const char *name)
{
	constraint = name;
}

struct pg_result *
scripted_bigints(const int64_t *values, int rows, int columns)
{
	static char name[] = "bigint";
	PGresAttDesc columns_of[4] = {0};
	PGresult *res = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);

	ck_assert_ptr_nonnull(res);
	ck_assert_int_le(columns, 4);
	for (int c = 0; c < columns; c++)
		columns_of[c] =
		    (PGresAttDesc){.name = name, .format = 1, .typid = PG_INT8, .typlen = 8};
	ck_assert_int_eq(PQsetResultAttrs(res, columns, columns_of), 1);
	for (int i = 0; i < rows * columns; i++) {
		uint8_t be[8];

		wire_put_u64(be, (uint64_t)values[i]);
		ck_assert_int_eq(PQsetvalue(res, i / columns, i % columns, (char *)be, 8), 1);
	}
	return res;
}

void
scripted_break_send(void)
{
	break_send = true;
}

void
scripted_break_put(int after)
{
	break_put = after;
}

void
scripted_refuse_new(void)
{
	refuse_new = true;
}

const char *const *
scripted_prepared(void)
{
	return the_link.cb.statements;
}

void
scripted_server_connections(int n)
{
	server_connections = n;
}
