/*
 * The registry of devices and directory of sessions (shm/registry.h): the order of answers
 * that overtake each other, full loads, sessions, leadership, and processes that are killed
 * at any instruction while others go on.
 */
#include "shm/registry.h"

#include <check.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm/area.h"

#define MAX 1000u
#define IMEI UINT64_C(350000000000000)
#define HAMMERS 4
#define DEVICES 300u

static struct registry *reg;

/* Memory that all children share, for what a test wants to know of them. */
static struct watch {
	_Atomic uint64_t progress[HAMMERS];
	_Atomic int held;
} * watch;

static void *
map(size_t size)
{
	void *p = mmap(
	    NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	ck_assert_ptr_ne(p, MAP_FAILED);
	return p;
}

static void
setup(void)
{
	reg = map(registry_size(MAX));
	watch = map(sizeof(*watch));
	registry_init(reg, MAX);
}

static void
teardown(void)
{
	munmap(reg, registry_size(MAX));
	munmap(watch, sizeof(*watch));
}

static struct device_row
row(uint64_t imei, int64_t id, bool enabled)
{
	struct device_row r = {
	    .imei = imei, .id = id, .present = true, .enabled = enabled, .codecs = CODEC_MAY_ALL};

	return r;
}

static struct device_row
gone(uint64_t imei)
{
	struct device_row r = {.imei = imei};

	return r;
}

static enum registry_result
apply(struct device_row r, uint64_t asked_at)
{
	return registry_apply(reg, &r, asked_at, NULL);
}

static enum registry_result
apply_now(struct device_row r)
{
	return apply(r, registry_seq(reg));
}

static struct device_entry
get(uint64_t imei)
{
	struct device_entry e;
	uint32_t i = registry_find(reg, imei);

	ck_assert_uint_ne(i, REGISTRY_NONE);
	registry_get(reg, i, &e);
	return e;
}

static uint32_t
add(uint64_t imei)
{
	struct device_row r = row(imei, (int64_t)(imei - IMEI + 1), true);
	uint32_t entry;

	ck_assert_int_eq(registry_apply(reg, &r, registry_seq(reg), &entry), REGISTRY_OK);
	return entry;
}

static void
reap(pid_t pid)
{
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(finds_what_was_put_in)
{
	struct device_row r = row(IMEI, 77, true);
	uint32_t entry = 5;

	ck_assert_uint_eq(registry_find(reg, IMEI), REGISTRY_NONE);
	ck_assert_uint_eq(registry_find(reg, 0), REGISTRY_NONE);
	r.codecs = CODEC_MAY_8 | CODEC_MAY_15;
	ck_assert_int_eq(registry_apply(reg, &r, 0, &entry), REGISTRY_OK);
	ck_assert_uint_eq(entry, registry_find(reg, IMEI));
	ck_assert_uint_eq(registry_imei(reg, entry), IMEI);
	ck_assert_uint_eq(registry_count(reg), 1);
	ck_assert_int_eq(get(IMEI).id, 77);
	ck_assert(get(IMEI).present && get(IMEI).enabled);
	ck_assert_uint_eq(get(IMEI).codecs, CODEC_MAY_8 | CODEC_MAY_15);
	ck_assert_uint_eq(registry_find(reg, IMEI + 1), REGISTRY_NONE);
	/* 0 is no IMEI, and what isn't there gets no entry. */
	ck_assert_int_eq(apply_now(row(0, 1, true)), REGISTRY_UNCHANGED);
	r = gone(IMEI + 9);
	ck_assert_int_eq(registry_apply(reg, &r, registry_seq(reg), &entry), REGISTRY_UNCHANGED);
	ck_assert_uint_eq(entry, REGISTRY_NONE);
	ck_assert_uint_eq(registry_count(reg), 1);
}
END_TEST

START_TEST(changes_raise_the_version)
{
	struct device_row r;
	uint64_t v = registry_version(reg);

	add(IMEI);
	add(IMEI + 1);
	ck_assert_uint_eq(registry_version(reg), v); /* no session can be concerned */
	ck_assert_int_eq(apply_now(row(IMEI, 1, true)), REGISTRY_UNCHANGED);
	ck_assert_uint_eq(registry_version(reg), v);
	ck_assert_int_eq(apply_now(row(IMEI, 1, false)), REGISTRY_OK);
	ck_assert_uint_gt(registry_version(reg), v);
	ck_assert(get(IMEI).present && !get(IMEI).enabled);
	v = registry_version(reg);
	ck_assert_int_eq(apply_now(row(IMEI, 9, false)), REGISTRY_OK);
	ck_assert_uint_gt(registry_version(reg), v);
	v = registry_version(reg);
	r = row(IMEI, 9, false);
	r.codecs = CODEC_MAY_16;
	ck_assert_int_eq(apply_now(r), REGISTRY_OK);
	ck_assert_uint_gt(registry_version(reg), v);
	v = registry_version(reg);
	ck_assert_int_eq(apply_now(gone(IMEI)), REGISTRY_OK);
	ck_assert_uint_gt(registry_version(reg), v);
	ck_assert(!get(IMEI).present && !get(IMEI).enabled);
	ck_assert_int_eq(apply_now(gone(IMEI)), REGISTRY_UNCHANGED);
	/* Back again, in the same entry. */
	ck_assert_int_eq(apply_now(row(IMEI, 10, true)), REGISTRY_OK);
	ck_assert_int_eq(get(IMEI).id, 10);
	ck_assert_uint_eq(registry_count(reg), 2);
}
END_TEST

/* Answers that were asked for before another one was taken are refused, each way round. */
START_TEST(stale_answers)
{
	struct device_row r = row(IMEI, 1, true);
	uint64_t asked;
	uint32_t entry;

	add(IMEI);
	asked = registry_seq(reg);
	ck_assert_int_eq(apply(row(IMEI, 1, false), asked), REGISTRY_OK);
	ck_assert_int_eq(registry_apply(reg, &r, asked, &entry), REGISTRY_STALE);
	ck_assert_uint_eq(entry, registry_find(reg, IMEI));
	ck_assert(!get(IMEI).enabled);
	ck_assert_int_eq(apply_now(row(IMEI, 1, true)), REGISTRY_OK);

	/* A confirmation is as good as a change: the older answer can't undo it. */
	asked = registry_seq(reg);
	ck_assert_int_eq(apply(row(IMEI, 1, true), asked), REGISTRY_UNCHANGED);
	ck_assert_int_eq(apply(row(IMEI, 1, false), asked), REGISTRY_STALE);
	ck_assert(get(IMEI).enabled);

	/* Another device is not concerned. */
	asked = registry_seq(reg);
	ck_assert_int_eq(apply(row(IMEI, 1, false), asked), REGISTRY_OK);
	ck_assert_int_eq(apply(row(IMEI + 1, 2, true), asked), REGISTRY_OK);

	/* Not there is an answer too, also for a device that never had an entry. */
	asked = registry_seq(reg);
	ck_assert_int_eq(apply(gone(IMEI + 2), asked), REGISTRY_UNCHANGED);
	ck_assert_int_eq(apply(row(IMEI + 2, 3, true), asked), REGISTRY_STALE);
	ck_assert_uint_eq(registry_find(reg, IMEI + 2), REGISTRY_NONE);
	ck_assert_int_eq(apply_now(row(IMEI + 2, 3, true)), REGISTRY_OK);
}
END_TEST

START_TEST(full_table)
{
	for (uint32_t i = 0; i < MAX; i++)
		ck_assert_uint_eq(add(IMEI + i * 1000003u), i);
	ck_assert_int_eq(apply_now(row(IMEI - 5, 5, true)), REGISTRY_FULL);
	ck_assert_uint_eq(registry_find(reg, IMEI - 5), REGISTRY_NONE);
	ck_assert_uint_eq(registry_count(reg), MAX);
	for (uint32_t i = 0; i < MAX; i++)
		ck_assert_uint_eq(registry_find(reg, IMEI + i * 1000003u), i);
	/* Those that are there are still kept right. */
	ck_assert_int_eq(apply_now(row(IMEI, 1, false)), REGISTRY_OK);
}
END_TEST

static void
load_row(const struct registry_load *load, struct device_row r, enum registry_result expected)
{
	ck_assert_int_eq(registry_load_row(reg, load, &r), expected);
}

START_TEST(full_load)
{
	struct registry_load load;
	uint64_t v;

	ck_assert(!registry_loaded(reg));
	add(IMEI);
	add(IMEI + 1);
	add(IMEI + 2);
	registry_load_begin(reg, &load);
	load_row(&load, row(IMEI, 1, true), REGISTRY_UNCHANGED);
	load_row(&load, row(IMEI + 4, 5, true), REGISTRY_OK);
	/* By NOTIFY, while the load is under way: newer than what the load will say. */
	ck_assert_int_eq(apply_now(row(IMEI + 1, 2, false)), REGISTRY_OK);
	load_row(&load, row(IMEI + 1, 2, true), REGISTRY_STALE);
	ck_assert_int_eq(apply_now(row(IMEI + 3, 4, true)), REGISTRY_OK);
	v = registry_version(reg);

	/* One that breaks off tells nothing about what it didn't see. */
	registry_load_end(reg, &load, false);
	ck_assert(!registry_loaded(reg));
	ck_assert(get(IMEI + 2).present);
	ck_assert_uint_eq(registry_version(reg), v);

	registry_load_end(reg, &load, true);
	ck_assert(registry_loaded(reg));
	ck_assert(get(IMEI).enabled);
	ck_assert(get(IMEI + 1).present && !get(IMEI + 1).enabled);
	ck_assert(!get(IMEI + 2).present);
	ck_assert(get(IMEI + 3).present);
	ck_assert(get(IMEI + 4).present);
	ck_assert_uint_gt(registry_version(reg), v);
	v = registry_version(reg);

	/* Asked before the load saw that it's gone. */
	ck_assert_int_eq(apply(row(IMEI + 2, 3, true), load.asked_at), REGISTRY_STALE);
	/* A load that changes nothing disturbs nobody. */
	registry_load_begin(reg, &load);
	load_row(&load, row(IMEI, 1, true), REGISTRY_UNCHANGED);
	load_row(&load, row(IMEI + 1, 2, false), REGISTRY_UNCHANGED);
	load_row(&load, row(IMEI + 3, 4, true), REGISTRY_UNCHANGED);
	load_row(&load, row(IMEI + 4, 5, true), REGISTRY_UNCHANGED);
	registry_load_end(reg, &load, true);
	ck_assert_uint_eq(registry_version(reg), v);
}
END_TEST

START_TEST(session_ids)
{
	const int64_t now = INT64_C(1800000000000000);
	int64_t last = 0;

	for (uint32_t owner = 0; owner < 2048; owner += 89) {
		/* The clock stands, jumps back, and goes on. */
		int64_t id = registry_new_session(reg, owner, now - (owner % 3) * 1000000);

		ck_assert_int_gt(id >> SHM_OWNER_BITS, last >> SHM_OWNER_BITS);
		ck_assert_int_eq(id & ((1 << SHM_OWNER_BITS) - 1), owner);
		last = id;
	}
	ck_assert_int_eq(last >> SHM_OWNER_BITS, now + 23);
	last = registry_new_session(reg, 3, now + 5000000);
	ck_assert_int_eq(last >> SHM_OWNER_BITS, now + 5000000);
	ck_assert_int_gt(registry_new_session(reg, 3, INT64_MIN), last);
	ck_assert_int_gt(registry_new_session(reg, 2047, INT64_MAX), last);
}
END_TEST

START_TEST(newest_session_wins)
{
	uint32_t e = add(IMEI);
	int64_t a = registry_new_session(reg, 1, 1000), b = registry_new_session(reg, 0, 1000);
	uint64_t v = registry_version(reg);

	ck_assert_int_eq(registry_session(reg, e), 0);
	ck_assert_int_eq(registry_session_open(reg, e, a), 0);
	ck_assert_uint_eq(registry_version(reg), v);
	ck_assert_int_eq(registry_session_open(reg, e, b), a);
	ck_assert_uint_gt(registry_version(reg), v);
	ck_assert_int_eq(registry_session(reg, e), b);
	/* The old one's goodbye comes late. */
	registry_session_close(reg, e, a);
	ck_assert_int_eq(registry_session(reg, e), b);
	/* One that was drawn earlier and comes later has lost already, and everybody looks. */
	v = registry_version(reg);
	ck_assert_int_eq(registry_session_open(reg, e, a), b);
	ck_assert_int_eq(registry_session(reg, e), b);
	ck_assert_uint_gt(registry_version(reg), v);
	registry_session_close(reg, e, b);
	ck_assert_int_eq(registry_session(reg, e), 0);
}
END_TEST

START_TEST(orphans)
{
	const uint32_t dead = 6, other = 7;
	uint32_t a = add(IMEI), b = add(IMEI + 1), c = add(IMEI + 2), d = add(IMEI + 3);
	uint32_t cursor = 0;
	int64_t sa = registry_new_session(reg, dead, 1), sc = registry_new_session(reg, dead, 1);
	int64_t sd = registry_new_session(reg, other, 1), session = 1;

	add(IMEI + 4);
	(void)registry_session_open(reg, a, sa); /* session alone */
	registry_set_dirty(reg, b, dead);	 /* mark alone */
	(void)registry_session_open(reg, c, sc); /* both */
	registry_set_dirty(reg, c, dead);
	(void)registry_session_open(reg, d, sd); /* another's */
	registry_set_dirty(reg, d, other);

	ck_assert_uint_eq(registry_next_of_dead(reg, dead, &cursor, &session), a);
	ck_assert_int_eq(session, sa);
	ck_assert_uint_eq(registry_next_of_dead(reg, dead, &cursor, &session), b);
	ck_assert_int_eq(session, 0);
	ck_assert_uint_eq(registry_next_of_dead(reg, dead, &cursor, &session), c);
	ck_assert_int_eq(session, sc);
	ck_assert_uint_eq(registry_next_of_dead(reg, dead, &cursor, &session), REGISTRY_NONE);
	ck_assert_int_eq(session, 0);
	/* They were cleared; the other's were not. */
	cursor = 0;
	ck_assert_uint_eq(registry_next_of_dead(reg, dead, &cursor, &session), REGISTRY_NONE);
	ck_assert_int_eq(registry_session(reg, a), 0);
	cursor = 0;
	ck_assert_uint_eq(registry_next_of_dead(reg, other, &cursor, &session), d);
	ck_assert_int_eq(session, sd);
}
END_TEST

START_TEST(bookkeeping)
{
	uint32_t e = add(IMEI), cursor = 0;
	int64_t session;

	registry_set_flushed_ms(reg, e, 11);
	registry_set_duplicate_ms(reg, e, 22);
	ck_assert_int_eq(registry_flushed_ms(reg, e), 11);
	ck_assert_int_eq(registry_duplicate_ms(reg, e), 22);
	/* A mark stays with its first owner, whoever serves the device next. */
	registry_set_dirty(reg, e, 3);
	registry_set_dirty(reg, e, 4);
	ck_assert_uint_eq(registry_next_of_dead(reg, 4, &cursor, &session), REGISTRY_NONE);
	cursor = 0;
	ck_assert_uint_eq(registry_next_of_dead(reg, 3, &cursor, &session), e);
	cursor = 0;
	/* It is taken away by its owner alone; owner 0 is an owner. */
	registry_set_dirty(reg, e, 0);
	registry_clear_dirty(reg, e, 1);
	ck_assert_uint_eq(registry_next_of_dead(reg, 0, &cursor, &session), e);
	registry_set_dirty(reg, e, 0);
	registry_clear_dirty(reg, e, 0);
	cursor = 0;
	ck_assert_uint_eq(registry_next_of_dead(reg, 0, &cursor, &session), REGISTRY_NONE);
}
END_TEST

/* A child that leads until it is told to stop, or killed. */
static pid_t
leader(bool stop_by_itself)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (!registry_try_lead(reg) || !registry_try_lead(reg))
		_exit(1);
	atomic_store(&watch->held, 1);
	while (atomic_load(&watch->held) == 1)
		usleep(200);
	if (stop_by_itself) {
		registry_stop_leading(reg);
		atomic_store(&watch->held, 3);
	}
	for (int i = 0; i < 500000; i++)
		usleep(200);
	_exit(1);
}

START_TEST(leadership)
{
	pid_t pid;

	/* Again and again, and given up once. */
	for (int i = 0; i < 5; i++)
		ck_assert(registry_try_lead(reg));
	registry_stop_leading(reg);

	for (int round = 0; round < 6; round++) {
		bool by_itself = round % 2 == 0;

		pid = leader(by_itself);
		while (atomic_load(&watch->held) != 1)
			usleep(200);
		ck_assert(!registry_try_lead(reg));
		registry_stop_leading(reg); /* not ours: nothing happens */
		ck_assert(!registry_try_lead(reg));
		if (by_itself) {
			atomic_store(&watch->held, 2);
			while (atomic_load(&watch->held) != 3)
				usleep(200);
			ck_assert(registry_try_lead(reg));
			ck_assert(registry_try_lead(reg));
			registry_stop_leading(reg);
		}
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		reap(pid);
		ck_assert(registry_try_lead(reg));
		ck_assert(registry_try_lead(reg));
		registry_stop_leading(reg);
		atomic_store(&watch->held, 0);
	}
}
END_TEST

/* One at a time, however many want to. */
START_TEST(one_leader)
{
	pid_t pid[HAMMERS];

	for (int i = 0; i < HAMMERS; i++) {
		pid[i] = fork();
		if (pid[i] != 0)
			continue;
		for (int n = 0; n < 5000; n++) {
			if (!registry_try_lead(reg))
				continue;
			if (atomic_fetch_add(&watch->held, 1) != 0 || !registry_try_lead(reg))
				_exit(1);
			if (n % 100 == 0)
				sched_yield();
			if (atomic_fetch_sub(&watch->held, 1) != 1)
				_exit(2);
			registry_stop_leading(reg);
			atomic_fetch_add(&watch->progress[i], 1);
		}
		_exit(0);
	}
	for (int i = 0; i < HAMMERS; i++) {
		int status;

		ck_assert_int_eq(waitpid(pid[i], &status, 0), pid[i]);
		ck_assert_int_eq(status, 0);
	}
	ck_assert(registry_try_lead(reg));
}
END_TEST

START_TEST(writer_killed_inside)
{
	uint64_t v;
	pid_t pid;

	add(IMEI);
	ck_assert(!registry_take_reload_request(reg));
	v = registry_version(reg);
	pid = fork();
	if (pid == 0) {
		if (pthread_mutex_lock(registry_writer_lock(reg)) == 0)
			(void)raise(SIGKILL);
		_exit(1);
	}
	reap(pid);
	/* Readers don't even notice. The next writer goes on, and asks for a load, once. */
	ck_assert(get(IMEI).enabled);
	ck_assert(!registry_take_reload_request(reg));
	add(IMEI + 1);
	ck_assert(registry_take_reload_request(reg));
	ck_assert(!registry_take_reload_request(reg));
	ck_assert_uint_gt(registry_version(reg), v);
	add(IMEI + 2);
	ck_assert(!registry_take_reload_request(reg));
}
END_TEST

/*
 * A device whose id and flags change together, between two states. Readers must never see
 * the id of one with the flags of the other.
 */
static struct device_row
state(uint64_t imei, uint64_t n)
{
	struct device_row r = row(imei, (int64_t)(imei * 2 + n % 2), n % 2 == 0);

	r.codecs = n % 2 == 0 ? CODEC_MAY_8 : CODEC_MAY_16 | CODEC_MAY_12;
	return r;
}

static bool
is_a_state(uint64_t imei, const struct device_entry *e)
{
	struct device_row r = state(imei, (uint64_t)e->id);

	return !e->present ||
	       (e->id / 2 == (int64_t)imei && e->enabled == r.enabled && e->codecs == r.codecs);
}

static void
hammer(int me, uint64_t rounds)
{
	for (uint64_t n = 0; n < rounds; n++) {
		uint64_t imei = IMEI + (n * 7919 + (uint64_t)me * 13) % DEVICES;
		struct device_row r = n % 11 == 0 ? gone(imei) : state(imei, n / 3);
		uint32_t e;

		switch (registry_apply(reg, &r, registry_seq(reg), &e)) {
		case REGISTRY_FULL:
			_exit(2);
		case REGISTRY_STALE: /* another was faster */
		case REGISTRY_OK:
		case REGISTRY_UNCHANGED:
			break;
		}
		if (e != REGISTRY_NONE &&
		    (registry_imei(reg, e) != imei || registry_find(reg, imei) != e))
			_exit(3);
		if (e != REGISTRY_NONE) {
			int64_t id = registry_new_session(reg, (uint32_t)me, 0);

			(void)registry_session_open(reg, e, id);
			if (n % 2 == 1)
				registry_session_close(reg, e, id);
		}
		atomic_fetch_add(&watch->progress[me], 1);
	}
	_exit(0);
}

/* After any amount of hammering: every IMEI once, found where it is, whole. */
static void
check_table(void)
{
	static unsigned int seen[DEVICES];

	memset(seen, 0, sizeof(seen));
	for (uint32_t i = 0; i < registry_count(reg); i++) {
		uint64_t imei = registry_imei(reg, i);
		struct device_entry e;

		ck_assert_uint_ge(imei, IMEI);
		ck_assert_uint_lt(imei, IMEI + DEVICES);
		ck_assert_uint_eq(seen[imei - IMEI]++, 0);
		ck_assert_uint_eq(registry_find(reg, imei), i);
		registry_get(reg, i, &e);
		ck_assert(is_a_state(imei, &e));
	}
}

START_TEST(hammered)
{
	pid_t pid[HAMMERS];
	int wrong = 0;

	for (int i = 0; i < HAMMERS; i++) {
		pid[i] = fork();
		if (pid[i] == 0)
			hammer(i, 10000);
	}
	/* Readers take no lock and never see a mixture. */
	for (int n = 0; n < 1000000; n++) {
		uint64_t imei = IMEI + (uint64_t)n % DEVICES;
		uint32_t i = registry_find(reg, imei);
		struct device_entry e;

		if (i == REGISTRY_NONE)
			continue;
		registry_get(reg, i, &e);
		wrong += registry_imei(reg, i) != imei || !is_a_state(imei, &e);
	}
	ck_assert_int_eq(wrong, 0);
	for (int i = 0; i < HAMMERS; i++) {
		int status;

		ck_assert_int_eq(waitpid(pid[i], &status, 0), pid[i]);
		ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d", status);
	}
	check_table();
	ck_assert_uint_eq(registry_count(reg), DEVICES);
	ck_assert(!registry_take_reload_request(reg));
}
END_TEST

/* One entry that changes as fast as can be, and a reader that looks at nothing else. */
START_TEST(never_a_mixture)
{
	uint32_t entry = add(IMEI);
	bool wrong = false;
	int times = 0;
	pid_t pid;

	ck_assert_int_eq(apply_now(state(IMEI, 0)), REGISTRY_OK);
	pid = fork();
	if (pid == 0) {
		for (uint64_t n = 0; n < 1000000000; n++) {
			(void)apply_now(state(IMEI, n));
			atomic_store_explicit(&watch->progress[0], n, memory_order_relaxed);
		}
		_exit(1);
	}
	while (atomic_load(&watch->progress[0]) == 0)
		sched_yield();
	for (int n = 0; n < 5000000; n++) {
		struct device_entry e;
		bool before = wrong;

		registry_get(reg, entry, &e);
		wrong = !is_a_state(IMEI, &e);
		times += wrong && !before;
	}
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	reap(pid);
	/* A reader takes what it gets, until it is over, if the writer sleeps inside for long. */
	ck_assert_int_lt(times, 4);
}
END_TEST

/* Lets a stopped child do one instruction; false when it is no longer there to be led. */
static bool
step(pid_t pid)
{
	int status;

	return ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) == 0 && waitpid(pid, &status, 0) == pid &&
	       WIFSTOPPED(status);
}

/*
 * A child goes through one registry_apply(), instruction by instruction, and is killed after
 * `steps` of them, or when it is through. Returns how many it did, or -1 where tracing is
 * forbidden.
 */
static long
killed_after(long steps, struct device_row r)
{
	pid_t pid = fork();
	long done = 0;
	int status;

	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1)
			_exit(9);
		(void)raise(SIGSTOP);
		atomic_store(&watch->held, 1);
		(void)registry_apply(reg, &r, registry_seq(reg), NULL);
		atomic_store(&watch->held, 2);
		for (;;)
			(void)raise(SIGSTOP);
	}
	atomic_store(&watch->held, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (!WIFSTOPPED(status))
		return -1;
	while (atomic_load(&watch->held) == 0 && step(pid))
		;
	while (done < steps && atomic_load(&watch->held) == 1 && step(pid))
		done++;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	return atomic_load(&watch->held) == 0 ? -1 : done;
}

/* Wherever a writer is killed, the next one finds a table that it can go on with. */
START_TEST(killed_at_every_instruction)
{
#ifdef __SANITIZE_ADDRESS__
	const long deaths = 40; /* the code is ten times as long, and each fork is slow */
#else
	const long deaths = 400;
#endif
	long through = killed_after(100000, state(IMEI, 0));

	if (through == -1)
		return; /* as in some containers */
	ck_assert_int_gt(through, 50);
	ck_assert_int_lt(through, 100000);
	for (long n = 0; n < through; n += 1 + through / deaths) {
		teardown();
		setup();
		/* One death in a new entry, then one in a change of it. */
		(void)killed_after(n, state(IMEI, 0));
		ck_assert_int_eq(apply_now(state(IMEI + 1, 0)), REGISTRY_OK);
		(void)killed_after(n, state(IMEI + 1, 1));
		ck_assert_int_ne(apply_now(state(IMEI, 1)), REGISTRY_FULL);
		ck_assert_int_ne(apply_now(state(IMEI + 1, 0)), REGISTRY_FULL);
		ck_assert_int_ne(apply_now(state(IMEI + 2, 0)), REGISTRY_FULL);
		ck_assert_uint_eq(registry_count(reg), 3);
		check_table();
		ck_assert(!get(IMEI).enabled && get(IMEI + 1).enabled && get(IMEI + 2).enabled);
	}
}
END_TEST

/* The same with processes that are killed at any instruction, and replaced. */
START_TEST(hammered_and_killed)
{
	pid_t pid[HAMMERS];

	for (int i = 0; i < HAMMERS; i++) {
		pid[i] = fork();
		if (pid[i] == 0)
			hammer(i, UINT64_MAX);
	}
	for (int round = 0; round < 40; round++) {
		int victim = round % HAMMERS;
		uint64_t before = atomic_load(&watch->progress[victim]);

		while (atomic_load(&watch->progress[victim]) < before + 50) {
			int status = 0;

			ck_assert_msg(
			    waitpid(pid[victim], &status, WNOHANG) == 0, "status %d", status);
			usleep(100);
		}
		ck_assert_int_eq(kill(pid[victim], SIGKILL), 0);
		reap(pid[victim]);
		pid[victim] = fork();
		if (pid[victim] == 0)
			hammer(victim, UINT64_MAX);
	}
	for (int i = 0; i < HAMMERS; i++) {
		ck_assert_int_eq(kill(pid[i], SIGKILL), 0);
		reap(pid[i]);
	}
	/* The next writer mends what the last ones left, and all devices can be put right. */
	for (uint64_t i = 0; i < DEVICES; i++)
		ck_assert_int_ne(apply_now(state(IMEI + i, 0)), REGISTRY_FULL);
	check_table();
	ck_assert_uint_eq(registry_count(reg), DEVICES);
	for (uint64_t i = 0; i < DEVICES; i++)
		ck_assert(get(IMEI + i).present && get(IMEI + i).enabled);
}
END_TEST

/*
 * A large fleet loads fast; the test's own time limit is the bound. (In loops as long as
 * these ck_assert would take most of the time, so failures are counted.)
 */
START_TEST(large_fleet)
{
	const uint32_t n = 600000;
	struct registry *big = map(registry_size(1000000));
	struct registry_load load;
	int wrong = 0;

	registry_init(big, 1000000);
	for (int round = 0; round < 2; round++) {
		registry_load_begin(big, &load);
		for (uint32_t i = 0; i < n; i++) {
			struct device_row r = row(IMEI + i * 3u, i, true);

			wrong += registry_load_row(big, &load, &r) !=
				 (round == 0 ? REGISTRY_OK : REGISTRY_UNCHANGED);
		}
		registry_load_end(big, &load, true);
	}
	ck_assert_int_eq(wrong, 0);
	ck_assert_uint_eq(registry_count(big), n);
	for (uint32_t i = 0; i < n; i++) {
		wrong += registry_find(big, IMEI + i * 3u) != i;
		wrong += registry_find(big, IMEI + i * 3u + 1) != REGISTRY_NONE;
	}
	ck_assert_int_eq(wrong, 0);
	munmap(big, registry_size(1000000));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("registry");
	TCase *t = tcase_create("registry");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, finds_what_was_put_in);
	tcase_add_test(t, changes_raise_the_version);
	tcase_add_test(t, stale_answers);
	tcase_add_test(t, full_table);
	tcase_add_test(t, full_load);
	tcase_add_test(t, session_ids);
	tcase_add_test(t, newest_session_wins);
	tcase_add_test(t, orphans);
	tcase_add_test(t, bookkeeping);
	tcase_add_test(t, leadership);
	tcase_add_test(t, one_leader);
	tcase_add_test(t, writer_killed_inside);
	tcase_add_test(t, never_a_mixture);
	tcase_add_test(t, killed_at_every_instruction);
	tcase_add_test(t, hammered);
	tcase_add_test(t, hammered_and_killed);
	tcase_add_test(t, large_fleet);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
