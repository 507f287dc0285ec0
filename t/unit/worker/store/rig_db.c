/* The table in memory behind the scripted link: see rig.h. */
#include <stdlib.h>
#include <string.h>

#include "proto/wire.h"
#include "t/unit/worker/store/rig.h"

#define MS_2000 INT64_C(946684800000)

uint64_t
rig_noon_ms(void)
{
	static uint64_t noon;

	if (noon == 0)
		noon = (uint64_t)clock_wall_ms() / RIG_DAY * RIG_DAY + RIG_DAY / 2;
	return noon;
}

static int64_t
pg_time(uint64_t at)
{
	return ((int64_t)(RIG_MS + at) - MS_2000) * 1000;
}

void
rig_refuse_ms(struct rig *r, uint64_t at)
{
	r->refused_ms[r->nrefused_ms++] = at;
}

void
rig_fault(struct rig *r, enum rig_fault fault)
{
	ck_assert_int_lt(r->nfaults, RIG_FAULTS);
	r->faults[r->nfaults++] = fault;
}

static bool
is_refused(const struct rig *r, int64_t time)
{
	if (r->refuse_all)
		return true;
	for (int i = 0; i < r->nrefused_ms; i++)
		if (time == pg_time(r->refused_ms[i]))
			return true;
	return false;
}

static bool
is_there(const struct rig *r, const struct rig_row *row)
{
	for (uint32_t i = 0; i < r->nrows; i++)
		if (memcmp(&r->rows[i], row, sizeof(*row)) == 0)
			return true;
	return false;
}

bool
rig_has(const struct rig *r, int device, uint64_t at)
{
	for (uint32_t i = 0; i < r->nrows; i++)
		if (r->rows[i].device == device && r->rows[i].time == pg_time(at))
			return true;
	return false;
}

uint32_t
rig_raw_rows(const struct rig *r, int device, const char *reason)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < r->nraw; i++)
		n += r->raw[i].imei == RIG_IMEI(device) && strcmp(r->raw[i].reason, reason) == 0;
	return n;
}

/* What a fault leaves of a statement. True: the answer has been given. */
static bool
fault_before(struct rig *r, enum rig_fault *fault)
{
	*fault = r->fault_at < r->nfaults ? r->faults[r->fault_at++] : NO_FAULT;
	switch (*fault) {
	case LOST_BEFORE_COMMIT:
		scripted_lose("the server closed the connection");
		return true;
	case DEADLOCK:
		scripted_refuse("40P01", "deadlock detected");
		return true;
	case DISK_FULL:
		scripted_refuse("53100", "could not extend file: No space left on device");
		return true;
	default:
		return false;
	}
}

/* So many rows take longer than the server allows. True: the answer has been given. */
static bool
too_slow(const struct rig *r, uint32_t n)
{
	if (r->slow == 0 || n <= r->slow)
		return false;
	scripted_refuse("57014", "canceling statement due to statement timeout");
	return true;
}

static void
refuse_row(const struct rig *r)
{
	scripted_constraint(r->constraint);
	scripted_refuse(r->refusal, "refused");
}

/* The statement has committed n rows; its answer may come before the connection is lost. */
static void
answer(struct rig *r, enum rig_fault fault, uint32_t n, struct pg_result *rows)
{
	if (fault == NO_FAULT) {
		scripted_ok(rows);
		return;
	}
	r->unknown += n;
	if (rows != NULL)
		scripted_rows(rows);
	scripted_lose("the server closed the connection in COMMIT");
}

static void
add(struct rig *r, const struct rig_row *row)
{
	ck_assert_uint_lt(r->nrows, RIG_ROWS);
	r->rows[r->nrows++] = *row;
}

/* Rows come in key order, each once. */
static void
check_order(const struct rig_row *rows, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++) {
		const struct rig_row *a = &rows[i - 1], *b = &rows[i];

		ck_assert(a->device != b->device ? a->device < b->device
			  : a->time != b->time	 ? a->time < b->time
						 : a->hash < b->hash);
	}
}

/* A row of these somebody holds. True: the answer has been given. */
static bool
is_locked(const struct rig *r, const char *table, const struct rig_row *rows, uint32_t n)
{
	bool locked = r->locked_table != NULL && strcmp(table, r->locked_table) == 0;

	for (uint32_t i = 0; i < n; i++)
		locked |= rows[i].device <= r->locked_devices;
	if (locked)
		scripted_refuse("55P03", "canceling statement due to lock timeout");
	return locked;
}

/* The devices whose rows are held. */
static void
serve_blocked(struct rig *r)
{
	int64_t ids[RIG_DEVICES];
	int n = 0;

	for (int device = 1; device <= r->locked_devices && !r->locked_unseen; device++)
		for (uint32_t i = 0; i < scripted_count(1); i++)
			if (scripted_int8(1, i) == device) {
				ids[n++] = device;
				break;
			}
	scripted_ok(scripted_bigints(ids, n, 1));
}

static void
serve_blocked_days(struct rig *r)
{
	int n = r->locked_day == INT64_MIN;

	for (uint32_t i = 0; i < scripted_count(1) && r->locked_day > 0; i++)
		n |= scripted_int8(1, i) == r->locked_day;
	scripted_ok(scripted_bigints(&r->locked_day, n, 1));
}

/* Rows of broken days: nothing is wrong with them. */
static bool
is_broken(const struct rig *r, int64_t time)
{
	const int64_t day_us = (int64_t)RIG_DAY * 1000;

	for (int i = 0; i < r->nbroken; i++)
		if (time / day_us == pg_time(r->broken[i] * RIG_DAY) / day_us)
			return true;
	return false;
}

static bool
meets_broken_day(const struct rig *r, const struct rig_row *rows, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (is_broken(r, rows[i].time)) {
			scripted_refuse("58P01", "could not open file");
			return true;
		}
	return false;
}

static void
serve_insert(struct rig *r)
{
	uint32_t n = scripted_count(1), nnew = 0;
	struct rig_row *rows = calloc(n, sizeof(*rows));
	int64_t *new_ids = calloc(n, sizeof(*new_ids));
	enum rig_fault fault;

	r->inserts++;
	ck_assert_uint_gt(n, 0);
	for (int c = 1; c <= ROW_NCOLUMNS; c++)
		ck_assert_uint_eq(scripted_count(c), n);
	for (uint32_t i = 0; i < n; i++)
		rows[i] =
		    (struct rig_row){scripted_int8(1, i), scripted_int8(2, i), scripted_int8(3, i)};
	check_order(rows, n);
	if (!is_locked(r, "device_positions", rows, n) && !too_slow(r, n) &&
	    !meets_broken_day(r, rows, n) && !fault_before(r, &fault)) {
		bool refuse = false;

		for (uint32_t i = 0; i < n; i++)
			refuse |= is_refused(r, rows[i].time);
		for (uint32_t i = 0; i < n && !refuse; i++)
			if (!is_there(r, &rows[i])) {
				add(r, &rows[i]);
				new_ids[nnew++] = rows[i].device;
			}
		if (refuse)
			refuse_row(r);
		else
			answer(r, fault, nnew, scripted_bigints(new_ids, (int)nnew, 1));
	}
	free(rows);
	free(new_ids);
}

/* Takes the data of a COPY apart: one header, tuples, a trailer. */
static uint32_t
read_copy(const uint8_t *p, size_t len, struct rig_row *rows)
{
	static const uint8_t header[19] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";
	const uint8_t *end = p + len;
	uint32_t n = 0;
	size_t io_len;

	ck_assert_uint_ge(len, sizeof(header) + 2);
	ck_assert_mem_eq(p, header, sizeof(header));
	p += sizeof(header);
	while (wire_u16(p) != 0xffff) {
		ck_assert_uint_eq(wire_u16(p), ROW_NCOLUMNS);
		ck_assert_uint_lt(n, RIG_ROWS);
		rows[n++] = (struct rig_row){row_i64(p, ROW_DEVICE_ID), row_i64(p, ROW_RECORDED_AT),
		    row_i64(p, ROW_RECORD_HASH)};
		p = row_io(p, &io_len);
		p += io_len;
		ck_assert(p + 2 <= end);
	}
	ck_assert_ptr_eq(p + 2, end);
	check_order(rows, n);
	return n;
}

static void
serve_copy(struct rig *r)
{
	static struct rig_row rows[RIG_ROWS];
	const uint8_t *data;
	enum rig_fault fault;
	size_t len;
	bool refuse = false, conflict = false;

	r->copies++;
	if (!scripted_copy(&data, &len))
		return;
	uint32_t n = read_copy(data, len, rows);
	if (is_locked(r, "device_positions", rows, n) || too_slow(r, n) ||
	    meets_broken_day(r, rows, n) || fault_before(r, &fault))
		return;
	for (uint32_t i = 0; i < n; i++) {
		refuse |= is_refused(r, rows[i].time);
		conflict |= is_there(r, &rows[i]);
	}
	if (conflict) {
		scripted_refuse("23505", "duplicate key");
		return;
	}
	if (refuse) {
		refuse_row(r);
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		add(r, &rows[i]);
	answer(r, fault, n, NULL);
}

static uint64_t
imei_at(uint32_t i)
{
	size_t len;
	const char *p = (const char *)scripted_element(1, i, &len);
	char text[16] = "";

	ck_assert_uint_eq(len, 15);
	memcpy(text, p, len);
	return strtoull(text, NULL, 10);
}

static void
add_raw(struct rig *r, uint32_t i)
{
	struct rig_raw raw = {.imei = imei_at(i), .hash = scripted_int8(5, i)};
	size_t len;
	const uint8_t *reason = scripted_element(3, i, &len);

	memcpy(raw.reason, reason, len);
	raw.has_device = scripted_element(2, i, &len) != NULL;
	raw.has_addr = scripted_element(7, i, &len) != NULL;
	for (uint32_t j = 0; j < r->nraw; j++)
		if (r->raw[j].imei == raw.imei && r->raw[j].hash == raw.hash &&
		    strcmp(r->raw[j].reason, raw.reason) == 0)
			return;
	ck_assert_uint_lt(r->nraw, 256);
	r->raw[r->nraw++] = raw;
}

static void
serve_raw(struct rig *r)
{
	uint32_t n = scripted_count(1);
	enum rig_fault fault;
	bool refuse = false;

	r->raws++;
	ck_assert_uint_gt(n, 0);
	ck_assert_uint_le(n, 64);
	if (is_locked(r, "device_ingest_raw", NULL, 0) || fault_before(r, &fault))
		return;
	for (uint32_t i = 0; i < n; i++)
		refuse |= imei_at(i) == r->refused_raw;
	if (refuse) {
		scripted_refuse("22021", "invalid byte sequence");
		return;
	}
	int64_t locked[2] = {0, (int64_t)r->locked_raw};
	int nlocked = 0;

	for (uint32_t i = 0; i < n; i++)
		if (imei_at(i) != r->locked_raw)
			add_raw(r, i);
		else if (nlocked++ == 0)
			locked[0] = scripted_int8(5, i);
	answer(r, fault, 0, scripted_bigints(locked, nlocked > 0, 2));
}

static void
add_message(struct rig *r, uint32_t i)
{
	size_t len;
	const uint8_t *p;

	ck_assert_uint_lt(r->nmessages, 256);
	r->messages[r->nmessages].imei = imei_at(i);
	r->messages[r->nmessages].received = scripted_int8(8, i);
	r->messages[r->nmessages].has_time = scripted_element(5, i, &len) != NULL;
	r->messages[r->nmessages].has_text = scripted_element(7, i, &len) != NULL;
	r->messages[r->nmessages].has_addr = scripted_element(11, i, &len) != NULL;
	p = scripted_element(12, i, &len);
	r->messages[r->nmessages].command = p != NULL ? wire_i64(p) : 0;
	p = scripted_element(13, i, &len);
	r->messages[r->nmessages].attempt = p != NULL ? wire_i32(p) : 0;
	for (uint32_t j = 0; j < r->nmessages; j++)
		if (r->messages[j].imei == imei_at(i) &&
		    r->messages[j].received == scripted_int8(8, i))
			return;
	r->nmessages++;
}

static void
serve_messages(struct rig *r)
{
	uint32_t n = scripted_count(1);
	int64_t answered[3] = {r->open_command, 1500, 1};
	enum rig_fault fault;
	int nanswered = 0;

	r->message_statements++;
	ck_assert_uint_gt(n, 0);
	if (is_locked(r, "device_messages", NULL, 0) || fault_before(r, &fault))
		return;
	for (uint32_t i = 0; i < n; i++)
		if (imei_at(i) == r->refused_message) {
			scripted_rows(scripted_bigints(answered, 1, 3));
			scripted_refuse("22021", "refused");
			return;
		}
	for (uint32_t i = 0; i < n; i++) {
		size_t len;

		if (imei_at(i) == r->locked_message) {
			answered[0] = scripted_int8(8, i) + MS_2000 * 1000;
			answered[1] = 0;
			answered[2] = 2;
			nanswered = 1;
			continue;
		}
		const uint8_t *command = scripted_element(12, i, &len);

		if (command != NULL && wire_i64(command) == r->open_command)
			nanswered = 1;
		add_message(r, i);
	}
	if (nanswered > 0 && answered[2] != 2)
		r->open_command = 0;
	answer(r, fault, 0, scripted_bigints(answered, nanswered, 3));
}

void
rig_serve(struct rig *r)
{
	const char *name = scripted_sent();
	enum rig_fault fault;

	ck_assert_ptr_nonnull(name);
	if (strcmp(name, "positions_insert") == 0) {
		serve_insert(r);
	} else if (strcmp(name, "positions_copy") == 0) {
		serve_copy(r);
	} else if (strcmp(name, "raw_insert") == 0) {
		serve_raw(r);
	} else if (strcmp(name, "messages_insert") == 0) {
		serve_messages(r);
	} else if (strcmp(name, "positions_blocked") == 0) {
		serve_blocked(r);
	} else if (strcmp(name, "positions_blocked_days") == 0) {
		serve_blocked_days(r);
	} else if (strncmp(name, "store_", 6) == 0) {
		r->hasty += strcmp(name, "store_hasty") == 0;
		r->patient += strcmp(name, "store_patient") == 0;
		scripted_ok(NULL);
	} else {
		ck_assert_str_eq(name, "positions_prove");
		r->proofs++;
		if (!fault_before(r, &fault))
			answer(r, fault, 0, NULL);
	}
}

void
rig_turn(struct rig *r)
{
	event_base_loop(r->base, EVLOOP_NONBLOCK);
}

void
rig_due(struct rig *r)
{
	for (uint32_t i = 0; i < r->store->aside.n; i++)
		r->store->aside.entries[i].due_ms = 0;
	event_active(r->store->aside_ev, EV_TIMEOUT, 1);
}

void
rig_run(struct rig *r)
{
	for (int i = 0; i < 100000; i++) {
		rig_turn(r);
		if (scripted_sent() != NULL)
			rig_serve(r);
		else if (!pg_link_is_up(r->store->link))
			scripted_up();
		else if (r->store->state == STORE_PAUSED)
			event_active(r->store->retry_ev, EV_TIMEOUT, 1);
		else if (store_is_idle(r->store) ||
			 (r->store->state == STORE_IDLE && !aside_is_empty(&r->store->aside)))
			return;
	}
	ck_abort_msg("the store comes to no end");
}
