/*
 * Counts how often a device has sent the same frame with a wrong CRC, over all
 * workers and connections, for 24 hours (doc/design.md, Poison). A fixed table in
 * shared memory: when it is full, the oldest of eight neighbours is forgotten,
 * which at worst lets a frame be tried a few more times.
 */
#ifndef SHM_CRC_LEDGER_H
#define SHM_CRC_LEDGER_H

#include <stddef.h>
#include <stdint.h>

struct crc_ledger;

size_t crc_ledger_size(void);
void crc_ledger_init(struct crc_ledger *);

/*
 * Books one more arrival of the frame and returns how many there have been in
 * the last 24 hours, this one included. `frame_hash` is a 64-bit hash of the bytes, `now_ms` the clock since
 * boot: a wall clock that is set must not give frames their tries anew.
 */
uint32_t crc_ledger_count(struct crc_ledger *, uint64_t imei, uint64_t frame_hash, int64_t now_ms)
    __attribute__((warn_unused_result));

#endif
