/* What the tests of the registry share. */
#include "t/unit/shm/registry_rig.h"

#include <check.h>
#include <sys/mman.h>

struct registry *reg;

void *
rig_map(size_t size)
{
	void *p = mmap(
	    NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	ck_assert_ptr_ne(p, MAP_FAILED);
	return p;
}

void
rig_setup(void)
{
	reg = rig_map(registry_size(MAX));
	registry_init(reg, MAX);
}

void
rig_teardown(void)
{
	munmap(reg, registry_size(MAX));
}

struct device_row
row(uint64_t imei, int64_t id, bool enabled)
{
	struct device_row r = {
	    .imei = imei, .id = id, .present = true, .enabled = enabled, .codecs = CODEC_MAY_ALL};

	return r;
}

struct device_row
gone(uint64_t imei)
{
	struct device_row r = {.imei = imei};

	return r;
}

enum registry_result
apply(struct device_row r, uint64_t asked_at)
{
	return registry_apply(reg, &r, asked_at, NULL);
}

enum registry_result
apply_now(struct device_row r)
{
	return apply(r, registry_seq(reg));
}

struct device_entry
get(uint64_t imei)
{
	struct device_entry e;
	uint32_t i = registry_find(reg, imei);

	ck_assert_uint_ne(i, REGISTRY_NONE);
	registry_get(reg, i, &e);
	return e;
}

uint32_t
add(uint64_t imei)
{
	struct device_row r = row(imei, (int64_t)(imei - IMEI + 1), true);
	uint32_t entry;

	ck_assert_int_eq(registry_apply(reg, &r, registry_seq(reg), &entry), REGISTRY_OK);
	return entry;
}
