#include "worker/task/live_impl.h"

#include <string.h>

#include "worker/task/live_sql.h"

/* An array that one batch made larger than this gives its memory back. */
#define ARRAY_KEPT (256 * 1024)

static const char rows_sql[] =
    "INSERT INTO device_online AS o (" LIVE_SQL_COLUMNS ") "
    "SELECT x.*, CASE WHEN x.session_id IS NOT NULL THEN $24::text END, "
    "CASE WHEN x.session_id IS NOT NULL THEN $25::integer END, now() "
    "FROM unnest($1::bigint[], $2::timestamptz[], $3::bigint[], $4::timestamptz[], "
    "$5::float8[], $6::float8[], $7::smallint[], $8::integer[], $9::smallint[], "
    "$10::integer[], $11::boolean[], $12::smallint[], $13::integer[], $14::smallint[], "
    "$15::smallint[], $16::timestamptz[], $17::jsonb[], $18::bigint[], $19::boolean[], "
    "$20::timestamptz[], $21::timestamptz[], $22::timestamptz[], $23::inet[]) "
    "AS x (device_id, " LIVE_SQL_FIX ", last_record_at, io, session_id, online, connected_at, "
    "disconnected_at, last_seen_at, remote_addr)" LIVE_SQL_ON_CONFLICT;

/* A device that is no more gets no new row. */
static const char goodbyes_sql[] =
    "UPDATE device_online o SET online = false, disconnected_at = x.at, updated_at = now() "
    "FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[]) AS x (device_id, session_id, at) "
    "WHERE o.device_id = x.device_id AND o.session_id = x.session_id AND o.online";

/* Rows that the web application holds locked are left out; the answer tells which were not. */
static const char pings_sql[] =
    "UPDATE devices d SET last_ping = greatest(d.last_ping, l.seen) "
    "FROM (SELECT f.id, w.seen FROM unnest($1::bigint[], $2::timestamptz[]) AS w (id, seen) "
    "JOIN devices f ON f.id = w.id ORDER BY f.id FOR NO KEY UPDATE OF f SKIP LOCKED) l "
    "WHERE d.id = l.id RETURNING d.id";

const char *const live_statements[] = {
    "live_rows", rows_sql, "live_goodbyes", goodbyes_sql, "live_pings", pings_sql, NULL};

/* Fields that go from the tuple into their array as they are. */
static const struct {
	enum live_array array;
	enum row_offset at;
	uint8_t n;
} fix_fields[] = {
    {LA_RECORDED_AT, ROW_RECORDED_AT, 8},
    {LA_RECORD_HASH, ROW_RECORD_HASH, 8},
    {LA_RECEIVED_AT, ROW_RECEIVED_AT, 8},
    {LA_LATITUDE, ROW_LATITUDE, 8},
    {LA_LONGITUDE, ROW_LONGITUDE, 8},
    {LA_ALTITUDE, ROW_ALTITUDE, 2},
    {LA_HEADING, ROW_HEADING, 4},
    {LA_SATELLITES, ROW_SATELLITES, 2},
    {LA_SPEED, ROW_SPEED, 4},
    {LA_VALID, ROW_VALID, 1},
    {LA_PRIORITY, ROW_PRIORITY, 2},
    {LA_EVENT_IO_ID, ROW_EVENT_IO_ID, 4},
    {LA_CODEC, ROW_CODEC, 2},
};

#define NFIELDS (sizeof(fix_fields) / sizeof(fix_fields[0]))

void
live_write_init(struct live *l)
{
	static const uint32_t oids[LIVE_ARRAYS] = {
	    [LA_DEVICE_ID] = PG_INT8,
	    [LA_RECORDED_AT] = PG_TIMESTAMPTZ,
	    [LA_RECORD_HASH] = PG_INT8,
	    [LA_RECEIVED_AT] = PG_TIMESTAMPTZ,
	    [LA_LATITUDE] = PG_FLOAT8,
	    [LA_LONGITUDE] = PG_FLOAT8,
	    [LA_ALTITUDE] = PG_INT2,
	    [LA_HEADING] = PG_INT4,
	    [LA_SATELLITES] = PG_INT2,
	    [LA_SPEED] = PG_INT4,
	    [LA_VALID] = PG_BOOL,
	    [LA_PRIORITY] = PG_INT2,
	    [LA_EVENT_IO_ID] = PG_INT4,
	    [LA_CODEC] = PG_INT2,
	    [LA_GENERATION] = PG_INT2,
	    [LA_LAST_RECORD_AT] = PG_TIMESTAMPTZ,
	    [LA_IO] = PG_JSONB,
	    [LA_SESSION_ID] = PG_INT8,
	    [LA_ONLINE] = PG_BOOL,
	    [LA_CONNECTED_AT] = PG_TIMESTAMPTZ,
	    [LA_DISCONNECTED_AT] = PG_TIMESTAMPTZ,
	    [LA_LAST_SEEN_AT] = PG_TIMESTAMPTZ,
	    [LA_REMOTE_ADDR] = PG_INET,
	};

	for (int i = 0; i < LIVE_ARRAYS; i++)
		pg_array_init(&l->arrays[i], oids[i]);
}

void
live_write_free(struct live *l)
{
	for (int i = 0; i < LIVE_ARRAYS; i++)
		pg_array_free(&l->arrays[i]);
}

static void
reset_arrays(struct live *l)
{
	for (int i = 0; i < LIVE_ARRAYS; i++) {
		if (l->arrays[i].room > ARRAY_KEPT)
			pg_array_free(&l->arrays[i]);
		pg_array_reset(&l->arrays[i]);
	}
}

static void
put_time(struct pg_array *a, bool known, int64_t wall_ms)
{
	if (known)
		pg_array_time_ms(a, wall_ms);
	else
		pg_array_null(a);
}

static void
put_fix(struct live *l, const uint8_t *fix)
{
	int16_t generation;

	for (size_t i = 0; i < NFIELDS; i++) {
		if (fix != NULL)
			pg_array_raw(&l->arrays[fix_fields[i].array], fix + fix_fields[i].at,
			    fix_fields[i].n);
		else
			pg_array_null(&l->arrays[fix_fields[i].array]);
	}
	if (fix != NULL && row_generation(fix, &generation))
		pg_array_int2(&l->arrays[LA_GENERATION], generation);
	else
		pg_array_null(&l->arrays[LA_GENERATION]);
}

static void
put_session(struct live *l, const struct fold *f)
{
	struct pg_array *a = l->arrays;

	if (f->connected || f->goodbye)
		pg_array_int8(&a[LA_SESSION_ID], f->session_id);
	else
		pg_array_null(&a[LA_SESSION_ID]);
	pg_array_bool(&a[LA_ONLINE], f->connected && !f->goodbye);
	put_time(&a[LA_CONNECTED_AT], f->connected, f->connected_ms);
	put_time(&a[LA_DISCONNECTED_AT], f->goodbye, f->disconnected_ms);
	put_time(&a[LA_LAST_SEEN_AT], f->seen_ms != 0, f->seen_ms);
	if (f->connected && f->addr_len > 0)
		pg_array_raw(&a[LA_REMOTE_ADDR], f->addr, f->addr_len);
	else
		pg_array_null(&a[LA_REMOTE_ADDR]);
}

static void
put_row(struct live *l, const struct fold *f)
{
	struct pg_array *a = l->arrays;

	pg_array_int8(&a[LA_DEVICE_ID], f->device_id);
	put_fix(l, f->fix);
	if (f->io != NULL) {
		/* The time stands in a tuple's form already: microseconds since 2000. */
		pg_array_int8(&a[LA_LAST_RECORD_AT], f->record_us);
		pg_array_raw(&a[LA_IO], f->io, f->io_len);
	} else {
		pg_array_null(&a[LA_LAST_RECORD_AT]);
		pg_array_null(&a[LA_IO]);
	}
	put_session(l, f);
}

/* Sends a statement whose first parameters are the arrays named, and maybe the two scalars. */
static bool
send_arrays(struct live *l, struct pg_conn *conn, const char *statement,
    const enum live_array *arrays, int n, bool scalars)
{
	const char *values[LIVE_ARRAYS + 2];
	int lengths[LIVE_ARRAYS + 2], formats[LIVE_ARRAYS + 2];

	for (int i = 0; i < n; i++) {
		values[i] = pg_array_param(&l->arrays[arrays[i]], &lengths[i]);
		formats[i] = 1;
		if (values[i] == NULL)
			return false;
	}
	if (scalars) {
		values[n] = l->gateway_id;
		values[n + 1] = l->worker;
		lengths[n] = lengths[n + 1] = formats[n] = formats[n + 1] = 0;
		n += 2;
	}
	return PQsendQueryPrepared(conn, statement, n, values, lengths, formats, 0) == 1;
}

static bool
send_rows(struct live *l, struct pg_conn *conn)
{
	enum live_array all[LIVE_ARRAYS];

	for (size_t i = 0; i < l->nbatch; i++)
		if (l->batch[i].row && !l->batch[i].gone)
			put_row(l, &l->batch[i]);
	for (int i = 0; i < LIVE_ARRAYS; i++)
		all[i] = (enum live_array)i;
	return send_arrays(l, conn, "live_rows", all, LIVE_ARRAYS, true);
}

static bool
send_goodbyes(struct live *l, struct pg_conn *conn)
{
	static const enum live_array arrays[] = {LA_DEVICE_ID, LA_SESSION_ID, LA_DISCONNECTED_AT};

	for (size_t i = 0; i < l->nbatch; i++) {
		const struct fold *f = &l->batch[i];

		if (!f->row || !f->gone)
			continue;
		pg_array_int8(&l->arrays[LA_DEVICE_ID], f->device_id);
		pg_array_int8(&l->arrays[LA_SESSION_ID], f->session_id);
		pg_array_time_ms(&l->arrays[LA_DISCONNECTED_AT], f->disconnected_ms);
	}
	return send_arrays(l, conn, "live_goodbyes", arrays, 3, false);
}

static bool
send_pings(struct live *l, struct pg_conn *conn)
{
	static const enum live_array arrays[] = {LA_DEVICE_ID, LA_LAST_SEEN_AT};

	for (size_t i = 0; i < l->nbatch; i++) {
		if (!l->batch[i].ping)
			continue;
		pg_array_int8(&l->arrays[LA_DEVICE_ID], l->batch[i].device_id);
		pg_array_time_ms(&l->arrays[LA_LAST_SEEN_AT], l->batch[i].seen_ms);
	}
	return send_arrays(l, conn, "live_pings", arrays, 2, false);
}

bool
live_write_start(struct live *l, struct pg_conn *conn)
{
	reset_arrays(l);
	switch (l->phase) {
	case LIVE_ROWS:
		return send_rows(l, conn);
	case LIVE_GOODBYES:
		return send_goodbyes(l, conn);
	case LIVE_PINGS:
		return send_pings(l, conn);
	case LIVE_DONE:
		break;
	}
	return false;
}
