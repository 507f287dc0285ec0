/*
 * What the workers know together about addresses (shm/addresses.h): sums over all tables, room,
 * minutes, and a table that is cleared.
 */
#include "shm/addresses.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCKS 4
#define ROOM 65536
#define AT ADDRESSES_ALIGN /* where the tables begin in the file */

static struct addresses *a;
static int fd;

static void
setup(void)
{
	fd = memfd_create("check_addresses", MFD_CLOEXEC);
	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(ftruncate(fd, AT + (off_t)addresses_size(BLOCKS)), 0);
	a = addresses_map(fd, AT, BLOCKS);
	ck_assert_ptr_nonnull(a);
}

static void
teardown(void)
{
	addresses_unmap(a);
	close(fd);
}

static void
clear(uint32_t block)
{
	ck_assert(addresses_clear(fd, AT, block));
}

static struct address
parsed(const char *text)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(4000)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(4000)};
	struct address address;

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
		ck_assert(address_read(&address, (struct sockaddr *)&v4));
	} else {
		ck_assert_int_eq(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
		ck_assert(address_read(&address, (struct sockaddr *)&v6));
	}
	return address;
}

static uint64_t
key(const char *text)
{
	struct address address = parsed(text);

	return addresses_key(address.family, address.bytes);
}

static void
reads_as(const char *from, const char *want)
{
	struct address address = parsed(from);
	char text[ADDRESS_TEXT];

	address_text(&address, text);
	ck_assert_str_eq(text, want);
}

START_TEST(address_as_text)
{
	struct sockaddr unix_socket = {.sa_family = AF_UNIX};
	struct address address;
	char text[ADDRESS_TEXT];

	reads_as("192.0.2.1", "192.0.2.1:4000");
	reads_as("::ffff:192.0.2.1", "192.0.2.1:4000");
	reads_as("2001:db8::1", "[2001:db8::1]:4000");
	ck_assert(!address_read(&address, &unix_socket));
	address_text(&address, text);
	ck_assert_str_eq(text, "?");
}
END_TEST

START_TEST(keys)
{
	ck_assert_uint_eq(key("192.0.2.1"), key("::ffff:192.0.2.1"));
	ck_assert_uint_ne(key("192.0.2.1"), key("192.0.2.2"));
	ck_assert_uint_eq(key("2001:db8::1"), key("2001:db8::ffff:ffff:ffff:ffff"));
	ck_assert_uint_ne(key("2001:db8::1"), key("2001:db8:0:1::1"));
	ck_assert_uint_ne(key("::1"), 0);
	ck_assert_uint_ne(key("0.0.0.0"), 0);
	ck_assert_uint_ne(key("0.0.0.0"), key("::1"));
}
END_TEST

START_TEST(connections_of_all_workers)
{
	uint64_t one = key("192.0.2.1"), two = key("2001:db8::1");

	ck_assert_uint_eq(addresses_connections(a, one), 0);
	addresses_disconnected(a, 0, one);
	for (uint32_t block = 0; block < BLOCKS; block++)
		ck_assert(addresses_connected(a, block, one, 1));
	ck_assert(addresses_connected(a, 2, one, 1));
	ck_assert(addresses_connected(a, 2, two, 1));
	ck_assert_uint_eq(addresses_connections(a, one), 5);
	ck_assert_uint_eq(addresses_connections(a, two), 1);
	addresses_disconnected(a, 2, one);
	addresses_disconnected(a, 3, two); /* it never had it */
	ck_assert_uint_eq(addresses_connections(a, one), 4);
	ck_assert_uint_eq(addresses_connections(a, two), 1);
	clear(2);
	clear(2);
	ck_assert_uint_eq(addresses_connections(a, one), 3);
	ck_assert_uint_eq(addresses_connections(a, two), 0);
	addresses_disconnected(a, 0, one);
	addresses_disconnected(a, 0, one);
	ck_assert_uint_eq(addresses_connections(a, one), 2);
}
END_TEST

START_TEST(unknown_of_a_minute)
{
	uint64_t one = key("192.0.2.1"), two = key("192.0.2.2");

	addresses_note_unknown(a, 0, one, 10);
	addresses_note_unknown(a, 1, one, 10);
	addresses_note_unknown(a, 1, one, 10);
	addresses_note_unknown(a, 1, two, 10);
	ck_assert_uint_eq(addresses_unknown(a, one, 10), 3);
	ck_assert_uint_eq(addresses_unknown(a, two, 10), 1);
	ck_assert_uint_eq(addresses_unknown(a, one, 11), 0);
	addresses_note_unknown(a, 1, one, 11);
	ck_assert_uint_eq(addresses_unknown(a, one, 11), 1);
	/* One that the log has heard of is told again in another minute, or by another worker. */
	ck_assert(addresses_tell(a, 1, one, 11));
	ck_assert(!addresses_tell(a, 1, one, 11));
	ck_assert(addresses_tell(a, 0, one, 11));
	ck_assert(addresses_tell(a, 1, one, 12));
	/* Minutes mean nothing to connections. */
	ck_assert(addresses_connected(a, 1, one, 12));
	ck_assert_uint_eq(addresses_connections(a, one), 1);
}
END_TEST

/* A full table counts those that it holds, and makes room when they leave or the minute is over. */
START_TEST(room)
{
	uint64_t n = 0, first_out = 0;

	for (uint64_t k = 1; k <= 2 * ROOM; k++) {
		if (addresses_connected(a, 0, k, 1))
			n++;
		else if (first_out == 0)
			first_out = k;
	}
	ck_assert_uint_gt(n, ROOM / 2);
	ck_assert_uint_le(n, ROOM);
	ck_assert_uint_ne(first_out, 0);
	ck_assert_uint_eq(addresses_connections(a, first_out), 0);
	addresses_note_unknown(a, 0, first_out, 1);
	ck_assert(!addresses_tell(a, 0, first_out, 1));
	ck_assert_uint_eq(addresses_unknown(a, first_out, 1), 0);
	for (uint64_t k = 1; k < first_out; k++)
		addresses_disconnected(a, 0, k);
	ck_assert(addresses_connected(a, 0, first_out, 1));
	clear(0);
	n = 0;
	for (uint64_t k = 1; k <= 4 * ROOM; k++)
		addresses_note_unknown(a, 0, k, 7);
	for (uint64_t k = 1; k <= 4 * ROOM; k++)
		n += addresses_unknown(a, k, 7);
	ck_assert_uint_gt(n, ROOM / 2);
	ck_assert_uint_le(n, ROOM);
	addresses_note_unknown(a, 0, 4 * ROOM, 8);
	ck_assert_uint_eq(addresses_unknown(a, 4 * ROOM, 8), 1);
}
END_TEST

static long
bytes_in_use(void)
{
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	return (long)st.st_blocks * 512;
}

/* One that maps fewer tables counts those; the others go on. */
START_TEST(fewer_tables)
{
	struct addresses *few = addresses_map(fd, AT, 1);
	uint64_t one = key("192.0.2.1");

	ck_assert_ptr_nonnull(few);
	ck_assert(addresses_connected(a, 0, one, 1) && addresses_connected(a, 3, one, 1));
	ck_assert_uint_eq(addresses_connections(few, one), 1);
	ck_assert_uint_eq(addresses_connections(a, one), 2);
	addresses_unmap(few);
	ck_assert_ptr_null(addresses_map(-1, AT, 1));
	addresses_unmap(NULL);
}
END_TEST

/* Memory of a table that is cleared goes back. */
START_TEST(clearing_frees)
{
	long before;

	for (uint64_t k = 1; k < ROOM / 4; k++)
		addresses_note_unknown(a, 1, k, 7);
	before = bytes_in_use();
	ck_assert_int_gt(before, 500000);
	clear(1);
	ck_assert_int_lt(bytes_in_use(), before / 10);
	ck_assert_uint_eq(addresses_unknown(a, 1, 7), 0);
	ck_assert(!addresses_clear(-1, AT, 1));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("addresses");
	TCase *t = tcase_create("addresses");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, address_as_text);
	tcase_add_test(t, keys);
	tcase_add_test(t, connections_of_all_workers);
	tcase_add_test(t, unknown_of_a_minute);
	tcase_add_test(t, room);
	tcase_add_test(t, fewer_tables);
	tcase_add_test(t, clearing_frees);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
