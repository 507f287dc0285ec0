/*
 * The registry among processes (shm/registry.h): leadership, readers beside writers, and processes that
 * are killed at any instruction while others go on.
 */
#include <check.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm/registry_impl.h"
#include "t/unit/shm/registry_rig.h"

#define HAMMERS 4
#define DEVICES 300u

/* Memory that all children share, for what a test wants to know of them. */
static struct watch {
	_Atomic uint64_t progress[HAMMERS];
	_Atomic int held;
} * watch;

static void
setup(void)
{
	rig_setup();
	watch = rig_map(sizeof(*watch));
}

static void
teardown(void)
{
	rig_teardown();
	munmap(watch, sizeof(*watch));
}

static void
reap(pid_t pid)
{
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

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
		if (mutex_lock(&reg->write_lock) == MUTEX_TAKEN)
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

			if (registry_session_open(reg, e, id) == id)
				_exit(4);
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
	enum registry_result result;
	long done = 0;
	int status;

	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1)
			_exit(9);
		(void)raise(SIGSTOP);
		atomic_store(&watch->held, 1);
		result = registry_apply(reg, &r, registry_seq(reg), NULL);
		atomic_store(&watch->held, result == REGISTRY_FULL ? 3 : 2);
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

int
main(void)
{
	Suite *s = suite_create("registry_kills");
	TCase *t = tcase_create("registry_kills");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, leadership);
	tcase_add_test(t, one_leader);
	tcase_add_test(t, writer_killed_inside);
	tcase_add_test(t, hammered);
	tcase_add_test(t, never_a_mixture);
	tcase_add_test(t, killed_at_every_instruction);
	tcase_add_test(t, hammered_and_killed);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
