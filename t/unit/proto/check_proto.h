/* The suites of check_proto, one a part of the protocol library. */
#ifndef CHECK_PROTO_H
#define CHECK_PROTO_H

#include <check.h>

Suite *suite_vectors(void);
Suite *suite_crc(void);
Suite *suite_stream(void);
Suite *suite_avl(void);
Suite *suite_avl_rules(void);
Suite *suite_message(void);
Suite *suite_hash(void);
Suite *suite_json(void);
Suite *suite_captured(void);
Suite *suite_dictionary(void);
Suite *suite_dictionary_read(void);
Suite *suite_stranger(void);

#endif
