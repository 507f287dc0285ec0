#include "worker/task/live_impl.h"

#include <string.h>

#include "common/db_clock.h"
#include "pg/query.h"

/* An array that one batch made larger than this gives its memory back. */
#define ARRAY_KEPT (256 * 1024)

const char *const live_statements[] = {
    "live_ahead", "live_rows", "live_rows_unlocked", "live_goodbyes", "live_pings", NULL};

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
	    [LA_REASON] = PG_TEXT,
	    [LA_ENDS] = PG_INT4,
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
		pg_array_time_ms(a, db_clock_settle_ms(wall_ms));
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
		pg_array_int8(&a[LA_SESSION_ID], registry_settled_session(f->session_id));
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
put_ends(struct live *l, const struct fold *f)
{
	if (f->reason != NULL) {
		pg_array_text(&l->arrays[LA_REASON], f->reason, strlen(f->reason));
		pg_array_int4(&l->arrays[LA_ENDS], (int32_t)f->ends);
	} else {
		pg_array_null(&l->arrays[LA_REASON]);
		pg_array_null(&l->arrays[LA_ENDS]);
	}
}

static void
put_records(struct live *l, const struct fold *f, bool known)
{
	struct pg_array *a = l->arrays;

	pg_array_int8(&a[LA_DEVICE_ID], f->device_id);
	put_fix(l, known ? f->fix : NULL);
	if (known && f->io != NULL) {
		/* The time stands in a tuple's form already: microseconds since 2000. */
		pg_array_int8(&a[LA_LAST_RECORD_AT], f->record_us);
		pg_array_jsonb(&a[LA_IO], f->io, f->io_len);
	} else {
		pg_array_null(&a[LA_LAST_RECORD_AT]);
		pg_array_null(&a[LA_IO]);
	}
}

static void
put_row(struct live *l, const struct fold *f)
{
	put_records(l, f, !f->ahead);
	put_session(l, f);
	put_ends(l, f);
}

static void
put_ahead(struct live *l, const struct fold *f)
{
	put_records(l, f, true);
	put_time(&l->arrays[LA_LAST_SEEN_AT], true, f->seen_ms);
}

static bool
send_ahead(struct live *l, struct pg_conn *conn)
{
	struct pg_params params = {0};

	pg_param_arrays(&params, l->arrays, LA_IO + 1);
	pg_param_array(&params, &l->arrays[LA_LAST_SEEN_AT]);
	return pg_send(conn, "live_ahead", &params, PG_TEXT_ROWS);
}

static bool
send_rows(struct live *l, struct pg_conn *conn)
{
	struct pg_params params = {0};

	pg_param_arrays(&params, l->arrays, LIVE_ARRAYS);
	pg_param_text(&params, l->gateway_id);
	pg_param_int(&params, l->cfg.worker);
	return pg_send(
	    conn, l->nlocked > 0 ? "live_rows_unlocked" : "live_rows", &params, PG_TEXT_ROWS);
}

static void
put_goodbye(struct live *l, const struct fold *f)
{
	pg_array_int8(&l->arrays[LA_DEVICE_ID], f->device_id);
	pg_array_int8(&l->arrays[LA_SESSION_ID], registry_settled_session(f->session_id));
	put_time(&l->arrays[LA_DISCONNECTED_AT], true, f->disconnected_ms);
}

static bool
send_goodbyes(struct live *l, struct pg_conn *conn)
{
	struct pg_params params = {0};

	pg_param_array(&params, &l->arrays[LA_DEVICE_ID]);
	pg_param_array(&params, &l->arrays[LA_SESSION_ID]);
	pg_param_array(&params, &l->arrays[LA_DISCONNECTED_AT]);
	return pg_send(conn, "live_goodbyes", &params, PG_TEXT_ROWS);
}

static void
put_ping(struct live *l, const struct fold *f)
{
	pg_array_int8(&l->arrays[LA_DEVICE_ID], f->device_id);
	put_time(&l->arrays[LA_LAST_SEEN_AT], true, f->seen_ms);
}

static bool
send_pings(struct live *l, struct pg_conn *conn)
{
	struct pg_params params = {0};

	pg_param_array(&params, &l->arrays[LA_DEVICE_ID]);
	pg_param_array(&params, &l->arrays[LA_LAST_SEEN_AT]);
	return pg_send(conn, "live_pings", &params, PG_TEXT_ROWS);
}

bool
live_write_start(struct live *l, struct pg_conn *conn)
{
	static const struct {
		void (*put)(struct live *, const struct fold *);
		bool (*send)(struct live *, struct pg_conn *);
	} statement[LIVE_DONE] = {[LIVE_ROWS] = {put_row, send_rows},
	    [LIVE_GOODBYES] = {put_goodbye, send_goodbyes},
	    [LIVE_AHEAD] = {put_ahead, send_ahead},
	    [LIVE_PINGS] = {put_ping, send_pings}};

	reset_arrays(l);
	for (uint32_t i = l->spans.now.from; i < l->spans.now.to; i++)
		if (live_sends(&l->batch[i], l->phase))
			statement[l->phase].put(l, &l->batch[i]);
	return statement[l->phase].send(l, conn);
}
