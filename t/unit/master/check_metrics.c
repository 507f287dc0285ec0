/*
 * The Prometheus text and the status JSON, made from a view with known numbers. The text is
 * checked as a scraper would: each family described once and in one piece, each sample a
 * number, histograms cumulative, and the identity of received and decided records.
 */
#include "config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <jansson.h>

#include "master/metrics.h"

#define NWORKERS 3

static struct stats retired, total;
static struct shm_slot slots[2];
static struct metrics_worker workers[NWORKERS];
static struct metrics_view view;
static const char *const listens[] = {"0.0.0.0:5027", "[::]:5027"};

static void
setup(void)
{
	memset(&retired, 0, sizeof(retired));
	memset(slots, 0, sizeof(slots));
	memset(&view, 0, sizeof(view));
	workers[0] = (struct metrics_worker){.slot = 0,
	    .pid = 100,
	    .state = "ready",
	    .current = true,
	    .accepting = true,
	    .generation = 2,
	    .heartbeat_age_ms = 150,
	    .failure = "",
	    .shm = &slots[0].block[1]};
	workers[1] = (struct metrics_worker){.slot = 0,
	    .pid = 99,
	    .state = "draining",
	    .generation = 1,
	    .heartbeat_age_ms = -1,
	    .failure = "",
	    .shm = &slots[0].block[0]};
	workers[2] = (struct metrics_worker){.slot = 1,
	    .state = "waiting",
	    .current = true,
	    .heartbeat_age_ms = -1,
	    .restarts = 7,
	    .failure = "no room"};
	view = (struct metrics_view){.version = "9.8.7",
	    .gateway_id = "here:5027",
	    .synchronous_commit = "on",
	    .pid = 42,
	    .generation = 2,
	    .start_wall_ms = 1700000000123,
	    .uptime_ms = 61500,
	    .reload_success = true,
	    .reload_error = "",
	    .reload_wall_ms = 1700000009007,
	    .restarts = 7,
	    .hangs = 1,
	    .loans = 3,
	    .log_dropped = 4,
	    .denied_calls = 5,
	    .retention = {365, 30, 90, 0, 14},
	    .listen = listens,
	    .nlisten = 2,
	    .total = &total,
	    .workers = workers,
	    .nworkers = NWORKERS};
	stats_set(&retired.records, 1000);
	stats_set(&retired.stored, 990);
	stats_set(&retired.refused, 10);
	stats_set(&slots[0].block[1].stats.records, 50);
	stats_set(&slots[0].block[1].stats.stored, 20);
	stats_set(&slots[0].block[1].stats.duplicate, 5);
	stats_set(&slots[0].block[1].stats.in_flight, 25);
	stats_set(&slots[0].block[1].stats.conn_active, 4);
	stats_set(&slots[0].block[1].stats.conn_handshake, 1);
	stats_set(&slots[0].block[1].stats.db_up, 1);
	stats_set(&slots[0].block[1].stats.memory, 5000);
	stats_set(&slots[0].block[0].stats.records, 3);
	stats_set(&slots[0].block[0].stats.quarantined, 3);
	stats_set(&slots[0].block[0].stats.conn_closing, 2);
	stats_set(&slots[0].block[0].stats.db_up, 1);
	stats_set(&slots[0].block[0].stats.memory, 3000);
	/* Those of another master's workers, during an upgrade. */
	stats_set(&retired.conn_active, 100);
}

static char *
text(struct evbuffer *b)
{
	size_t n = evbuffer_get_length(b);
	char *s = malloc(n + 1);

	ck_assert_ptr_nonnull(s);
	ck_assert_int_eq(evbuffer_remove(b, s, n), (int)n);
	s[n] = '\0';
	evbuffer_free(b);
	return s;
}

/* What shm_total() makes of it. */
static void
add_up(void)
{
	memset(&total, 0, sizeof(total));
	stats_sum(&total, &retired, true);
	for (int i = 0; i < 4; i++)
		stats_sum(&total, &slots[i / 2].block[i % 2].stats, true);
}

static char *
scrape(void)
{
	add_up();
	struct evbuffer *b = evbuffer_new();

	metrics_prometheus(&view, b);
	return text(b);
}

/* Value of a sample, given with its labels. */
static double
value(const char *all, const char *name)
{
	const char *p = all;
	size_t len = strlen(name);

	while ((p = strstr(p, name)) != NULL) {
		if ((p == all || p[-1] == '\n') && p[len] == ' ')
			return strtod(p + len + 1, NULL);
		p += len;
	}
	ck_abort_msg("no sample %s", name);
	return -1;
}

START_TEST(totals_are_the_dead_and_the_living)
{
	char *s = scrape();

	ck_assert_double_eq(value(s, "telematics_avl_records_total"), 1053);
	ck_assert_double_eq(value(s, "telematics_records_total{outcome=\"stored\"}"), 1010);
	ck_assert_double_eq(value(s, "telematics_records_total{outcome=\"duplicate\"}"), 5);
	ck_assert_double_eq(value(s, "telematics_records_total{outcome=\"quarantined\"}"), 3);
	ck_assert_double_eq(value(s, "telematics_records_total{outcome=\"refused\"}"), 10);
	ck_assert_double_eq(value(s, "telematics_records_in_flight"), 25);
	ck_assert_double_eq(value(s, "telematics_connections{state=\"active\"}"), 104);
	ck_assert_double_eq(value(s, "telematics_connections{state=\"closing\"}"), 2);
	ck_assert_double_eq(value(s, "telematics_database_up"), 1);
	ck_assert_double_eq(value(s, "telematics_worker_memory_bytes"), 8000);
	ck_assert_double_gt(value(s, "process_resident_memory_bytes"), 100000);
	ck_assert_double_eq(value(s, "telematics_worker_restarts_total"), 7);
	ck_assert_double_eq(value(s, "telematics_system_calls_denied_total"), 5);
	ck_assert_double_eq(value(s, "telematics_log_lines_dropped_total"), 4);
	ck_assert_double_eq(value(s, "telematics_worker_hangs_total"), 1);
	ck_assert_double_eq(value(s, "telematics_slot_adoptions_total"), 3);
	ck_assert_double_eq(value(s, "telematics_workers{state=\"ready\"}"), 1);
	ck_assert_double_eq(value(s, "telematics_workers{state=\"starting\"}"), 0);
	ck_assert_double_eq(value(s, "telematics_workers{state=\"down\"}"), 1);
	ck_assert_double_eq(value(s, "telematics_build_info{version=\"9.8.7\"}"), 1);
	ck_assert_double_eq(value(s, "telematics_generation"), 2);
	ck_assert_double_eq(value(s, "telematics_reload_success"), 1);
	ck_assert_double_eq_tol(
	    value(s, "telematics_reload_timestamp_seconds"), 1700000009.007, 1e-4);
	ck_assert_double_eq_tol(value(s, "telematics_start_time_seconds"), 1700000000.123, 1e-4);
	free(s);
}
END_TEST

/* A worker dies: its block is retired, and nothing goes backward. */
START_TEST(death_keeps_the_identity)
{
	char *s;

	stats_retire(&retired, &slots[0].block[1].stats);
	workers[0].shm = NULL;
	s = scrape();
	ck_assert_double_eq(value(s, "telematics_avl_records_total"), 1053);
	ck_assert_double_eq(value(s, "telematics_records_total{outcome=\"refused\"}"), 35);
	ck_assert_double_eq(value(s, "telematics_records_in_flight"), 0);
	ck_assert_double_eq(value(s, "telematics_connections{state=\"active\"}"), 100);
	/* The one that drains doesn't count. */
	ck_assert_double_eq(value(s, "telematics_database_up"), 0);
	free(s);
}
END_TEST

START_TEST(histograms_are_cumulative_and_in_seconds)
{
	struct stats *st = &slots[0].block[1].stats;
	char *s;

	stats_observe(&st->ack_us, stats_time_bounds_us, 150);
	stats_observe(&st->ack_us, stats_time_bounds_us, 1500);
	stats_observe(&st->ack_us, stats_time_bounds_us, 60000000);
	stats_observe(&st->batch_records, stats_size_bounds, 7);
	s = scrape();
	ck_assert_double_eq(value(s, "telematics_ack_seconds_bucket{le=\"0.0001\"}"), 0);
	ck_assert_double_eq(value(s, "telematics_ack_seconds_bucket{le=\"0.0002\"}"), 1);
	ck_assert_double_eq(value(s, "telematics_ack_seconds_bucket{le=\"0.002\"}"), 2);
	ck_assert_double_eq(value(s, "telematics_ack_seconds_bucket{le=\"10\"}"), 2);
	ck_assert_double_eq(value(s, "telematics_ack_seconds_bucket{le=\"+Inf\"}"), 3);
	ck_assert_double_eq(value(s, "telematics_ack_seconds_count"), 3);
	ck_assert_double_eq_tol(value(s, "telematics_ack_seconds_sum"), 60.00165, 1e-9);
	ck_assert_double_eq(value(s, "telematics_batch_records_bucket{le=\"5\"}"), 0);
	ck_assert_double_eq(value(s, "telematics_batch_records_bucket{le=\"10\"}"), 1);
	ck_assert_double_eq(value(s, "telematics_batch_records_sum"), 7);
	free(s);
}
END_TEST

#define MAX_FAMILIES 256

struct scraper {
	char family[MAX_FAMILIES][96];
	char type[MAX_FAMILIES][16];
	int n;
};

static void
check_sample(const struct scraper *sc, const char *line)
{
	const char *type = sc->type[sc->n - 1], *family = sc->family[sc->n - 1];
	size_t len = strlen(family), name = strcspn(line, "{ ");
	const char *number = strrchr(line, ' ');
	char *end;

	ck_assert_msg(
	    sc->n > 0 && strncmp(line, family, len) == 0, "%s is not in %s", line, family);
	if (strcmp(type, "histogram") != 0)
		ck_assert_msg(name == len, "%s is not in %s", line, family);
	ck_assert_ptr_nonnull(number);
	(void)strtod(number + 1, &end);
	ck_assert_msg(end != number + 1 && *end == '\0', "no number: %s", line);
	if (line[name] == '{')
		ck_assert_msg(number[-1] == '}' && number[-2] == '"', "labels: %s", line);
}

static void
check_type(struct scraper *sc, char *line)
{
	char name[96], type[16];
	size_t len;
	int i;

	ck_assert_int_eq(sscanf(line, "# TYPE %95s %15s", name, type), 2);
	for (i = 0; i < sc->n; i++)
		ck_assert_msg(strcmp(sc->family[i], name) != 0, "%s is described twice", name);
	ck_assert_int_lt(sc->n, MAX_FAMILIES);
	len = strlen(name);
	ck_assert_msg(
	    (len > 6 && strcmp(name + len - 6, "_total") == 0) == (strcmp(type, "counter") == 0),
	    "%s is a %s", name, type);
	strcpy(sc->family[sc->n], name);
	strcpy(sc->type[sc->n++], type);
}

START_TEST(text_is_valid)
{
	static struct scraper sc;
	char *s = scrape(), *save = NULL, *line;
	char help[96] = "";

	ck_assert_int_eq(s[strlen(s) - 1], '\n');
	for (line = strtok_r(s, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, "# HELP ", 7) == 0) {
			ck_assert_int_eq(sscanf(line, "# HELP %95s", help), 1);
			ck_assert_msg(strlen(line) > 8 + strlen(help), "no help: %s", line);
		} else if (*line == '#') {
			check_type(&sc, line);
			ck_assert_str_eq(sc.family[sc.n - 1], help);
		} else {
			check_sample(&sc, line);
		}
	}
	ck_assert_int_gt(sc.n, 40);
	free(s);
}
END_TEST

START_TEST(ready_needs_a_worker_and_its_database)
{
	char reason[200];

	ck_assert(metrics_ready(&view, reason, sizeof(reason)));
	ck_assert_str_eq(reason, "");
	stats_set(&slots[0].block[1].stats.db_up, 0);
	ck_assert(!metrics_ready(&view, reason, sizeof(reason)));
	ck_assert_str_eq(reason, "database: not connected yet");
	shm_set_reason(&slots[0].block[1], "no route to host");
	ck_assert(!metrics_ready(&view, reason, sizeof(reason)));
	ck_assert_str_eq(reason, "database: no route to host");
	workers[0].accepting = false;
	ck_assert(!metrics_ready(&view, reason, sizeof(reason)));
	ck_assert_str_eq(reason, "no worker accepts");
	view.stopping = true;
	ck_assert(!metrics_ready(&view, reason, sizeof(reason)));
	ck_assert_str_eq(reason, "stopping");
}
END_TEST

static json_t *
status(void)
{
	struct evbuffer *b = evbuffer_new();
	json_error_t error;
	json_t *o;
	char *s;

	add_up();
	ck_assert(metrics_status(&view, b));
	s = text(b);
	o = json_loads(s, 0, &error);
	ck_assert_msg(o != NULL, "%s: %s", error.text, s);
	free(s);
	return o;
}

static void
expect_reload(const char *want)
{
	json_t *o = status();
	char *got =
	    json_dumps(json_object_get(o, "reload"), JSON_COMPACT | JSON_REAL_PRECISION(13));

	ck_assert_str_eq(got, want);
	free(got);
	json_decref(o);
}

START_TEST(status_says_what_became_of_a_reload)
{
	expect_reload("{\"finished\":null,\"ok\":true,\"error\":null,\"asked\":0,\"answered\":0}");
	view.reload_asked = 3;
	view.reload_answered = 2;
	view.reload_finished_ms = 1700000009007;
	expect_reload(
	    "{\"finished\":1700000009.007,\"ok\":true,\"error\":null,\"asked\":3,\"answered\":2}");
	view.reload_success = false;
	view.reload_error = "gateway.conf:9: \"X\"";
	expect_reload("{\"finished\":1700000009.007,\"ok\":false,"
		      "\"error\":\"gateway.conf:9: \\\"X\\\"\",\"asked\":3,\"answered\":2}");
	view.reload_error = "gateway.conf:9: \xff";
	expect_reload("{\"finished\":1700000009.007,\"ok\":false,"
		      "\"error\":\"message not printable\",\"asked\":3,\"answered\":2}");
}
END_TEST

START_TEST(status_has_the_same_facts)
{
	json_t *o = status(), *w, *totals;
	char *kept = json_dumps(json_object_get(o, "retention_days"), JSON_COMPACT);

	ck_assert_str_eq(kept, "{\"positions\":365,\"raw\":30,\"commands\":90,"
			       "\"messages\":0,\"sessions\":14}");
	free(kept);
	ck_assert_str_eq(json_string_value(json_object_get(o, "version")), "9.8.7");
	ck_assert_str_eq(json_string_value(json_object_get(o, "gateway_id")), "here:5027");
	ck_assert_str_eq(json_string_value(json_object_get(o, "synchronous_commit")), "on");
	ck_assert_int_eq(json_integer_value(json_object_get(o, "pid")), 42);
	ck_assert_int_eq(json_integer_value(json_object_get(o, "generation")), 2);
	ck_assert_double_eq_tol(json_real_value(json_object_get(o, "uptime")), 61.5, 1e-6);
	ck_assert(json_is_true(json_object_get(o, "ready")));
	ck_assert_str_eq(json_string_value(json_object_get(o, "reason")), "");
	ck_assert_str_eq(
	    json_string_value(json_array_get(json_object_get(o, "listen"), 1)), "[::]:5027");
	totals = json_object_get(o, "totals");
	ck_assert_int_eq(json_integer_value(json_object_get(totals, "records")), 1053);
	ck_assert_int_eq(json_integer_value(json_object_get(totals, "in_flight")), 25);
	ck_assert_int_eq(json_array_size(json_object_get(o, "workers")), NWORKERS);
	w = json_array_get(json_object_get(o, "workers"), 0);
	ck_assert_int_eq(json_integer_value(json_object_get(w, "pid")), 100);
	ck_assert_int_eq(json_integer_value(json_object_get(w, "connections")), 5);
	ck_assert(json_is_true(json_object_get(w, "accepting")));
	ck_assert(json_is_true(json_object_get(w, "database_up")));
	ck_assert_double_eq_tol(json_real_value(json_object_get(w, "heartbeat_age")), 0.15, 1e-6);
	w = json_array_get(json_object_get(o, "workers"), 2);
	ck_assert_str_eq(json_string_value(json_object_get(w, "state")), "waiting");
	ck_assert_str_eq(json_string_value(json_object_get(w, "reason")), "no room");
	ck_assert(json_is_null(json_object_get(w, "heartbeat_age")));
	ck_assert_int_eq(json_integer_value(json_object_get(w, "restarts")), 7);
	json_decref(o);
}
END_TEST

/* A server's message may be in any encoding; the answer stays JSON. */
START_TEST(status_survives_strange_text)
{
	json_t *o;

	stats_set(&slots[0].block[1].stats.db_up, 0);
	shm_set_reason(&slots[0].block[1], "\xff\xfe broken \xe9");
	o = status();
	ck_assert(json_is_false(json_object_get(o, "ready")));
	ck_assert_ptr_nonnull(json_string_value(json_object_get(o, "reason")));
	json_decref(o);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("metrics");
	TCase *tc = tcase_create("metrics");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, totals_are_the_dead_and_the_living);
	tcase_add_test(tc, death_keeps_the_identity);
	tcase_add_test(tc, histograms_are_cumulative_and_in_seconds);
	tcase_add_test(tc, text_is_valid);
	tcase_add_test(tc, ready_needs_a_worker_and_its_database);
	tcase_add_test(tc, status_has_the_same_facts);
	tcase_add_test(tc, status_says_what_became_of_a_reload);
	tcase_add_test(tc, status_survives_strange_text);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
