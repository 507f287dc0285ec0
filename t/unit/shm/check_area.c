/*
 * The shared mapping (shm/area.h): its layout, that room for a large fleet costs a small one
 * nothing, and the reason text between processes.
 */
#include "shm/area.h"

#include <check.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/mutex.h"
#include "shm/addresses.h"
#include "shm/crc_ledger.h"
#include "shm/registry.h"

static struct shm shm;

static long
bytes_in_use(void)
{
	struct stat st;

	ck_assert_int_eq(fstat(shm.fd, &st), 0);
	return (long)st.st_blocks * 512;
}

START_TEST(bad_sizes)
{
	ck_assert(!shm_create(&shm, 0, 1000));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert(!shm_create(&shm, SHM_MAX_SLOTS + 1, 1000));
	ck_assert(!shm_create(&shm, 1, 0));
	ck_assert_ptr_null(shm.header);
	shm_destroy(&shm);
}
END_TEST

/* A worker that cuts it short would kill all others. The master may still make holes. */
START_TEST(its_size_is_sealed)
{
	ck_assert(shm_create(&shm, 3, 1000));
	ck_assert_int_eq(ftruncate(shm.fd, 4096), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(ftruncate(shm.fd, (off_t)1 << 40), -1);
	ck_assert(shm_clear_addresses(&shm, 1));
	shm_destroy(&shm);
}
END_TEST

START_TEST(parts_are_usable_and_apart)
{
	struct device_row row = {
	    .imei = 352093081452251, .id = 5, .present = true, .enabled = true, .codecs = 1};
	struct shm_worker *last;

	ck_assert(shm_create(&shm, 3, 1000));
	ck_assert_int_eq(shm.nslots, 3);
	ck_assert_int_ne(shm.fd, -1);
	last = &shm.slots[2].block[1];
	ck_assert_uint_eq((uintptr_t)last % 128, 0);
	ck_assert((char *)(last + 1) <= (char *)shm.crc_ledger);
	ck_assert((char *)shm.crc_ledger + crc_ledger_size() <= (char *)shm.registry);
	ck_assert((char *)shm.registry + registry_size(1000) <= (char *)shm.slots + shm.size);
	memset(shm.slots, 0xff, 3 * sizeof(struct shm_slot));
	ck_assert_int_eq(registry_apply(shm.registry, &row, 0, NULL), REGISTRY_OK);
	ck_assert_uint_eq(crc_ledger_count(shm.crc_ledger, row.imei, 1, 1), 1);
	ck_assert_uint_eq(registry_count(shm.registry), 1);
	shm_destroy(&shm);
	ck_assert_int_eq(shm.fd, -1);
}
END_TEST

/* A fleet of twenty in a mapping for sixteen million, and 1,024 slots. */
START_TEST(room_costs_nothing)
{
	ck_assert(shm_create(&shm, SHM_MAX_SLOTS, 16000000));
	ck_assert_uint_gt(shm.size, (size_t)1 << 30);
	for (uint64_t i = 0; i < 20; i++) {
		struct device_row row = {.imei = 352093081452251 + i * 977, .present = true};

		ck_assert_int_eq(registry_apply(shm.registry, &row, 0, NULL), REGISTRY_OK);
		stats_add(&shm.slots[i % 2].block[0].stats.records, 1);
	}
	ck_assert_int_lt(bytes_in_use(), 512 * 1024);
	shm_destroy(&shm);
}
END_TEST

START_TEST(seen_by_children)
{
	pid_t pid;

	ck_assert(shm_create(&shm, 2, 1000));
	pid = fork();
	if (pid == 0) {
		stats_add(&shm.slots[1].block[1].stats.records, 42);
		shm_set_reason(&shm.slots[1].block[1], "away");
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_uint_eq(stats_get(&shm.slots[1].block[1].stats.records), 42);
	shm_destroy(&shm);
}
END_TEST

START_TEST(owners)
{
	/* Distinct, and within the bits that a session id has for them. */
	ck_assert_uint_eq(shm_owner(0, 0), 0);
	ck_assert_uint_eq(shm_owner(0, 1), 1);
	ck_assert_uint_eq(shm_owner(1, 0), 2);
	ck_assert_uint_lt(shm_owner(SHM_MAX_SLOTS - 1, SHM_BLOCKS - 1), 1u << SHM_OWNER_BITS);
}
END_TEST

START_TEST(reason)
{
	char out[SHM_REASON], big[400];
	struct shm_worker *w;

	ck_assert(shm_create(&shm, 1, 1000));
	w = &shm.slots[0].block[0];
	shm_get_reason(w, out);
	ck_assert_str_eq(out, "");
	shm_set_reason(w, "connection refused");
	shm_get_reason(w, out);
	ck_assert_str_eq(out, "connection refused");
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	shm_set_reason(w, big);
	shm_get_reason(w, out);
	ck_assert_uint_eq(strlen(out), SHM_REASON - 1);
	shm_set_reason(w, "");
	shm_get_reason(w, out);
	ck_assert_str_eq(out, "");
	/* A writer that died inside, and its successor. */
	stats_add(&w->reason_seq, 1);
	shm_get_reason(w, out);
	ck_assert_str_eq(out, "");
	shm_set_reason(w, "again");
	shm_get_reason(w, out);
	ck_assert_str_eq(out, "again");
	ck_assert_uint_eq(stats_get(&w->reason_seq) & 1, 0);
	shm_destroy(&shm);
}
END_TEST

/* Read under a writer that changes it without rest: one text or the other, no mixture. */
START_TEST(reason_is_whole)
{
	char a[SHM_REASON], b[SHM_REASON], out[SHM_REASON];
	struct shm_worker *w;
	int mixed = 0;
	pid_t pid;

	ck_assert(shm_create(&shm, 1, 1000));
	w = &shm.slots[0].block[0];
	memset(a, 'a', sizeof(a));
	memset(b, 'b', sizeof(b));
	a[SHM_REASON - 1] = '\0';
	b[50] = '\0';
	shm_set_reason(w, a);
	pid = fork();
	if (pid == 0) {
		for (uint64_t n = 0;; n++) {
			shm_set_reason(w, n % 2 == 0 ? b : a);
			if (n % 1024 == 0 && getppid() == 1)
				_exit(0);
			for (int pause = 0; pause < 1000; pause++)
				__asm__ volatile("" ::: "memory");
		}
	}
	while (stats_get(&w->reason_seq) < 10)
		sched_yield();
	for (int i = 0; i < 20000; i++) {
		shm_get_reason(w, out);
		mixed += strcmp(out, a) != 0 && strcmp(out, b) != 0;
	}
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	/* A reader gives up only if the writer sleeps inside for long. */
	ck_assert_int_lt(mixed, 200);
	shm_destroy(&shm);
}
END_TEST

START_TEST(handed_over)
{
	struct device_row row = {
	    .imei = 352093081452251, .id = 5, .present = true, .enabled = true, .codecs = 1};
	struct shm other;
	const char *why;
	uint32_t entry;
	int fd;

	ck_assert(shm_create(&shm, 3, 1000));
	ck_assert_int_eq(registry_apply(shm.registry, &row, 0, &entry), REGISTRY_OK);
	stats_set(&shm.header->retired.connections, 7);
	fd = dup(shm.fd);
	ck_assert(!shm_attach(&other, fd, 2000, &why));
	ck_assert_str_eq(why, "TELEM_MAX_DEVICES has changed");
	ck_assert_msg(shm_attach(&other, fd, 1000, &why), "%s", why);
	ck_assert_int_eq(other.nslots, 3);
	ck_assert_ptr_ne(other.slots, shm.slots);
	ck_assert_uint_eq(registry_find(other.registry, row.imei), entry);
	ck_assert_uint_eq(stats_get(&other.header->retired.connections), 7);
	stats_set(&other.slots[2].block[1].stats.acks, 9);
	ck_assert_uint_eq(stats_get(&shm.slots[2].block[1].stats.acks), 9);
	shm_destroy(&other);
	/* Of another release; cut short; not there. */
	shm.header->layout++;
	fd = dup(shm.fd);
	ck_assert(!shm_attach(&other, fd, 1000, &why));
	ck_assert_str_eq(why, "its layout is another release's");
	close(fd);
	shm.header->layout = shm_layout();
	/* Ours can't be: it is sealed. */
	fd = memfd_create("short", MFD_CLOEXEC);
	ck_assert_int_eq(pwrite(fd, shm.header, 20000, 0), 20000);
	shm_destroy(&shm);
	ck_assert(!shm_attach(&other, fd, 1000, &why));
	ck_assert_str_eq(why, "its size is wrong");
	ck_assert_int_eq(ftruncate(fd, 10), 0);
	ck_assert(!shm_attach(&other, fd, 1000, &why));
	ck_assert_str_eq(why, "it can't be read");
	close(fd);
	ck_assert(!shm_attach(&other, -1, 1000, &why));
}
END_TEST

/* Without a limit on addresses nothing is mapped for them; with one, what the workers need. */
START_TEST(addresses_on_demand)
{
	uint8_t addr[4] = {192, 0, 2, 1};
	uint64_t key = addresses_key(AF_INET, addr);

	ck_assert(shm_create(&shm, SHM_MAX_SLOTS, 1000));
	ck_assert_uint_lt(shm.size, (size_t)32 << 20);
	ck_assert_ptr_null(shm.addresses);
	ck_assert(shm_clear_addresses(&shm, shm_owner(SHM_MAX_SLOTS - 1, 1)));
	atomic_store(&shm.header->used, 2);
	ck_assert(shm_map_addresses(&shm));
	ck_assert(addresses_connected(shm.addresses, shm_owner(1, 1), key, 1));
	ck_assert_uint_eq(addresses_connections(shm.addresses, key), 1);
	ck_assert(shm_clear_addresses(&shm, shm_owner(1, 1)));
	ck_assert_uint_eq(addresses_connections(shm.addresses, key), 0);
	ck_assert_int_lt(bytes_in_use(), 512 * 1024);
	shm_destroy(&shm);
}
END_TEST

/* The total stays whole while other processes move dead workers' counters. */
START_TEST(total)
{
	struct shm_worker *w;
	struct stats sum;
	pid_t pid;
	int i, status;

	ck_assert(shm_create(&shm, 3, 1000));
	for (i = 0; i < 2; i++) {
		w = &shm.slots[i].block[1];
		stats_set(&w->stats.records, 100);
		stats_set(&w->stats.stored, 90);
		stats_set(&w->stats.in_flight, 10);
		stats_set(&w->stats.conn_active, 3);
	}
	shm_total(&shm, &sum);
	ck_assert_uint_eq(stats_get(&sum.records), 200);
	ck_assert_uint_eq(stats_get(&sum.in_flight), 20);
	ck_assert_uint_eq(stats_get(&sum.conn_active), 6);
	pid = fork();
	if (pid == 0) {
		for (i = 0; i < 20000; i++) {
			w = &shm.slots[i & 1].block[1];
			shm_retire(&shm, i & 1, 1);
			stats_begin(&w->stats);
			stats_add(&w->stats.records, 1);
			stats_add(&w->stats.refused, 1);
			stats_end(&w->stats);
		}
		_exit(0);
	}
	for (uint64_t last = 200; waitpid(pid, &status, WNOHANG) == 0;) {
		shm_total(&shm, &sum);
		ck_assert_uint_ge(stats_get(&sum.records), last);
		last = stats_get(&sum.records);
		ck_assert_uint_eq(
		    stats_get(&sum.stored) + stats_get(&sum.refused) + stats_get(&sum.in_flight),
		    last);
	}
	shm_total(&shm, &sum);
	ck_assert_uint_eq(stats_get(&sum.records), 20200);
	ck_assert_uint_eq(stats_get(&sum.refused), 20020);
	ck_assert_uint_eq(stats_get(&sum.conn_active), 0);
	shm_destroy(&shm);
}
END_TEST

/* A master that was killed, or is stopped, while it counts holds up nobody for long. */
START_TEST(total_beside_one_that_stopped)
{
	struct stats sum;
	pid_t pid;

	ck_assert(shm_create(&shm, 1, 1000));
	stats_set(&shm.slots[0].block[0].stats.records, 5);
	for (int round = 0; round < 2; round++) {
		pid = fork();
		if (pid == 0) {
			if (mutex_lock(&shm.header->count_lock) == MUTEX_TAKEN)
				(void)raise(round == 0 ? SIGKILL : SIGSTOP);
			_exit(0);
		}
		ck_assert_int_eq(waitpid(pid, NULL, WUNTRACED), pid);
		shm_total(&shm, &sum);
		ck_assert_uint_eq(stats_get(&sum.records), 5);
	}
	shm_retire(&shm, 0, 0);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	shm_total(&shm, &sum);
	ck_assert_uint_eq(stats_get(&sum.records), 5);
	shm_destroy(&shm);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("shm");
	TCase *t = tcase_create("shm");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_test(t, bad_sizes);
	tcase_add_test(t, its_size_is_sealed);
	tcase_add_test(t, parts_are_usable_and_apart);
	tcase_add_test(t, room_costs_nothing);
	tcase_add_test(t, seen_by_children);
	tcase_add_test(t, owners);
	tcase_add_test(t, reason);
	tcase_add_test(t, reason_is_whole);
	tcase_add_test(t, handed_over);
	tcase_add_test(t, addresses_on_demand);
	tcase_add_test(t, total);
	tcase_add_test(t, total_beside_one_that_stopped);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
