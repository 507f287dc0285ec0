/*
 * What the tests of the registry share: one in memory that children share too, and short ways to apply
 * what the database says.
 */
#ifndef T_UNIT_SHM_REGISTRY_RIG_H
#define T_UNIT_SHM_REGISTRY_RIG_H

#include <stddef.h>

#include "shm/registry.h"

#define MAX 1000u
#define IMEI UINT64_C(350000000000000)

extern struct registry *reg;

/* Zeroed memory that children share. */
void *rig_map(size_t size);
void rig_setup(void);
void rig_teardown(void);

struct device_row row(uint64_t imei, int64_t id, bool enabled);
struct device_row gone(uint64_t imei);
enum registry_result apply(struct device_row, uint64_t asked_at);
enum registry_result apply_now(struct device_row);
struct device_entry get(uint64_t imei);
/* A device that is there and enabled; its entry. */
uint32_t add(uint64_t imei);

#endif
