/* The test cases of the write path, a file each. */
#ifndef T_UNIT_WORKER_STORE_CHECK_STORE_H
#define T_UNIT_WORKER_STORE_CHECK_STORE_H

#include <check.h>

TCase *positions_case(void);
TCase *raw_case(void);
TCase *copies_case(void);
TCase *durable_case(void);
TCase *failures_case(void);
TCase *blocked_case(void);
TCase *devices_case(void);

#endif
